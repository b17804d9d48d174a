#!/bin/bash
# check_versions.sh [SUITE...] - builds a copy of the tree against every PostgreSQL from 15 to 18 that is found, and runs the
# suites (regress) on it. Looks at the packages of this machine, at PG_CONFIG, and into the folders named by
# RUVECTOR_PG_ROOTS (separated by spaces), each a root of another system, entered by chroot: docs/testing.md.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

suites=("${@:-regress}")
summary=()
found=" "
bad=0

# copy_tree TARGET
copy_tree() {
	rm -rf "$1"
	mkdir -p "$1"
	tar --exclude=./.git --exclude=./.dev --exclude=./build --exclude='*.o' --exclude='*.d' --exclude='*.so' \
		--exclude='./sql/ruvector--[0-9]*.[0-9].sql' -cf - . | tar -C "$1" -xf -
}

# run NAME FOLDER PG_CONFIG [COMMAND...]: the command comes before make (chroot).
run() {
	local name=$1 folder=$2 config=$3 suite p f
	shift 3
	echo "== $name"
	for suite in "${suites[@]}"; do
		"$@" make --no-print-directory -s -j"$(nproc)" -C "${folder#"${root:-}"}" PG_CONFIG="$config" "$suite"
		read -r p f 2>/dev/null <"$folder/.dev/out/$suite/count" || { p=0 f=1; }
		summary+=("$name, $suite: $p passed, $f failed")
		[ "$f" -eq 0 ] || bad=1
	done
}

major_of() {
	"$@" --version | sed 's/^[^0-9]*\([0-9]*\).*/\1/'
}

root=
seen=" "
for config in "${PG_CONFIG:-}" /usr/lib/postgresql/*/bin/pg_config; do
	[ -x "$config" ] && [ -e "$("$config" --pgxs)" ] || continue
	real=$(readlink -f "$("$config" --bindir)")
	[[ "$seen" != *" $real "* ]] || continue
	seen+="$real "
	major=$(major_of "$config")
	found+="$major "
	copy_tree ".dev/versions/$major"
	run "PostgreSQL $major of this machine" "$PWD/.dev/versions/$major" "$config"
done

for root in ${RUVECTOR_PG_ROOTS:-}; do
	root=$(readlink -f "$root")
	if [ "$(id -u)" -ne 0 ]; then
		summary+=("$root: skipped, chroot needs root")
		continue
	fi
	for config in "$root"/usr/lib/postgresql/*/bin/pg_config; do
		[ -x "$config" ] || { summary+=("$root: skipped, no PostgreSQL with server headers in it"); continue; }
		inside=${config#"$root"}
		major=$(major_of chroot "$root" "$inside")
		found+="$major "
		folder=$(mktemp -d "$root/tmp/ruvector-versions.XXXXXX")
		copy_tree "$folder"
		run "PostgreSQL $major in $(basename "$root")" "$folder" "$inside" chroot "$root" env HOME=/tmp LC_ALL=C.UTF-8
		rm -rf ".dev/versions/$(basename "$root")-$major"
		mkdir -p .dev/versions
		cp -r "$folder/.dev/out" ".dev/versions/$(basename "$root")-$major"
		rm -rf "$folder"
	done
done

for major in 15 16 17 18; do
	[[ "$found" == *" $major "* ]] || summary+=("PostgreSQL $major: skipped, none found (see docs/testing.md)")
done
printf '%s\n' "${summary[@]}"
exit "$bad"
