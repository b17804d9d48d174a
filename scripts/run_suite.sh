#!/bin/bash
# run_suite.sh SUITE [NAME...] - runs one suite against the private server; called by make with the environment set.
#   regress  pg_regress over test/sql          pgtap  pg_prove over test/pgtap
#   tap      prove over test/tap               psql   an interactive shell
#   query    SQL files whose every row is a complaint
# RUVECTOR_SERVER  folder with the private server (or / for the server that is installed)
# PG_CONFIG        whose bindir, pkglibdir and sharedir are inside that folder
#
# Everything happens in a scratch folder outside the source tree, as an ordinary user: the tree may be root's, and socket
# paths must be short. Results come back to .dev/out/SUITE; the counts go to .dev/out/SUITE/count as "PASSED FAILED".
set -euo pipefail
umask 022

suite=$1
shift
root=$(cd "$(dirname "$0")/.." && pwd)
pg_config=${PG_CONFIG:-pg_config}
server=${RUVECTOR_SERVER:-/}
out=$root/.dev/out/$suite
user=$(id -un)
[ "$(id -u)" -ne 0 ] || user=${RUVECTOR_TEST_USER:-postgres}

rm -rf "$out"
mkdir -p "$out"
scratch=$(mktemp -d "${TMPDIR:-/tmp}/ruvector.XXXXXX")
trap 'rm -rf "$scratch"' EXIT

prefix=
if [ "$server" != / ]; then
	# Hard links where the file system allows them: the copy is never written to.
	cp -rl "$server" "$scratch/server" 2>/dev/null || { rm -rf "$scratch/server" && cp -rp "$server" "$scratch/server"; }
	prefix=$scratch/server
fi
for part in test expected scripts docs README.md; do
	[ ! -e "$root/$part" ] || cp -rP "$root/$part" "$scratch/"
done
mkdir "$scratch/out" "$scratch/home"
chmod 755 "$scratch"
if [ "$(id -u)" -eq 0 ]; then
	chown "$user" "$scratch" "$scratch/out" "$scratch/home"
	for dir in test expected; do
		[ ! -d "$scratch/$dir" ] || chown -R -h "$user" "$scratch/$dir"
	done
fi

export RV_PREFIX=$prefix RV_SCRATCH=$scratch HOME=$scratch/home
RV_BINDIR=$prefix$("$pg_config" --bindir)
RV_PKGLIBDIR=$prefix$("$pg_config" --pkglibdir)
RV_SHAREDIR=$prefix$("$pg_config" --sharedir)
export RV_BINDIR RV_PKGLIBDIR RV_SHAREDIR

status=0
cd "$scratch"
"$root/scripts/as_postgres.sh" "$BASH" "$scratch/scripts/inside_suite.sh" "$suite" "$@" || status=$?
cd "$root"
cp -r "$scratch/out/." "$out/"

[ "$suite" != psql ] || exit $status

# What a server says when it dies, whatever the tests thought of it.
trouble=$(grep -rEh 'terminated by signal|PANIC:|TRAP:|runtime error:' "$out" --include='*.log' | sort | uniq -c || true)
read -r passed failed 2>/dev/null <"$out/count" || { passed=0 failed=1; }
if [ -n "$trouble" ]; then
	echo "$suite: the server's log has:"
	echo "$trouble" | head -20
	failed=$((failed + 1))
fi
if [ "$status" -ne 0 ] && [ "$failed" -eq 0 ]; then
	failed=1
fi
if [ $((passed + failed)) -eq 0 ]; then
	echo "$suite: nothing was run"
	failed=1
fi
echo "$passed $failed" >"$out/count"
echo "$suite: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
