#!/bin/sh
# A map does not show how it was cut: of a network whose every step looks at a pixel's neighbourhood alone (batch norm in the
# encoder), tiles whose margin is wider than that neighbourhood give, pixel by pixel, what one tile over all gives. No
# masks: a tile has the dates at which anything of it was seen, and one over all is seen at more.
. "$(dirname "$0")/shell.sh"

if ! "$furrow" synth scenes "$work/land" --size 128 --scenes 4 --bands 3 --parcels 60 --classes 4 2>"$work/err" >"$work/out"; then
    grep -q "libgdal-dev" "$work/err" && skip "built without GDAL" && finish
fi
scenes=$work/land/SCENES
cat >"$work/run.json" <<EOF
{"data": {"pack": "$work/p.h5", "ref_date": "2017-01-01"},
 "model": {"arch": "utae", "encoder_widths": [16, 16], "decoder_widths": [16, 16], "out_conv": [16, 6], "n_head": 2,
  "d_model": 16, "d_k": 4, "encoder_norm": "batch"},
 "train": {"res_dir": "$work/results", "epochs": 3, "batch_size": 4, "fold": 1, "lr": 0.003}}
EOF
check "patches" run 0 pack geotiff "$scenes" "$work/land/parcels.geojson" "$work/patches" --as pastis --size 32 \
    --label CODE_CULTU --folds 5
check "pack" run 0 pack pastis "$work/patches" "$work/p.h5"
check "train" run 0 train "$work/run.json"
map() { # OUT SIDE MARGIN
    run 0 predict "$work/run.json" --weights "$work/results" --scenes "$scenes" --out "$work/$1" --tile "$2" \
        --margin "$3" --bands 1,2,3 --mask none --no-data none
}
check "one tile over all" map all 128 0
check "tiles" map tiles 64 20
check "tiles of too narrow margins" map narrow 64 1

# plane FILE WIDTH: a tile's numbers, a row a line
plane() { tail -c +129 "$1" | od -An -v -tu1 -w"$2"; }
# crop FIRST LAST: rows and columns of the classes of the one tile, and then of its percents
crop() {
    plane "$work/all/tiles/0_0.npy" 128 | awk -v a="$1" -v b="$2" '
        (NR > a && NR <= b) || (NR > 128 + a && NR <= 128 + b) {
            line = ""
            for (i = a + 1; i <= b; i++) line = line " " $i
            print line
        }'
}
# differing MAP FIRST LAST: pixels of its tile 1_1, which gives rows and columns FIRST to LAST, that differ in class or by
# more than a percent
differing() {
    crop "$2" "$3" >"$work/a"
    plane "$work/$1/tiles/1_1.npy" $(($3 - $2)) | awk '{ $1 = $1; print " " $0 }' >"$work/b"
    paste -d ' ' "$work/a" "$work/b" | awk -v n=$(($3 - $2)) '
        {
            for (i = 1; i <= n; i++) {
                d = $i - $(i + n)
                if (NR <= n ? d != 0 : d > 1 || d < -1) count++
            }
        }
        END { print NR == 2 * n ? count + 0 : "of another size" }'
}
check "no pixel differs" [ "$(differing tiles 44 68)" = 0 ]
check "the margin has to be wide" [ "$(differing narrow 63 125)" -gt 0 ]
finish
