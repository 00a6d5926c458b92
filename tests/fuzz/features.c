/* META/geomfeat.json: static features of parcels. */
#include "tests/fuzz/fuzz_pixelset.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    fuzz_document("geomfeat.json", pack_features_read, bytes, length);
    return 0;
}
