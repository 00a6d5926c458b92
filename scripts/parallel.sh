#!/bin/sh
# Runs numbered jobs, as many at once as there are processors (JOBS: another number), and shows in their order what they
# say.
# usage: parallel.sh FOLDER COUNT COMMAND...   runs COMMAND FOLDER 1 to COMMAND FOLDER COUNT, whose outputs pass through
#                                              FOLDER/NUMBER.out; exit code 1 when one of them ended with another than 0
#        parallel.sh --one FOLDER NUMBER COMMAND...   as the above calls it
set -u

if [ "$1" = --one ]; then
    folder=$2 number=$3
    shift 3
    "$@" "$folder" "$number" >"$folder/$number.out" 2>&1
    echo $? >"$folder/$number.part"
    mv "$folder/$number.part" "$folder/$number.code"
    exit 0
fi

folder=$1 count=$2
shift 2

# In the background, so that an interrupt reaches the jobs.
show() {
    number=0 result=0
    while [ "$number" -lt "$count" ]; do
        number=$((number + 1))
        while [ ! -e "$folder/$number.code" ] && [ ! -e "$folder/over" ]; do sleep 0.1; done
        [ ! -e "$folder/$number.out" ] || cat "$folder/$number.out"
        [ "$(cat "$folder/$number.code" 2>/dev/null)" = 0 ] || result=1
    done
    exit $result
}

show &
trap 'kill $! 2>/dev/null' EXIT
seq "$count" | xargs -P "${JOBS:-$(nproc)}" -I '{}' sh "$0" --one "$folder" '{}' "$@"
: >"$folder/over"
wait $!
