#!/bin/sh
# Installs what furrow needs and the machine lacks, where it may (root or sudo without a password, apt); else names it.
# Arguments: more packages wanted, for checks that need them. Instant when all is there.
set -u

packages="gcc make pkg-config ocl-icd-opencl-dev opencl-headers pocl-opencl-icd libclblast-dev libcjson-dev
libhdf5-dev libcmocka-dev zlib1g-dev $*"

missing=""
for package in $packages; do
    case $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) in
    installed) ;;
    *) missing="$missing $package" ;;
    esac
done
[ -z "$missing" ] && exit 0

if ! command -v apt-get >/dev/null; then
    echo "furrow needs the equivalents of these Debian packages:$missing" >&2
    # Another system: the compiler will say what is really missing.
    exit 0
fi

if [ "$(id -u)" = 0 ]; then
    as_root=""
elif sudo -n true 2>/dev/null; then
    as_root="sudo -n"
else
    echo "These packages are missing; please install them and try again:" >&2
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
