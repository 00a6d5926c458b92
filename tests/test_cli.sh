#!/bin/sh
# The command line as a user meets it: help, refusals, exit codes, JSON, and one small run from folder to predictions.
. "$(dirname "$0")/shell.sh"
export FURROW_CACHE_DIR="$work/cache" # its own: a test beside this one may choose another form for a run that is repeated

silent() { [ ! -s "$work/out" ]; }
# one JSON document and nothing else, as far as a shell can tell
document() { [ "$(head -c 1 "$work/out")" = "{" ] && [ "$(tail -n 1 "$work/out")" = "}" ]; }
same() { cmp -s "$1" "$2"; }

# ---- help and refusals
check "help" run 0 --help
check "help names the commands" printed "predict"
check "version" run 0 --version
check "no command" run 2
for command in devices pack info synth instances train eval predict weights merge leaderboard report verify bench; do
    check "$command --help" run 0 $command --help
    check "$command --help says how" printed "usage: furrow $command"
    check "help $command" run 0 help $command
done
check "unknown command" run 2 trian
check "unknown command: the nearest" said "did you mean train"
check "unknown option" run 2 train --resmue x.json
check "unknown option: the nearest" said "did you mean --resume"
check "missing argument" run 2 train
check "too many arguments" run 2 info a b
check "number out of range" run 2 train x.json --fold 0
check "set without a value" run 2 train x.json --set epochs
check "eval without weights" run 2 eval x.json
check "predict without out" run 2 predict x.json --weights w
check "polygons without images" run 2 predict x.json --weights w --out o --parcels p
check "says so" said "parcels means nothing without --scenes"
check "shards of polygons" run 2 predict x.json --weights w --out o --scenes s --parcels p --shard 1/2
check "no such configuration" run 1 train "$work/none.json"
check "no such device" run 3 devices --device "no such device"
check "no such file" run 1 info "$work/none.h5"
check "a failure under --json" run 1 info "$work/none.h5" --json
check "is a document" document
check "with the error" printed '"error"'

# ---- configurations
echo '{"data": {"pack": "x.h5", "npixle": 3}, "model": {"arch": "psetae"}}' >"$work/wrong.json"
check "unknown key" run 2 train "$work/wrong.json"
check "unknown key: file, path, nearest" said 'wrong.json.*data.*npixle.*npixel'
check "nothing printed" silent
echo '{"data": {"pack": "x.h5", "pack": "y.h5"}}' >"$work/wrong.json"
check "a key twice" run 2 train "$work/wrong.json"
check "says so" said 'wrong.json.*"pack" stands twice'

