#!/bin/sh
# run_fuzz.sh SECONDS NAME... - runs fuzz targets one after the other; fails if one of them found something.
set -eu
seconds=$1
shift
status=0
mkdir -p build/fuzz/crash build/fuzz/log
for name in "$@"; do
	corpus=build/fuzz/corpus/$name
	mkdir -p "$corpus"
	seeds=
	[ ! -d "test/fuzz/seeds/$name" ] || seeds=test/fuzz/seeds/$name
	dictionary=
	case $name in *_text) dictionary=-dict=test/fuzz/text.dict ;; esac
	log=build/fuzz/log/$name
	# shellcheck disable=SC2086
	if "build/fuzz/$name" -max_total_time="$seconds" -timeout=5 -rss_limit_mb=1024 -max_len=4096 -print_final_stats=1 \
		-artifact_prefix="build/fuzz/crash/$name-" $dictionary "$corpus" $seeds >"$log" 2>&1; then
		runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
		echo "$name: $runs inputs in $seconds s, nothing found; $(find "$corpus" -type f | wc -l) kept"
	else
		echo "$name: FAILED, see $log"
		tail -n 30 "$log"
		status=1
	fi
done
exit $status
