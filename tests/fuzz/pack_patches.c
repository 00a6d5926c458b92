/* Patch packs: opened, and every image and map of labels, parcels and targets read. */
#include "tests/fuzz/fuzz.h"

#include "format/patch_pack.h"

static void read_patch(patch_pack *p, size_t patch)
{
    size_t pixels = (size_t)patch_pack_height(p) * (size_t)patch_pack_width(p);
    int crs;
    patch_pack_corners(p, patch, &crs);
    for (int s = 0; s < patch_pack_satellites(p); s++)
        for (int date = 0; date < patch_pack_dates(p, s, patch); date++) {
            void *values = malloc(patch_pack_frame_bytes(p, s) + 1);
            int rc = values ? patch_pack_read_frames(p, s, patch, &date, 1, values) : 1;
            free(values);
            if (rc) break;
        }
    int32_t *map = malloc(pixels * sizeof *map);
    if (map) patch_pack_read_parcels(p, patch, map);
    if (map) patch_pack_read_labels(p, patch, (uint8_t *)map);
    for (int k = 0; map && k < PATCH_TARGETS; k++)
        if (patch_pack_origin(p, (enum patch_target)k, patch) == PATCH_OWN)
            patch_pack_read_target(p, (enum patch_target)k, patch, map);
    free(map);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    patch_pack *p;
    if (patch_pack_open(fuzz_file("a.h5", bytes, length), &p)) return 0;
    for (size_t i = 0; i < patch_pack_count(p); i++) read_patch(p, i);
    for (int k = 0; k < 300; k++) patch_pack_class_name(p, k), patch_pack_class_colour(p, k);
    patch_pack_close(p);
    return 0;
}