# ---- a run
check "synth" run 0 synth pixelset "$work/parcels" --parcels 120 --classes 3 --dates 12 --json
check "synth --json" document
check "pack" run 0 pack pixelset "$work/parcels" "$work/p.h5"
check "synth of patches" run 0 synth pastis "$work/patches" --patches 6 --size 16 --dates 4-6 --json
check "synth of patches --json" document
check "instances" run 0 instances "$work/patches" --json
check "instances --json" document
check "instances of all patches" printed '"made":.*6'
check "heat maps" grep -aq "'<f8'.*(16, 16" "$work/patches/INSTANCE_ANNOTATIONS/HEATMAP_10005.npy"
check "instances again" run 0 instances "$work/patches"
check "which are there" printed "that had all files: 6"
check "instances without a list" run 2 instances "$work/patches" --without x
check "instances of nothing" run 1 instances "$work/none"
check "pack of patches" run 0 pack pastis "$work/patches" "$work/patches.h5" --folds 1,2
check "info of a pack of patches" run 0 info "$work/patches.h5"
check "info of a pack of patches: classes" printed "label 0, name Background"
check "info of a pack of patches: instances are there" printed "taken_as_made *[1-9]"
check "pack says that heat maps are taken" run 0 pack pastis "$work/patches" "$work/again.h5"
check "says so" printed "heat maps: 0 made when read, 6 taken: as made, 0 taken: their own"
check "wrong dates" run 2 synth pastis "$work/other" --dates 6-4
check "wrong folds" run 2 pack pastis "$work/patches" "$work/other.h5" --folds 7
check "unknown kind" run 2 pack landsat "$work/patches" "$work/other.h5"
check "unknown kind: which there are" said "furrow pack pastis"
check "pack into a folder" run 1 pack pixelset "$work/parcels" "$work/parcels"
check "says so" said "is a folder"
if "$furrow" synth scenes "$work/country" --size 64 --parcels 20 --scenes 3 --json >"$work/out" 2>"$work/err"; then
    check "synth of scenes --json" document
    check "synth of scenes again" run 1 synth scenes "$work/country"
    check "pack of scenes" run 0 pack geotiff "$work/country/SCENES" "$work/country/parcels.geojson" \
        "$work/country.h5" --label CODE_GROUP,CODE_CULTU --json
    check "pack of scenes --json" document
    check "says what hides the ground" said "SCL"
    check "all parcels" printed '"parcels":.*20'
    check "info of it" run 0 info "$work/country.h5"
    check "texts within lists have quotes" printed 'name CODE_CULTU, labels {"[^"]*":[0-9]'
    check "as a folder" run 0 pack geotiff "$work/country/SCENES" "$work/country/parcels.geojson" "$work/country/sets" \
        --as folder --bands 3,2,1 --mask none --buffer 10 --least-pixels 4
    check "which packs" run 0 pack pixelset "$work/country/sets" "$work/sets.h5"
    check "unknown form" run 2 pack geotiff "$work/country/SCENES" x "$work/other.h5" --as pixels
    check "folds of parcels" run 2 pack geotiff "$work/country/SCENES" x "$work/other.h5" --folds 3
    check "says so" said "folds means nothing with --as pixelset"
    check "unknown field" run 2 pack geotiff "$work/country/SCENES" "$work/country/parcels.geojson" "$work/other.h5" \
        --label CODE
    check "which there are" said "it has: ID_PARCEL, CODE_GROUP, CODE_CULTU"
    check "the same normalisation" run 0 pack geotiff "$work/country/SCENES" "$work/country/parcels.geojson" \
        "$work/normed.h5" --norm "$work/country.h5"
    check "no images" run 1 pack geotiff "$work/parcels/DATA" "$work/country/parcels.geojson" "$work/other.h5"
else
    check "without GDAL: says what is missing" said "libgdal-dev"
fi
check "info" run 0 info "$work/p.h5" --json
check "info --json" document
check "info counts the parcels" printed '"parcels":.*120'
check "info tells the dates" printed '"first":.*"2017-01-01"'
cat >"$work/run.json" <<EOF
{"data": {"pack": "$work/p.h5", "npixel": 16}, "model": {"arch": "psetae", "mlp1": [10, 16, 32], "n_head": 2, "d_k": 8,
 "mlp2": [64, 32], "mlp3": [64, 32], "mlp4": [32, 3]},
 "train": {"res_dir": "$work/run", "epochs": 2, "batch_size": 32, "kfold": 3}, "data_": 0}
EOF
check "key of no section" run 2 train "$work/run.json"
sed -i 's/, "data_": 0//' "$work/run.json"
sed -i 's/"mlp2": .64, 32./"with_extra": false, &/' "$work/run.json"
check "a model for other data" run 2 train "$work/run.json" \
    --set 'model.mlp1=[4,16,32]' model.input_dim=4 'model.mlp4=[32,9]'
check "names the bands" said "is for 4 bands, the data have 10"
check "and the classes" said "is for 9 classes"
check "train" run 0 train "$work/run.json" --json
check "train --json" document
for file in conf.json overall.json forms.json Fold_1/trainlog.json Fold_1/test_metrics.json Fold_2/model.h5 \
    Fold_2/last.h5 Fold_3/conf_mat.npy Fold_3/timing.json; do
    check "run folder has $file" test -s "$work/run/$file"
