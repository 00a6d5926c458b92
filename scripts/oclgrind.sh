#!/bin/sh
# Runs a test program under Oclgrind, which stands in for the OpenCL library and looks for races and, unless
# OCLGRIND_CHECKS names other checks, for reads of what nobody wrote. A finding is a failure whatever the program says.
# usage: oclgrind.sh BUILD PROGRAM
set -u
checks=${OCLGRIND_CHECKS:---data-races --uninitialized}
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# Kernels are compiled as written: optimised, they read what they then do not use. oclgrind_writes.c says why it is there.
run='LD_PRELOAD="$1:$LD_PRELOAD" exec "$2"'
# shellcheck disable=SC2086
oclgrind $checks --build-options -cl-opt-disable --log "$log" sh -c "$run" sh "$1/devices/oclgrind_writes.so" "$2"
code=$?
[ -s "$log" ] || exit $code
echo "Oclgrind's findings begin:"
head -n 30 "$log"
exit 1
