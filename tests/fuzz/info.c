/* What `furrow info` says of packs, checkpoints and reference results. */
#include "tests/fuzz/fuzz.h"

#include "furrow.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    char *json;
    if (!furrow_info(fuzz_file("a.h5", bytes, length), &json)) free(json);
    return 0;
}
