/* META/dates.json: dates of series, shared or a parcel's own. */
#include "tests/fuzz/fuzz_pixelset.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    fuzz_document("dates.json", pack_dates_read, bytes, length);
    return 0;
}
