#!/bin/sh
# What furrow does, on synthetic data: make it, pack it, train on one fold, evaluate, predict. First parcels as sets of
# pixels with PSE+TAE, then image patches with U-TAE.
# usage: demo.sh BUILD    Everything goes into BUILD/demo. One to two minutes of computing on 2 cores.
set -eu

build=${1:-build}
furrow=$build/furrow
folder=$build/demo

step() {
    echo
    echo "== $1"
    shift
    echo "   $*"
    "$@"
}

# run CONFIG PACK RUN OUT: trains, evaluates and predicts
run() {
    set_paths="--set data.pack=$2 train.res_dir=$3"
    # shellcheck disable=SC2086
    step "Training on fold 1 of 5" "$furrow" train "$1" $set_paths
    # shellcheck disable=SC2086
    step "Its accuracy on what it has not seen" "$furrow" eval "$1" $set_paths --weights "$3"
    # shellcheck disable=SC2086
    step "Classes for everything" "$furrow" predict "$1" $set_paths --weights "$3" --out "$4"
}

accuracy_of() { sed -n 's/.*"test_accuracy":[[:space:]]*\([0-9.]*\).*/\1/p' "$1/Fold_1/test_metrics.json"; }

# From an empty folder every time; only what this script makes is removed.
rm -rf "$folder/parcels" "$folder/run" "$folder/predictions" "$folder/parcels.h5" "$folder/parcels.h5.partial" \
    "$folder/patches" "$folder/run-utae" "$folder/maps" "$folder/patches.h5" "$folder/patches.h5.partial"
mkdir -p "$folder"

step "Synthetic parcels: crops with their own phenology, noise, clouds" \
    "$furrow" synth pixelset "$folder/parcels" --parcels 1500 --classes 6 --dates 24
step "One HDF5 pack" \
    "$furrow" pack pixelset "$folder/parcels" "$folder/parcels.h5"
run configs/demo.json "$folder/parcels.h5" "$folder/run" "$folder/predictions"

step "Synthetic image patches of such crops, as PASTIS's" \
    "$furrow" synth pastis "$folder/patches" --patches 40 --size 64 --dates 8-12 --classes 8
step "One HDF5 pack" \
    "$furrow" pack pastis "$folder/patches" "$folder/patches.h5"
run configs/demo-utae.json "$folder/patches.h5" "$folder/run-utae" "$folder/maps"

parcels=$(accuracy_of "$folder/run") pixels=$(accuracy_of "$folder/run-utae")
echo
printf '== Done: %.1f %% of the test parcels right (PSE+TAE), %.1f %% of the test pixels (U-TAE)\n' \
    "${parcels:-0}" "${pixels:-0}"
echo "   run folders  $folder/run, $folder/run-utae (trainlog.json, test_metrics.json, model.h5, ...)"
echo "   predictions  $folder/predictions/predictions.csv"
head -n 3 "$folder/predictions/predictions.csv" | sed 's/^/                /'
echo "   maps         $folder/maps/*.png: the clearest date, the prediction, the truth"

# A demo that does not learn is broken. Background everywhere would be right for 37 % of the pixels.
if [ "$(printf '%.0f' "${parcels:-0}")" -le 90 ] || [ "$(printf '%.0f' "${pixels:-0}")" -le 65 ]; then
    echo "demo: wanted more than 90 % of the parcels and 65 % of the pixels" >&2
    exit 1
fi
