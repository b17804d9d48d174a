#!/bin/bash
# run_unit.sh BINARY... - runs the unit tests (each prints TAP) through prove; counts to .dev/out/unit/count.
set -euo pipefail

out=.dev/out/unit
rm -rf "$out"
mkdir -p "$out"
if [ $# -eq 0 ]; then
	echo "unit: nothing was run"
	echo "0 1" >"$out/count"
	exit 1
fi
status=0
prove --verbose --failures --exec '' "$@" >"$out/run.log" 2>&1 || status=$?
passed=$(grep -cE '^ok [0-9]+' "$out/run.log" || true)
failed=$(grep -cE '^not ok [0-9]+' "$out/run.log" || true)
[ "$status" -eq 0 ] || [ "$failed" -ne 0 ] || failed=1
[ "$failed" -eq 0 ] || grep -E '^(not ok|#|build/)' "$out/run.log" | head -100
echo "$passed $failed" >"$out/count"
echo "unit: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
