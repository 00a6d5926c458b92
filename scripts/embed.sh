#!/bin/sh
# Prints C source that embeds the given kernel files: kernel_text and kernel_text_name of src/rt/kernel_text.h.
set -eu
echo '#include "rt/kernel_text.h"'
echo '#include <string.h>'
echo 'static const struct { const char *name, *text; } files[] = {'
for file in "$@"; do
    printf '{"%s",\n' "$(basename "$file")"
    sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/^/"/' -e 's/$/\\n"/' "$file"
    echo '""},'
done
echo '{0, 0}};'
echo 'const char *kernel_text(const char *file_name)'
echo '{'
echo '    for (int i = 0; files[i].name; i++)'
echo '        if (!strcmp(files[i].name, file_name)) return files[i].text;'
echo '    return 0;'
echo '}'
echo 'const char *kernel_text_name(int index)'
echo '{'
echo '    int count = 0;'
echo '    while (files[count].name) count++;'
echo '    return index < count ? files[index].name : 0;'
echo '}'
