/* Packs that are cut off, flipped or lie: refused with a message, never a crash. */
#include <math.h>

#include "base/file.h"
#include "format/h5.h"
#include "format/id.h"
#include "format/pixelset_pack_write.h"

#include "tests/format_test.h"

static const char *const ids[3] = {"1", "2", "x"};
static const int32_t dates[3] = {2, 2, 2}, pixels[3] = {3, 0, 4}, days[2] = {17000, 17010},
                     labels[3] = {1, 2, PACK_NO_LABEL};
static const float feature[6] = {1, 2, NAN, NAN, 5, 6};
static const double center[2] = {3, 4}, spread[2] = {2, 2};

static void put_pack(void)
{
    const pack_labels nomenclature = {.name = "crop", .values = labels};
    const pack_feature features = {"geom", 2, feature, center, spread};
    const pack_contents contents = {.count = 3,
                                    .bands = 2,
                                    .type = NUMBER_I16,
                                    .fingerprint = "0",
                                    .ids = ids,
                                    .dates = dates,
                                    .pixels = pixels,
                                    .days = days,
                                    .day_count = 2,
                                    .days_shared = true,
                                    .labels = &nomenclature,
                                    .nomenclatures = 1,
                                    .features = &features,
                                    .feature_count = 1};
    double mean[2] = {10, 20}, std[2] = {1, 0};
    const normalisation n = {1, 2, mean, std};
    int16_t values[28];
    pack_writer *w;
    for (int i = 0; i < 28; i++) values[i] = (int16_t)(i * 3);
    assert_ok(pack_writer_open(in_scratch("p.h5"), &contents, 0, &w));
    assert_ok(pack_writer_append(w, values, 5));
    assert_ok(pack_writer_append(w, values + 5, 23));
    assert_ok(pack_writer_finish(w, &n, "computed"));
    pack_writer_close(w);
}

/* Opens the pack and reads all of it. */
static int use(void)
{
    pixelset_pack *p = NULL;
    int16_t values[64];
    int rc = pixelset_pack_open(in_scratch("p.h5"), &p);
    for (size_t i = 0; !rc && i < pixelset_pack_count(p); i++) {
        assert_true(pixelset_pack_bytes(p, i) <= sizeof values);
        rc = pixelset_pack_read(p, i, values);
    }
    pixelset_pack_close(p);
    return rc;
}

static void order_of_ids(void **state)
{
    static const char *const sorted[] = {"0", "1",  "01", "9", "10", "99999999999999999998", "99999999999999999999",
                                         "",  "-1", "a"};
    (void)state;
    for (int i = 0; i < 10; i++)
        for (int j = 0; j < 10; j++) {
            int order = id_compare(sorted[i], sorted[j]);
            if (i == 1 && j == 2)
                assert_true(order > 0); /* of equal value: by bytes */
            else if (i == 2 && j == 1)
                assert_true(order < 0);
            else
                assert_true(i < j ? order < 0 : i > j ? order > 0 : order == 0);
        }
}

static void unfinished_is_refused(void **state)
{
    h5 *file;
    (void)state;
    assert_ok(h5_create(in_scratch("p.h5"), &file));
    assert_ok(h5_close(file));
    assert_refused(use(), "is not one of furrow's files");
    assert_ok(h5_create(in_scratch("p.h5"), &file));
    assert_ok(h5_set_text(file, "/", "furrow_format", "pixelset"));
    assert_ok(h5_set_int(file, "/", "version", 1));
    assert_ok(h5_close(file));
    assert_refused(use(), "is unfinished: run the same furrow pack again");
    put_text(in_scratch("p.h5"), "{}");
    assert_refused(use(), "is not a whole HDF5 file");
}

/* A pack as above, except for one thing. */
static struct {
    int version, complete, bands;
    const char *format, *id_text;
    size_t ids, offsets, day_count;
    uint64_t offset[4], first[3];
    int32_t dates[3], pixels[3], days[2];
    enum number_type type;
    float feature[6];
    double mean[2], std[2];
    size_t means;
} lie;

static void truth(void)
{
    memset(&lie, 0, sizeof lie);
    lie.version = lie.complete = 1;
    lie.bands = 2;
    lie.format = "pixelset";
    lie.id_text = "1\0002\000x";
    lie.ids = 3;
    lie.offsets = 4;
    lie.day_count = 2;
    lie.offset[1] = 12, lie.offset[2] = 12, lie.offset[3] = 28;
    memcpy(lie.dates, dates, sizeof dates);
    memcpy(lie.pixels, pixels, sizeof pixels);
    memcpy(lie.days, days, sizeof days);
    memcpy(lie.feature, feature, sizeof feature);
    lie.type = NUMBER_I16;
    lie.mean[0] = 1, lie.std[0] = 2, lie.mean[1] = 3;
    lie.means = 2;
}

