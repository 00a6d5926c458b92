#!/bin/sh
# What if one call fails: each allocation, opening, read, write, sync, renaming, HDF5 and OpenCL call of a pack, of two
# training steps, of a resumed run, of a prediction, of a verification, of weights in and out, and of every reader with its
# kept inputs (read_TARGET, of tests/fuzz/), one run each (tests/preload/faults.c). A run must end with 0 to 3, say why,
# lose no memory and leave no torn file; one that goes all the same says what it always says; what is written again after
# it, or all the same, has the usual bytes.
# Each and every call fails once, some 60,000 runs, for which the network is tiny and its programs are kept ones: about an
# hour on 2 cores. Of `first`, the training of a larger one that compiles, and of readers, where they make more than 500
# calls of a kind, those that fail are the first and the last of every way (by its innermost calls) that leads to one.
# MOST=100 is that limit for all of them, for a shorter run; COMMANDS and KINDS choose, EVERY=10 takes each tenth call.
# A test a command and kind.
set -u
[ "${1:-}" = try ] || . "$(dirname "$0")/shell.sh"
export furrow work
build=$(dirname "$furrow")
faults=$build/tests/preload/faults.so
limit=${TIME:-60}

# ---- one run: faults.sh try COMMAND KIND NUMBER, with everything in $work

# go COMMAND FOLDER: one run of it, its outputs in FOLDER, with the kernels in $cache
go() {
    case $1 in
    pack) set -- pack pixelset "$work/parcels" "$2/out.h5" --json ;;
    pack_images) set -- pack pastis "$work/patches" "$2/out.h5" --compress --json ;;
    pack_geotiff) set -- pack geotiff "$work/land/SCENES" "$work/land/parcels.geojson" "$2/out.h5" --label CODE_CULTU --json ;;
    first) set -- train "$work/first.json" --set "train.res_dir=$2/run" ;;
    train) set -- train "$work/run.json" --set "train.res_dir=$2/run" ;;
    resume) set -- train "$work/run.json" --set "train.res_dir=$2/run" --resume ;;
    predict) set -- predict "$work/run.json" --weights "$work/half" --out "$2/run" --json ;;
    verify) set -- verify "$work/reference.h5" --json ;;
    import) set -- weights import "$work/trained.pth.tar" "$2/out.h5" --json ;;
    import_stream) set -- weights import "$work/trained.pth" "$2/out.h5" ;;
    import_safetensors) set -- weights import "$work/trained.safetensors" "$2/out.h5" ;;
    export) set -- weights export "$work/trained.h5" "$2/out.safetensors" ;;
    show) set -- weights show "$work/views.pth.tar" --json ;;
    show_imported) set -- weights show "$work/trained.h5" --json ;;
    read_*)
        timeout -k 5 "$limit" env ${preload:+"LD_PRELOAD=$preload"} "$build/fuzz/${1#read_}" "tests/fuzz/corpus/${1#read_}"
        return
        ;;
    esac
    FURROW_CACHE_DIR=$cache timeout -k 5 "$limit" env ${preload:+"LD_PRELOAD=$preload"} "$furrow" "$@"
}

wrong() { echo "call $number: $*" >>"$work/$command.$kind.wrong"; }

# Files that are there are whole; those of bytes that were looked at before need no look.
whole() {
    for file in "$here"/out.h5 "$here"/out.safetensors "$here"/run/*/*.h5; do
        [ -e "$file" ] || continue
        sum=$work/known/$(cksum <"$file" | tr ' ' -)
        [ -e "$sum" ] && continue
        if "$furrow" info "$file" >/dev/null 2>"$here/info"; then : >"$sum"; else wrong "torn: $(cat "$here/info")"; fi
    done
    for file in "$here"/*.temporary "$here"/run/*.temporary "$here"/run/*/*.temporary; do
        [ ! -e "$file" ] || wrong "a temporary file was left: $file"
    done
    for file in "$here"/run/*.json "$here"/run/*/*.json; do
        [ ! -e "$file" ] || [ "$(tail -c 2 "$file" | tr -d '\n')" = "}" ] || wrong "torn: $file"
    done
}

