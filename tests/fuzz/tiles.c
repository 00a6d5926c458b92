/* tiles.json: the plan of a map, and its first tile, which fits a map of 6 x 5 pixels. */
#include "tests/fuzz/fuzz.h"

#include "data/tiles.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    const size_t shape[3] = {2, 5, 6};
    uint8_t *values;
    tile_plan p;
    if (!*fuzz_root) {
        fuzz_make_folder("tiles");
        fuzz_make_array("tiles/0_0.npy", NUMBER_U8, 3, shape);
    }
    fuzz_file("tiles.json", bytes, length);
    if (tiles_open(fuzz_folder(), &p)) return 0;
    tile_is_done(&p, fuzz_folder(), 0);
    if (!tile_load(&p, fuzz_folder(), 0, &values)) free(values);
    tiles_free(&p);
    return 0;
}
