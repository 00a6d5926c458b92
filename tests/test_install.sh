#!/bin/sh
# What `make install` puts into a folder serves by itself: a C program builds and runs against the installed files alone,
# with the shared and with the static library, a Python program too, and both say what `furrow predict` says.
. "$(dirname "$0")/shell.sh"
source=$PWD
build=$(realpath --relative-to=. "$(dirname "$furrow")") # as make was given it: the objects know their headers by it

# within LIMIT FILE FILE: the same names, and numbers that differ by no more than that
within() {
    paste -d, "$2" "$3" | awk -F, -v limit="$1" '
        { n = NF / 2; if ($1 != $(n + 1)) exit wrong = 1
          for (i = 2; i <= n; i++) if (($i - $(n + i)) ^ 2 > limit ^ 2) { print; exit wrong = 1 } }
        END { exit wrong || NR == 0 }'
}

case $build in *-san) skip "sanitized objects make no library for others"; finish ;; esac

# ---- installing
make_install() { make --no-print-directory -C "$source" BUILD="$build" "$@"; }
stage=$work/stage
check "make install" make_install install DESTDIR="$stage" PREFIX=/usr
for file in bin/furrow include/furrow.h lib/libfurrow.so lib/libfurrow.a lib/pkgconfig/furrow.pc \
    share/furrow/configs/psetae-t31tfm.json share/furrow/configs/ablations share/doc/furrow/README.md \
    share/doc/furrow/library.md share/doc/furrow/examples/classify.c share/man/man1/furrow.1 \
    share/man/man5/furrow-config.5 share/bash-completion/completions/furrow share/zsh/site-functions/_furrow; do
    check "installs $file" test -e "$stage/usr/$file"
done
version=$("$stage/usr/bin/furrow" --version | cut -d' ' -f2)
check "libfurrow.so is $version" test "$(realpath "$stage/usr/lib/libfurrow.so")" = \
    "$(realpath "$stage/usr/lib")/libfurrow.so.$version"
given_out() { nm "$@" | awk '$2 ~ /^[A-Z]$/ && $2 != "U" && $2 != "w" { print $3 }' | sort -u; }
declared=$(tr '\n' ' ' <include/furrow.h | grep -o 'FURROW_API[^;(]*(' | sed -n 's/.*[ *]\(furrow_[a-z_]*\)($/\1/p' | sort -u)
check "the header declares functions" test "$(echo "$declared" | wc -l)" -gt 20
check "the shared library gives them out, no others" test "$(given_out -D --defined-only "$stage/usr/lib/libfurrow.so")" = \
    "$declared"
check "the static one too" test "$(given_out -g --defined-only "$stage/usr/lib/libfurrow.a")" = "$declared"

# ---- manual pages and completion, from the tables of --help
man=$stage/usr/share/man
for command in $("$stage/usr/bin/furrow" --help | sed -n 's/^  \([a-z]*\)  *.*/\1/p'); do
    check "furrow-$command.1" test -s "$man/man1/furrow-$command.1"
    check "furrow(1) names furrow-$command(1)" grep -q "furrow.-$command (1)" "$man/man1/furrow.1"
