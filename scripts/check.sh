#!/bin/bash
# check.sh SUITE... - builds, runs each suite through make, and ends with one line: "N passed, N failed".
# A suite that ran nothing counts as a failure.
set -uo pipefail

make=${MAKE:-make}
rm -rf .dev/out
began=$SECONDS
if ! $make --no-print-directory -j"$(nproc)" all; then
	echo "0 passed, 1 failed"
	exit 1
fi
passed=0
failed=0
for suite in "$@"; do
	echo "== $suite"
	suite_began=$SECONDS
	$make --no-print-directory -j"$(nproc)" "$suite" || true
	read -r p f 2>/dev/null <".dev/out/$suite/count" || { p=0 f=1; }
	passed=$((passed + p))
	failed=$((failed + f))
	echo "== $suite took $((SECONDS - suite_began)) s"
done
echo "took $((SECONDS - began)) s"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
