#!/bin/sh
# Operation and network tests on every OpenCL implementation found, one after the other, each seen alone:
#   PoCL with both families of kernel forms; Mesa's rusticl on llvmpipe; Intel's CPU runtime where INTEL_OPENCL_DIR names
#   the folder of its libintelocl.so (PyPI's intel-opencl-rt, unpacked, with intel-cmplr-lib-rt and tbb beside it);
#   and the operation tests under Oclgrind with race and uninitialised-read checks.
# The reference results of the published code are verified on each where they are (FURROW_SHARED, else ../shared).
# FURROW_DEVICES: which of "pocl rusticl intel oclgrind" (all); FURROW_TEST_SIZE=small: small shapes on PoCL and Intel's
# too, three reference results each, and Oclgrind looks for races alone in GPU forms; rusticl and Oclgrind take small
# shapes always.
# usage: test-devices.sh BUILD   Ends with: N passed, N failed, N skipped.
set -u
cd "$(dirname "$0")/.." || exit 1
build=$(cd "$1" && pwd) || exit 1
vendors=/etc/OpenCL/vendors
quick=${FURROW_TEST_SIZE:-}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0 skipped=0

executables() { for file in "$@"; do [ -f "$file" ] && [ -x "$file" ] && echo "$file"; done; }
operations=$(executables "$build"/tests/test_op_*)
networks=$(executables "$build"/tests/test_net "$build"/tests/test_net_* "$build"/tests/test_model*)
goldens=${FURROW_SHARED:-../shared}/goldens
if [ -n "$quick" ]; then
    references=$(ls "$goldens/psetae.h5" "$goldens/ltae.h5" "$goldens/utae.h5" 2>/dev/null)
else
    references=$(ls "$goldens"/*.h5 2>/dev/null | grep -vE '/panoptic_metrics|checkpoint') # these need no device
fi

# asked NAME FILE: whether this implementation is wanted and there; says so
asked() {
    case " ${FURROW_DEVICES:-pocl rusticl intel oclgrind} " in
    *" $1 "*) ;;
    *) return 1 ;;
    esac
    [ -e "$2" ] && return 0
    echo "== $1: skipped, there is no ${2:-folder of its library}"
    skipped=$((skipped + 1))
    return 1
}

# tests SECONDS PROGRAM...: counted, failures and skips shown
tests() {
    sh scripts/test.sh "$@" 2>&1 | tee "$work/out" |
        grep --line-buffered -vE ', 0 failed, 0 skipped in .*: ok$|^[0-9]+ passed, '
    # shellcheck disable=SC2046
    set -- $(tail -n 1 "$work/out" | tr -cs '0-9' ' ')
    passed=$((passed + ${1:-0})) failed=$((failed + ${2:-1})) skipped=$((skipped + ${3:-0}))
}

verify() {
    if [ -z "$references" ]; then
        echo "verify: skipped, there are no reference results in $goldens"
        skipped=$((skipped + 1))
        return
    fi
    # shellcheck disable=SC2086
    if timeout 1800 "$build/furrow" verify $references >"$work/out" 2>"$work/err"; then
        passed=$((passed + 1))
        echo "verify: $(tail -n 1 "$work/out")"
    else
        failed=$((failed + 1))
        echo "verify: FAILED: $(tail -n 1 "$work/out")"
        grep -i fail "$work/out" | head -n 20
        tail -n 3 "$work/err"
    fi
}

# implementation NAME ICD TILE: tests and reference results with that driver alone
implementation() {
    echo "== $1 $3"
    rm -rf "$work/vendors"
    mkdir "$work/vendors"
    cp "$2" "$work/vendors/"
    (
        export OCL_ICD_VENDORS="$work/vendors" FURROW_CACHE_DIR="$build/cache" FURROW_DEVICE=auto
        [ -z "$3" ] || export "$3"
        # shellcheck disable=SC2086
        tests 600 $operations $networks
        verify
        echo "$passed $failed $skipped" >"$work/counts"
    )
    read -r passed failed skipped <"$work/counts"
}

if asked pocl $vendors/pocl.icd; then
    implementation pocl $vendors/pocl.icd FURROW_TILE=cpu
    implementation pocl $vendors/pocl.icd FURROW_TILE=gpu
fi
if asked intel "${INTEL_OPENCL_DIR:-}${INTEL_OPENCL_DIR:+/libintelocl.so}"; then
    echo "$INTEL_OPENCL_DIR/libintelocl.so" >"$work/intel.icd"
    implementation intel "$work/intel.icd" ""
fi

FURROW_TEST_SIZE=small
export FURROW_TEST_SIZE
if asked rusticl $vendors/rusticl.icd; then
    RUSTICL_ENABLE=llvmpipe implementation rusticl $vendors/rusticl.icd ""
fi

if asked oclgrind "$(command -v oclgrind)"; then
    echo "== oclgrind"
    mkdir -p "$build/devices"
    ${CC:-gcc} -shared -fPIC -o "$build/devices/oclgrind_writes.so" scripts/oclgrind_writes.c -ldl || exit 1
    # Groups of many items are slow there: small groups, and where time is short races alone.
    gpu="FURROW_TILE=gpu,FURROW_FORM=gemm=simt16"
    [ -z "$quick" ] || gpu="$gpu,OCLGRIND_CHECKS=--data-races"
    export FURROW_TUNE=none FURROW_CACHE_DIR="$build/devices/oclgrind"
    # shellcheck disable=SC2086
    TEST_UNDER="sh scripts/oclgrind.sh $build" tests 1800 FURROW_TILE=cpu $operations $gpu $operations
fi

echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
