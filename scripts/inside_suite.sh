#!/bin/bash
# inside_suite.sh SUITE [NAME...] - the part of run_suite.sh that runs in the scratch folder as an ordinary user.
set -euo pipefail

suite=$1
shift
out=$RV_SCRATCH/out
export PATH=$RV_BINDIR:$PATH
unset PGHOST PGPORT PGDATABASE PGUSER PGSERVICE PGDATA PGPASSWORD

# Starts a server of our own on a socket in the scratch folder; sets PGHOST and friends.
start_server() {
	export PGHOST=$RV_SCRATCH PGPORT=5432 PGUSER=postgres PGDATABASE=ruvector
	initdb -D "$RV_SCRATCH/data" -U postgres -A trust --no-sync --locale=C --encoding=UTF8 >"$out/initdb.log" 2>&1 ||
		{ cat "$out/initdb.log"; return 1; }
	trap 'pg_ctl -D "$RV_SCRATCH/data" -m fast stop >/dev/null 2>&1 || true' EXIT
	pg_ctl -D "$RV_SCRATCH/data" -l "$out/server.log" -w \
		-o "-c listen_addresses= -c unix_socket_directories=$RV_SCRATCH -c fsync=off" start >/dev/null ||
		{ cat "$out/server.log"; return 1; }
	createdb ruvector
	psql -qXc 'CREATE EXTENSION ruvector'
}

# Sets `tests`: the files of a folder, or those whose names begin as the arguments say.
choose() {
	local dir=$1 ending=$2 name file
	shift 2
	[ $# -gt 0 ] || set -- ""
	tests=()
	for name in "$@"; do
		for file in "$dir/${name%"$ending"}"*"$ending"; do
			[ ! -e "$file" ] || tests+=("$file")
		done
	done
}

# Counts the top-level results of a TAP log; a script that dies without a "not ok" counts as a failure.
count_tap() {
	local log=$1 status=$2 passed failed
	passed=$(grep -cE '^ok [0-9]+' "$log" || true)
	passed=$((passed - $(grep -cE '^ok [0-9]+.*# (SKIP|skip)' "$log" || true)))
	failed=$(grep -cE '^not ok [0-9]+' "$log" || true)
	failed=$((failed - $(grep -cE '^not ok [0-9]+.*# TODO' "$log" || true)))
	failed=$((failed + $(grep -cE '\(Wstat: [1-9][0-9]* .*Failed: 0\)' "$log" || true)))
	if [ "$status" -ne 0 ] && [ "$failed" -eq 0 ]; then
		failed=1
	fi
	echo "$passed $failed" >"$out/count"
}

case $suite in
regress)
	choose test/sql .sql "$@"
	tests=("${tests[@]##*/}")
	tests=("${tests[@]%.sql}")
	if [ ${#tests[@]} -eq 0 ]; then
		echo "0 0" >"$out/count"
		exit 0
	fi
	echo "fsync = off" >"$RV_SCRATCH/temp.conf"
	# pg_regress gives up altogether where an expected output is missing; here only that test fails.
	for test in "${tests[@]}"; do
		[ -e "test/expected/$test.out" ] || touch "test/expected/$test.out"
	done
	status=0
	"$RV_PKGLIBDIR/pgxs/src/test/regress/pg_regress" --bindir="$RV_BINDIR" --dlpath="$RV_PKGLIBDIR" \
		--inputdir="$RV_SCRATCH/test" --outputdir="$out" --temp-instance="$RV_SCRATCH/instance" \
		--temp-config="$RV_SCRATCH/temp.conf" --no-locale --encoding=UTF8 --dbname=regression \
		--load-extension=ruvector "${tests[@]}" 2>&1 | tee "$out/run.log" | grep --line-buffered -vE "^(CREATE|ALTER) DATABASE|^$" || status=$?
	# Up to 15 "test name ... ok", from 16 on TAP.
	passed=$(grep -cE '^(test .*\.\.\. ok|ok [0-9]+)' "$out/run.log" || true)
	failed=$(grep -cE '^(test .*\.\.\. FAILED|not ok [0-9]+)' "$out/run.log" || true)
	echo "$passed $failed" >"$out/count"
	if [ -s "$out/regression.diffs" ]; then
		head -c 20000 "$out/regression.diffs"
	fi
	exit "$status"
	;;
pgtap)
	choose test/pgtap .sql "$@"
	if [ ${#tests[@]} -eq 0 ]; then
		echo "0 0" >"$out/count"
		exit 0
	fi
	start_server
	psql -qXc 'CREATE EXTENSION pgtap'
	status=0
	pg_prove --failures --verbose "${tests[@]}" >"$out/run.log" 2>&1 || status=$?
	count_tap "$out/run.log" "$status"
	grep -vE '^(ok |[0-9]+\.\.[0-9]+$)' "$out/run.log" | head -200
	exit "$status"
	;;
tap)
	choose test/tap .pl "$@"
	if [ ${#tests[@]} -eq 0 ]; then
		echo "0 0" >"$out/count"
		exit 0
	fi
	export PG_REGRESS=$RV_PKGLIBDIR/pgxs/src/test/regress/pg_regress PG_TEST_TIMEOUT_DEFAULT=${PG_TEST_TIMEOUT_DEFAULT:-300}
	export TESTDIR=$RV_SCRATCH TESTDATADIR=$RV_SCRATCH/tmp_check TESTLOGDIR=$out/log top_builddir=$RV_SCRATCH
	mkdir -p "$TESTLOGDIR"
	status=0
	{ prove --verbose --failures --timer -I "$RV_PKGLIBDIR/pgxs/src/test/perl" -I test/tap "${tests[@]}" 2>&1 ||
		echo "prove failed"; } | tee "$out/run.log" |
		grep --line-buffered -E '^(not ok|#|test/tap/.*\.\.|All tests|Result:|Files=|prove failed)|^(ok|Dubious)|Failed' |
		grep --line-buffered -vE '^(# (Postmaster PID|Checking port|Found port|No postmaster|Name:|Data dir|Backup dir|Archive dir|Connection string|Log file|Running:|###)|###)' || true
	grep -q '^prove failed' "$out/run.log" && status=1
	count_tap "$out/run.log" "$status"
	# Up to 15 the servers' logs are beside their data.
	[ ! -d tmp_check/log ] || cp -r tmp_check/log/. "$TESTLOGDIR/"
	exit "$status"
	;;
query)
	# Runs SQL files; every row that comes back is a complaint.
	start_server
	(cd "$RV_SCRATCH" && cat "$@" | psql -XqAt -v ON_ERROR_STOP=1) >"$out/rows" || { cat "$out/rows"; exit 1; }
	cat "$out/rows"
	echo "$((1 - $(wc -l <"$out/rows" | sed 's/[1-9][0-9]*/1/'))) $(wc -l <"$out/rows")" >"$out/count"
	;;
psql)
	start_server
	psql -X "$@" || true
	;;
*)
	echo "unknown suite $suite" >&2
	exit 2
	;;
esac