done
check "published keys" grep -q '"val_IoU"' "$work/run/Fold_1/trainlog.json"
check "eval of the folds" run 0 eval "$work/run.json" --weights "$work/run" --json
check "eval --json" document
check "eval has the matrix" printed '"confusion_matrix"'
check "eval of one" run 0 eval "$work/run.json" --weights "$work/run/Fold_2/model.h5"
check "eval of all parcels" run 0 eval "$work/run.json" --weights "$work/run" --set eval.subset=all
check "predict" run 0 predict "$work/run.json" --weights "$work/run" --out "$work/predicted"
check "a line a parcel" [ "$(wc -l <"$work/predicted/predictions.csv")" -eq 121 ]
check "header" grep -q '^id,label,class,p_' "$work/predicted/predictions.csv"
check "predict --attention" run 0 predict "$work/run.json" --weights "$work/run" --out "$work/weighed" --attention
check "the same classes" same "$work/predicted/predictions.csv" "$work/weighed/predictions.csv"
check "a line a date of each parcel" grep -q '^1,[0-9-]*,[0-9.e-]*,[0-9.e-]*,[0-9.e-]*$' "$work/weighed/attention.csv"
check "which sum to 1" awk -F, 'NR > 1 { all[$1] += $3; one[$1] += $4 }
    END { for (p in all) if (all[p] < 0.9999 || all[p] > 1.0001 || one[p] < 0.9999 || one[p] > 1.0001) exit 1
          exit length(all) != 120 }' "$work/weighed/attention.csv"
check "a picture of them" grep -q '<title>20..-..-..: ' "$work/weighed/attention.svg"
if [ -e "$work/country.h5" ]; then
    of_country="data.pack=$work/country.h5 data.nomenclature=CODE_CULTU model.mlp4=[32,8] train.res_dir=$work/country-run"
    # shellcheck disable=SC2086
    check "train on cut out parcels" run 0 train "$work/run.json" --fold 1 --set $of_country train.epochs=1
    # shellcheck disable=SC2086
    check "label polygons" run 0 predict "$work/run.json" --weights "$work/country-run" --out "$work/labelled" \
        --scenes "$work/country/SCENES" --parcels "$work/country/parcels.geojson" --set $of_country --json
    check "label polygons --json" document
    check "all of them" printed '"written":.*20'
    check "into a GeoPackage" grep -q "SQLite format 3" "$work/labelled/parcels.gpkg"
    check "with names of crops" grep -aq "crop:name" "$work/labelled/parcels.gpkg"
    check "scenes without polygons" run 2 predict "$work/run.json" --weights "$work/country-run" --out "$work/labelled" \
        --scenes "$work/country/SCENES"
fi
check "info of a checkpoint" run 0 info "$work/run/Fold_1/model.h5" --json
check "which holds the network" printed '"arch"'
check "weights of another network" run 1 predict "$work/run.json" --weights "$work/run" --out "$work/p2" \
    --set 'model.mlp4=[32,8,3]'
check "says which" said "decoder"
check "another architecture" run 2 predict "$work/run.json" --weights "$work/run" --out "$work/p2" \
    --set model.arch=pseltae
check "says both" said 'pseltae.*psetae'
check "wrote nothing" test ! -e "$work/p2/predictions.csv"

cat >"$work/blocks.json" <<EOF
{"data": {"pack": "$work/p.h5", "npixel": 1}, "model": {"spatial": null, "temporal": "gru", "hidden_dim": 16},
 "train": {"res_dir": "$work/blocks", "epochs": 1, "batch_size": 32, "kfold": 3, "fold": 1}}
EOF
check "a GRU on series of vectors" run 0 train "$work/blocks.json"
check "and its predictions" run 0 predict "$work/blocks.json" --weights "$work/blocks" --out "$work/blocks-predicted"
sed -i 's/"gru", "hidden_dim": 16/"tempcnn", "nker": [8, 8]/; s/.spatial.: null, //; s#/blocks"#/blocks2"#' "$work/blocks.json"
check "pixel sets and convolutions over dates" run 0 train "$work/blocks.json" --set data.npixel=8
sed -i 's/"temporal"/"spatial": null, &/' "$work/blocks.json"
check "vectors of many pixels" run 1 train "$work/blocks.json" --set data.npixel=4 train.res_dir="$work/blocks3"
check "says which key" said "data.npixel"

# ---- weights out and in; a folder as it is published, of which conf.json may be absent
check "weights of no kind" run 2 weights
check "weights export" run 0 weights export "$work/run/Fold_1/model.h5" "$work/w.safetensors" --json
check "weights export --json" document
check "weights export --stac" run 0 weights export "$work/run/Fold_1/model.h5" "$work/w.safetensors" --stac "$work/w.json" \
    --config "$work/run.json"
