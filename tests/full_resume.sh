#!/bin/sh
# Training that is killed (SIGKILL) at five random moments and resumed ends with the bits of a run left alone; so does
# one that was interrupted (SIGINT), which keeps its checkpoint and ends with 130. Prints counts as cmocka does.
set -u
cd "$(dirname "$0")/.." || exit 1
furrow=${FURROW:-build/furrow}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0

check() {
    name=$1
    shift
    if "$@"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "failed: $name"
        tail -n 3 "$work/log"
    fi
}

"$furrow" synth pixelset "$work/parcels" --parcels 600 --classes 4 >"$work/log" 2>&1 &&
    "$furrow" pack pixelset "$work/parcels" "$work/p.h5" >>"$work/log" 2>&1
check "a data set" test -s "$work/p.h5"
cat >"$work/run.json" <<EOF
{"data": {"pack": "$work/p.h5", "npixel": 32}, "model": {"arch": "${ARCH:-psetae}"},
 "train": {"epochs": 6, "batch_size": 64, "kfold": 3}}
EOF

# train FOLDER [--resume]: exec'd, so that $! is furrow's own process
train() {
    folder=$1
    shift
    exec "$furrow" train "$work/run.json" --set "train.res_dir=$work/$folder" "$@" >>"$work/log" 2>&1
}

started=$(date +%s%N)
(train whole)
check "the run left alone" [ $? -eq 0 ]
length=$((($(date +%s%N) - started) / 1000000)) # ms

resume=""
for kill in 1 2 3 4 5; do
    # shellcheck disable=SC2086
    (train killed $resume) &
    victim=$!
    after=$(awk -v seed="$(date +%N)" -v most="$length" 'BEGIN { srand(seed); printf "%.3f", rand() * most * 0.0006 + 0.05 }')
    sleep "$after"
    kill -9 "$victim" 2>/dev/null
    wait "$victim" 2>/dev/null
    echo "kill $kill after $after s" >>"$work/log"
    resume=--resume
done
(train killed --resume)
check "resumed to its end" [ $? -eq 0 ]

(train interrupted) &
victim=$!
sleep "$(awk -v most="$length" 'BEGIN { printf "%.3f", most * 0.0004 }')"
kill -INT "$victim" 2>/dev/null
wait "$victim"
check "an interrupted run ends with 130" [ $? -eq 130 ]
(train interrupted --resume)
check "and goes on" [ $? -eq 0 ]

for folder in killed interrupted; do
    for file in Fold_1/model.h5 Fold_2/last.h5 Fold_3/model.h5 Fold_3/last.h5 Fold_1/trainlog.json \
        Fold_2/test_metrics.json overall.json; do
        check "$folder: $file has the same bits" cmp -s "$work/whole/$file" "$work/$folder/$file"
    done
done
echo "[  PASSED  ] $passed test(s)."
echo "[  FAILED  ] $failed test(s)."
[ $failed -eq 0 ]
