#!/bin/sh
# Branches of the readers of files and of checkpointing, in a build with gcc's --coverage: runs their tests, the kept
# inputs of the fuzz targets as they are and damaged, and those targets and a training that goes on with one call failing
# at a time (tests/full_faults.sh), then prints for each file how many of its branches were taken at least once.
# usage: coverage.sh BUILD
# A branch is one of the two ways on from a condition, as gcov -b counts them of code that is not optimised: each operand
# of && and || and each TRY has two, and that memory was short or a call of HDF5 failed is one of them.
# BUILD/coverage/ has the files line by line. COVERAGE_KEEP=1 adds to the counts that are there; COVERAGE_STEPS="run_tests
# damage faults failed_reads" chooses; EVERY=10 fails each tenth call alone. Fails below 95 % in the readers or in
# checkpointing.
set -u
build=$1
readers="src/base/date.c src/base/json.c src/base/reader.c src/base/schema.c src/data/tiles.c src/format/h5.c
    src/format/h5_attribute.c src/format/h5_dataset.c src/format/h5_guard.c src/format/h5_type.c src/format/normalisation.c
    src/format/npy.c src/format/number.c src/format/patch_pack_open.c src/format/pickle*.c src/format/pixelset_pack_open.c
    src/format/safetensors.c src/format/tensor_file.c src/format/tensor_file_h5.c src/format/torch_*.c src/format/zip*.c
    data-tools/date_list.c data-tools/pack_dates.c data-tools/pack_features.c data-tools/pack_labels.c"
checkpointing="src/weights/checkpoint.c src/weights/checkpoint_load.c src/run/fold_state.c src/weights/resume.c"
targets=$(ls tests/fuzz/*.c | sed 's,.*/\(.*\)\.c$,\1,')
export FURROW="$build/furrow" FURROW_CACHE_DIR="${FURROW_CACHE_DIR:-$(pwd)/$build/cache}"

run_tests() {
    # shellcheck disable=SC2046
    sh scripts/test.sh 1200 $(ls "$build"/tests/test_* | grep -v '[.]') tests/test_cli.sh
}

damage() {
    for target in $targets; do
        apart=23 # bytes
        ls "tests/fuzz/corpus/$target"/*.h5 >/dev/null 2>&1 && apart=997
        "$build/fuzz/$target" --damage $apart "tests/fuzz/corpus/$target"
    done
}

# No verdicts: gcov's own calls are among those that fail; where they read or write a file of counts, it would be lost.
faults() {
    # shellcheck disable=SC2086
    KINDS="memory hdf5 opencl" MOST="${MOST:-500}" COMMANDS="${COMMANDS:-resume $(printf 'read_%s ' $targets)}" \
        sh tests/full_faults.sh 2>&1 |
        tee "$build/faults.log" | sed -un 's/\( calls, .* failed once\).*/\1/p'
    grep -q 'failed once' "$build/faults.log" && return
    cat "$build/faults.log"
    exit 1
}

fail_read() {
    timeout 60 env "LD_PRELOAD=$build/tests/preload/faults.so" "$build/fuzz/$target" "tests/fuzz/corpus/$target" \
        >"$build/said.log" 2>&1
    true
}

# Reads that fail, each run with a file of counts of its own, which starts anew and is added to the others.
failed_reads() {
    here=$(cd "$build" && pwd) log=$build/reads.log number=0
    export FAULT_KIND=read FAULT_AT=0 FAULT_LOG="$log"
    for target in $targets; do
        case $target in checkpoint | golden | forms) continue ;; esac # they compile for a device, each time
        calls=$(GCOV_PREFIX=/dev/null fail_read && sed -n 's/^calls //p' "$log")
        while [ "$FAULT_AT" -lt "${calls:-0}" ]; do
            FAULT_AT=$((FAULT_AT + 1)) number=$((number + 1))
            GCOV_PREFIX=$here/pieces fail_read
            gcov-tool merge "$here" "$here/pieces$here" -o "$here/sum" >"$log.merge" 2>&1 || cat "$log.merge"
            (cd "$here/sum" && cp -r . "$here")
            rm -rf "$here/sum" "$here/pieces"
        done
        FAULT_AT=0
    done
    echo "$number reads failed once"
}

[ "${COVERAGE_KEEP:-}" ] || find "$build" -name '*.gcda' -delete
for step in ${COVERAGE_STEPS:-run_tests damage faults failed_reads}; do $step; done

# of WHAT FILE...: a line a file and the sum; fails below 95 %
of() {
    what=$1
    shift
    for file in "$@"; do
        gcov -b -c -t "$build/${file%.c}.o" 2>/dev/null |
            awk -v wanted="$file" '/-: *0:Source:/ { sub(/.*Source:/, ""); on = $0 == wanted } on' \
                >"$build/coverage/$(basename "$file").gcov"
        awk -v file="$file" '/^branch/ { all++; taken += !/taken 0|never executed/ }
            END { printf "%s %d %d\n", file, taken, all }' "$build/coverage/$(basename "$file").gcov"
    done | awk -v what="$what" '{ printf "%5.1f %%  %5d of %5d  %s\n", $3 ? 100 * $2 / $3 : 100, $2, $3, $1; t += $2; a += $3 }
        END { printf "%5.1f %%  %5d of %5d  %s\n", 100 * t / a, t, a, what; exit t < 0.95 * a }'
}
mkdir -p "$build/coverage"
status=0
# shellcheck disable=SC2086
of "the readers" $readers || status=1
# shellcheck disable=SC2086
of checkpointing $checkpointing || status=1
exit $status
