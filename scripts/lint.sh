#!/bin/sh
# Checks the shape of the tree: include directions, who may know which library, who may print, format, length of files.
set -u
cd "$(dirname "$0")/.." || exit 1
status=0
complain() {
    echo "lint: $*"
    status=1
}

# Folders from the lowest to the highest: a file may include its own folder and those named beside it.
tape="base rt op net"
networks="$tape layer model"
runs="$networks format data metric network"
allowed() {
    case $1 in
    src/base) echo "base" ;;
    src/rt) echo "base rt" ;;
    src/op) echo "base rt op net/check" ;;
    src/net) echo "$tape" ;;
    src/layer) echo "$tape layer" ;;
    src/model) echo "$networks" ;;
    src/format) echo "base format" ;;
    src/data) echo "base format data" ;;
    data-tools) echo "base format data data-tools" ;;
    src/metric) echo "base op model format metric" ;;
    src/network) echo "$runs" ;;
    src/weights) echo "$runs weights" ;;
    src/verify) echo "$networks format metric network weights verify furrow.h" ;;
    src/run) echo "$runs weights run furrow.h" ;;
    src/report) echo "base model format data metric run report furrow.h" ;;
    src/library) echo "$runs weights run library furrow.h" ;;
    src/cli) echo "furrow.h data-tools cli" ;;
    esac
}
for folder in src/base src/rt src/op src/net src/layer src/model src/format src/data src/metric src/network src/weights \
    src/verify src/run src/report src/library src/cli data-tools; do
    may=$(allowed $folder)
    for file in "$folder"/*.c "$folder"/*.h; do
        [ -e "$file" ] || continue
        for include in $(sed -n 's/^#include "\([^"]*\)".*/\1/p' "$file"); do
            ok=no
            for prefix in $may; do
                case $include in
                "$prefix" | "$prefix"/* | "$prefix".h) ok=yes ;;
                esac
            done
            [ $ok = yes ] || complain "$file includes \"$include\"; $folder may include only: $may"
        done
    done
done

# only PATTERN FOLDER WHAT: the pattern may stand in that folder alone.
only() {
    found=$(grep -lE "$1" src/*/*.[ch] data-tools/*.[ch] include/*.h 2>/dev/null | grep -v "^$2/")
    [ -z "$found" ] || complain "$3 belongs to $2:" $found
}
only '#include <(CL/|clblast)' src/rt "OpenCL and CLBlast"
only '#include <hdf5' src/format HDF5
only '#include <(gdal|ogr|cpl)' src/format GDAL
printing=$(grep -lE '(^|[^a-z_])(printf|puts|putchar|fputs|fprintf\((stdout|stderr)) ?\(' src/*/*.c data-tools/*.c 2>/dev/null |
    grep -vE '^src/cli/|^src/base/error.c$')
[ -z "$printing" ] || complain "printing belongs to src/cli:" $printing

# Length and promises.
for file in src/*/*.[ch] data-tools/*.[ch] cl/* tests/*.[ch] tests/*/*.[ch]; do
    [ -e "$file" ] || continue
    lines=$(wc -l <"$file")
    if [ "$lines" -gt 600 ]; then
        complain "$file has $lines lines, wanted at most 600"
    elif [ "$lines" -gt 400 ]; then
        echo "lint: $file has $lines lines: rarely over 400 (a warning)"
    fi
done
promises=$(grep -nIE 'TODO|FIXME|\bXXX\b|not yet implemented' -r src cl data-tools include tests scripts --include='*.[ch]' --include='*.cl*' 2>/dev/null)
[ -z "$promises" ] || complain "promises:" "$promises"

if command -v clang-format >/dev/null; then
    unformatted=$(clang-format --dry-run -Werror src/*/*.[ch] data-tools/*.[ch] include/*.h tests/*.[ch] tests/*/*.[ch] 2>&1 |
        sed -n 's/^\([^: ]*\):[0-9].*error:.*/\1/p' | sort -u)
    [ -z "$unformatted" ] || complain "not formatted; run clang-format -i" $unformatted
else
    echo "lint: clang-format is not installed: format not checked"
fi

[ $status -eq 0 ] && echo "lint: fine"
exit $status
