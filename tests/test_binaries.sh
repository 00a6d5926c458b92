#!/bin/sh
# A device without a compiler: `furrow devices --build` writes the programs of a configuration, and with FURROW_BINARY_DIR
# the same OpenCL, which now refuses to make any program from source (scripts/no_compiler.c), trains, evaluates and
# predicts with the same results. Images and parcels found in them take minutes: with FURROW_TEST_FULL alone.
. "$(dirname "$0")/shell.sh"

case $furrow in
*-san/*)
    skip "a sanitized program cannot be preloaded"
    finish
    ;;
esac

${CC:-cc} -shared -fPIC -O1 -o "$work/no_compiler.so" scripts/no_compiler.c -ldl || exit 1
cd "$work" || exit 1
: >compiled
mkdir pocl

# without CODE ARGUMENTS...: run, with empty caches and where nothing can be compiled
without() {
    LD_PRELOAD=$work/no_compiler.so NO_COMPILER_LOG=$work/compiled FURROW_CACHE_DIR=$work/cache \
        POCL_CACHE_DIR=$work/pocl run "$@"
}

# everything CONFIG WEIGHTS: built, then trained, evaluated and predicted with and without a compiler
everything() {
    check "$1: build" "$furrow" devices --build "$1-programs" "$1.json"
    check "$1: train" "$furrow" train "$1.json" --set "train.res_dir=$1"
    check "$1: predict" "$furrow" predict "$1.json" --weights "$1" --out "$1-predicted"
    export FURROW_BINARY_DIR="$1-programs"
    check "$1: train without a compiler" without 0 train "$1.json" --set "train.res_dir=$1-again"
    check "$1: eval without a compiler" without 0 eval "$1.json" --weights "$1-again"
    check "$1: predict without a compiler" without 0 predict "$1.json" --weights "$1" --out "$1-predicted-again"
    check "$1: the same results" diff -r "$1-predicted" "$1-predicted-again"
    unset FURROW_BINARY_DIR
    check "$1: nothing was compiled" test ! -s compiled
}

cat >parcels.json <<EOF2
{"data": {"pack": "parcels.h5", "npixel": 8, "extra_feature": "geomfeat"},
 "model": {"arch": "psetae", "mlp1": [10, 16, 32], "mlp2": [68, 32], "n_head": 2, "d_k": 8, "mlp3": [64, 32],
           "mlp4": [32, 3]},
 "train": {"epochs": 2, "batch_size": 32, "kfold": 3, "fold": 1}}
EOF2
check "parcels" "$furrow" synth pixelset parcels-folder --parcels 60 --classes 3 --dates 8
check "their pack" "$furrow" pack pixelset parcels-folder parcels.h5
check "the device has no compiler" without 3 devices
check "and is not used" said "no device is usable"
everything parcels
check "a folder without a configuration" sh -c '"$1" devices --build x; [ $? -eq 2 ]' sh "$furrow"
check "a configuration without a folder" sh -c '"$1" devices parcels.json; [ $? -eq 2 ]' sh "$furrow"
check "the index lists the programs" grep -q '"macros":.*"-DVW=' parcels-programs/programs.json
for file in parcels-programs/adam.*.bin parcels-programs/adam.*.cl; do check "has $file" test -s "$file"; done

export FURROW_BINARY_DIR=parcels-programs
check "another network" without 1 train parcels.json --set model.mlp1=[10,16,48] model.mlp2=[100,32] train.res_dir=other
check "names the kernel file and the macros" said 'no program of cl/[a-z_]*.cl with "-DVW='
check "and what makes it" said "furrow devices --build DIR CONFIG"
check "devices" without 0 devices
check "tuning" without 2 devices --tune
check "building" without 2 devices --build elsewhere parcels.json
check "nothing was compiled" test ! -s compiled
sed -i 's/"driver":.*/"driver": "another"/' parcels-programs/programs.json
check "another driver's" without 3 train parcels.json --set train.res_dir=other
check "says so" said 'whose driver is "another"'
unset FURROW_BINARY_DIR

if [ -n "${FURROW_TEST_FULL:-}" ]; then
    images='"encoder_widths": [8, 8], "decoder_widths": [8, 8], "out_conv": [8, 5], "n_head": 2, "d_model": 8'
    train='"epochs": 2, "batch_size": 2, "fold": 1'
    echo "{\"data\": {\"pack\": \"images.h5\"}, \"model\": {\"arch\": \"utae\", $images}, \"train\": {$train}}" >images.json
    echo "{\"data\": {\"pack\": \"images.h5\"}, \"model\": {\"arch\": \"utae\", $images, \"head\": {\"arch\": \"paps\",
        \"num_classes\": 5, \"shape_size\": 8}}, \"train\": {$train, \"warmup\": 1, \"val_after\": 0, \"val_every\": 1}}" \
        >found.json
    check "images" "$furrow" synth pastis images-folder --patches 5 --size 16 --dates 2-4 --classes 5
    check "their pack" "$furrow" pack pastis images-folder images.h5
    everything images
    everything found
else
    skip "programs of image networks (FURROW_TEST_FULL)"
fi
finish
