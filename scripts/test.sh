#!/bin/sh
# Runs test programs, each with a time limit, and ends with one line: N passed, N failed, N skipped.
# usage: test.sh SECONDS PROGRAM...   A program is a cmocka executable, or a .sh that prints the same counts;
# NAME=VALUE among them sets a variable for those that follow.
set -u

limit=$1
shift
passed=0 failed=0 skipped=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# cmocka's closing count, e.g. count PASSED; the last one counts.
count() {
    sed -n "s/.*\[  $1 *\] \([0-9][0-9]*\) test(s).*/\1/p" "$log" | tail -n 1
}

setting=""
for program in "$@"; do
    case $program in
    [A-Z]*=*)
        export "$program"
        setting=" with $program"
        continue
        ;;
    *.sh) run="sh" ;;
    *) run="" ;;
    esac
    started=$(date +%s)
    # shellcheck disable=SC2086
    timeout -k 10 "$limit" $run "$program" >"$log" 2>&1 </dev/null
    code=$?
    p=$(count PASSED) f=$(count FAILED) s=$(count SKIPPED)
    p=${p:-0} f=${f:-0} s=${s:-0}
    verdict=ok
    if [ $code -ne 0 ] || [ $((p + s)) -eq 0 ]; then
        verdict="FAILED (exit code $code)"
        [ "$f" -eq 0 ] && f=1 # a crash or a time-out after the last count, or no test at all
        grep -vE '^\[ (RUN|      OK)' "$log" | tail -n 60
        [ $code -lt 2 ] || grep '^\[ RUN' "$log" | tail -n 1 # where it ended
    elif [ "$s" -gt 0 ]; then
        grep -i skip "$log" | grep -vE '^\[|SKIPPED TEST' | sort -u | head -n 5
    fi
    echo "$(basename "$program")$setting: $p passed, $f failed, $s skipped in $(($(date +%s) - started)) s: $verdict"
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
