/* metadata.geojson of a PASTIS folder: patches, folds, corners, dates. */
#include "tests/fuzz/fuzz.h"

#include "data-tools/pack_pastis_source.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    const size_t shape[4] = {3, 2, 4, 4};
    pastis_source s;
    if (!*fuzz_root) {
        fuzz_make_folder("DATA_S2");
        fuzz_make_array("DATA_S2/S2_10000.npy", NUMBER_I16, 4, shape);
        fuzz_make_array("DATA_S2/S2_10001.npy", NUMBER_I16, 4, shape);
    }
    fuzz_file("metadata.geojson", bytes, length);
    if (!pastis_source_open(fuzz_folder(), NULL, length & 1, &s)) pastis_source_free(&s);
    return 0;
}
