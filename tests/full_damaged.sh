#!/bin/sh
# A thousand damaged files of each kind (cut off, flipped, spliced; tests/tools/damage.c) through the commands that read
# them: they end with 0 to 3, in time, and a failure leaves no output. DAMAGED files of each, TIME seconds for each,
# KINDS of them; a program without GDAL leaves out those of images and polygons. Prints counts as cmocka does, a test a
# kind, and what the slowest run of each took of the processor.
set -u
[ "${1:-}" = try ] || . "$(dirname "$0")/shell.sh"
export furrow work
tools=$(dirname "$furrow")/tests/tools
limit=${TIME:-10}

# ---- one damaged file: damaged.sh try KIND NUMBER, with everything in $work

# command ARGUMENTS...: furrow on the damaged file. Its code, and what it must not do, in a line of $work/KIND.wrong
command() {
    timeout -k 5 "$limit" "$furrow" "$@" >"$here/out" 2>"$here/err" </dev/null
    code=$?
    [ $code -eq 0 ] || [ $code -eq 1 ] || [ $code -eq 2 ] || [ $code -eq 3 ] ||
        echo "number $number: code $code (124: no end in $limit s): furrow $*" >>"$work/$kind.wrong"
    [ $code -ne 0 ] && [ ! -s "$here/err" ] && echo "number $number: no message: furrow $*" >>"$work/$kind.wrong"
    [ $code -eq 0 ] && echo "$number" >>"$work/$kind.fine"
}

# nothing FILE...: must not be there after a failure; nor may anything half-written be
nothing() {
    [ $code -eq 0 ] && return
    for file in "$@" "$here"/*.temporary "$here"/*/*.temporary; do
        [ -e "$file" ] && echo "number $number: a failure left $file" >>"$work/$kind.wrong"
    done
}

# in_folder FOLDER FILE COMMAND...: a copy of the folder in which FILE is damaged goes through the command
in_folder() {
    folder=$1 file=$2
    shift 2
    cp -r "$work/$folder" "$here/$folder"
    damaged "$work/$folder/$file" "$here/$folder/$file"
    command "$@"
    nothing "$here/out.h5"
}

damaged() { "$tools/damage" "$1" "$2" "$number" || echo "no damage" >>"$work/$kind.wrong"; }

# converted FILE import|export OUT
converted() {
    damaged "$work/$1" "$here/$1"
    command weights "$2" "$here/$1" "$here/$3"
    nothing "$here/$3"
}

# cut_out SCENES PARCELS: the parcels out of the images
cut_out() {
    command pack geotiff "$1" "$2" "$here/out.h5" --mask none
    nothing "$here/out.h5"
}

