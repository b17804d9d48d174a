#!/bin/bash
# run.sh [shell] - makes a cluster of its own, tells the story of demo/main.cpp in it, and removes it again, also on
# Ctrl-C. With `shell`, psql in it before it goes. Called by make, which has built everything; from the environment:
#   PG_CONFIG        whose folders are inside RUVECTOR_SERVER, the private copy of the server
#   DEMO_EXTENSION   the extension to create: ruvector, or vector to see pgvector on the same machine
#   DEMO_CLIENT      the program     DEMO_STARTED  when `make` began (date +%s)
set -euo pipefail
umask 022

root=$(cd "$(dirname "$0")/.." && pwd)
out=$root/build/demo
extension=${DEMO_EXTENSION:-ruvector}
data=${DEMO_DATA:-/usr/share/datasets/fashion-mnist}
as_postgres=$root/scripts/as_postgres.sh
mkdir -p "$out"

scratch=
data_dir=
bindir=
cleanup() {
	trap '' INT TERM HUP
	if [ -n "$data_dir" ] && [ -f "$data_dir/postmaster.pid" ]; then
		(cd / && "$as_postgres" "$bindir/pg_ctl" -D "$data_dir" -m immediate -w stop >/dev/null 2>&1) || true
	fi
	if [ -n "$scratch" ]; then
		[ ! -f "$scratch/server.log" ] || cp "$scratch/server.log" "$out/server.log" || true
		rm -rf "$scratch"
	fi
}
trap cleanup EXIT
trap 'echo; echo "demo: interrupted, cleaning up" >&2; exit 130' INT
trap 'exit 143' TERM HUP

fail() {
	echo "demo: $*" >&2
	exit 1
}

[ -r "$data/train-images-idx3-ubyte.gz" ] || fail "no Fashion-MNIST in $data (Debian package dataset-fashion-mnist)"

# Half of what is free, at most 1 GB each, for the buffers and for the build.
available=$(awk '/^MemAvailable/ {print int($2 / 1024)}' /proc/meminfo 2>/dev/null || echo 2048)
limit=$(cat /sys/fs/cgroup/memory.max 2>/dev/null || echo max)
if [ "$limit" != max ] && [ $((limit / 1048576)) -lt "$available" ]; then
	available=$((limit / 1048576))
fi
memory=1024MB
[ "$available" -ge 4096 ] || memory=$((available / 4))MB
[ "$memory" != 1024MB ] || memory=1GB

tmp=${TMPDIR:-/tmp}
free=$(df -Pm "$tmp" | awk 'NR == 2 {print $4}')
[ "$free" -ge 2000 ] || fail "$tmp has $free MB free, the demonstration needs 2,000; set TMPDIR"

# Outside the source tree: the tree may be root's alone, and the path of a socket must be short.
scratch=$(mktemp -d "$tmp/ruvector-demo.XXXXXX")
[ ${#scratch} -lt 80 ] || fail "$scratch is too long for a socket; set TMPDIR"
cp -rl "$RUVECTOR_SERVER" "$scratch/server" 2>/dev/null || {
	rm -rf "$scratch/server"
	cp -rp "$RUVECTOR_SERVER" "$scratch/server"
}
bindir=$scratch/server$("$PG_CONFIG" --bindir)
if [ "$(id -u)" -eq 0 ]; then
	chown "${RUVECTOR_TEST_USER:-postgres}" "$scratch"
fi
chmod 700 "$scratch"
cd "$scratch"
unset PGHOST PGPORT PGDATABASE PGUSER PGSERVICE PGDATA PGPASSWORD PGOPTIONS

data_dir=$scratch/data
"$as_postgres" "$bindir/initdb" -D "$data_dir" -U postgres -A trust --locale=C --encoding=UTF8 \
	>"$scratch/initdb.log" 2>&1 || { cat "$scratch/initdb.log" >&2; fail "initdb failed"; }
cat >>"$data_dir/postgresql.conf" <<-EOF
	listen_addresses = ''
	unix_socket_directories = '$scratch'
	unix_socket_permissions = 0700
	shared_buffers = $memory
	max_wal_size = 4GB
	# Where /dev/shm is small, as in many containers, a parallel build would fail in it.
	dynamic_shared_memory_type = mmap
EOF
"$as_postgres" "$bindir/pg_ctl" -D "$data_dir" -l "$scratch/server.log" -w start >/dev/null ||
	{ cat "$scratch/server.log" >&2; fail "the server does not start"; }
"$as_postgres" "$bindir/createdb" -h "$scratch" -U postgres demo

conninfo="host=$scratch user=postgres dbname=demo application_name=ruvector_demo"
available_version=$("$as_postgres" "$bindir/psql" -XAtq "$conninfo" \
	-c "SELECT default_version FROM pg_available_extensions WHERE name = '$extension'")
[ -n "$available_version" ] || fail "the private server has no extension \"$extension\""
echo "$("$bindir/postgres" --version | sed 's/^postgres (PostgreSQL)/PostgreSQL/'), extension $extension $available_version, a cluster of its own"
echo "$(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo | head -1), $(nproc) processors; shared_buffers $memory"

load=$(cut -d ' ' -f 1 /proc/loadavg 2>/dev/null || echo 0)
if awk -v load="$load" -v n="$(nproc)" 'BEGIN {exit !(load > n)}'; then
	# Building just now is part of it; more than that is somebody else.
	echo "The machine is busy (load $load): speeds will be below what it can do."
fi

cd "$root"
status=0
"$DEMO_CLIENT" --conninfo "$conninfo" --extension "$extension" --data "$data" --maintenance-work-mem "$memory" \
	--picture "$out/nearest.png" --picture-name build/demo/nearest.png || status=$?
if [ $status -ne 0 ]; then
	echo "demo: failed; the server's log is in build/demo/server.log" >&2
	exit $status
fi

if [ "${1:-}" = shell ]; then
	echo
	echo "  psql in the demonstration's database; \\q ends it and removes the cluster."
	(cd "$scratch" && "$as_postgres" "$bindir/psql" -X "$conninfo") || true
else
	echo "  To play on: make demo-shell (this, then psql in its database), or make psql (an empty one)."
fi
total=$(($(date +%s) - ${DEMO_STARTED:-$(date +%s)}))
echo "  Total time $((total / 60)) min $((total % 60)) s, with what had to be installed and compiled. The cluster is removed."
