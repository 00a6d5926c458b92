# shellcheck shell=sh
# What tests in shell share; their first step is
#     . "$(dirname "$0")/shell.sh"
# Then the working folder is the repository's, $furrow the program under test (FURROW, else build/furrow), and $work a
# folder that is removed at the end. `check` is a test; `finish` prints the counts as cmocka does and ends.
set -u
cd "$(dirname "$0")/.." || exit 1
furrow=$(realpath "${FURROW:-build/furrow}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0 skipped=0
: >"$work/err"

# check NAME COMMAND...: passed if the command ends with 0; else what it and furrow said is shown
check() {
    name=$1
    shift
    if "$@" >"$work/checked" 2>&1; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "failed: $name"
        cat "$work/checked" "$work/err" | sed 's/^/    /' | tail -n 15
    fi
}

skip() {
    skipped=$((skipped + 1))
    echo "skipped: $*"
}

finish() {
    echo "[  PASSED  ] $passed test(s)."
    echo "[  FAILED  ] $failed test(s)."
    echo "[  SKIPPED ] $skipped test(s)."
    [ $failed -eq 0 ]
    exit
}

# run CODE ARGUMENTS...: furrow, its outputs in $work/out and $work/err, ends with CODE
run() {
    wanted=$1
    shift
    "$furrow" "$@" >"$work/out" 2>"$work/err" </dev/null
    code=$?
    [ $code -eq "$wanted" ] || echo "exit code $code, wanted $wanted: furrow $*"
    [ $code -eq "$wanted" ]
}
said() { grep -q -- "$1" "$work/err"; }
printed() { grep -q -- "$1" "$work/out"; }

# A cache of kernels for this test alone, with what the usual one knows of self-tests.
own_cache() {
    mkdir "$work/cache"
    cp "${FURROW_CACHE_DIR:-$HOME/.cache/furrow}"/memo-*.json "$work/cache" 2>/dev/null
    export FURROW_CACHE_DIR="$work/cache"
}

# keep_kernels COMMAND...: again and again till all its kernels are in the cache. A driver that is slow to hand out
# binaries is asked for one a run; that it was slow is forgotten, by a word that is too long for what reads it.
keep_kernels() {
    for _ in $(seq 30); do
        sed -i 's/"slow"/"slow, it was"/' "$FURROW_CACHE_DIR"/memo-*.json
        "$@" 2>&1 | grep "compiling kernels" >/dev/null || return 0
    done
}