one() {
    here=$work/$kind.$number
    mkdir "$here" || exit 1
    case $kind in
    pixels) in_folder parcels DATA/2.npy pack pixelset "$here/parcels" "$here/out.h5" ;;
    labels) in_folder parcels META/labels.json pack pixelset "$here/parcels" "$here/out.h5" ;;
    dates) in_folder parcels META/dates.json pack pixelset "$here/parcels" "$here/out.h5" ;;
    features) in_folder parcels META/geomfeat.json pack pixelset "$here/parcels" "$here/out.h5" ;;
    pickle)
        damaged "$work/norm.pkl" "$here/norm.pkl"
        command pack pixelset "$work/parcels" "$here/out.h5" --norm "$here/norm.pkl"
        nothing "$here/out.h5"
        ;;
    images) in_folder patches DATA_S2/S2_10000.npy pack pastis "$here/patches" "$here/out.h5" ;;
    metadata) in_folder patches metadata.geojson pack pastis "$here/patches" "$here/out.h5" ;;
    means) in_folder patches NORM_S2_patch.json pack pastis "$here/patches" "$here/out.h5" ;;
    instances | heat | zones)
        case $kind in instances) file=INSTANCES ;; heat) file=HEATMAP ;; zones) file=ZONES ;; esac
        in_folder own "INSTANCE_ANNOTATIONS/${file}_10000.npy" pack pastis "$here/own" "$here/out.h5"
        ;;
    parcels) in_folder patches ANNOTATIONS/ParcelIDs_10000.npy instances "$here/patches" ;;
    config)
        damaged "$work/run.json" "$here/run.json"
        command eval "$here/run.json" --weights "$work/run"
        ;;
    pack)
        damaged "$work/p.h5" "$here/p.h5"
        command predict "$work/run.json" --set "data.pack=$here/p.h5" --weights "$work/run" --out "$here/maps"
        nothing "$here/maps/predictions.csv" "$here/maps/predictions.json"
        ;;
    image_pack)
        damaged "$work/i.h5" "$here/i.h5"
        command predict "$work/dense.json" --set "data.pack=$here/i.h5" --weights "$work/dense" --out "$here/maps"
        nothing "$here/maps/predictions.json"
        ;;
    weights)
        damaged "$work/run/Fold_1/model.h5" "$here/model.h5"
        command predict "$work/run.json" --weights "$here/model.h5" --out "$here/maps"
        nothing "$here/maps/predictions.csv" "$here/maps/predictions.json"
        ;;
    resumed)
        cp -r "$work/run" "$here/run"
        damaged "$work/run/Fold_1/last.h5" "$here/run/Fold_1/last.h5"
        command train "$work/run.json" --set "train.res_dir=$here/run" --resume
        nothing
        ;;
    run) # one of its files after the other
        set -- conf.json overall.json Fold_1/trainlog.json Fold_1/test_metrics.json Fold_1/timing.json Fold_1/conf_mat.npy
        shift $((number % $#))
        in_folder dense "$1" report "$here/dense" --out "$here/out.h5"
        ;;
    reference)
        damaged "$work/reference$((number % 2)).h5" "$here/reference.h5"
        command verify "$here/reference.h5"
        ;;
    zip)
        set -- views trained
        shift $((number % 2))
        converted "$1.pth.tar" import out.h5
        ;;
    stream) converted trained.pth import out.h5 ;;
    safetensors) converted trained.safetensors import out.h5 ;;
    export) converted trained.h5 export out.safetensors ;;
    shown)
        set -- views.pth.tar trained.pth trained.safetensors trained.h5
        shift $((number % 4))
        damaged "$work/$1" "$here/$1"
        command weights show "$here/$1"
        ;;
    image)
        mkdir "$here/scenes"
        cp "$work"/land/SCENES/20171127.tif "$here/scenes"
        damaged "$work/land/SCENES/20170101.tif" "$here/scenes/20170101.tif"
        cut_out "$here/scenes" "$work/land/parcels.geojson"
        ;;
    geojson | geopackage)
        case $kind in geojson) file=land/parcels.geojson ;; geopackage) file=labelled/parcels.gpkg ;; esac
        damaged "$work/$file" "$here/$(basename $file)"
        cut_out "$work/land/SCENES" "$here/$(basename $file)"
        ;;
    scenes)
        cp -r "$work/land/SCENES" "$here/scenes"
        set -- 20170101 20170101_SCL
        shift $((number % 2))
        damaged "$work/land/SCENES/$1.tif" "$here/scenes/$1.tif"
        command predict "$work/dense.json" --set data.ref_date=2017-01-01 --weights "$work/dense" --scenes "$here/scenes" \
            --out "$here/map"
        nothing "$here/map/classes.tif" "$here/map/confidence.tif"
        ;;
    found) # the same of tiles that hold parcels
        cp -r "$work/found" "$here/found"
        rm "$here"/found/*.tif "$here/found/parcels.gpkg"
        set -- tiles.json tiles/0_0.npy tiles/0_0_parcels.npy
        shift $((number % 3))
        damaged "$work/found/$1" "$here/found/$1"
        command merge "$here/found"
        nothing "$here/found/classes.tif" "$here/found/instances.tif" "$here/found/parcels.gpkg"
        ;;
    tiles)
        cp -r "$work/map" "$here/map"
        rm "$here"/map/*.tif
        set -- tiles.json tiles/0_0.npy
        shift $((number % 2))
        damaged "$work/map/$1" "$here/map/$1"
        command merge "$here/map"
        nothing "$here/map/classes.tif" "$here/map/confidence.tif"
        ;;
    esac
    rm -rf "$here"
    times >>"$work/$kind.times"
}

if [ "${1:-}" = try ]; then
    kind=$2 number=$3
    one
    exit 0
fi

# ---- what is whole

shared=${FURROW_SHARED:-../shared} count=${DAMAGED:-1000}
train='"epochs": 1, "batch_size": 4, "fold": 1'
cat >"$work/run.json" <<END
{"data": {"pack": "$work/p.h5", "npixel": 4},
 "model": {"arch": "psetae", "with_extra": false, "mlp1": [2, 8, 16], "n_head": 2, "d_k": 4, "mlp2": [32, 16],
           "mlp3": [32, 16], "mlp4": [16, 3]},
 "train": {$train, "kfold": 3, "res_dir": "$work/run"}}
END
cat >"$work/dense.json" <<END
{"data": {"pack": "$work/i.h5"},
 "model": {"arch": "utae", "encoder_widths": [8, 8], "decoder_widths": [8, 8], "out_conv": [8, 4], "n_head": 2, "d_model": 8},
 "train": {$train, "res_dir": "$work/dense"}}
END
{
    "$furrow" synth pixelset "$work/parcels" --parcels 12 --classes 3 --dates 4 --bands 2 --least-pixels 2 --most-pixels 5
    "$furrow" pack pixelset "$work/parcels" "$work/p.h5"
    "$furrow" synth pastis "$work/patches" --patches 5 --size 16 --dates 2-3 --bands 2 --classes 4
    "$furrow" pack pastis "$work/patches" "$work/i.h5" --compress
    cp -r "$work/patches" "$work/own"
    "$furrow" instances "$work/own"
    "$furrow" train "$work/run.json" && "$furrow" train "$work/dense.json"
    sed "s#\"d_model\": 8#&, \"head\": {\"arch\": \"paps\", \"shape_size\": 8, \"mask_threshold\": 0.2, \"min_remain\": 0}#
         s#$work/dense#$work/paps#; s#\"epochs\": 1#&, \"warmup\": 0, \"lr\": 0.003#" "$work/dense.json" >"$work/paps.json"
    "$furrow" train "$work/paps.json"
} >"$work/log" 2>&1
[ -s "$work/dense/Fold_1/model.h5" ] || { cat "$work/log" && exit 1; }
# (0.5, 0.25): a pickle of protocol 2, reals as big-endian doubles
printf '\200\002G\077\340\000\000\000\000\000\000G\077\320\000\000\000\000\000\000\206q\001.' >"$work/norm.pkl"
"$furrow" pack pixelset "$work/parcels" "$work/n.h5" --norm "$work/norm.pkl" >"$work/log" 2>&1 || { cat "$work/log" && exit 1; }
{
    "$tools/torch_files" "$work"
    "$furrow" weights import "$work/trained.pth.tar" "$work/trained.h5"
    "$furrow" weights export "$work/trained.h5" "$work/trained.safetensors"
} >"$work/log" 2>&1
[ -s "$work/trained.safetensors" ] || { cat "$work/log" && exit 1; }
if [ -r "$shared/goldens/ltae.h5" ]; then
    cp "$shared/goldens/ltae.h5" "$work/reference0.h5"
    cp "$shared/goldens/panoptic_metrics.h5" "$work/reference1.h5"
else
    skip "$shared/goldens is not there (FURROW_SHARED): damaged reference results"
fi
land="image geojson geopackage scenes tiles found"
if "$furrow" synth scenes "$work/land" --size 40 --scenes 2 --bands 2 --parcels 8 --classes 2 >"$work/log" 2>&1; then
    {
        "$furrow" predict "$work/dense.json" --set data.ref_date=2017-01-01 --weights "$work/dense" \
            --scenes "$work/land/SCENES" --out "$work/map"
        "$furrow" predict "$work/paps.json" --set data.ref_date=2017-01-01 --weights "$work/paps" \
            --scenes "$work/land/SCENES" --out "$work/found"
        "$furrow" predict "$work/run.json" --set data.ref_date=2017-01-01 --weights "$work/run" \
            --scenes "$work/land/SCENES" --parcels "$work/land/parcels.geojson" --out "$work/labelled"
    } >"$work/log" 2>&1
    [ -s "$work/map/classes.tif" ] && [ -s "$work/labelled/parcels.gpkg" ] && [ -s "$work/found/parcels.gpkg" ] ||
        { cat "$work/log" && exit 1; }
elif grep -q libgdal-dev "$work/log"; then
    land=""
    skip "built without GDAL: damaged images, polygons and tiles"
else
    cat "$work/log" && exit 1
fi

# ---- all kinds

for kind in ${KINDS:-pixels labels dates features pickle images metadata means instances heat zones parcels config pack image_pack weights resumed run reference zip stream safetensors export shown $land}; do
    [ "$kind" = reference ] && [ ! -e "$work/reference0.h5" ] && continue
    started=$(date +%s)
    seq "$count" | xargs -P "$(nproc)" -n 1 sh "$0" try "$kind"
    fine=$(cat "$work/$kind.fine" 2>/dev/null | wc -l)
    verdict=passed
    [ -e "$work/$kind.wrong" ] && verdict=failed
    slowest=$(tr 'ms' '  ' <"$work/$kind.times" | awk 'NR % 2 == 0 && 60 * ($1 + $3) + $2 + $4 > most {
        most = 60 * ($1 + $3) + $2 + $4 } END { printf "%.1f", most }')
    echo "$kind: $count damaged, $fine read all the same, $((count - fine)) refused in $(($(date +%s) - started)) s," \
        "at most $slowest s of processor each: $verdict"
    if [ $verdict = passed ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        head -n 20 "$work/$kind.wrong"
    fi
done
finish
