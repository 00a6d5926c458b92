/* The two files of a tile of parcels: a byte (how many 16 bytes the first one has), the table, the pixels. Of a map of 6 x 6
 * pixels, tiles of 4 with margins of 1, two classes. */
#include "tests/fuzz/fuzz.h"

#include "data/tile_parcels.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    tile_plan p = {.grid = {6, 6, {0, 1, 0, 0, 0, -1}, ""}, .side = 4, .margin = 1, .class_count = 2, .parcels = true};
    tile_parcels t;
    if (!*fuzz_root) fuzz_make_folder("tiles");
    if (!length || tiles_lay(&p)) return 0;
    const size_t rest = length - 1, wanted = 16 * (size_t)bytes[0], table = wanted < rest ? wanted : rest;
    fuzz_file("tiles/0_0_parcels.npy", bytes + 1, table);
    fuzz_file("tiles/0_0.npy", bytes + 1 + table, rest - table);
    tile_parcels_are_done(&p, fuzz_folder(), 0);
    if (!tile_parcels_load(&p, fuzz_folder(), 0, &t)) tile_parcels_free(&t);
    return 0;
}