check "a STAC item" grep -q '"mlm:architecture":.*"PSE+TAE"' "$work/w.json"
check "with the file's hash" grep -q "\"1220$(sha256sum "$work/w.safetensors" | cut -c 1-64)\"" "$work/w.json"
check "and its normalisation" grep -q '"z-score"' "$work/w.json"
check "bands that are not the network's" run 2 weights export "$work/run/Fold_1/model.h5" "$work/w.safetensors" \
    --stac "$work/other.json" --config "$work/run.json" --bands B02,B03
check "says how many" said "\-\-bands names 2 bands"
check "writes nothing" test ! -e "$work/other.json"
check "an item without a configuration" run 2 weights export "$work/run/Fold_1/model.h5" "$work/w.safetensors" --stac x.json
check "weights import" run 0 weights import "$work/w.safetensors" "$work/w.h5"
check "says from what" printed "from safetensors"
check "weights show" run 0 weights show "$work/w.h5"
check "names, types, shapes" printed "decoder.0.bias  *float32  *3 "
check "weights show --config" run 0 weights show "$work/w.safetensors" --config "$work/run.json"
check "all is there" printed "all that the configuration's psetae wants"
check "weights show --json" run 0 weights show "$work/w.safetensors" --config "$work/run.json" --json
check "is a document" document
mkdir -p "$work/published/Fold_1" "$work/published/Fold_2" "$work/published/Fold_3"
for fold in 1 2 3; do
    "$furrow" weights export "$work/run/Fold_$fold/model.h5" "$work/published/Fold_$fold/model.safetensors" >/dev/null 2>&1
done
check "predict by a published folder" run 0 predict "$work/run.json" --weights "$work/published" --out "$work/by_folder"
check "its folds are averaged" said "mean of 3 folds"
check "as by the run" same "$work/predicted/predictions.csv" "$work/by_folder/predictions.csv"
cp "$work/w.safetensors" "$work/no_name_tells.h5"
check "the format by its bytes" run 0 predict "$work/run.json" --weights "$work/no_name_tells.h5" --out "$work/by_bytes"
check "eval by a published folder" run 0 eval "$work/run.json" --weights "$work/published"
check "eval of one file needs its fold" run 2 eval "$work/run.json" --weights "$work/w.safetensors"
check "says so" said "wanted --fold K"
check "eval with it" run 0 eval "$work/run.json" --weights "$work/w.safetensors" --fold 1
check "train from them" run 0 train "$work/run.json" --weights "$work/w.safetensors" --fold 1 \
    --set "train.res_dir=$work/from_weights" train.epochs=1
check "info of safetensors" run 0 info "$work/w.safetensors" --json
check "info names the format" printed '"format":.*"safetensors"'
cat >"$work/published/conf.json" <<EOF
{"npixel": 16, "res_dir": "x", "mlp1": "[10,16,32]", "mlp2": "[64,32]", "n_head": 2, "d_k": 8, "mlp3": "[64,32]",
 "mlp4": "[32,3]", "lms": 12, "geomfeat": 0, "num_classes": 3, "positions": "bespoke", "display_step": 50}
EOF
cat >"$work/open.json" <<EOF
{"data": {"pack": "$work/p.h5", "npixel": 16}, "model": {"arch": "psetae"}, "train": {"kfold": 3}}
EOF
check "what conf.json says of the model" run 0 predict "$work/open.json" --weights "$work/published" \
    --out "$work/by_conf"
check "gives the same" same "$work/predicted/predictions.csv" "$work/by_conf/predictions.csv"
check "its keys are listed" said "without a meaning here: display_step"
check "another network than conf.json's" run 2 predict "$work/open.json" --weights "$work/published" \
    --out "$work/by_conf" --set model.arch=pseltae
check "says both" said "holds a psetae"
check "without conf.json the configuration says it" rm "$work/published/conf.json"
check "and what it leaves open does not fit" run 1 predict "$work/open.json" --weights "$work/published" \
    --out "$work/by_conf" --set model.with_extra=false
