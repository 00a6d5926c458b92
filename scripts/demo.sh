#!/bin/sh
# What furrow does, on synthetic parcels: make them, pack them, train PSE+TAE on one fold, evaluate, predict.
# usage: demo.sh BUILD    Everything goes into BUILD/demo. About a minute of computing on 2 cores.
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

# From an empty folder every time; only what this script makes is removed.
rm -rf "$folder/parcels" "$folder/run" "$folder/predictions" "$folder/parcels.h5" "$folder/parcels.h5.partial"
mkdir -p "$folder"
set_paths="--set data.pack=$folder/parcels.h5 train.res_dir=$folder/run"

step "Synthetic parcels: crops with their own phenology, noise, clouds" \
    "$furrow" synth pixelset "$folder/parcels" --parcels 1500 --classes 6 --dates 24
step "One HDF5 pack" \
    "$furrow" pack pixelset "$folder/parcels" "$folder/parcels.h5"
# shellcheck disable=SC2086
step "Training PSE+TAE on fold 1 of 5" \
    "$furrow" train configs/demo.json $set_paths
# shellcheck disable=SC2086
step "Its accuracy on parcels that it has not seen" \
    "$furrow" eval configs/demo.json $set_paths --weights "$folder/run"
# shellcheck disable=SC2086
step "A class for every parcel" \
    "$furrow" predict configs/demo.json $set_paths --weights "$folder/run" --out "$folder/predictions"

accuracy=$(sed -n 's/.*"test_accuracy":[[:space:]]*\([0-9.]*\).*/\1/p' "$folder/run/Fold_1/test_metrics.json")
echo
printf "== Done: %.1f %% of the test parcels right\n" "${accuracy:-0}"
echo "   run folder   $folder/run (trainlog.json, test_metrics.json, model.h5, ...)"
echo "   predictions  $folder/predictions/predictions.csv"
head -n 3 "$folder/predictions/predictions.csv" | sed 's/^/                /'

# A demo that does not learn is broken.
if [ "$(printf '%.0f' "${accuracy:-0}")" -le 90 ]; then
    echo "demo: wanted more than 90 %" >&2
    exit 1
fi
