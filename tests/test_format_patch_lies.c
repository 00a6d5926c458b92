/* Packs of patches that say what is not so: refused when they are opened, whatever it is. */
#include <math.h>

#include "format/h5.h"
#include "format/patch_pack.h"

#include "tests/format_test.h"

enum { COUNT = 3, H = 3, W = 5, PIXELS = H * W };

static const int32_t s2_days[6] = {100, 110, 90, 95, 120, 130};

/* A pack as above, except for one thing. */
static struct {
    int version, complete, height, crs;
    const char *format, *id_text;
    size_t days, folds, bands, rows, checksums, patches;
    uint64_t first[COUNT + 1];
    int32_t fold[COUNT], day[6], histogram[COUNT * 256];
    uint8_t present[COUNT], origin[COUNT];
    size_t own;
    enum number_type type, label_type, heat_type;
    double mean[2], std[2], corner;
} lie;

static void truth(void)
{
    memset(&lie, 0, sizeof lie);
    lie.version = lie.complete = 1;
    lie.height = H;
    lie.format = "patches";
    lie.id_text = "1\0002\0003";
    lie.days = lie.rows = lie.checksums = 6;
    lie.folds = 1;
    lie.bands = 2;
    lie.patches = COUNT;
    lie.first[1] = 2, lie.first[2] = 5, lie.first[3] = 6;
    lie.fold[0] = lie.fold[1] = lie.fold[2] = 1;
    memcpy(lie.day, s2_days, sizeof s2_days);
    lie.present[0] = 1;
    lie.histogram[4] = PIXELS;
    lie.type = NUMBER_I16;
    lie.label_type = NUMBER_U8;
    lie.origin[0] = lie.origin[2] = PATCH_OWN;
    lie.own = 2;
    lie.heat_type = NUMBER_F32;
    lie.mean[0] = 1, lie.std[0] = 2;
}

static int tell(void)
{
    h5 *f;
    const size_t count = COUNT, ends = COUNT + 1, frames[4] = {lie.rows, lie.bands, H, W}, norm[2] = {lie.folds, 2},
                 planes[3] = {COUNT, H, W}, own[3] = {lie.own, H, W}, histogram[2] = {COUNT, 256},
                 corners[3] = {COUNT, 4, 2};
    static const double zeros[6 * 4 * PIXELS];
    double corner[COUNT * 8] = {0};
    char text[6];
    uint32_t sums[8] = {0};
    memcpy(text, lie.id_text, 6);
    corner[9] = lie.corner;
    assert_ok(h5_create(in_scratch("p.h5"), &f));
    assert_ok(h5_set_text(f, "/", "furrow_format", lie.format));
    assert_ok(h5_set_int(f, "/", "version", lie.version));
    assert_ok(h5_set_int(f, "/", "height", lie.height));
    assert_ok(h5_set_int(f, "/", "width", W));
    assert_ok(h5_set_int(f, "/", "crs", lie.crs));
    assert_ok(h5_write_text(f, "/patches/id", lie.patches, 2, text));
    assert_ok(h5_write(f, "/patches/fold", NUMBER_I32, 1, &count, lie.fold));
    assert_ok(h5_write(f, "/patches/corners", NUMBER_F64, 3, corners, corner));
    assert_ok(h5_write(f, "/satellites/S2/first", NUMBER_U64, 1, &ends, lie.first));
    assert_ok(h5_write(f, "/satellites/S2/days", NUMBER_I32, 1, &lie.days, lie.day));
    assert_ok(h5_write(f, "/satellites/S2/frames", lie.type, 4, frames, zeros));
    assert_ok(h5_write(f, "/satellites/S2/checksum", NUMBER_U32, 1, &lie.checksums, sums));
    assert_ok(h5_write(f, "/satellites/S2/mean", NUMBER_F64, 2, norm, lie.mean));
    assert_ok(h5_write(f, "/satellites/S2/std", NUMBER_F64, 2, norm, lie.std));
    assert_ok(h5_set_text(f, "/satellites/S2", "normalisation", "computed"));
    assert_ok(h5_write(f, "/labels/pixels", lie.label_type, 3, planes, zeros));
    assert_ok(h5_write(f, "/labels/checksum", NUMBER_U32, 1, &count, sums));
    assert_ok(h5_write(f, "/labels/present", NUMBER_U8, 1, &count, lie.present));
    assert_ok(h5_write(f, "/labels/histogram", NUMBER_I32, 2, histogram, lie.histogram));
    assert_ok(h5_write(f, "/targets/heatmap/origin", NUMBER_U8, 1, &count, lie.origin));
    assert_ok(h5_write(f, "/targets/heatmap/pixels", lie.heat_type, 3, own, zeros));
    assert_ok(h5_write(f, "/targets/heatmap/checksum", NUMBER_U32, 1, &lie.own, sums));
    assert_ok(h5_set_int(f, "/", "complete", lie.complete));
    assert_ok(h5_close(f));
    patch_pack *p = NULL;
    int rc = patch_pack_open(in_scratch("p.h5"), &p);
    patch_pack_close(p);
    return rc;
}