head -c 600 /dev/zero >"$work/x.pth.tar"
printf 'ustar' | dd of="$work/x.pth.tar" bs=1 seek=257 conv=notrunc 2>/dev/null
check "a genuine tar" run 1 weights import "$work/x.pth.tar" "$work/tar.h5"
check "says so" said "is a tar archive"
check "leaves nothing" test ! -e "$work/tar.h5"
head -c 100 "$work/w.safetensors" >"$work/cut.safetensors"
check "a file cut off" run 1 weights show "$work/cut.safetensors"
shared=${FURROW_SHARED:-../shared}
if [ -r "$shared/goldens/psetae_zip.pth.tar" ]; then
    for file in psetae_zip psetae_legacy ltae_zip ltae_legacy; do
        check "import $file" run 0 weights import "$shared/goldens/$file.pth.tar" "$work/$file.h5"
        check "with its optimiser" printed "epoch 7, Adam after 2 steps"
    done
    check "show a published file" run 0 weights show "$shared/goldens/ltae_zip.pth.tar" --config "$work/run.json"
    check "misses" printed "nearest"
else
    echo "skipped: $shared/goldens is not there (FURROW_SHARED)"
fi

# ---- a run on images
check "patches of all folds" run 0 synth pastis "$work/images" --patches 5 --size 16 --dates 3-5 --classes 5
check "packed" run 0 pack pastis "$work/images" "$work/images.h5"
check "info" run 0 info "$work/images.h5" --json
check "info counts the patches" printed '"patches":.*5'
cat >"$work/dense.json" <<EOF
{"data": {"pack": "$work/images.h5"}, "model": {"arch": "utae", "encoder_widths": [8, 8], "decoder_widths": [8, 8],
 "out_conv": [8, 5], "n_head": 2, "d_model": 8},
 "train": {"res_dir": "$work/dense", "epochs": 1, "batch_size": 2, "fold": 1}}
EOF
check "plan" run 0 train "$work/dense.json" --plan
check "plan of patches" printed "training step of 2 patches of 5 dates"
check "plan --json" run 0 train "$work/dense.json" --plan --json
check "plan is a document" document
check "with its peak" printed '"peak_bytes"'
check "plan trains nothing" test ! -e "$work/dense"
check "train" run 0 train "$work/dense.json"
check "mIoU in percent" printed "mIoU [0-9.]* %"
for file in conf.json overall.json forms.json Fold_1/trainlog.json Fold_1/test_metrics.json Fold_1/model.h5 \
    Fold_1/last.h5 Fold_1/conf_mat.npy; do
    check "run folder of images has $file" test -s "$work/dense/$file"
done
check "eval" run 0 eval "$work/dense.json" --weights "$work/dense" --json
check "eval --json" document
check "says what the samples are" printed '"samples_are":.*"patches"'
check "and what is counted" printed '"counted":.*"pixels"'
check "eval as a table" run 0 eval "$work/dense.json" --weights "$work/dense" --set eval.subset=all
check "counts pixels" printed "^[0-9]* pixels: accuracy [0-9.]* %, mIoU [0-9.]* %"
check "of patches" printed "^5 patches, accuracy"
check "predict" run 0 predict "$work/dense.json" --weights "$work/dense" --out "$work/maps"
check "names the files" printed "ID_classes.npy, ID_scores.npy and ID.png in $work/maps; $work/maps/predictions.json"
for file in predictions.json 10000_classes.npy 10000_scores.npy 10000.png 10004.png; do
    check "maps have $file" test -s "$work/maps/$file"
done
check "classes of 16 x 16 pixels" grep -aq "'|u1'.*(16, 16" "$work/maps/10000_classes.npy"
check "scores of 5 classes" grep -aq "'<f4'.*(5, 16, 16" "$work/maps/10000_scores.npy"
check "predict --json" run 0 predict "$work/dense.json" --weights "$work/dense/Fold_1/model.h5" --out "$work/maps2" --json
check "is a document" document
check "the same map" same "$work/maps/10003_classes.npy" "$work/maps2/10003_classes.npy"
check "predict --attention" run 0 predict "$work/dense.json" --weights "$work/dense" --out "$work/maps3" --attention
check "the same map" same "$work/maps/10003_classes.npy" "$work/maps3/10003_classes.npy"
for file in attention.json attention.svg 10000_attention.npy 10004_attention.svg; do
    check "attention has $file" test -s "$work/maps3/$file"
