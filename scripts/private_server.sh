#!/bin/bash
# private_server.sh PG_CONFIG TARGET - copies the installed PostgreSQL into the folder TARGET. PostgreSQL finds its files
# relative to its binary, so the copy is a complete server of its own. Does nothing if the copy is current.
set -euo pipefail
umask 022

pg_config=$1
target=$2
bindir=$("$pg_config" --bindir)
stamp="$("$pg_config" --version) $bindir $(stat -c %Y "$bindir/postgres")"

if [ "$(cat "$target/.stamp" 2>/dev/null || true)" = "$stamp" ]; then
	exit 0
fi

rm -rf "$target"
mkdir -p "$target"
# A packaged postgresql-common keeps some of the files as symbolic links out of the tree: follow them.
for dir in "$bindir" "$("$pg_config" --pkglibdir)" "$("$pg_config" --sharedir)"; do
	mkdir -p "$target$dir"
	cp -rLp "$dir/." "$target$dir/" 2>/dev/null || cp -rp "$dir/." "$target$dir/"
done
# A ruvector that the machine has installed must not answer for the one that was just built.
rm -f "$target$("$pg_config" --pkglibdir)"/ruvector.so "$target$("$pg_config" --sharedir)"/extension/ruvector*
echo "$stamp" >"$target/.stamp"
echo "private server: $target ($stamp)"
