/* Pixel-set packs: opened, and every parcel read. */
#include "tests/fuzz/fuzz.h"

#include "format/pixelset_pack.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    pixelset_pack *p;
    if (pixelset_pack_open(fuzz_file("a.h5", bytes, length), &p)) return 0;
    for (size_t i = 0; i < pixelset_pack_count(p); i++) {
        void *values = malloc(pixelset_pack_bytes(p, i) + 1);
        if (values) pixelset_pack_read(p, i, values);
        free(values);
    }
    pixelset_pack_close(p);
    return 0;
}
