#!/bin/bash
# check_sql_objects.sh LIBRARY - the install script and the library name the same C symbols, nothing else is exported,
# and (through the private server, if RUVECTOR_SERVER is set) every function, type, operator and access method has a
# COMMENT, every immutable one a PARALLEL label.
set -euo pipefail
cd "$(dirname "$0")/.."

library=${1:-ruvector.so}
bad=0
complain() {
	echo "$*"
	bad=1
}

in_sql=$(cat sql/parts/*.sql | sed 's/--.*//' | tr '\n' ' ' |
	grep -oE "'MODULE_PATHNAME' *, *'[A-Za-z0-9_]+'" | sed "s/.*'\([A-Za-z0-9_]*\)'\$/\1/" | sort -u)
exported=$(nm -D --defined-only "$library" | awk '$2 == "T" {print $3}' | sort -u)
in_library=$(grep -vE '^(pg_finfo_.*|Pg_magic_func|_PG_init)$' <<<"$exported" || true)

missing=$(comm -23 <(echo "$in_sql") <(echo "$in_library"))
[ -z "$missing" ] || complain "named in sql/parts, not exported by $library:"$'\n'"$missing"
# A parallel worker's entry point is looked up by name as well.
workers=$(grep -rhoE 'CreateParallelContext\([^;]*' src | grep -oE '"ruvector_[a-z0-9_]+"' | tr -d '"' | sort -u || true)
in_sql=$(printf '%s\n%s\n' "$in_sql" "$workers" | grep . | sort -u)
extra=$(comm -13 <(echo "$in_sql") <(echo "$in_library"))
[ -z "$extra" ] || complain "exported by $library, not named in sql/parts:"$'\n'"$extra"
foreign=$(grep -v '^ruvector_' <<<"$in_library" | grep . || true)
[ -z "$foreign" ] || complain "exported without the prefix ruvector_:"$'\n'"$foreign"

if nm -D --undefined-only "$library" | grep -q 'GLIBCXX' && ! readelf -d "$library" | grep -q 'NEEDED.*libstdc++'; then
	complain "$library uses libstdc++ without naming it as needed"
fi

if [ -n "${RUVECTOR_SERVER:-}" ]; then
	if ! scripts/run_suite.sh query scripts/sql_objects.sql; then
		bad=1
	fi
fi

[ "$bad" -eq 0 ] && echo "sql objects: ok"
exit "$bad"
