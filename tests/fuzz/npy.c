/* .npy arrays, header and elements. */
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    npy_header h;
    void *values;
    if (!npy_read(fuzz_file("a.npy", bytes, length), 1 << 20, &h, &values)) free(values);
    return 0;
}
