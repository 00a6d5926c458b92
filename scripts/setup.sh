#!/bin/sh
# Finds out what furrow needs and the machine lacks, and installs it where it may (apt, as root or by sudo without a
# password); else names it. Instant when all is there.
# usage: setup.sh [PACKAGE...]   more Debian packages wanted, for checks that need them
set -u

missing=""
# need PACKAGES TEST...: the packages are missing where the test fails
need() {
    packages=$1
    shift
    "$@" >/dev/null 2>&1 || missing="$missing $packages"
}
compiles() { echo '#include <stdlib.h>' | "${CC:-gcc}" -E -; }
has_hdf5() { pkg-config --exists hdf5 || pkg-config --exists hdf5-serial; }
has_driver() { [ -n "${OCL_ICD_VENDORS:-}" ] || ls /etc/OpenCL/vendors/*.icd; }
installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1")" = installed ]; }

need "gcc libc6-dev" compiles
need pkg-config command -v pkg-config
need ocl-icd-opencl-dev pkg-config --exists OpenCL
need opencl-headers test -e /usr/include/CL/cl.h
need libclblast-dev pkg-config --exists clblast
need libcjson-dev pkg-config --exists libcjson
need libhdf5-dev has_hdf5
need libcmocka-dev pkg-config --exists cmocka
need zlib1g-dev pkg-config --exists zlib
need libpng-dev pkg-config --exists libpng
need pocl-opencl-icd has_driver
for package in "$@"; do need "$package" installed "$package"; done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ]; then
    as_root=""
else
    as_root="sudo -n"
fi
if ! command -v apt-get >/dev/null || ! $as_root true 2>/dev/null; then
    echo "These packages (Debian's names) are missing; please install them and try again:" >&2
    echo "    sudo apt-get install$missing" >&2
    exit 1
fi

echo "Installing:$missing" >&2
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -qq >&2 || echo "apt-get update failed; trying with the lists that are there" >&2
# shellcheck disable=SC2086
if ! $as_root apt-get install -y -qq --no-install-recommends $missing >&2; then
    echo "These packages could not be installed:$missing" >&2
    exit 1
fi