done
check "an option of a kind" grep -q 'skip.-bad' "$man/man1/furrow-pack-pastis.1"
check "the configuration's keys" grep -q 'encoder_widths' "$man/man5/furrow-config.5"
check "no such page" sh -c '! "$1" --man furrow-none.1' sh "$stage/usr/bin/furrow"
if command -v mandoc >/dev/null; then
    check "mandoc has nothing to say" sh -c '! mandoc -T lint "$@" | grep .' sh "$man"/man?/*
else
    skip "there is no mandoc"
fi
if command -v groff >/dev/null; then
    check "groff has nothing to say" sh -c '! groff -man -ww -z -T utf8 "$@" 2>&1 | grep .' sh "$man"/man?/*
else
    skip "there is no groff"
fi
# completes WANTED WORD...: what bash offers for the last of the words
completes() {
    bash -c '. "$0"; COMP_WORDS=(furrow "$@"); COMP_CWORD=$#; _furrow; [ "${COMPREPLY[*]}" = "$wanted" ]' \
        "$stage/usr/share/bash-completion/completions/furrow" "$@"
}
if command -v bash >/dev/null; then
    export wanted
    wanted=train && check "bash: a command" completes tr
    wanted=pixelset && check "bash: a kind" completes pack pi
    wanted=--skip-bad && check "bash: an option of a kind" completes pack pastis --sk
    wanted="--resume" && check "bash: an option" completes train run.json --re
    wanted=gpu && check "bash: a device" completes train --device g
    wanted="" && check "bash: files as values" completes train --weights --re
fi
if command -v zsh >/dev/null; then
    check "zsh reads its completion" zsh -n "$stage/usr/share/zsh/site-functions/_furrow"
else
    skip "there is no zsh"
fi

# ---- a C program, from what is installed alone: the tree is out of reach
export PKG_CONFIG_PATH="$stage/usr/lib/pkgconfig"
flags() { pkg-config --define-variable=prefix="$stage/usr" "$@" furrow; }
cd "$work" || exit 1
check "pkg-config knows the version" test "$(flags --modversion)" = "$version"
# shellcheck disable=SC2046
check "C program" ${CC:-cc} -std=c11 -Wall -Wextra -Werror "$stage/usr/share/doc/furrow/examples/classify.c" -o classify \
    $(flags --cflags --libs)
check "asks for the library by its name" sh -c 'readelf -d classify | grep -q "NEEDED.*\[libfurrow\.so\.[0-9]*\.[0-9]*\]"'
if command -v "${CXX:-c++}" >/dev/null; then
    echo '#include <furrow.h>
int main() { furrow_model_options o = {}; return o.fold + (furrow_version()[0] == 0); }' >header.cc
    # shellcheck disable=SC2046
    check "C++ takes the header" "${CXX:-c++}" -Wall -Wextra -Werror header.cc -o header $(flags --cflags --libs)
else
    skip "there is no C++ compiler"
fi
cat >run.json <<EOF2
{"data": {"pack": "parcels.h5", "npixel": 8},
 "model": {"arch": "psetae", "positions": null, "with_extra": false, "mlp1": [10, 16, 32], "mlp2": [64, 32],
           "n_head": 2, "d_k": 8, "mlp3": [64, 32], "mlp4": [32, 3]},
 "train": {"epochs": 2, "batch_size": 32, "kfold": 3, "fold": 1}}
EOF2
check "parcels" "$stage/usr/bin/furrow" synth pixelset parcels --parcels 60 --classes 3 --dates 8
check "their pack" "$stage/usr/bin/furrow" pack pixelset parcels parcels.h5
export LD_LIBRARY_PATH="$stage/usr/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
in_order() { ls parcels/DATA | sed 's/\.npy$//' | sort -n | sed 's|.*|parcels/DATA/&.npy|'; }
# shellcheck disable=SC2046
check "it trains and classifies" sh -c '"$@" >classified.csv 2>said' sh ./classify run.json parcels.h5 $(in_order)
check "and tells its progress" grep -q "fold 1 of 3: .* epoch 2/2" said
# on a device's first use its self-test is told too
check "nothing else is printed" test "$(grep -cvE '^(fold 1 of 3|self-test)' said)" -eq 0
check "a failure has its message" sh -c '! ./classify none.json parcels.h5 x 2>said && grep -q "none.json" said'

check "predict" "$stage/usr/bin/furrow" predict run.json --weights classify-run --out predicted
sed 1d predicted/predictions.csv | cut -d, -f1,4- >predicted.csv
check "as predict says" within 0.00002 predicted.csv classified.csv
sed '$s/0\.[0-9]*$/2/' predicted.csv >wrong.csv
not_within() { ! within "$@"; }
check "which can tell a difference" not_within 0.00002 wrong.csv classified.csv

# ---- the static library, installed where it is used
static=$work/static
check "make install without DESTDIR" make_install install PREFIX="$static"
export PKG_CONFIG_PATH="$static/lib/pkgconfig"
echo '#include <furrow.h>
#include <stdio.h>
int fail(void) { return 7; } /* a name that the library uses inside, too */
int main(void) { int n; return furrow_device_list(NULL, 0, &n) || n < 1 || fail() != 7; }' >inside.c
# shellcheck disable=SC2046
check "a C program with the static library" ${CC:-cc} -std=c11 inside.c -o inside \
    $(pkg-config --cflags furrow) "$static/lib/libfurrow.a" $(pkg-config --static --libs furrow | sed 's/-lfurrow//')
check "needs no shared one" sh -c '! readelf -d inside | grep -q libfurrow'
check "runs" env LD_LIBRARY_PATH= ./inside

# ---- Python
if command -v python3 >/dev/null; then
    # shellcheck disable=SC2046
    check "Python program" env FURROW_LIBRARY="$stage/usr/lib/libfurrow.so" sh -c '"$@" >python.csv' sh \
        python3 "$stage/usr/share/doc/furrow/examples/classify.py" classify-run parcels.h5 $(in_order)
    check "as the C program says" within 0.00002 python.csv classified.csv
else
    skip "there is no python3"
fi

check "make uninstall" make_install uninstall DESTDIR="$stage" PREFIX=/usr
check "leaves no file" test "$(find "$stage" ! -type d | wc -l)" -eq 0
finish
