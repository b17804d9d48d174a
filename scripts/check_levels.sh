#!/bin/bash
# check_levels.sh [NAME...] - pg_regress once per SIMD level that this machine has, by the setting ruvector.simd.
set -euo pipefail
cd "$(dirname "$0")/.."

available=(scalar)
flags=$(grep -m1 -E '^(flags|Features)' /proc/cpuinfo || true)
has() { [[ " $flags " == *" $1 "* ]]; }
case $(uname -m) in
x86_64)
	available+=(sse2)
	if has avx2 && has fma && has f16c; then available+=(avx2); fi
	if has avx512f && has avx512bw && has avx512dq && has avx512vl; then available+=(avx512); fi
	if has avx512_vnni && has avx512_vpopcntdq && has avx512_bitalg; then available+=(avx512vnni); fi
	;;
aarch64) available+=(neon) ;;
esac

bad=0
for level in "${available[@]}"; do
	echo "== ruvector.simd = $level"
	PGOPTIONS="-c ruvector.simd=$level" scripts/run_suite.sh regress "$@" || bad=1
done
exit $bad
