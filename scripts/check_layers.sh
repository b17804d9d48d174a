#!/bin/bash
# check_layers.sh [ROOT] - the arrows between the rooms and the rules of the three zones (ARCHITECTURE.md), by grep.
set -euo pipefail
cd "${1:-$(dirname "$0")/..}"

bad=0
complain() {
	echo "$*"
	bad=1
}

# Which doors a room may use besides its own.
declare -A may_use=(
	[simd]=""
	[codec]="simd"
	[stats]=""
	[memory]="simd stats"
	[learning]="simd stats"
	[graph]="simd codec"
	[pg]="simd"
	[types]="pg simd codec"
	[am]="pg types graph codec simd"
	[api]="pg types am simd codec graph stats memory learning"
)

# The code of a file with comments and string literals blanked, as "file:line:text"; includes keep their names.
code_of() {
	awk '{
		text = $0
		if (text !~ /^[ \t]*#[ \t]*include/) {
			gsub(/\\"/, "", text)
			gsub(/"[^"]*"/, "\"\"", text)
			if (in_comment) { if (sub(/.*\*\//, "", text)) in_comment = 0; else text = "" }
			gsub(/\/\*[^*]*\*\//, "", text)
			if (sub(/\/\*.*/, "", text)) in_comment = 1
		}
		sub(/\/\/.*/, "", text)
		if (text ~ /[^ \t]/) print FILENAME ":" FNR ":" text
	}' "$@"
}

files_of() {
	find "src/$1" "include/ruvector/$1" -name '*.[cht]pp' 2>/dev/null | sort
}

# forbid ROOM PATTERN WHY [EXCEPT-FILE-PATTERN]
forbid() {
	local hits files
	mapfile -t files < <(files_of "$1")
	hits=$(code_of /dev/null "${files[@]}" | grep -E "$2" | grep -vE "^(${4:-nothing}):" || true)
	[ -z "$hits" ] || complain "$1: $3"$'\n'"$hits"
}

for dir in src/*/ include/ruvector/*/; do
	room=$(basename "$dir")
	[ -v "may_use[$room]" ] || complain "$dir: a room that ARCHITECTURE.md and check_layers.sh do not know"
done

for room in "${!may_use[@]}"; do
	for file in $(files_of "$room"); do
		while IFS= read -r header; do
			case $header in
			*../*) complain "$file: relative include \"$header\"" ;;
			ruvector/*/*)
				target=${header#ruvector/}
				target=${target%%/*}
				if [ "$target" != "$room" ] && [[ " ${may_use[$room]} " != *" $target "* ]]; then
					complain "$file: the room $room may not use $target (\"$header\")"
				fi
				;;
			ruvector/*) ;;
			*/*)
				target=${header%%/*}
				if [ -d "src/$target" ] && [ "$target" != "$room" ]; then
					complain "$file: \"$header\" is private to the room $target"
				fi
				;;
			esac
		done < <(sed -n 's/^[ \t]*#[ \t]*include[ \t]*"\([^"]*\)".*/\1/p' "$file")
	done

	[ "$room" = pg ] || forbid "$room" 'PG_VERSION_NUM' 'versions of PostgreSQL are told apart only in include/ruvector/pg'
	forbid "$room" '#[ \t]*include[ \t]*["<]postgres\.h[">]' 'postgres.h comes only through ruvector/pg/postgres.hpp' \
		include/ruvector/pg/postgres.hpp
	forbid "$room" '\bPG_(TRY|CATCH|FINALLY)\b' 'no bare PG_TRY: guard and pg_call of ruvector/pg/boundary.hpp'
done
forbid pg 'PG_VERSION_NUM' 'versions of PostgreSQL are told apart only in include/ruvector/pg' 'include/ruvector/pg/[a-z_]*\.hpp'

# Pure rooms know no PostgreSQL.
for room in simd codec graph stats memory learning; do
	forbid "$room" '\b(ereport|elog|palloc|pfree|CHECK_FOR_INTERRUPTS)\b' 'pure code knows no PostgreSQL'
done
# Page code and SQL functions do not own C heap.
for room in pg types am api; do
	forbid "$room" '\b(malloc|calloc|realloc|free)[ \t]*\(|\bnew[ \t]+[A-Za-z_:]|\bdelete[ \t]+[A-Za-z_]|\bdelete\[\]' \
		'memory comes from palloc (or from a container, in an SQL function)'
done
# Page code: an ERROR may jump out of it anywhere.
containers='vector|string|map|set|unordered_map|unordered_set|deque|list|function|unique_ptr|shared_ptr|optional|priority_queue|queue|stack'
for room in am graph; do
	forbid "$room" "std::($containers)\\b" 'page code owns nothing with a destructor' '(src|include/ruvector)/graph/mem_store[a-z_]*\.[cht]pp'
	forbid "$room" '\bthrow\b|\btry[ \t]*\{' 'page code neither throws nor catches' '(src|include/ruvector)/graph/mem_store[a-z_]*\.[cht]pp'
done
forbid am '#[ \t]*include[ \t]*["<]executor/spi' 'the access method runs no SQL'

[ "$bad" -eq 0 ] && echo "layers: ok"
exit "$bad"
