#!/bin/bash
# demo.sh [shell] - what `make demo` does: install what is missing, build, run. Called by make with MAKE, PG_CONFIG,
# DEMO_EXTENSION and DEMO_STARTED in the environment.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
mkdir -p build/demo
log=$root/build/demo/build.log

echo "ruvector demonstration"
scripts/setup.sh

server=$root/.dev/$("$PG_CONFIG" --version | sed 's/^[^0-9]*\([0-9]*\).*/\1/')
# quietly WHAT COMMAND...: one line if it goes well, the end of the log if not.
quietly() {
	local what=$1 start=$SECONDS
	shift
	printf '%s ... ' "$what"
	if "$@" >>"$log" 2>&1; then
		echo "$((SECONDS - start)) s"
	else
		echo "failed"
		grep -E ': (fatal )?error: |\*\*\* ' "$log" | head -20 >&2 || true
		echo "demo: $what failed; the whole log is in build/demo/build.log" >&2
		exit 1
	fi
}

unset MAKEFLAGS MAKELEVEL MFLAGS
: >"$log"
make_quiet=("$MAKE" --no-print-directory -j "$(nproc)" "PG_CONFIG=$PG_CONFIG")
if [ "$DEMO_EXTENSION" = ruvector ]; then
	quietly "Building the extension, into a private copy of the server" "${make_quiet[@]}" private-server
else
	quietly "A private copy of the server" scripts/private_server.sh "$PG_CONFIG" "$server"
fi
quietly "Building the client" "${make_quiet[@]}" demo-build

exec env RUVECTOR_SERVER="$server" DEMO_CLIENT="$root/build/demo/ruvector-demo" demo/run.sh "$@"
