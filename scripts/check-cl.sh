#!/bin/sh
# Compiles every kernel for GPUs that are not here: AMD (gfx906, gfx1030, gfx1100) and NVIDIA (PTX, then ptxas for sm_75
# and sm_90) with clang and libclc, Intel (skl, tgllp, dg2) with ocloc. Prints registers and local memory of each kernel
# and fails on scratch memory and spills. Compilers that are not installed are named and left out; clang must be there.
#
# The variants come from the kernel files: a line "check: -DVW=1 ..." is one build for the GPU tiles, and "check-cpu:" one
# of a form that only CPUs run, which must compile everywhere but may spill. Several are compiled at once.
# usage: check-cl.sh [cl/FILE.cl ...]
#        check-cl.sh --variant FOLDER NUMBER    that line of FOLDER/variants, as scripts/parallel.sh calls it
set -u
cd "$(dirname "$0")/.." || exit 1

clang=$(command -v clang-15 || command -v clang-16 || command -v clang-17) || {
    echo "check-cl: no clang-15 or later; on Debian: apt-get install clang-15 libclc-15" >&2
    exit 1
}
amd_library=/usr/lib/clc/gfx906-amdgcn-mesa-mesa3d.bc
ptx_library=/usr/lib/clc/nvptx64--nvidiacl.bc
ptxas=$(command -v ptxas || ls /usr/local/cuda/bin/ptxas 2>/dev/null) || ptxas=""
ocloc=$(command -v ocloc) || ocloc=""
# refuse MESSAGE: one failure, with the compiler's words
refuse() {
    echo "FAILED $*"
    [ -s "$work/log" ] && head -n 20 "$work/log"
    failed=$((failed + 1))
}

# compile TARGET-NAME FLAGS...: assembly into $work/out
compile() {
    # shellcheck disable=SC2086
    "$clang" -x cl -cl-std=CL1.2 -Werror=implicit-function-declaration -Xclang -finclude-default-header -O3 -S -Icl \
        "$@" $options "$file" -o "$work/out" >"$work/log" 2>&1
}

report() { # kernel target registers local scratch
    printf '%-30s %-8s %4s registers %6s bytes local' "$1" "$2" "$3" "$4"
    if [ "$5" = 0 ]; then echo; else echo "  $5 bytes of scratch or spills"; fi
    if [ "$5" != 0 ] && [ "$may_spill" = no ]; then
        : >"$work/log"
        refuse "$1 on $2 ($options): scratch memory or spills"
    fi
}

amd() {
    compile -target amdgcn-mesa-mesa3d -mcpu="$1" -nogpulib -Xclang -mlink-builtin-bitcode -Xclang "$amd_library" ||
        { refuse "$file for $1 ($options)"; return; }
    awk '/; @/ { name = $1; sub(":", "", name) } /NumVgprs:/ { regs = $3 } /ScratchSize:/ { scratch = $3 }
         /LDSByteSize:/ { print name, regs, $3, scratch }' "$work/out" >"$work/table"
    while read -r kernel registers local scratch; do report "$kernel" "$1" "$registers" "$local" "$scratch"; done <"$work/table"
}

nvidia() {
    compile -target nvptx64--nvidiacl -Xclang -mlink-builtin-bitcode -Xclang "$ptx_library" ||
        { refuse "$file for PTX ($options)"; return; }
    [ -n "$ptxas" ] || return
    for arch in sm_75 sm_90; do
        "$ptxas" -v -arch=$arch "$work/out" -o "$work/cubin" >"$work/log" 2>&1 || { refuse "$file for $arch ($options)"; continue; }
        awk '/Compiling entry function/ { split($0, part, "\047"); name = part[2] }
             /bytes stack frame/ { for (i = 1; i <= NF; i++) if ($i == "bytes") scratch = scratch + $(i - 1) }
             /Used [0-9]+ registers/ { regs = ""; local = 0
                 for (i = 1; i <= NF; i++) { if ($i ~ /^registers/) regs = $(i - 1); if ($i ~ /^smem/) local = $(i - 2) }
                 print name, regs, local, scratch + 0; scratch = 0 }' "$work/log" >"$work/table"
        while read -r kernel registers local scratch; do
            report "$kernel" $arch "$registers" "$local" "$scratch"
        done <"$work/table"
    done
}

# Intel's own description of each kernel (.ze_info, a text in the binary): registers, local memory, scratch and private.
intel() {
    rm -rf "$work/ocloc"
    "$ocloc" compile -file "$file" -device "$1" --format zebin -options "-cl-std=CL1.2 -Icl $options" \
        -out_dir "$work/ocloc" >"$work/log" 2>&1 || { refuse "$file for $1 ($options)"; return; }
    cat "$work/ocloc/"*.bin | tr -d '\000' | LC_ALL=C sed -n '/^kernels:/,/^kernels_misc_info:/p' |
        awk 'function row() { if (name != "") print name, registers, local, scratch }
             /^kernels_misc_info/ { exit }
             /^  - name:/ { row(); name = $3; local = scratch = buffers = 0 }
             /grf_count:/ { registers = $2 } /slm_size:/ { local = $2 }
             /^ *[a-z_]*:$/ { buffers = /per_thread_memory_buffers/ } buffers && /^ *size:/ { scratch += $2 }
             END { row() }' >"$work/table"
    [ -s "$work/table" ] || refuse "$file for $1 ($options): no kernels described"
    while read -r kernel registers local scratch; do report "$kernel" "$1" "$registers" "$local" "$scratch"; done <"$work/table"
}

# The variant of that number; the count of its failures in FOLDER/NUMBER.failed.
variant() {
    work=$1/$2 failed=0 may_spill=no
    mkdir "$work"
    read -r file options <<END
$(sed -n "$2p" "$1/variants")
END
    case $options in -cpu*) may_spill=yes options=${options#-cpu } ;; esac
    echo "== $(basename "$file") $options"
    for target in gfx906 gfx1030 gfx1100; do amd $target; done
    nvidia
    if [ -n "$ocloc" ]; then for target in skl tgllp dg2; do intel $target; done; fi
    echo $failed >"$1/$2.failed"
}

if [ "${1:-}" = --variant ]; then
    variant "$2" "$3"
    exit
fi

[ -n "$ptxas" ] || echo "check-cl: ptxas is not installed: PTX is not compiled on"
[ -n "$ocloc" ] || echo "check-cl: ocloc is not installed: Intel GPUs are left out"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
failed=0 number=0
: >"$work/variants"

[ $# -gt 0 ] || set -- cl/*.cl
for file in "$@"; do
    sed -n 's/^.*check\(-cpu\)\{0,1\}: *\(-D.*\)$/\1 \2/p' "$file" | sed 's#\*/.*$##' | sed "s#^#$file #" >"$work/log"
    [ -s "$work/log" ] || refuse "$file says no variant to check (a line \"check: -D...\")"
    cat "$work/log" >>"$work/variants"
done
built=$(wc -l <"$work/variants")
sh scripts/parallel.sh "$work" "$built" sh scripts/check-cl.sh --variant
while [ $number -lt "$built" ]; do
    number=$((number + 1))
    read -r count <"$work/$number.failed" || count=1 # it ended before its end
    failed=$((failed + count))
done
echo "check-cl: $built variants compiled, $failed failures"
[ $failed -eq 0 ]
