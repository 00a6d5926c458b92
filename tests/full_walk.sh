#!/bin/sh
# The walk through docs/own-data.md: its commands, as they are written there, one block after the other; and its lines of
# Python, where Python has numpy, with what they make packed and trained on.
# FURROW names the program (build/furrow). Prints counts as cmocka does.
set -u
cd "$(dirname "$0")/.." || exit 1
furrow=$(realpath "${FURROW:-build/furrow}")
document=$(realpath docs/own-data.md)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0 skipped=0

# blocks LANGUAGE: what stands in the document between ```LANGUAGE and ```
blocks() {
    awk -v start="\`\`\`$1" '/^```/ { inside = $0 == start; next } inside' "$document"
}

# folder NAME: goes to an empty one, in which build/furrow is the program
folder() {
    mkdir -p "$work/$1/build" && ln -s "$furrow" "$work/$1/build/furrow" && cd "$work/$1" || exit 1
}

# check NAME COMMAND...: counts it, and shows the end of what it said
check() {
    name=$1
    shift
    if "$@" >"$work/log" 2>&1 </dev/null; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "failed: $name"
        sed 's/^/    /' "$work/log" | tail -n 12
    fi
}

holds() { grep -q "$1" "$2"; }

folder commands
blocks sh >walk.sh
check "there are commands" test "$(grep -c '^build/furrow' walk.sh)" -ge 20
check "the commands, one after the other" sh -eux walk.sh
check "parcels are predicted" test "$(wc -l <new-crops/predictions.csv)" -eq 51
check "by their probabilities" holds "^id,label,class,p_0,p_1,p_2,p_3$" new-crops/predictions.csv
check "maps are drawn" test -s maps/10000.png
check "and shown on the page" holds "<img" report.html
check "other classes" test -s few-run/Fold_1/model.h5

if python3 -c "import numpy" 2>/dev/null; then
    folder python
    blocks python >arrays.py
    blocks sh | sed -n '/^cat /,/^END/p' >settings.sh
    check "lines of Python" python3 arrays.py
    check "the configurations" sh -eu settings.sh
    check "their parcels" build/furrow pack pixelset fields fields.h5
    check "their patches" build/furrow pack pastis images images.h5
    check "train on the parcels" build/furrow train fields.json --fold 1 --set train.epochs=1
    check "train on the patches" build/furrow train images.json --fold 1 --set train.epochs=1 --set train.ignore_index=null
else
    echo "skipped: there is no Python with numpy for the document's lines of Python"
    skipped=1
fi

echo "[  PASSED  ] $passed test(s)."
[ $skipped -eq 0 ] || echo "[  SKIPPED ] $skipped test(s)."
[ $failed -eq 0 ] || echo "[  FAILED  ] $failed test(s)."
[ $failed -eq 0 ]