# What it printed, but for the folder's name, and for errors of verify: where a limit of the device is not told, other
# kernel forms compute, and their last digits differ.
words() { sed "s,$1,,g; /^[[:space:]]*\"error\":/d" "$1/said"; }

# The same bytes as ever.
same() {
    for file in "$work/reference.$command"/$1; do
        cmp -s "$file" "$here${file#"$work/reference.$command"}" || wrong "another $(basename "$file") (code $code)"
    done
}

one() {
    here=$work/$command.$kind.$number
    mkdir "$here" 2>/dev/null || exit 255
    [ "$command" = resume ] && cp -r "$work/half" "$here/run"
    preload=$faults cache=$here/cache
    cp -rl "$work/cache" "$cache" # its own: what a failure makes of it must not reach other runs
    [ "$command" = first ] && rm -f "$cache"/program-*
    FAULT_KIND=$kind FAULT_AT=$number FAULT_LOG=$here/log go "$command" "$here" >"$here/said" 2>"$here/err" </dev/null
    code=$?
    preload=""
    [ $code -le 3 ] || wrong "code $code; $(tail -n 1 "$here/err") $(head -n 12 "$here/log")"
    case $command in
    read_*) ;; # they say nothing
    *) [ $code -eq 0 ] || [ -s "$here/err" ] || wrong "no message" ;;
    esac
    kept=$(sed -n 's/^live //p' "$work/counts") live=$(sed -n 's/^live //p' "$here/log")
    [ $code -gt 3 ] || [ "${live:-0}" -le "$kept" ] || wrong "$((live - kept)) allocations lost (code $code)"
    whole
    if [ $code -eq 0 ]; then
        echo "$number" >>"$work/$command.$kind.fine"
        [ "$(words "$here")" = "$(words "$work/reference.$command")" ] || wrong "prints something else"
    fi
    case $command in
    pack* | import* | export)
        [ ! -e "$here"/out.h5 ] && [ ! -e "$here"/out.safetensors ] || same "out.*"
        if [ $code -eq 0 ] || go "$command" "$here" >"$here/said" 2>"$here/err"; then
            same "out.*"
        else
            wrong "does not go on afterwards: $(tail -n 1 "$here/err")"
        fi
        ;;
    train | resume) [ $code -eq 0 ] && same "run/*/*.h5" ;;
    predict) [ $code -eq 0 ] && same "run/predictions.*" ;;
    esac
    rm -rf "$here"
}

if [ "${1:-}" = try ]; then
    command=$2 kind=$3 number=$4
    one
    exit 0
fi

# ---- what is whole

shared=${FURROW_SHARED:-../shared} every=${EVERY:-1}
own_cache
preload="" cache=$FURROW_CACHE_DIR
mkdir "$work/known"
steps='"train": {"epochs": 2, "batch_size": 2, "fold": 1, "kfold": 3}'
cat >"$work/run.json" <<END
{"data": {"pack": "$work/p.h5", "npixel": 1},
 "model": {"arch": "psegru", "spatial": null, "input_dim": 2, "hidden_dim": 8, "mlp4": [8, 2]}, $steps}
END
cat >"$work/first.json" <<END
{"data": {"pack": "$work/p.h5", "npixel": 4},
 "model": {"arch": "psetae", "with_extra": false, "mlp1": [2, 8, 16], "n_head": 2, "d_k": 4, "mlp2": [32, 16],
           "mlp3": [32, 16], "mlp4": [16, 2]}, $steps}
