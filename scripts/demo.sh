#!/bin/sh
# What furrow does, on synthetic data: make it, pack it, train on one fold, evaluate, predict. First parcels as sets of
# pixels with PSE+TAE, then image patches with U-TAE, then the parcels in such patches with U-TAE+PaPs.
# usage: demo.sh BUILD    Everything goes into BUILD/demo. Three to four minutes of computing on 2 cores.
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
    step "Predictions for everything" "$furrow" predict "$1" $set_paths --weights "$3" --out "$4"
}

measure_of() { sed -n "s/.*\"$2\":[[:space:]]*\([0-9.]*\).*/\1/p" "$1/Fold_1/test_metrics.json"; }

# From an empty folder every time; only what this script makes is removed.
rm -rf "$folder/parcels" "$folder/run" "$folder/predictions" "$folder/parcels.h5" "$folder/parcels.h5.partial" \
    "$folder/patches" "$folder/run-utae" "$folder/maps" "$folder/patches.h5" "$folder/patches.h5.partial" \
    "$folder/fields" "$folder/run-paps" "$folder/outlines" "$folder/fields.h5" "$folder/fields.h5.partial"
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

step "Synthetic fields: 4 crops, 10 dates" \
    "$furrow" synth pastis "$folder/fields" --patches 60 --size 64 --dates 10 --classes 6 --seed 7
step "One HDF5 pack" \
    "$furrow" pack pastis "$folder/fields" "$folder/fields.h5"
run configs/demo-utae-paps.json "$folder/fields.h5" "$folder/run-paps" "$folder/outlines"

parcels=$(measure_of "$folder/run" test_accuracy) pixels=$(measure_of "$folder/run-utae" test_accuracy)
quality=$(measure_of "$folder/run-paps" test_PQ | awk '{ print 100 * $1 }')
echo
printf '== Done: %.1f %% of the test parcels right (PSE+TAE), %.1f %% of the test pixels (U-TAE),\n' \
    "${parcels:-0}" "${pixels:-0}"
printf '   parcels found and named with a panoptic quality of %.1f (U-TAE+PaPs)\n' "${quality:-0}"
echo "   run folders  $folder/run, run-utae, run-paps (trainlog.json, test_metrics.json, model.h5, ...)"
echo "   predictions  $folder/predictions/predictions.csv"
head -n 3 "$folder/predictions/predictions.csv" | sed 's/^/                /'
echo "   maps         $folder/maps/*.png: the clearest date, the prediction, the truth"
echo "   outlines     $folder/outlines/*.png, and parcels.geojson for a GIS"

# A demo that does not learn is broken. Background everywhere would be right for 37 % of the pixels.
if [ "$(printf '%.0f' "${parcels:-0}")" -le 90 ] || [ "$(printf '%.0f' "${pixels:-0}")" -le 65 ] ||
    [ "$(printf '%.0f' "${quality:-0}")" -le 40 ]; then
    echo "demo: wanted more than 90 % of the parcels, 65 % of the pixels, and a panoptic quality over 40" >&2
    exit 1
fi
