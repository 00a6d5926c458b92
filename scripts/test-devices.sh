#!/bin/sh
# Operation and network tests on every OpenCL implementation found, one after the other, each seen alone:
#   PoCL with both families of kernel forms; Mesa's rusticl on llvmpipe; Intel's CPU runtime where INTEL_OPENCL_DIR names
#   the folder of its libintelocl.so (PyPI's intel-opencl-rt, unpacked, with intel-cmplr-lib-rt and tbb beside it);
#   and the operation tests under Oclgrind with race and uninitialised-read checks.
# usage: test-devices.sh BUILD   Ends with: N passed, N failed, N skipped.
set -u
cd "$(dirname "$0")/.." || exit 1
build=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0 skipped=0

add() { # the last line of a test.sh run
    # shellcheck disable=SC2046
    set -- $(tail -n 1 "$work/out" | sed 's/ passed, / /; s/ failed, / /; s/ skipped//')
    passed=$((passed + ${1:-0})) failed=$((failed + ${2:-1})) skipped=$((skipped + ${3:-0}))
}

# run NAME SECONDS PROGRAM...: with the environment that the caller set
run() {
    echo "== $1"
    limit=$2
    shift 2
    FURROW_CACHE_DIR="$work/cache" POCL_CACHE_DIR="$work/pocl" FURROW_DEVICE=auto \
        sh scripts/test.sh "$limit" "$@" >"$work/out" 2>&1
    grep -v ' 0 failed, .*: ok$' "$work/out"
    add
}

# alone ICD...: only these drivers are seen
alone() {
    rm -rf "$work/vendors"
    mkdir "$work/vendors"
    cp "$@" "$work/vendors/"
    OCL_ICD_VENDORS="$work/vendors"
    export OCL_ICD_VENDORS
}

operations=$(ls "$build"/tests/test_op_* 2>/dev/null | grep -v '\.[od]$')
networks=$(ls "$build"/tests/test_net "$build"/tests/test_model 2>/dev/null)
goldens="${FURROW_SHARED:-../shared}/goldens"

# verify NAME FILES...: reference results of the published code, where they are
verify() {
    name=$1
    shift
    [ -e "$1" ] || { echo "   $name: no reference results here: skipped"; skipped=$((skipped + 1)); return; }
    FURROW_CACHE_DIR="$work/cache" POCL_CACHE_DIR="$work/pocl" "$build/furrow" verify "$@" >"$work/out" 2>"$work/err"
    code=$?
    tail -n 1 "$work/out"
    if [ $code -eq 0 ]; then
        passed=$((passed + 1))
    else
        grep -i fail "$work/out" | head -n 20
        tail -n 5 "$work/err"
        failed=$((failed + 1))
    fi
}
small="$(ls "$goldens"/psetae*.h5 "$goldens"/ltae*.h5 2>/dev/null | grep -v checkpoint)"

if [ -e /etc/OpenCL/vendors/pocl.icd ]; then
    alone /etc/OpenCL/vendors/pocl.icd
    # shellcheck disable=SC2086
    for tile in cpu gpu; do
        FURROW_TILE=$tile
        export FURROW_TILE
        run "PoCL, FURROW_TILE=$tile" 400 $operations $networks
        verify "verify" ${small:-none}
    done
    unset FURROW_TILE
else
    echo "== PoCL is not installed: skipped"
fi

FURROW_TEST_SIZE=small
export FURROW_TEST_SIZE
if [ -e /etc/OpenCL/vendors/rusticl.icd ]; then
    alone /etc/OpenCL/vendors/rusticl.icd
    RUSTICL_ENABLE=llvmpipe
    export RUSTICL_ENABLE
    # shellcheck disable=SC2086
    run "rusticl on llvmpipe" 600 $operations $networks
    [ "${FURROW_DEVICES:-}" = quick ] && small=$(ls "$goldens"/psetae.h5 "$goldens"/ltae.h5 2>/dev/null)
    verify "verify" ${small:-none}
    unset RUSTICL_ENABLE
else
    echo "== rusticl (mesa-opencl-icd) is not installed: skipped"
fi

if [ -n "${INTEL_OPENCL_DIR:-}" ] && [ -e "$INTEL_OPENCL_DIR/libintelocl.so" ]; then
    echo "$INTEL_OPENCL_DIR/libintelocl.so" >"$work/intel.icd"
    alone "$work/intel.icd"
    old_path=${LD_LIBRARY_PATH:-}
    LD_LIBRARY_PATH="$INTEL_OPENCL_DIR${old_path:+:$old_path}"
    export LD_LIBRARY_PATH
    # shellcheck disable=SC2086
    run "Intel's CPU runtime" 600 $operations $networks
    verify "verify" ${small:-none}
    LD_LIBRARY_PATH=$old_path
else
    echo "== Intel's CPU runtime: INTEL_OPENCL_DIR names no folder with libintelocl.so: skipped"
fi
unset OCL_ICD_VENDORS

# Oclgrind stands in for the OpenCL library and reports on stderr; a report is a failure whatever the test says.
if command -v oclgrind >/dev/null; then
    for tile in cpu gpu; do
        FURROW_TILE=$tile
        export FURROW_TILE
        echo "== Oclgrind, FURROW_TILE=$tile"
        for program in $operations; do
            log="$work/oclgrind"
            rm -f "$log"
            cat >"$work/test.sh" <<END
exec oclgrind --data-races --uninitialized --log "$log" "$program"
END
            FURROW_CACHE_DIR="$work/cache-oclgrind" sh scripts/test.sh 900 "$work/test.sh" >"$work/out" 2>&1
            add
            reports=$(grep -cE 'Invalid|Uninitialized|race|divergence|error' "$log" 2>/dev/null)
            if [ "${reports:-0}" -gt 0 ]; then
                failed=$((failed + 1))
                echo "$(basename "$program"): Oclgrind reports"
                head -n 30 "$log"
            fi
            grep -q ': ok$' "$work/out" || { echo "$(basename "$program"):"; tail -n 20 "$work/out"; }
        done
    done
    unset FURROW_TILE
else
    echo "== Oclgrind is not installed: skipped"
fi

echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