done
check "2 heads at 8 x 8 pixels" grep -aq "'<f4'.*(2, [345], 8, 8" "$work/maps3/10000_attention.npy"
if [ -e "$work/country.h5" ]; then
    of_country="data.pack=$work/country.h5 data.nomenclature=CODE_CULTU model.mlp4=[32,8] train.res_dir=$work/country-run"
    # shellcheck disable=SC2086
    check "train on cut out parcels" run 0 train "$work/run.json" --fold 1 --set $of_country train.epochs=1
    # shellcheck disable=SC2086
    check "label polygons" run 0 predict "$work/run.json" --weights "$work/country-run" --out "$work/labelled" \
        --scenes "$work/country/SCENES" --parcels "$work/country/parcels.geojson" --set $of_country --json
    check "label polygons --json" document
    check "all of them" printed '"written":.*20'
    check "into a GeoPackage" grep -q "SQLite format 3" "$work/labelled/parcels.gpkg"
    check "with names of crops" grep -aq "crop:name" "$work/labelled/parcels.gpkg"
    check "scenes without polygons" run 2 predict "$work/run.json" --weights "$work/country-run" --out "$work/labelled" \
        --scenes "$work/country/SCENES"
fi
check "info of a checkpoint" run 0 info "$work/dense/Fold_1/model.h5"
check "names the network" printed "arch *utae"
check "widths that heads do not divide" run 2 train "$work/dense.json" --set model.n_head=3
check "says which" said "encoder_widths holds 8, wanted a multiple of n_head (3)"
check "a key of parcels" run 2 train "$work/dense.json" --set data.npixel=64
check "says it is none of images" said "data.*npixel"
check "too few classes" run 2 train "$work/dense.json" --set 'model.out_conv=[8,4]'
check "says how many" said "out_conv is for 4 classes, the data have 5"
check "outputs without a class" run 0 train "$work/dense.json" --set 'model.out_conv=[8,7]' train.res_dir="$work/wide"
check "eval of them" run 0 eval "$work/dense.json" --weights "$work/wide" --set 'model.out_conv=[8,7]'
check "pack of four folds" run 0 pack pastis "$work/images" "$work/four.h5" --folds 1,2,3,4
check "a fold missing" run 1 train "$work/dense.json" --set train.fold=null data.pack="$work/four.h5" \
    train.res_dir="$work/four"
check "says which" said "fold 2 of 5: no patches for validation"
check "before it trains others" test ! -e "$work/four/Fold_1"
check "too many strides" run 2 train "$work/dense.json" \
    --set 'model.encoder_widths=[8,8,8,8,8,8]' 'model.decoder_widths=[8,8,8,8,8,8]'
check "parcels are no images" run 1 train "$work/dense.json" --set "data.pack=$work/p.h5"
check "a limit that is too small" run 1 train "$work/dense.json" --set memory_limit=1000
check "says so" said "memory_limit"
check "other kind of weights" run 2 predict "$work/dense.json" --weights "$work/run" --out "$work/maps4"

# ---- a run that finds parcels in the images
sed "s#\"n_head\": 2#&, \"head\": {\"arch\": \"paps\", \"shape_size\": 8}#; s#$work/dense#$work/paps#; s#\"epochs\": 1#\"epochs\": 2, \"warmup\": 0#" "$work/dense.json" \
    >"$work/paps.json"
check "a head without warm-up" run 0 train "$work/paps.json" --set train.lr=0.003
for file in Fold_1/trainlog.json Fold_1/test_metrics.json Fold_1/model.h5 Fold_1/test_tables.npy; do
    check "its run folder has $file" test -s "$work/paps/$file"
done
check "published keys" grep -q '"test_PQ"' "$work/paps/Fold_1/test_metrics.json"
check "eval" run 0 eval "$work/paps.json" --weights "$work/paps"
check "says that means do not multiply" printed "PQ here is not SQ x RQ"
check "predict" run 0 predict "$work/paps.json" --weights "$work/paps" --out "$work/found" --attention
for file in parcels.geojson predictions.json 10000_instances.npy 10001_classes.npy 10002_confidence.npy 10003.png \
    attention.svg 10004_attention.npy; do
    check "found has $file" test -s "$work/found/$file"
