/* META/labels.json: labels of parcels; what follows a first byte 0 is META/classes.json, what the labels stand for. */
#include "tests/fuzz/fuzz_pixelset.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    const uint8_t *end = length ? memchr(bytes, 0, length) : NULL;
    const size_t labels = end ? (size_t)(end - bytes) : length;
    fuzz_pixelset_folder();
    fuzz_file("META/classes.json", end ? end + 1 : (const uint8_t *)"{}", end ? length - labels - 1 : 2);
    fuzz_document("labels.json", pack_labels_read, bytes, labels);
    return 0;
}
