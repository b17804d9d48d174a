#!/bin/sh
# bench/peers/pgvector.sh - builds pgvector for the private server copy, from Debian's source package.
#
# Usage: pgvector.sh DESTDIR [PG_CONFIG]
#
# The source is had by package name only (a deb-src list and an apt state of its own: nothing of the system is changed),
# built with the headers of PG_CONFIG and pgvector's own default flags (OPTFLAGS=-march=native, which Debian's patch
# takes out for portability: the peer gets what its authors intend), and installed below DESTDIR. It is optional: where a
# step fails a message is printed and the exit status is 3, and the benchmark goes on without pgvector.
set -eu

destdir=${1:?usage: pgvector.sh DESTDIR [PG_CONFIG]}
pg_config=${2:-pg_config}
optflags=${OPTFLAGS--march=native}
suite=${PGVECTOR_SUITE:-trixie}
# The mirror that this machine uses for its own packages; $(SITE) is for apt-get to expand.
# shellcheck disable=SC2016
mirror=${DEBIAN_MIRROR:-$(apt-get indextargets --format '$(SITE)' 2>/dev/null | grep -v security | sort | uniq -c | sort -rn | awk 'NR == 1 {print $2}')}
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

skip() {
	echo "pgvector: skipped: $*" >&2
	exit 3
}

mkdir -p "$destdir"
destdir=$(cd "$destdir" && pwd)
control="$destdir$("$pg_config" --sharedir)/extension/vector.control"
stamp="$destdir/pgvector.built"
if [ -f "$control" ]; then
	# Installed with the server already: measured as it is, and said so.
	[ -f "$stamp" ] || dpkg-query -W -f 'as installed: ${Package} ${Version}' "postgresql-*-pgvector" >"$stamp" 2>/dev/null ||
		echo "as installed" >"$stamp"
	cat "$stamp"
	exit 0
fi

command -v apt-get >/dev/null 2>&1 || skip "no apt-get here"
command -v dpkg-source >/dev/null 2>&1 || skip "dpkg-source (package dpkg-dev) is missing"
[ -f "$keyring" ] || skip "the keyring of Debian's archive is missing"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM
mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/src"
echo "deb-src [signed-by=$keyring] $mirror $suite main" >"$work/sources.list"
apt() {
	apt-get -q -o Dir::Etc::SourceList="$work/sources.list" -o Dir::Etc::SourceParts=/dev/null \
		-o Dir::State::Lists="$work/lists" -o Dir::Cache="$work/cache" -o APT::Sandbox::User="$(id -un)" "$@"
}
cd "$work/src"
apt update >"$work/log" 2>&1 || skip "apt-get update failed: $(tail -n 1 "$work/log")"
apt source pgvector >"$work/log" 2>&1 || skip "apt-get source pgvector failed: $(tail -n 1 "$work/log")"
dsc=$(basename "$(ls ./*.dsc)" .dsc)
cd "$(find . -mindepth 1 -maxdepth 1 -type d | head -n 1)"

build() {
	# A make above us must not hand down its flags.
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s PG_CONFIG="$pg_config" OPTFLAGS="$optflags" with_llvm=no "$@"
}
build all >"$work/log" 2>&1 || skip "the build failed: $(tail -n 1 "$work/log")"
build install DESTDIR="$destdir" >"$work/log" 2>&1 || skip "the installation failed: $(tail -n 1 "$work/log")"

compiler=$("${CC:-gcc}" -dumpfullversion 2>/dev/null || echo unknown)
echo "Debian source package $dsc, OPTFLAGS=\"$optflags\", gcc $compiler" | tee "$stamp"
