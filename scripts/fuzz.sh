#!/bin/sh
# Runs the fuzz targets of a build: on the kept inputs, then, for SECONDS in all, on made-up ones, as many at a time as
# there are processors. Ends with one line: N passed, N failed, N skipped (a target each).
# usage: fuzz.sh BUILD SECONDS
# What is found on the way stays in BUILD/corpus/TARGET; what breaks a reader in BUILD/findings/TARGET.
set -u
build=$1 seconds=$2
processors=$(nproc 2>/dev/null || echo 2)
targets=$(ls tests/fuzz/*.c | sed 's,.*/\(.*\)\.c$,\1,')
each=$((seconds * processors / $(echo "$targets" | wc -w)))
[ -f /etc/OpenCL/vendors/pocl.icd ] && export OCL_ICD_VENDORS=/etc/OpenCL/vendors/pocl.icd
# Little is kept of freed memory: what a process has, its children copy.
export ASAN_OPTIONS="allocator_may_return_null=1:quarantine_size_mb=8:thread_local_quarantine_size_kb=64"

# one TARGET: its words go to BUILD/TARGET.log
one() {
    mkdir -p "$build/corpus/$1" "$build/findings/$1"
    kept=tests/fuzz/corpus/$1
    common="-artifact_prefix=$build/findings/$1/ -timeout=20 -rss_limit_mb=4096 -max_len=65536"
    # shellcheck disable=SC2086
    "$build/fuzz/$1" $common -runs=0 "$kept" >"$build/$1.log" 2>&1 || return 1
    [ "$each" -eq 0 ] && return 0
    # Leaks are looked for once, at the end: after each input that takes longer than the input.
    # shellcheck disable=SC2086
    "$build/fuzz/$1" $common -max_total_time="$each" -detect_leaks=0 -print_final_stats=1 "$build/corpus/$1" "$kept" \
        >>"$build/$1.log" 2>&1 || return 1
    # shellcheck disable=SC2086
    "$build/fuzz/$1" $common -runs=0 "$build/corpus/$1" >>"$build/$1.log" 2>&1
}

if [ "${3:-}" ]; then # called by itself below
    if one "$3"; then echo passed >"$build/$3.verdict"; else echo FAILED >"$build/$3.verdict"; fi
    exit 0
fi
rm -f "$build"/*.verdict
# shellcheck disable=SC2086
echo $targets | xargs -n 1 -P "$processors" sh "$0" "$build" "$seconds"

passed=0 failed=0
for target in $targets; do
    verdict=$(cat "$build/$target.verdict" 2>/dev/null || echo FAILED)
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$build/$target.log" | tail -n 1)
    cover=$(grep -o 'cov: [0-9]*' "$build/$target.log" | tail -n 1)
    echo "$target: $(ls "tests/fuzz/corpus/$target" | wc -l) kept, $(ls "$build/corpus/$target" | wc -l) found," \
        "${runs:-0} runs, ${cover:-cov: 0}: $verdict"
    if [ "$verdict" = passed ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        tail -n 40 "$build/$target.log"
    fi
done
echo "$passed passed, $failed failed, 0 skipped"
[ $failed -eq 0 ]