static int tell(void)
{
    h5 *f;
    const size_t three = 3, all = 28, wide[2] = {3, 2};
    char text[6];
    memcpy(text, lie.id_text, 6);
    double values[28] = {0};
    assert_ok(h5_create(in_scratch("p.h5"), &f));
    assert_ok(h5_set_text(f, "/", "furrow_format", lie.format));
    assert_ok(h5_set_int(f, "/", "version", lie.version));
    assert_ok(h5_set_int(f, "/", "bands", lie.bands));
    assert_ok(h5_write_text(f, "/parcels/id", lie.ids, 2, text));
    assert_ok(h5_write(f, "/parcels/offset", NUMBER_U64, 1, &lie.offsets, lie.offset));
    assert_ok(h5_write(f, "/parcels/dates", NUMBER_I32, 1, &three, lie.dates));
    assert_ok(h5_write(f, "/parcels/pixels", NUMBER_I32, 1, &three, lie.pixels));
    assert_ok(h5_write(f, "/parcels/first_day", NUMBER_U64, 1, &three, lie.first));
    assert_ok(h5_write(f, "/days", NUMBER_I32, 1, &lie.day_count, lie.days));
    h5_dataset *d;
    assert_ok(h5_dataset_new(f, "/pixels", lie.type, 1, &all, 28, 0, &d));
    assert_ok(h5_dataset_write(d, 0, all, NUMBER_F64, values));
    h5_dataset_close(d);
    assert_ok(h5_write(f, "/labels/0", NUMBER_I32, 1, &three, labels));
    assert_ok(h5_set_text(f, "/labels/0", "name", "crop"));
    assert_ok(h5_write(f, "/features/0", NUMBER_F32, 2, wide, lie.feature));
    assert_ok(h5_set_text(f, "/features/0", "name", "geom"));
    assert_ok(h5_set_reals(f, "/features/0", "mean", 2, center));
    assert_ok(h5_set_reals(f, "/features/0", "std", 2, spread));
    assert_ok(h5_write(f, "/normalisation/mean", NUMBER_F64, 1, &lie.means, lie.mean));
    assert_ok(h5_write(f, "/normalisation/std", NUMBER_F64, 1, &lie.means, lie.std));
    assert_ok(h5_set_text(f, "/normalisation", "source", "computed"));
    assert_ok(h5_set_int(f, "/", "complete", lie.complete));
    assert_ok(h5_close(f));
    return use();
}

static void lies(void **state)
{
    (void)state;
    truth();
    assert_ok(tell());
    LIE(lie.format = "checkpoint", "is a checkpoint, wanted a pixel-set pack");
    LIE(lie.version = 2, "pack version 2, wanted 1");
    LIE(lie.complete = 0, "is unfinished");
    LIE(lie.bands = 0, "bands is 0");
    LIE(lie.bands = 3, "parcel 1: its values lie from 0 to 12, wanted 2 x 3 x 3");
    LIE(lie.ids = 2, "/parcels/offset: has 4 elements, wanted 3");
    LIE(lie.ids = 0, "holds no parcel");
    LIE(lie.id_text = "2\0001\000x", "\"1\" comes after \"2\"");
    LIE(lie.id_text = "1\0001\000x", "wanted every id once");
    LIE(lie.id_text = "\0\0002\000x", "parcel 0 has no id");
    LIE(lie.offsets = 3, "/parcels/offset: has 3 elements, wanted 4");
    LIE(lie.offset[0] = 1, "starts at 1");
    LIE(lie.offset[1] = 11, "from 0 to 11");
    LIE(lie.offset[2] = 8, "from 12 to 8");
    LIE(lie.offset[3] = UINT64_MAX, "wanted 2 x 4 x 2");
    LIE((lie.offset[3] = 12, lie.pixels[2] = 0), "/pixels: 28 values in 1 dimensions, wanted 12");
    LIE(lie.dates[1] = 0, "parcel 2: 0 dates");
    LIE(lie.dates[1] = INT32_MAX, "2147483647 dates");
    LIE(lie.pixels[1] = -1, "-1 pixels");
    LIE(lie.type = NUMBER_F64, "/pixels: float64, wanted uint8");
    LIE(lie.days[1] = 1 << 20, "day 1 is 1048576");
    LIE(lie.first[1] = 1, "/parcels/first_day: wanted");
    LIE(lie.first[2] = UINT64_MAX, "/parcels/first_day: wanted");
    LIE(lie.day_count = 1, "/parcels/first_day: wanted");
    LIE(lie.feature[4] = INFINITY, "feature geom of parcel x is infinite");
    LIE(lie.mean[1] = NAN, "wanted finite values");
    LIE(lie.std[0] = -1, "deviation -1");
    LIE(lie.means = 1, "/normalisation/mean: 1 values in 1 dimensions");
}

static void damage(void **state)
{
    char *bytes;
    size_t length, noticed = 0;
    (void)state;
    put_pack();
    assert_ok(use());
    assert_ok(file_read(in_scratch("p.h5"), 1 << 20, &bytes, &length));
    for (size_t cut = 0; cut < length; cut += cut < 200 ? 7 : 41) {
        put_file(in_scratch("p.h5"), bytes, cut);
        assert_refused(use(), "p.h5");
    }
    for (size_t at = 0; at < length; at += at < 600 ? 1 : 7) {
        bytes[at] ^= 0x11;
        put_file(in_scratch("p.h5"), bytes, length);
        bytes[at] ^= 0x11;
        if (!use()) continue; /* a byte that nothing depends on */
        assert_message("p.h5");
        noticed++;
    }
    assert_true(noticed > 200);
    free(bytes);
}

static void too_few_values(void **state)
{
    const pack_contents contents = {
        .count = 3, .bands = 2, .type = NUMBER_I16, .fingerprint = "0", .ids = ids, .dates = dates, .pixels = pixels};
    double one[1] = {1};
    const normalisation n = {1, 1, one, one};
    pack_writer *w;
    (void)state;
    assert_ok(pack_writer_open(in_scratch("p.h5"), &contents, 0, &w));
    assert_refused(pack_writer_finish(w, &n, "computed"), "0 values came, wanted 28");
    pack_writer_close(w);
    assert_int_equal(use(), FAILED);
}

/* The library itself loses memory when it meets damaged metadata. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libhdf5";
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_of_ids), cmocka_unit_test(unfinished_is_refused), cmocka_unit_test(lies),
        cmocka_unit_test(damage),       cmocka_unit_test(too_few_values),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
