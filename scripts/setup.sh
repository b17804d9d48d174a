#!/bin/bash
# setup.sh [--developer | --bench] - installs what is needed to build, test and demonstrate ruvector on Debian, by package name and
# only what is missing. --developer adds the tools of `make lint`, `make tidy` and `make fuzz`, --bench the libraries that
# `make bench` compares with. May be run again at any time.
# Never creates, starts or stops a database cluster. Without root it only says what is missing.
set -euo pipefail

if ! command -v dpkg-query >/dev/null; then
	# Not a Debian: whoever builds here brings the tools.
	for tool in make g++ prove perl "${PG_CONFIG:-pg_config}"; do
		command -v "$tool" >/dev/null || { echo "setup: $tool not found; see docs/install.md" >&2; exit 1; }
	done
	exit 0
fi

installed() {
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

have_lists() {
	apt-cache policy postgresql 2>/dev/null | grep -q 'Candidate: [0-9]'
}

# The PostgreSQL of this Debian release (15 in Debian 12), unless PG_CONFIG names another one that is there.
major=${PG_MAJOR:-}
if [ -z "$major" ] && command -v "${PG_CONFIG:-pg_config}" >/dev/null; then
	major=$("${PG_CONFIG:-pg_config}" --version | sed 's/^[^0-9]*\([0-9]*\).*/\1/')
fi
if [ -z "$major" ] && have_lists; then
	major=$(apt-cache policy postgresql | sed -n 's/.*Candidate: \([0-9]*\).*/\1/p')
fi
major=${major:-15}

packages=(
	g++ make perl procps
	"postgresql-$major" "postgresql-server-dev-$major" libpq-dev libxsimd-dev libeigen3-dev libboost-dev zlib1g-dev libpng-dev
	"postgresql-$major-pgtap" libtap-parser-sourcehandler-pgtap-perl libipc-run-perl
	dataset-fashion-mnist
)
if [ "${1:-}" = --developer ]; then
	packages+=(clang clang-format clang-tidy bear shellcheck codespell valgrind debootstrap)
fi

if [ "${1:-}" = --bench ]; then
	packages+=(python3 dpkg-dev libhnswlib-dev libfaiss-dev liblapack-dev libopenblas-dev)
fi

missing=()
for package in "${packages[@]}"; do
	installed "$package" || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
	exit 0
fi
if [ "$(id -u)" -ne 0 ]; then
	echo "setup: missing packages; as root: apt-get install --no-install-recommends ${missing[*]}" >&2
	exit 1
fi

export DEBIAN_FRONTEND=noninteractive
apt_get() {
	apt-get -qq -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 "$@"
}
install_packages() {
	apt_get install -y --no-install-recommends "$@" </dev/null
}

echo "setup: installing ${missing[*]}"
have_lists || apt_get update

# The server's package makes a cluster of its own and starts it unless postgresql-common is told not to. Tell it for the
# length of this script, then put its configuration back as it was.
conf=/etc/postgresql-common/createcluster.conf
if ! installed "postgresql-$major"; then
	installed postgresql-common || install_packages postgresql-common || { apt_get update && install_packages postgresql-common; }
	saved=$(mktemp)
	cp -p "$conf" "$saved"
	trap 'cp -p "$saved" "$conf"; rm -f "$saved"' EXIT
	sed -i '/^[# ]*create_main_cluster/d' "$conf"
	echo 'create_main_cluster = false' >>"$conf"
fi
# Stale lists name files that the mirror no longer has: fetch new ones and try once more.
install_packages "${missing[@]}" || { apt_get update && install_packages "${missing[@]}"; }
