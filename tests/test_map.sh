#!/bin/sh
# A map of whole images, from images and polygons on: patches, training, tiles. Tiles without margins are what predict says
# of the same patches; two shards at once, one of them killed and started again, give the bytes of a single run. Then the
# same of a network that finds parcels.
. "$(dirname "$0")/shell.sh"

if ! "$furrow" synth scenes "$work/land" --size 140 --scenes 3 --bands 4 --parcels 60 --classes 4 2>"$work/err" >"$work/out"; then
    grep -q "libgdal-dev" "$work/err" && skip "built without GDAL" && finish
fi
scenes=$work/land/SCENES
cat >"$work/run.json" <<EOF
{"data": {"pack": "$work/p.h5", "ref_date": "2017-01-01"},
 "model": {"arch": "utae", "encoder_widths": [8, 8], "decoder_widths": [8, 8], "out_conv": [8, 6], "n_head": 2,
  "d_model": 8, "d_k": 4},
 "train": {"res_dir": "$work/results", "epochs": 1, "batch_size": 4, "fold": 1}}
EOF
check "patches" run 0 pack geotiff "$scenes" "$work/land/parcels.geojson" "$work/patches" --as pastis --size 16 \
    --label CODE_CULTU
check "pack" run 0 pack pastis "$work/patches" "$work/p.h5"
check "train" run 0 train "$work/run.json"
config=run weights=results
predict() { # CODE OUT OPTIONS...
    code=$1 out=$2
    shift 2
    run "$code" predict "$work/$config.json" --weights "$work/$weights" --scenes "$scenes" --out "$out" "$@"
}

# ---- the same as of patches
check "a map without margins" predict 0 "$work/same" --margin 0
check "says what is of which class" grep -q "Background" "$work/out"
check "patches one by one" run 0 predict "$work/run.json" --weights "$work/results" --out "$work/one"
# The array behind the .npy's 128 bytes of header; a tile holds classes, then percents.
same_patch() {
    tail -c +129 "$work/one/$1_classes.npy" >"$work/a"
    tail -c +129 "$work/same/tiles/$2.npy" | head -c 256 >"$work/b"
    [ "$(wc -c <"$work/a")" -eq 256 ] && cmp -s "$work/a" "$work/b"
}
check "the first patch" same_patch 1 0_0
check "the last of the first row" same_patch 8 0_7
check "one in the middle" same_patch 29 3_4

# ---- shards
check "a map" predict 0 "$work/whole"
same_by_shards() { # WHOLE OUT MISSING... : two at once, one of them killed; the first tile that must be missing is 0_1
    whole=$1 out=$2
    shift 2
    predict 0 "$out" --shard 1/2 &
    first=$!
    "$furrow" predict "$work/$config.json" --weights "$work/$weights" --scenes "$scenes" --out "$out" --shard 2/2 \
        >/dev/null 2>&1 </dev/null &
    second=$!
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        [ "$(find "$out/tiles" -name '*[13579].npy' 2>/dev/null | wc -l)" -gt 0 ] && break
        sleep 0.2
    done
    kill -9 $second
    wait $second 2>/dev/null
    check "one shard while another is killed" wait $first
    rm -f "$out/tiles/0_1.npy"
    printf 'half of a tile' >"$out/tiles/0_3.npy"
    check "no map of a part" run 1 merge "$out"
    check "says what is missing" grep -q "tiles are missing or damaged: 0_1, 0_3" "$work/err"
    check "the killed shard again" predict 0 "$out" --shard 2/2
    check "the first shard again" predict 0 "$out" --shard 1/2
    check "which keeps its tiles" grep -q "^0 of" "$work/out"
    check "merge" run 0 merge "$out" --json
    for file in "$@" classes.tif confidence.tif classes.qml confidence.qml classes.tif.aux.xml tiles.json; do
        check "the same $file" cmp -s "$whole/$file" "$out/$file"
    done
}
same_by_shards "$work/whole" "$work/shards"

# ---- refusals
check "another map's folder" predict 1 "$work/whole" --margin 1
check "says so" grep -q "is of other images, weights or tiles" "$work/err"
check "no shard" predict 2 "$work/other" --shard 3/2
check "a tile that the strides do not divide" predict 2 "$work/other" --tile 17
check "other bands" predict 2 "$work/other" --bands 1,2
check "says which" grep -q "the images have 2 bands, the network 4" "$work/err"
check "polygons for such a network" predict 1 "$work/other" --parcels "$work/land/parcels.geojson"
check "outlines of no parcels" predict 2 "$work/other" --tolerance 1

# ---- a network that finds parcels
sed "s#\"n_head\": 2#&, \"head\": {\"arch\": \"paps\", \"shape_size\": 8, \"mask_threshold\": 0.2, \"min_remain\": 0}#; s#\"epochs\"#\"warmup\": 0, \"epochs\"#; s#$work/results#$work/found#" \
    "$work/run.json" >"$work/paps.json"
config=paps weights=found
check "train a head" run 0 train "$work/paps.json" --set train.lr=0.003
check "no parcels of tiles that share nothing" predict 2 "$work/parcels" --tile 32 --margin 0
check "says why" grep -q "parcels are joined by what two tiles share" "$work/err"
check "parcels" predict 0 "$work/parcels"
check "says how many" grep -q "parcels, joined across tiles" "$work/out"
same_by_shards "$work/parcels" "$work/parts" parcels.gpkg parcels.qml instances.tif
check "simplified" run 0 merge "$work/parts" --tolerance 1
check "has changed" sh -c "! cmp -s '$work/parcels/parcels.gpkg' '$work/parts/parcels.gpkg'"
check "a part's outlines" predict 2 "$work/parts" --shard 1/2 --tolerance 1
finish
