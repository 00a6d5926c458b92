#!/bin/sh
# Operation and network tests on every OpenCL implementation found, one after the other, each seen alone:
#   PoCL with both families of kernel forms; Mesa's rusticl on llvmpipe; Intel's CPU runtime where INTEL_OPENCL_DIR names
#   the folder of its libintelocl.so (PyPI's intel-opencl-rt, unpacked, with intel-cmplr-lib-rt and tbb beside it);
#   and the operation tests under Oclgrind with race and uninitialised-read checks.
# The reference results of the published code are verified on each where they are (FURROW_SHARED, else ../shared).
# FURROW_DEVICES: which of "pocl rusticl intel oclgrind" (all); FURROW_TEST_SIZE=small: small shapes on PoCL and Intel's
# too, two reference results each, and Oclgrind looks for races alone in GPU forms; rusticl and Oclgrind take small shapes
# always.
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
networks=$(executables "$build"/tests/test_net* "$build"/tests/test_model*)
goldens=${FURROW_SHARED:-../shared}/goldens
if [ "${FURROW_TEST_SIZE:-}" = small ]; then
    references=$(ls "$goldens/psetae.h5" "$goldens/ltae.h5" 2>/dev/null)
else
    references=$(ls "$goldens"/psetae*.h5 "$goldens"/ltae*.h5 2>/dev/null | grep -v checkpoint)
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
    sh scripts/test.sh "$@" >"$work/out" 2>&1
    sed '$d' "$work/out" | grep -v ', 0 failed, 0 skipped in .*: ok$'
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
    if timeout 600 "$build/furrow" verify $references >"$work/out" 2>"$work/err"; then
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
        export OCL_ICD_VENDORS="$work/vendors" FURROW_CACHE_DIR="$build/devices/$1" FURROW_DEVICE=auto
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

# Oclgrind stands in for the OpenCL library and writes what it finds to a log: a finding is a failure whatever the test
# says. Kernels are compiled as written: optimised, they read what they then do not use. oclgrind_writes.c says why it is
# there.
oclgrind_run='LD_PRELOAD="$1:$LD_PRELOAD" exec "$2"'
oclgrind_tests() { # TILE, in a subshell: its own counts and folder
    work=$work/$1 passed=0 failed=0 skipped=0
    mkdir "$work"
    checks="--data-races --uninitialized --build-options -cl-opt-disable"
    if [ "$1" = gpu ]; then # groups of many items are slow: small groups, and where time is short races alone
        export FURROW_FORM=gemm=simt16
        [ -z "$quick" ] || checks="--data-races --build-options -cl-opt-disable"
    fi
    echo "== oclgrind FURROW_TILE=$1 $checks"
    for program in $operations; do
        name=$(basename "$program")
        cat >"$work/$name.sh" <<END
exec oclgrind $checks --log "$work/log" \\
    sh -c '$oclgrind_run' sh "$build/devices/oclgrind_writes.so" "$program"
END
        FURROW_TILE=$1 FURROW_TUNE=none FURROW_CACHE_DIR="$build/devices/oclgrind-$1" tests 1800 "$work/$name.sh"
        if [ -s "$work/log" ]; then
            failed=$((failed + 1))
            echo "$name: Oclgrind's findings begin:"
            head -n 30 "$work/log"
        fi
        rm -f "$work/log"
    done
    echo "$passed $failed $skipped" >"$work/counts"
}

if asked oclgrind "$(command -v oclgrind)"; then
    mkdir -p "$build/devices"
    ${CC:-gcc} -shared -fPIC -o "$build/devices/oclgrind_writes.so" scripts/oclgrind_writes.c -ldl || exit 1
    # It computes on one core: both families at a time.
    (oclgrind_tests cpu) >"$work/said-cpu" &
    (oclgrind_tests gpu) >"$work/said-gpu"
    wait
    for tile in cpu gpu; do
        cat "$work/said-$tile"
        read -r p f s <"$work/$tile/counts" || f=1
        passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
    done
fi

echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