END
sed 's/"epochs": 2/"epochs": 1/' "$work/run.json" >"$work/short.json"
{
    "$furrow" synth pixelset "$work/parcels" --parcels 6 --classes 2 --dates 4 --bands 2 --least-pixels 2 --most-pixels 5
    "$furrow" synth pastis "$work/patches" --patches 2 --size 8 --dates 2-3 --bands 2 --classes 3
    "$furrow" instances "$work/patches" --without 1 # instances and, of one patch, a heat map of their own
    cp "$work/patches/INSTANCE_ANNOTATIONS/HEATMAP_10000.npy" "$work/patches/INSTANCE_ANNOTATIONS/HEATMAP_10001.npy"
    "$furrow" pack pixelset "$work/parcels" "$work/p.h5"
    "$furrow" train "$work/short.json" --set "train.res_dir=$work/half"
    "$build/tests/tools/torch_files" "$work"
    "$furrow" weights import "$work/trained.pth.tar" "$work/trained.h5"
    "$furrow" weights export "$work/trained.h5" "$work/trained.safetensors"
} >"$work/log" 2>&1
[ -s "$work/half/Fold_1/last.h5" ] && [ -s "$work/trained.safetensors" ] || { cat "$work/log" && exit 1; }
reading=$(ls tests/fuzz/*.c | sed 's,.*/\(.*\)\.c$,read_\1,')
if "$furrow" synth scenes "$work/land" --size 40 --scenes 2 --bands 2 --parcels 8 --classes 2 >"$work/log" 2>&1; then
    land=pack_geotiff
elif grep -q libgdal-dev "$work/log"; then
    land=""
    skip "built without GDAL: pack_geotiff"
else
    cat "$work/log" && exit 1
fi
commands=${COMMANDS:-pack pack_images $land train resume predict verify first import import_stream import_safetensors export show show_imported $reading}
if [ -r "$shared/goldens/psegru.h5" ]; then
    cat "$shared/goldens/psegru.h5" >"$work/reference.h5" && "$build/tests/tools/two_steps" "$work/reference.h5"
else
    skip "$shared/goldens is not there (FURROW_SHARED): verify"
    commands=$(echo "$commands" | sed 's/verify//')
fi

# ---- all commands, all kinds

# How many calls of a kind may be to fail one and all.
most_of() {
    case $1 in
    first | read_*) echo "${MOST:-500}" ;;
    *) echo "${MOST:-1000000}" ;;
    esac
}

# prepare COMMAND FOLDER: what is there before it runs
prepare() {
    mkdir "$2"
    [ "$1" = resume ] && cp -r "$work/half" "$2/run"
}

warm() {
    rm -rf "$work/warmed"
    prepare "$1" "$work/warmed"
    go "$1" "$work/warmed"
}

for command in $commands; do
    case $command in train | resume | predict | verify) keep_kernels warm "$command" ;; esac
    prepare "$command" "$work/reference.$command"
    if ! go "$command" "$work/reference.$command" >"$work/reference.$command/said" 2>"$work/log"; then
        echo "$command fails by itself" && cat "$work/log"
        failed=$((failed + 1))
        continue
    fi
    case $command in # the files of readers' inputs are the harness's to make
    read_*) kinds="memory read hdf5 opencl" ;;
    first) kinds="memory open read write sync rename opencl" ;;
    *) kinds="memory open read write sync rename hdf5 opencl" ;;
    esac
    for kind in ${KINDS:-$kinds}; do
        started=$(date +%s)
        prepare "$command" "$work/counted"
        preload=$faults
        FAULT_KIND=$kind FAULT_AT=0 FAULT_LOG=$work/counts go "$command" "$work/counted" >"$work/log" 2>&1
        preload=""
        rm -rf "$work/counted"
        calls=$(sed -n 's/^calls //p' "$work/counts")
        if [ "${calls:-0}" -gt "$(most_of "$command")" ]; then
            sed -n 's/^path //p; s/^last //p' "$work/counts" | sort -nu >"$work/numbers"
        else
            seq "${calls:-0}" >"$work/numbers"
        fi
        awk "NR % $every == 0" "$work/numbers" >"$work/chosen"
        tried=$(wc -l <"$work/chosen")
        [ "$tried" -eq 0 ] && continue
        xargs -P "$(nproc)" -n 1 sh "$0" try "$command" "$kind" <"$work/chosen"
        fine=$(cat "$work/$command.$kind.fine" 2>/dev/null | wc -l)
        verdict=passed
        [ -e "$work/$command.$kind.wrong" ] && verdict=failed
        echo "$command, $kind: $calls calls, $tried failed once, $fine of them without harm, in $(($(date +%s) - started)) s: $verdict"
        if [ $verdict = passed ]; then
            passed=$((passed + 1))
        else
            failed=$((failed + 1))
            sort -t ' ' -k 2 -n "$work/$command.$kind.wrong" | head -n "${SHOWN:-20}"
        fi
    done
done
finish
