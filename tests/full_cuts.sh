#!/bin/sh
# Every kept input of every reader (tests/fuzz/corpus/), cut off at every byte and with every byte flipped in three ways;
# of HDF5 files, which a child process looks at each time, every STEP-th (1: each). Prints counts as cmocka does, a test a
# reader.
. "$(dirname "$0")/shell.sh"
readers=$(dirname "$furrow")/fuzz
for reader in ${READERS:-$(ls tests/fuzz/*.c | sed 's,.*/\(.*\)\.c$,\1,')}; do
    step=1
    [ -e "$(echo tests/fuzz/corpus/"$reader"/*.h5 | cut -d ' ' -f 1)" ] && step=${STEP:-29}
    started=$(date +%s)
    if "$readers/$reader" --damage "$step" "tests/fuzz/corpus/$reader"; then
        passed=$((passed + 1)) verdict=passed
    else
        failed=$((failed + 1)) verdict=failed
    fi
    echo "$reader, every $step. byte, in $(($(date +%s) - started)) s: $verdict"
done
finish
