/* A folder of a pixel set with three parcels of 4 dates, 2 bands and 5 pixels, for the documents under META. */
#ifndef FURROW_TESTS_FUZZ_FUZZ_PIXELSET_H
#define FURROW_TESTS_FUZZ_FUZZ_PIXELSET_H

#include "tests/fuzz/fuzz.h"

#include "data-tools/pack_source.h"

static inline void fuzz_pixelset_folder(void)
{
    static const char *const arrays[] = {"DATA/1.npy", "DATA/2.npy", "DATA/30.npy"};
    const size_t shape[3] = {4, 2, 5};
    if (*fuzz_root) return;
    fuzz_make_folder("DATA");
    fuzz_make_folder("META");
    for (int i = 0; i < 3; i++) fuzz_make_array(arrays[i], NUMBER_U16, 3, shape);
}

/* Reads the bytes as META/NAME, by `read`. */
static inline void fuzz_document(const char *name, int (*read)(pack_source *s), const uint8_t *bytes, size_t length)
{
    char place[80];
    pack_source s;
    fuzz_pixelset_folder();
    snprintf(place, sizeof place, "META/%s", name);
    fuzz_file(place, bytes, length);
    if (pack_source_open(fuzz_folder(), &s)) return; /* for want of memory */
    read(&s);
    pack_source_free(&s);
}

#endif
