#!/bin/sh
# Runs test programs, each with a time limit, as many at once as there are processors, shows their results in order and
# ends with one line: N passed, N failed, N skipped.
# usage: test.sh SECONDS PROGRAM...    A program is a cmocka executable, or a .sh that prints the same counts;
#                                      NAME=VALUE,... among them sets variables for those that follow, to the next such.
#        test.sh --one FOLDER NUMBER  that line of FOLDER/programs, as scripts/parallel.sh calls it
# TEST_UNDER: a command that runs the program named behind it.
set -u

# cmocka's closing count, e.g. count PASSED; the last one counts.
count() {
    sed -n "s/.*\[  $1 *\] \([0-9][0-9]*\) test(s).*/\1/p" "$log" | tail -n 1
}

# The program of that number; its counts in FOLDER/NUMBER.counts.
one() {
    log=$1/$2.log
    read -r limit program settings <<END
$(sed -n "$2p" "$1/programs")
END
    case $program in
    *.sh) run="sh" ;;
    *) run=${TEST_UNDER:-} ;;
    esac
    started=$(date +%s)
    # shellcheck disable=SC2086
    env $settings timeout -k 10 "$limit" $run "$program" >"$log" 2>&1 </dev/null
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
    seconds=$(($(date +%s) - started))
    echo "$(basename "$program")${settings:+ with $settings}: $p passed, $f failed, $s skipped in $seconds s: $verdict"
    echo "$p $f $s" >"$1/$2.counts"
}

if [ "$1" = --one ]; then
    one "$2" "$3"
    exit
fi

limit=$1
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
settings="" number=0
for program in "$@"; do
    case $program in
    [A-Z]*=*) settings=$(echo "$program" | tr ',' ' ') ;;
    *)
        number=$((number + 1))
        echo "$limit $program $settings" >>"$work/programs"
        ;;
    esac
done
sh "$(dirname "$0")/parallel.sh" "$work" "$number" sh "$0" --one
passed=0 failed=0 skipped=0
while [ "$number" -gt 0 ]; do
    # what left no counts was ended from outside
    read -r p f s <"$work/$number.counts" || { p=0 f=1 s=0; }
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s)) number=$((number - 1))
done 2>/dev/null
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
