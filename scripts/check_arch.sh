#!/bin/sh
# check_arch.sh object... - fails if an object compiled for one instruction set defines a weak symbol.
# Such a symbol (an inline function or a template that was not inlined) also exists in other objects; the linker keeps one
# of them, and the rest of the library would execute instructions that the machine may lack.
# First it proves on a planted object that it would see one.
set -eu

# Names of weak symbols that an object defines. The pointer to the personality routine of exceptions is the same data in
# every object.
weak_symbols() {
	nm --defined-only -C "$1" | awk '$2 ~ /^[WVuwv]$/ && $3 != "DW.ref.__gxx_personality_v0"'
}

directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
cat > "$directory/planted.cpp" <<'SOURCE'
template <class T>
__attribute__((noinline)) T planted(T x) { return x * x + 1; }
float caller(float x) { return planted(x); }
SOURCE
${CXX:-g++} -O2 -c "$directory/planted.cpp" -o "$directory/planted.o"
if [ -z "$(weak_symbols "$directory/planted.o")" ]; then
	echo "check_arch: the planted weak symbol was not found; is this nm usable?" >&2
	exit 1
fi

status=0
for object; do
	found=$(weak_symbols "$object")
	if [ -n "$found" ]; then
		echo "check_arch: $object defines weak symbols:" >&2
		echo "$found" | sed 's/^/  /' >&2
		status=1
	fi
done
[ "$status" -eq 0 ] && echo "check_arch: $# objects, no weak symbol (a planted one was found)"
exit "$status"
