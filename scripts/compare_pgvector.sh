#!/bin/bash
# compare_pgvector.sh [NAME...] - runs the regression tests that promise the output of pgvector against a real one and compares.
# Uses the server that libpq's variables name (PGHOST, PGPORT, PGUSER); the user must be able to create databases, and to
# write files on the server for the tests of binary input. Skips, with success, where pgvector is not available.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

have=$(psql -XAtd postgres -c "SELECT default_version FROM pg_available_extensions WHERE name = 'vector'
	AND NOT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'ruvector')") ||
	{ echo "compare_pgvector: no server, skipped"; exit 0; }
[ -n "$have" ] || { echo "compare_pgvector: the server has no pgvector, skipped"; exit 0; }

database=ruvector_compare_$$
trap 'psql -Xqd postgres -c "DROP DATABASE IF EXISTS $database"' EXIT
export PGTZ=PST8PDT PGDATESTYLE='Postgres, MDY' PGOPTIONS='-c client_min_messages=notice'

[ $# -gt 0 ] || mapfile -t tests < <(grep -l '^-- .* pgvector 0\.8\.[0-9]*\.$' test/sql/*.sql)
[ $# -eq 0 ] || tests=("$@")
bad=0
for test in "${tests[@]}"; do
	name=$(basename "$test" .sql)
	psql -Xqd postgres -c "DROP DATABASE IF EXISTS $database" 2>/dev/null
	psql -Xqd postgres -c "CREATE DATABASE $database TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'"
	psql -Xqd "$database" -c 'CREATE EXTENSION vector'
	if psql -X -a -q -d "$database" <"test/sql/$name.sql" 2>&1 | diff "expected/$name.out" - ; then
		echo "ok $name"
	else
		echo "not ok $name"
		bad=1
	fi
done
echo "compare_pgvector: against pgvector $have"
exit "$bad"