done
check "a feature collection" grep -q '"FeatureCollection"' "$work/found/parcels.geojson"
check "its STAC item" run 0 weights export "$work/paps/Fold_1/model.h5" "$work/p.safetensors" --stac "$work/p.json" \
    --config "$work/paps.json"
check "finds parcels" grep -q '"panoptic-segmentation"' "$work/p.json"
check "a warm-up without end" run 2 train "$work/paps.json" --set train.warmup=2
check "says why" said "train.warmup is 2; wanted less than train.epochs"

# ---- runs in the benchmark's tables
check "leaderboard" run 0 leaderboard "$work/wide"
check "has the published rows" printed "^| U-TAE | published | - | 1.1M | 83.2 | 63.1 |$"
check "both tables" printed "^| U-TAE + PaPs | published | - | - | 81.3 | 49.2 | 40.4 |$"
check "and the run, of one fold" printed "^| U-TAE | $work/wide | 1 | [0-9]* | [0-9.]* | [0-9.]* |$"
check "--csv" run 0 leaderboard "$work/wide" --csv
check "has a row of it" printed "^\"semantic\",\"U-TAE\",\"$work/wide\",0,1,[0-9]*,[0-9.]*,,[0-9.]*,,"
check "--json" run 0 leaderboard "$work/wide" --json
check "is a document" document
mkdir "$work/folds" "$work/folds/Fold_1" "$work/folds/Fold_3"
cp "$work/wide/conf.json" "$work/folds"
echo '{"test_accuracy": 80, "test_IoU": 60}' >"$work/folds/Fold_1/test_metrics.json"
echo '{"test_accuracy": 82, "test_IoU": null}' >"$work/folds/Fold_3/test_metrics.json"
check "mean and deviation over folds" run 0 leaderboard "$work/folds"
check "what is undefined is a dash" printed "^| U-TAE | $work/folds | 2 | - | 81.0 ± 1.4 | - |$"
echo '{"test_accuracy": "82"}' >"$work/folds/Fold_3/test_metrics.json"
check "metrics that are none" run 1 leaderboard "$work/folds"
check "says which" said "Fold_3/test_metrics.json: test_accuracy is something else, wanted a number or null"
check "a folder without a run" run 1 leaderboard "$work/images"
check "a run on parcels" run 2 leaderboard "$work/run"
check "belongs elsewhere" said "PSE+TAE is for parcels"
check "nothing" run 2 leaderboard

# ---- runs as a page
check "report" run 0 report "$work/wide" "$work/paps" --maps "$work/maps3" --maps "$work/found" --samples 4 \
    --out "$work/page.html"
check "says what it shows" printed "^$work/page.html: 2 runs, 8 pictures of maps$"
for part in "Loss and measures" "Classes" "Confusion matrix" "Maps" "Attention over dates" "Time and memory" \
    "Configuration"; do
    check "it has $part" grep -q "<h2>$part" "$work/page.html"
done
nothing_from_elsewhere() { [ -s "$1" ] && ! grep -Eq '<script|<link|https?:|url\(' "$1"; }
check "it needs nothing else" nothing_from_elsewhere "$work/page.html"
check "pictures lie in it" grep -q 'src="data:image/png;base64,iVBOR' "$work/page.html"
check "a run on parcels" run 0 report "$work/run" --out "$work/page1.html" --json
check "is a document" document
mkdir "$work/broken"
cp -r "$work/wide/." "$work/broken"
head -c 60 "$work/wide/Fold_1/trainlog.json" >"$work/broken/Fold_1/trainlog.json"
check "a log that is cut" run 1 report "$work/wide" "$work/broken" --out "$work/none.html"
check "is named" said "broken/Fold_1/trainlog.json"
check "nothing is left" test ! -e "$work/none.html"
check "a folder without maps" run 1 report "$work/wide" --maps "$work/run" --out "$work/none.html"
check "says what was wanted" said "wanted a folder that predict wrote into"
check "more maps than runs" run 2 report "$work/wide" --maps "$work/maps" --maps "$work/maps3" --out "$work/none.html"
check "no run" run 2 report