static void lies(void **state)
{
    (void)state;
    truth();
    assert_ok(tell());
    LIE(lie.format = "pixelset", "is a pixelset, wanted a pack of image patches");
    LIE(lie.version = 2, "version is 2, wanted 1 to 1");
    LIE(lie.complete = 0, "is unfinished: run the same furrow pack again");
    LIE(lie.height = 0, "height is 0, wanted 1 to 16384");
    LIE(lie.height = 4, "/satellites/S2/frames: wanted numbers, 6 rows of 3 dimensions, 4 x 5 pixels");
    LIE(lie.crs = -1, "crs is -1");
    LIE(lie.id_text = "2\0001\0003", "\"1\" comes after \"2\"");
    LIE(lie.id_text = "2\0002\0003", "wanted every id once");
    LIE(lie.id_text = "\0\0002\0003", "patch 0 has no id");
    LIE(lie.patches = 0, "holds no patch");
    LIE(lie.patches = 2, "/patches/fold: has 3 elements, wanted 2");
    LIE(lie.fold[1] = 6, "patch 2: fold 6, wanted 1 to 5");
    LIE(lie.fold[1] = -1, "patch 2: fold -1");
    LIE(lie.corner = NAN, "/patches/corners: patch 2: wanted four corners, or none");
    LIE(lie.first[0] = 1, "/satellites/S2/first starts at 1");
    LIE(lie.first[2] = 1, "patch 2: its dates lie from 2 to 1");
    LIE(lie.first[3] = UINT64_MAX, "patch 3: its dates lie from 5 to");
    LIE(lie.first[3] = 7, "/satellites/S2/days: has 6 elements, wanted 7");
    LIE(lie.days = 5, "/satellites/S2/days: has 5 elements, wanted 6");
    LIE(lie.day[1] = 1 << 20, "day 1 is 1048576");
    LIE(lie.rows = 5, "/satellites/S2/frames: wanted numbers, 6 rows");
    LIE(lie.checksums = 5, "/satellites/S2/checksum: has 5 elements, wanted 6");
    LIE(lie.bands = 0, "of 0 bands");
    LIE(lie.bands = 3, "/satellites/S2/mean: wanted 1 to 5 folds of 3 bands");
    LIE(lie.type = NUMBER_F64, "float64 of 2 bands, wanted uint8");
    LIE(lie.folds = 0, "/satellites/S2/mean: wanted 1 to 5 folds");
    LIE(lie.mean[1] = NAN, "S2: fold 1, band 1: mean nan");
    LIE(lie.std[0] = -1, "deviation -1");
    LIE(lie.label_type = NUMBER_I16, "/labels/pixels: int16, wanted uint8");
    LIE(lie.histogram[4] = PIXELS - 1, "patch 1: 14 labelled pixels, wanted 15");
    LIE(lie.histogram[256] = 1, "patch 2: 1 labelled pixels, wanted 0");
    LIE(lie.histogram[5] = -1, "patch 1: -1 pixels of label 5");
    LIE(lie.origin[1] = 3, "/targets/heatmap/origin: patch 2: 3, wanted 0 to 2");
    LIE(lie.origin[1] = PATCH_OWN, "/targets/heatmap/pixels: wanted numbers, 3 rows of 2 dimensions, 3 x 5 pixels");
    LIE(lie.own = 3, "/targets/heatmap/pixels: wanted numbers, 2 rows");
    LIE(lie.heat_type = NUMBER_F64, "/targets/heatmap/pixels: float64, wanted float32");
}

/* The library itself loses memory when it meets damaged metadata. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libhdf5";
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(lies)};
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
