#!/bin/bash
# lint.sh - the static checks that need no build. A tool that is not installed is skipped with a message.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

bad=0
step() {
	local name=$1
	shift
	"$@" || { echo "lint: $name FAILED"; bad=1; }
}
have() {
	command -v "$1" >/dev/null || { echo "lint: $1 is not installed, skipped"; return 1; }
}

mapfile -t cpp < <(find src include test bench demo -name '*.[cht]pp' 2>/dev/null | sort)
mapfile -t shell < <(find scripts .ci bench demo test -name '*.sh' -o -path .ci/run 2>/dev/null | sort)
mapfile -t text < <(git ls-files 2>/dev/null | grep -vE '\.(out|png|gz|svg|json|ipynb)$|^LICENSE$|corpus/' || find . -name '*.md')

step layers scripts/check_layers.sh

# Every regression test has an expected output and the other way round.
pairs() {
	local ok=0 file
	for file in test/sql/*.sql; do
		[ ! -e "$file" ] || [ -e "expected/$(basename "$file" .sql).out" ] || { echo "$file: no expected output"; ok=1; }
	done
	for file in expected/*.out; do
		[ ! -e "$file" ] || [ -e "test/sql/$(basename "$file" | sed 's/\(_[0-9]\)\{0,1\}\.out$//').sql" ] ||
			{ echo "$file: no test"; ok=1; }
	done
	return "$ok"
}
step pairs pairs

versions() {
	local control meta
	control=$(sed -n "s/^default_version = '\(.*\)'/\1/p" ruvector.control)
	meta=$(sed -n '/"meta-spec"/,$d; s/^\t*"version": "\([^"]*\)",*$/\1/p' META.json | sort -u)
	[ "$control" = "$meta" ] || { echo "ruvector.control says $control, META.json says $meta"; return 1; }
	! grep -rnIE '/wo''rk/' --include='*' src include sql scripts mk test/tap test/sql docs 2>/dev/null ||
		{ echo "a path of somebody's machine"; return 1; }
}
step versions versions

# Prefetches are by simd/prefetch.hpp, which says why, and are still there in the library.
prefetches() {
	! grep -rnE '__builtin_prefetch|_mm_prefetch' src include test/unit --include='*.[cht]pp' | grep -v simd/prefetch.hpp ||
		{ echo "a compiler may remove it: use simd/prefetch.hpp"; return 1; }
	[ "$(uname -m)" != x86_64 ] || ! have objdump || [ ! -e ruvector.so ] ||
		objdump -d --no-show-raw-insn -C ruvector.so |
			awk '/^[0-9a-f]+ </ { here = /BufferStore/ } here && /prefetcht1/ { found = 1 } END { exit !found }' ||
		{ echo "ruvector.so: no record is prefetched"; return 1; }
}
step prefetches prefetches

formatted() {
	local ok=0 file
	for file in "${cpp[@]}"; do
		clang-format "$file" | cmp -s - "$file" || { echo "$file: make format"; ok=1; }
	done
	return "$ok"
}

if [ ${#cpp[@]} -gt 0 ] && have clang-format; then
	step clang-format formatted
fi
if have shellcheck; then
	step shellcheck shellcheck --severity=warning "${shell[@]}"
fi
if [ ${#text[@]} -gt 0 ] && have codespell; then
	step codespell codespell --ignore-words=scripts/codespell_ignore.txt "${text[@]}"
fi
[ "$bad" -eq 0 ] && echo "lint: ok"
exit "$bad"
