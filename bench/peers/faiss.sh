#!/bin/sh
# bench/peers/faiss.sh - builds FAISS for this very machine from Debian's source package, as a static library.
#
# Usage: faiss.sh FOLDER
#
# Debian's binary is compiled for any x86-64 and is several times slower than what FAISS can do; ratios against it would
# flatter us. The source is had by package name only (a deb-src list and an apt state of its own: nothing of the system is
# changed). FOLDER gets include/, libfaiss.a and "built". It is optional: where a step fails a message is printed and the
# exit status is 3, and the benchmark takes Debian's library.
set -eu

folder=${1:?usage: faiss.sh FOLDER}
optflags=${OPTFLAGS--O3 -march=native}
# The machine's own release: its compiler builds that FAISS.
# shellcheck disable=SC1091
suite=${FAISS_SUITE:-$(. /etc/os-release 2>/dev/null && echo "${VERSION_CODENAME:-bookworm}")}
# The mirror that this machine uses for its own packages; $(SITE) is for apt-get to expand.
# shellcheck disable=SC2016
mirror=${DEBIAN_MIRROR:-$(apt-get indextargets --format '$(SITE)' 2>/dev/null | grep -v security | sort | uniq -c | sort -rn | awk 'NR == 1 {print $2}')}
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

skip() {
	echo "faiss: not built from source: $*" >&2
	exit 3
}

mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
if [ -f "$folder/built" ]; then
	cat "$folder/built"
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
apt source faiss >"$work/log" 2>&1 || { cat "$work/log" >&2; skip "apt-get source faiss failed"; }
dsc=$(basename "$(ls ./*.dsc)" .dsc)
cd "$(find . -mindepth 1 -maxdepth 1 -type d | head -n 1)"

# The library itself: no GPU, no Python, no C interface, no tests. Resumable: an object is compiled once.
objects="$folder/objects"
mkdir -p "$objects"
find faiss -name '*.cpp' ! -path '*/gpu*' ! -path '*/python/*' ! -path '*/cppcontrib/*' ! -name '*cuvs*' \
	! -name 'distances_simd_other*' >"$work/files"
cat >"$work/Makefile" <<EOF
FILES := \$(shell cat $work/files)
$objects/libfaiss.a: \$(foreach f,\$(FILES),$objects/\$(subst /,_,\$(f:.cpp=.o)))
	ar rcs \$@ \$^
define rule
$objects/\$(subst /,_,\$(1:.cpp=.o)): \$(1)
	\$\$(CXX) -std=c++17 $optflags -fopenmp -DFINTEGER=int -w -I. -c \$\$< -o \$\$@
endef
\$(foreach f,\$(FILES),\$(eval \$(call rule,\$(f))))
EOF
env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s -j "$(nproc)" -f "$work/Makefile" "$objects/libfaiss.a" >"$work/log" 2>&1 ||
	skip "the build failed: $(grep -m 1 -i error "$work/log")"
rm -rf "$folder/include"
find faiss -name '*.h' ! -path '*/gpu*' | while read -r header; do
	mkdir -p "$folder/include/$(dirname "$header")"
	cp "$header" "$folder/include/$header"
done
mv "$objects/libfaiss.a" "$folder/libfaiss.a"
rm -rf "$objects"
echo "Debian source package $dsc, $optflags" | tee "$folder/built"
