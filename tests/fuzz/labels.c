/* META/labels.json: labels of parcels. */
#include "tests/fuzz/fuzz_pixelset.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    fuzz_document("labels.json", pack_labels_read, bytes, length);
    return 0;
}
