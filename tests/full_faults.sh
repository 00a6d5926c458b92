#!/bin/sh
# What if one call fails: each allocation, opening, read, write, sync, renaming, HDF5 and OpenCL call of a pack, of two
# training steps, of a verification, and of every reader with its kept inputs (read_TARGET, of tests/fuzz/), one run each
# (tests/preload/faults.c). A run must end with 0 to 3, say why, lose no memory and leave no torn file; what is packed
# again after it, or goes all the same, has the usual bytes.
# Where a command makes more than MOST calls of a kind, those that fail are the first and the last of every way (by its
# innermost calls) that leads to one; MOST=1000000 is each and every call. COMMANDS and KINDS choose among them, EVERY=10
# takes each tenth.
# Prints counts as cmocka does, a test a command and kind.
set -u
cd "$(dirname "$0")/.." || exit 1
furrow=${FURROW:-build/furrow}
faults=$(cd "$(dirname "$furrow")" && pwd)/tests/preload/faults.so
readers=$(dirname "$furrow")/fuzz
shared=${FURROW_SHARED:-../shared}
most=${MOST:-500} limit=${TIME:-60} every=${EVERY:-1}

# ---- one run: faults.sh try COMMAND KIND NUMBER, with everything in $work

# go COMMAND FOLDER: one run of it, its outputs in FOLDER
go() {
    case $1 in
    pack) set -- pack pixelset "$work/parcels" "$2/out.h5" ;;
    pack_images) set -- pack pastis "$work/patches" "$2/out.h5" --compress ;;
    train) set -- train "$work/run.json" --set "train.res_dir=$2/run" ;;
    resume) set -- train "$work/run.json" --set "train.res_dir=$2/run" --resume ;;
    predict) set -- predict "$work/run.json" --weights "$work/reference.train/run" --out "$2/run" ;;
    verify) set -- verify "$work/reference.h5" ;;
    read_*)
        timeout -k 5 "$limit" env ${preload:+"LD_PRELOAD=$preload"} "$readers/${1#read_}" "tests/fuzz/corpus/${1#read_}"
        return
        ;;
    esac
    timeout -k 5 "$limit" env ${preload:+"LD_PRELOAD=$preload"} "$furrow" "$@"
}

wrong() { echo "call $number: $*" >>"$work/$command.$kind.wrong"; }

# Files that are there are whole.
whole() {
    for file in "$here"/out.h5 "$here"/run/*/*.h5; do
        [ ! -e "$file" ] || "$furrow" info "$file" >/dev/null 2>"$here/info" || wrong "torn: $(cat "$here/info")"
    done
    for file in "$here"/*.temporary "$here"/run/*.temporary "$here"/run/*/*.temporary; do
        [ ! -e "$file" ] || wrong "a temporary file was left: $file"
    done
    for file in "$here"/run/*.json "$here"/run/*/*.json; do
        [ ! -e "$file" ] || [ "$(tail -c 2 "$file" | tr -d '\n')" = "}" ] || wrong "torn: $file"
    done
}

one() {
    here=$work/$command.$kind.$number
    mkdir "$here" || exit 1
    [ "$command" = resume ] && cp -r "$work/half" "$here/run"
    preload=$faults
    FAULT_KIND=$kind FAULT_AT=$number FAULT_LOG=$here/log go "$command" "$here" >"$here/out" 2>"$here/err" </dev/null
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
    case $command in
    pack*)
        if [ $code -eq 0 ] || go "$command" "$here" >"$here/out" 2>"$here/err"; then
            cmp -s "$here/out.h5" "$work/reference.$command/out.h5" || wrong "other bytes (code $code)"
        else
            wrong "does not go on afterwards: $(tail -n 1 "$here/err")"
        fi
        ;;
    esac
    [ $code -eq 0 ] && echo "$number" >>"$work/$command.$kind.fine"
    rm -rf "$here"
}

if [ "${1:-}" = try ]; then
    command=$2 kind=$3 number=$4
    one
    exit 0
fi

# ---- what is whole

work=$(mktemp -d)
export work
trap 'rm -rf "$work"' EXIT
preload=""
cat >"$work/run.json" <<END
{"data": {"pack": "$work/p.h5", "npixel": 4},
 "model": {"arch": "psetae", "with_extra": false, "mlp1": [2, 8, 16], "n_head": 2, "d_k": 4, "mlp2": [32, 16],
           "mlp3": [32, 16], "mlp4": [16, 2]},
 "train": {"epochs": 2, "batch_size": 2, "fold": 1, "kfold": 3}}
END
sed 's/"epochs": 2/"epochs": 1/' "$work/run.json" >"$work/short.json"
{
    "$furrow" synth pixelset "$work/parcels" --parcels 6 --classes 2 --dates 4 --bands 2 --least-pixels 2 --most-pixels 5
    "$furrow" synth pastis "$work/patches" --patches 2 --size 8 --dates 2-3 --bands 2 --classes 3
    "$furrow" instances "$work/patches" --without 1 # instances and, of one patch, a heat map of their own
    cp "$work/patches/INSTANCE_ANNOTATIONS/HEATMAP_10000.npy" "$work/patches/INSTANCE_ANNOTATIONS/HEATMAP_10001.npy"
    "$furrow" pack pixelset "$work/parcels" "$work/p.h5"
    "$furrow" train "$work/short.json" --set "train.res_dir=$work/half"
} >"$work/log" 2>&1
[ -s "$work/half/Fold_1/last.h5" ] || { cat "$work/log" && exit 1; }
reading=$(ls tests/fuzz/*.c | sed 's,.*/\(.*\)\.c$,read_\1,')
commands=${COMMANDS:-pack pack_images train resume predict verify $reading}
if [ -r "$shared/goldens/ltae.h5" ]; then
    cp "$shared/goldens/ltae.h5" "$work/reference.h5"
else
    echo "$shared/goldens is not there (FURROW_SHARED): verify skipped"
    commands=$(echo "$commands" | sed 's/verify//')
fi

# ---- all commands, all kinds

passed=0 failed=0
for command in $commands; do
    mkdir "$work/reference.$command"
    [ "$command" = resume ] && cp -r "$work/half" "$work/reference.$command/run"
    if ! go "$command" "$work/reference.$command" >"$work/log" 2>&1; then
        echo "$command fails by itself" && cat "$work/log"
        failed=$((failed + 1))
        continue
    fi
    case $command in # the files of readers' inputs are the harness's to make
    read_*) kinds="memory read hdf5 opencl" ;;
    *) kinds="memory open read write sync rename hdf5 opencl" ;;
    esac
    for kind in ${KINDS:-$kinds}; do
        started=$(date +%s)
        mkdir "$work/counted"
        [ "$command" = resume ] && cp -r "$work/half" "$work/counted/run"
        preload=$faults
        FAULT_KIND=$kind FAULT_AT=0 FAULT_LOG=$work/counts go "$command" "$work/counted" >"$work/log" 2>&1
        preload=""
        rm -rf "$work/counted"
        calls=$(sed -n 's/^calls //p' "$work/counts")
        if [ "${calls:-0}" -gt "$most" ]; then
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
echo "[  PASSED  ] $passed test(s)."
echo "[  FAILED  ] $failed test(s)."
[ $failed -eq 0 ]
