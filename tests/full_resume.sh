#!/bin/sh
# Training that is killed (SIGKILL) at five random moments and resumed ends with the bits of a run left alone; so does
# one that was interrupted (SIGINT), which keeps its checkpoint and ends with 130: of parcels, of images, and of parcels
# in images.
. "$(dirname "$0")/shell.sh"
log=$work/err # which check shows

# train FOLDER [--resume]: exec'd, so that $! is furrow's own process
train() {
    folder=$1
    shift
    exec "$furrow" train "$work/$network.json" --set "train.res_dir=$work/$folder" "$@" >>"$log" 2>&1
}

# killed_and_resumed NETWORK FILE...: the files of the run folder must have the same bits whatever befell the run
killed_and_resumed() {
    network=$1
    shift
    rm -rf "$work/whole" "$work/killed" "$work/interrupted"
    (train whole) # compiles, which takes longer than the work
    rm -rf "$work/whole"
    started=$(date +%s%N)
    (train whole)
    check "$network: the run left alone" [ $? -eq 0 ]
    length=$((($(date +%s%N) - started) / 1000000)) # ms

    resume=""
    for kill in 1 2 3 4 5; do
        # shellcheck disable=SC2086
        (train killed $resume) &
        victim=$!
        after=$(awk -v seed="$(date +%N)" -v most="$length" \
            'BEGIN { srand(seed); printf "%.3f", rand() * most * 0.0006 + 0.05 }')
        sleep "$after"
        kill -9 "$victim" 2>/dev/null
        wait "$victim" 2>/dev/null
        echo "kill $kill after $after s" >>"$log"
        resume=--resume
    done
    (train killed --resume)
    check "$network: resumed to its end" [ $? -eq 0 ]

    (train interrupted) &
    victim=$!
    sleep "$(awk -v most="$length" 'BEGIN { printf "%.3f", most * 0.0004 }')"
    kill -INT "$victim" 2>/dev/null
    wait "$victim"
    check "$network: an interrupted run ends with 130" [ $? -eq 130 ]
    (train interrupted --resume)
    check "$network: and goes on" [ $? -eq 0 ]

    for folder in killed interrupted; do
        for file in "$@"; do
            check "$network: $folder: $file has the same bits" cmp -s "$work/whole/$file" "$work/$folder/$file"
        done
    done
}

"$furrow" synth pixelset "$work/parcels" --parcels 600 --classes 4 >"$log" 2>&1 &&
    "$furrow" pack pixelset "$work/parcels" "$work/p.h5" >>"$log" 2>&1
check "parcels" test -s "$work/p.h5"
"$furrow" synth pastis "$work/patches" --patches 15 --size 32 --dates 4-7 --classes 5 >>"$log" 2>&1 &&
    "$furrow" pack pastis "$work/patches" "$work/i.h5" >>"$log" 2>&1
check "patches" test -s "$work/i.h5"

for arch in psetae pseltae; do
    cat >"$work/$arch.json" <<END
{"data": {"pack": "$work/p.h5", "npixel": 32}, "model": {"arch": "$arch"},
 "train": {"epochs": 6, "batch_size": 64, "kfold": 3}}
END
done
images='"arch": "utae", "encoder_widths": [16, 16, 32], "decoder_widths": [16, 16, 32], "out_conv": [16, 5], "n_head": 4,
 "d_model": 32'
cat >"$work/utae.json" <<END
{"data": {"pack": "$work/i.h5", "augment": true, "date_dropout": 0.2}, "model": {$images},
 "train": {"epochs": 6, "batch_size": 2, "fold": 1}}
END
cat >"$work/utae-paps.json" <<END
{"data": {"pack": "$work/i.h5", "augment": true}, "model": {$images, "head": {"arch": "paps"}},
 "train": {"epochs": 8, "batch_size": 2, "fold": 1, "warmup": 2, "lr_milestones": [4, 6], "val_after": 2}}
END

parcels="Fold_1/model.h5 Fold_2/last.h5 Fold_3/model.h5 Fold_3/last.h5 Fold_1/trainlog.json Fold_2/test_metrics.json
    overall.json"
patches="Fold_1/model.h5 Fold_1/last.h5 Fold_1/trainlog.json Fold_1/test_metrics.json overall.json"
# shellcheck disable=SC2086
for arch in psetae pseltae; do killed_and_resumed $arch $parcels; done
# shellcheck disable=SC2086
for arch in utae utae-paps; do killed_and_resumed $arch $patches; done
finish