# ---- a network that convolves over the dates
check "longer series" run 0 synth pastis "$work/longer" --patches 5 --size 8 --dates 4-6 --classes 5
check "packed" run 0 pack pastis "$work/longer" "$work/longer.h5"
cat >"$work/unet3d.json" <<EOF
{"data": {"pack": "$work/longer.h5"}, "model": {"arch": "unet3d", "feats": 2},
 "train": {"res_dir": "$work/unet3d", "epochs": 1, "batch_size": 2, "fold": 1}}
EOF
check "train" run 0 train "$work/unet3d.json"
check "bands and classes are the data's" grep -q '"n_classes":.*5' "$work/unet3d/conf.json"
check "eval" run 0 eval "$work/unet3d.json" --weights "$work/unet3d"
check "predict" run 0 predict "$work/unet3d.json" --weights "$work/unet3d" --out "$work/unet3d-maps"
check "a map" test -s "$work/unet3d-maps/10000_classes.npy"
check "too few classes" run 2 train "$work/unet3d.json" --set model.n_classes=4
check "says how many" said "n_classes is for 4 classes, the data have 5"
check "patches of several in evaluation" run 2 eval "$work/unet3d.json" --weights "$work/unet3d" --set eval.batch_size=2
check "says why not" said "eval.batch_size is 2, wanted 1"
check "no padding" run 2 train "$work/unet3d.json" --set padding=skip
check "wants one patch a batch" said "padding is \"skip\".*train.batch_size of 1"
check "which trains" run 0 train "$work/unet3d.json" --set padding=skip train.batch_size=1 train.res_dir="$work/unet3d-1"
check "too few dates" run 1 train "$work/unet3d.json" --set data.max_dates=3 train.res_dir="$work/unet3d-3"
check "says how many it takes" said "a patch of 3 dates: unet3d takes 4 or more"
check "a head" run 2 train "$work/unet3d.json" --set model.head.arch=paps train.warmup=0
check "finds no maps" said "unet3d has no feature maps for a head"

# ---- the same seed, the same bits; a resumed run too; the run folder's own configuration repeats it
check "train again" run 0 train "$work/run.json" --set "train.res_dir=$work/again"
check "same bits" same "$work/run/Fold_3/model.h5" "$work/again/Fold_3/model.h5"
check "one epoch" run 0 train "$work/run.json" --set "train.res_dir=$work/resumed" train.epochs=1
check "then the other" run 0 train "$work/run.json" --set "train.res_dir=$work/resumed" --resume
check "same bits when resumed" same "$work/run/Fold_1/last.h5" "$work/resumed/Fold_1/last.h5"
check "all epochs are timed when resumed" grep -q '"2":' "$work/resumed/Fold_1/timing.json"
check "the first among them" grep -q '"1":' "$work/resumed/Fold_1/timing.json"
check "same log when resumed" same "$work/run/Fold_1/trainlog.json" "$work/resumed/Fold_1/trainlog.json"
truncate -s 9000 "$work/resumed/Fold_1/last.h5"
check "a damaged checkpoint" run 0 train "$work/run.json" --set "train.res_dir=$work/resumed" --resume
check "is passed over" said "last.h5: .*passed over for the checkpoint before it"
check "same bits from the one before" same "$work/run/Fold_1/last.h5" "$work/resumed/Fold_1/last.h5"
truncate -s 9000 "$work/resumed/Fold_2/last.h5" "$work/resumed/Fold_2/previous.h5"
check "two damaged checkpoints" run 1 train "$work/run.json" --set "train.res_dir=$work/resumed" --resume
check "name the file" said "Fold_2/previous.h5"
check "from conf.json" run 0 train "$work/run/conf.json" --set "train.res_dir=$work/repeated"
check "same bits" same "$work/run/Fold_2/last.h5" "$work/repeated/Fold_2/last.h5"
check "other settings do not resume" run 2 train "$work/run.json" --resume --set train.lr=0.1
check "says so" said "resume"
check "an epoch on other weights" run 0 train "$work/run.json" --weights "$work/run" --fold 1 \
    --set "train.res_dir=$work/tuned" train.epochs=1
touch "$work/tuned/Fold_1/last.h5.1.temporary"
check "on weights of the same folder" run 0 train "$work/run.json" --weights "$work/tuned" --fold 1 \
    --set "train.res_dir=$work/tuned" train.epochs=1
check "a killed run's leftovers are gone" test ! -e "$work/tuned/Fold_1/last.h5.1.temporary"

finish
