/* Packing a PASTIS folder: every form of its documents, every type, all problems in one list. */
#include <math.h>

#include "base/file.h"
#include "data-tools/pack_pastis.h"
#include "format/patch_pack.h"

#include "tests/pack_test.h"

enum { H = 4, W = 6, PIXELS = H * W, BANDS = 2 };

/* ---- a small folder ------------------------------------------------------------------------------------------------ */

static int16_t s2_value(int patch, int date, int at)
{
    return (int16_t)(3000 * patch + 200 * date + at - 500);
}

static void put_s2(const char *id, int patch, size_t dates)
{
    const size_t shape[4] = {dates, BANDS, H, W};
    int16_t values[8 * BANDS * PIXELS];
    char name[80];
    for (int t = 0; t < (int)dates; t++)
        for (int k = 0; k < BANDS * PIXELS; k++) values[t * BANDS * PIXELS + k] = s2_value(patch, t, k);
    snprintf(name, sizeof name, "in/DATA_S2/S2_%s.npy", id);
    assert_ok(npy_write(in_scratch(name), NUMBER_I16, 4, shape, values));
}

static void put_s1(const char *id, size_t dates, uint16_t last)
{
    const size_t shape[4] = {dates, 1, H, W};
    uint16_t values[8 * PIXELS];
    char name[80];
    for (int k = 0; k < (int)dates * PIXELS; k++) values[k] = (uint16_t)(0x3c00 + k);
    values[dates * PIXELS - 1] = last;
    snprintf(name, sizeof name, "in/DATA_S1A/S1A_%s.npy", id);
    assert_ok(npy_write(in_scratch(name), NUMBER_F16, 4, shape, values));
}

static void put_labels(const char *id, int patch)
{
    const size_t shape[3] = {3, H, W};
    uint8_t values[3 * PIXELS] = {0};
    int32_t ids[PIXELS];
    char name[80];
    for (int k = 0; k < PIXELS; k++) {
        values[k] = (uint8_t)((k + patch) % 3);
        values[PIXELS + k] = 99;
        ids[k] = 1000 * patch + k / 5;
    }
    snprintf(name, sizeof name, "in/ANNOTATIONS/TARGET_%s.npy", id);
    assert_ok(npy_write(in_scratch(name), NUMBER_U8, 3, shape, values));
    snprintf(name, sizeof name, "in/ANNOTATIONS/ParcelIDs_%s.npy", id);
    assert_ok(npy_write(in_scratch(name), NUMBER_I32, 2, shape + 1, ids));
}

#define OUTLINE                                                                                                        \
    "\"geometry\": {\"type\": \"MultiPolygon\", \"coordinates\": [[[[100, 200], [160, 201], [159, 161], [99, 160], "   \
    "[100, 200]]]]}"
#define FEATURE(id, fold, dates) "{\"properties\": {\"ID_PATCH\": " id ", \"Fold\": " fold ", " dates "}, " OUTLINE "}"
#define DATES_2                  "\"dates-S2\": {\"0\": 20180924, \"1\": 20181004}"
#define DATES_3                  "\"dates-S2\": \"{\\\"0\\\": 20180924, \\\"1\\\": 20180929, \\\"2\\\": 20181004}\""
#define RADAR                    ", \"dates-S1A\": {\"0\": 20180920}"
#define DOCUMENT(features)                                                                                             \
    "{\"crs\": {\"type\": \"name\", \"properties\": {\"name\": \"urn:ogc:def:crs:EPSG::2154\"}}, \"features\": "       \
    "[" features "]}"

/* in/ with patches 7, 12 and 100: 2, 3 and 2 dates, folds 1, 2 and 1; labels and parcels of all. */
static void put_folder_of_patches(void)
{
    char command[400];
    snprintf(command, sizeof command, "rm -rf '%s/in' '%s'/out*", scratch, scratch);
    assert_int_equal(system(command), 0);
    assert_ok(folder_make(in_scratch("in/DATA_S2")));
    assert_ok(folder_make(in_scratch("in/ANNOTATIONS")));
    put_s2("7", 0, 2);
    put_s2("12", 1, 3);
    put_s2("100", 2, 2);
    put_labels("7", 0);
    put_labels("12", 1);
    put_labels("100", 2);
    put_text(in_scratch("in/metadata.geojson"),
             DOCUMENT(FEATURE("100", "1", DATES_2) "," FEATURE("7", "1", DATES_2) "," FEATURE("\"12\"", "2", DATES_3)));
    put_text(in_scratch("in/NORM_S2_patch.json"), "{\"Fold_1\": {\"mean\": [1, 2], \"std\": [3, 4]}, \"Fold_2\": "
                                                  "{\"mean\": [5, 6], \"std\": [7, 8]}}");
}

static int pack_patches(const pack_pastis_options *options, pack_pastis_result *result)
{
    return pack_pastis(in_scratch("in"), in_scratch("out.h5"), options, result);
}

static const pack_pastis_options plain = {0}, skipping = {.skip_bad = true};

static void nothing_is_left(void)
{
    assert_false(file_exists(in_scratch("out.h5.partial")));
    assert_false(file_exists(in_scratch("out.h5.unfinished")));
    assert_false(file_exists(in_scratch("out.h5.compressing")));
}

static patch_pack *packed_with(const pack_pastis_options *options)
{
    patch_pack *p;
    assert_ok(pack_patches(options, NULL));
    assert_ok(patch_pack_open(in_scratch("out.h5"), &p));
    nothing_is_left();
    return p;
}

/* Refused with this, and with skip_bad the patches that are left. */
static void expect_problem(const char *part, size_t left)
{
    patch_pack *p;
    assert_refused(pack_patches(&plain, NULL), part);
    assert_false(file_exists(in_scratch("out.h5")));
    nothing_is_left();
    if (!left) return;
    log_text[0] = 0;
    p = packed_with(&skipping);
    assert_logged(part);
    assert_int_equal(patch_pack_count(p), left);
    patch_pack_close(p);
    unlink(in_scratch("out.h5"));
}

/* ---- what comes out ------------------------------------------------------------------------------------------------ */

static void frames_equal(patch_pack *p, size_t i, int patch, int dates)
{
    const int all[3] = {0, 1, 2};
    int16_t values[3 * BANDS * PIXELS];
    assert_int_equal(patch_pack_dates(p, 0, i), dates);
    assert_ok(patch_pack_read_frames(p, 0, i, all, dates, values));
    for (int t = 0; t < dates; t++)
        for (int k = 0; k < BANDS * PIXELS; k++)
            assert_int_equal(values[t * BANDS * PIXELS + k], s2_value(patch, t, k));
}

static void a_folder_comes_back(void **state)
{
    static const pack_pastis_options compressed = {.compress = true};
    static const double corners[8] = {100, 200, 160, 201, 159, 161, 99, 160};
    uint8_t labels[PIXELS];
    int32_t parcels[PIXELS];
    int crs;
    (void)state;
    for (int c = 0; c < 2; c++) {
        put_folder_of_patches();
        patch_pack *p = packed_with(c ? &compressed : &plain);
        assert_int_equal(patch_pack_count(p), 3);
        assert_int_equal(patch_pack_height(p), H);
        assert_int_equal(patch_pack_width(p), W);
        assert_string_equal(patch_pack_id(p, 0), "7");
        assert_string_equal(patch_pack_id(p, 1), "12");
        assert_string_equal(patch_pack_id(p, 2), "100");
        assert_int_equal(patch_pack_fold(p, 1), 2);
        assert_memory_equal(patch_pack_corners(p, 0, &crs), corners, sizeof corners);
        assert_int_equal(crs, 2154);
        frames_equal(p, 0, 0, 2);
        frames_equal(p, 1, 1, 3);
        frames_equal(p, 2, 2, 2);
        assert_int_equal(patch_pack_days(p, 0, 1)[0], 17798);
        assert_int_equal(patch_pack_days(p, 0, 1)[2], 17808);
        const patch_satellite *s = patch_pack_satellite(p, 0);
        assert_int_equal(s->folds, 5);
        assert_true(s->mean[2] == 5 && s->std[3] == 8 && isnan(s->mean[4]));
        assert_string_equal(s->source, "NORM_S2_patch.json");
        assert_ok(patch_pack_read_labels(p, 1, labels));
        assert_ok(patch_pack_read_parcels(p, 1, parcels));
        for (int k = 0; k < PIXELS; k++) {
            assert_int_equal(labels[k], (k + 1) % 3);
            assert_int_equal(parcels[k], 1000 + k / 5);
        }
        assert_int_equal(patch_pack_histogram(p, 1)[2], 8);
        assert_null(patch_pack_class_name(p, 1));
        patch_pack_close(p);
    }
}

static void folds_are_chosen(void **state)
{
    pack_pastis_options o = {.folds = "2"};
    static const char *const wrong[] = {"6", "", "1,", "x", "0", "1;2"};
    (void)state;
    put_folder_of_patches();
    patch_pack *p = packed_with(&o);
    assert_int_equal(patch_pack_count(p), 1);
    frames_equal(p, 0, 1, 3);
    patch_pack_close(p);
    o.folds = "2,1";
    p = packed_with(&o);
    assert_int_equal(patch_pack_count(p), 3);
    patch_pack_close(p);
    o.folds = "3,4";
    assert_refused(pack_patches(&o, NULL), "no patch is of the folds 3,4");
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        o.folds = wrong[i];
        assert_int_equal(pack_patches(&o, NULL), USAGE);
        assert_message("wanted numbers from 1 to 5");
    }
}

static void normalisation_is_computed(void **state)
{
    (void)state;
    put_folder_of_patches();
    unlink(in_scratch("in/NORM_S2_patch.json"));
    patch_pack *p = packed_with(&plain);
    assert_logged("no NORM_S2_patch.json: mean and standard deviation of each band are computed over each fold's");
    const patch_satellite *s = patch_pack_satellite(p, 0);
    assert_string_equal(s->source, "computed");
    assert_int_equal(s->folds, 5);
    for (int fold = 1; fold <= 2; fold++)
        for (int c = 0; c < BANDS; c++) {
            static const int folds[3] = {1, 2, 1}, dates[3] = {2, 3, 2};
            double n = 0, sum = 0, squares = 0, mean = 0;
            for (int pass = 0; pass < 2; pass++) {
                for (int i = 0; i < 3; i++)
                    for (int t = 0; folds[i] == fold && t < dates[i]; t++)
                        for (int k = 0; k < PIXELS; k++) {
                            double value = s2_value(i, t, c * PIXELS + k);
                            if (!pass) n++;
                            if (!pass) sum += value;
                            if (pass) squares += (value - mean) * (value - mean);
                        }
                mean = sum / n;
            }
            assert_true(fabs(s->mean[(fold - 1) * BANDS + c] - mean) < 1e-9);
            assert_true(fabs(s->std[(fold - 1) * BANDS + c] - sqrt(squares / n)) < 1e-9);
        }
    assert_true(isnan(s->mean[2 * BANDS]) && isnan(s->std[2 * BANDS]));
    patch_pack_close(p);
}

static void radar_beside(void **state)
{
    const int both[2] = {0, 1};
    uint16_t values[2 * PIXELS];
    int index;
    (void)state;
    put_folder_of_patches();
    assert_ok(folder_make(in_scratch("in/DATA_S1A")));
    put_s1("7", 1, 0xbc00);
    put_s1("12", 2, 0x0001);
    put_text(in_scratch("in/metadata.geojson"),
             DOCUMENT(FEATURE("100", "1", DATES_2) "," FEATURE("7", "1", DATES_2 RADAR) "," FEATURE(
                 "12", "2", DATES_3 ", \"dates-S1A\": [20181001, \"2018-10-02\"]")));
    patch_pack *p = packed_with(&plain);
    assert_logged("1 patches have no S1A: 100");
    assert_logged("no NORM_S1A_patch.json");
    assert_ok(patch_pack_find_satellite(p, "S1A", &index));
    const patch_satellite *s = patch_pack_satellite(p, index);
    assert_int_equal(s->type, NUMBER_F16);
    assert_int_equal(s->bands, 1);
    assert_int_equal(patch_pack_dates(p, index, 1), 2);
    assert_int_equal(patch_pack_dates(p, index, 2), 0);
    assert_int_equal(patch_pack_days(p, index, 1)[1], 17806);
    assert_ok(patch_pack_read_frames(p, index, 1, both, 2, values));
    assert_int_equal(values[5], 0x3c05);
    double sum = -1;
    for (int k = 0; k < PIXELS - 1; k++) sum += 1 + k / 1024.0;
    assert_true(fabs(s->mean[0] - sum / PIXELS) < 1e-9);
    frames_equal(p, 1, 1, 3);
    patch_pack_close(p);
    put_s1("12", 2, 0x7e00);
    unlink(in_scratch("out.h5"));
    expect_problem("S1A_12.npy: 1 of 48 values are not finite, the first (nan) at date 1, band 0, row 3, column 5", 2);
}

static void other_types(void **state)
{
    const size_t shape[4] = {2, BANDS, H, W}, plane[2] = {H, W};
    static float values[2 * BANDS * PIXELS];
    static int64_t labels[PIXELS];
    float back[2 * BANDS * PIXELS];
    const int both[2] = {0, 1};
    (void)state;
    put_folder_of_patches();
    for (int k = 0; k < 2 * BANDS * PIXELS; k++) values[k] = 0.25f * (float)k;
    assert_ok(npy_write(in_scratch("in/DATA_S2/S2_7.npy"), NUMBER_F32, 4, shape, values));
    labels[3] = 255;
    assert_ok(npy_write(in_scratch("in/ANNOTATIONS/TARGET_7.npy"), NUMBER_I64, 2, plane, labels));
    patch_pack *p = packed_with(&plain);
    assert_int_equal(patch_pack_satellite(p, 0)->type, NUMBER_F32); /* it holds both */
    assert_ok(patch_pack_read_frames(p, 0, 0, both, 2, back));
    assert_memory_equal(back, values, sizeof back);
    assert_ok(patch_pack_read_frames(p, 0, 2, both, 2, back));
    for (int k = 0; k < BANDS * PIXELS; k++) assert_true(back[k] == s2_value(2, 0, k));
    assert_int_equal(patch_pack_histogram(p, 0)[255], 1);
    patch_pack_close(p);
    labels[3] = 256;
    assert_ok(npy_write(in_scratch("in/ANNOTATIONS/TARGET_7.npy"), NUMBER_I64, 2, plane, labels));
    unlink(in_scratch("out.h5"));
    expect_problem("ANNOTATIONS/TARGET_7.npy: 256 at row 0, column 3, wanted 0 to 255", 2);
    values[9] = INFINITY;
    assert_ok(npy_write(in_scratch("in/DATA_S2/S2_7.npy"), NUMBER_F32, 4, shape, values));
    expect_problem("2 problems:", 2);
    expect_problem("1 of 96 values are not finite, the first (inf) at date 0, band 0, row 1, column 3", 2);
}

static void names_and_absences(void **state)
{
    (void)state;
    put_folder_of_patches();
    put_text(in_scratch("in/label_names.json"),
             "{\"0\": \"none\", \"2\": {\"name\": \"wheat\", \"color\": \"#FF8000\"}}");
    unlink(in_scratch("in/ANNOTATIONS/TARGET_12.npy"));
    unlink(in_scratch("in/ANNOTATIONS/ParcelIDs_7.npy"));
    patch_pack *p = packed_with(&plain);
    assert_string_equal(patch_pack_class_name(p, 2), "wheat");
    assert_int_equal(patch_pack_class_colour(p, 2), 0xff8000);
    assert_false(patch_pack_has_label(p, 1));
    assert_true(patch_pack_has_label(p, 2));
    assert_false(patch_pack_has_parcel(p, 0));
    assert_logged("1 patches have no labels (ANNOTATIONS/TARGET_ID.npy): 12");
    assert_logged(
        "1 patches have no parcels (ANNOTATIONS/ParcelIDs_ID.npy, or else INSTANCE_ANNOTATIONS/INSTANCES_ID.npy): 7");
    patch_pack_close(p);
    put_text(in_scratch("in/label_names.json"), "{\"300\": \"x\"}");
    unlink(in_scratch("out.h5"));
    expect_problem("label_names.json: \"300\", wanted labels from 0 to 255", 0);
    char command[400];
    snprintf(command, sizeof command, "rm -r '%s/in/ANNOTATIONS' '%s/in/label_names.json'", scratch, scratch);
    assert_int_equal(system(command), 0);
    put_text(in_scratch("in/metadata.geojson"),
             "{\"features\": [{\"properties\": {\"ID_PATCH\": 7, \"dates-S2\": [20180101, 20180102]}},"
             "{\"properties\": {\"ID_PATCH\": 100, \"dates-S2\": [20180101, 20180102]}, \"geometry\": null},"
             "{\"properties\": {\"ID_PATCH\": 12, \"dates-S2\": [20180103, 20180102, 20180101]}}]}");
    unlink(in_scratch("in/NORM_S2_patch.json"));
    p = packed_with(&plain);
    int crs;
    assert_null(patch_pack_corners(p, 0, &crs));
    assert_int_equal(crs, 0);
    assert_int_equal(patch_pack_fold(p, 0), 0);
    assert_false(patch_pack_has_labels(p) || patch_pack_has_parcels(p));
    assert_int_equal(patch_pack_satellite(p, 0)->folds, 1); /* over all patches */
    assert_logged("gives no patch a Fold: the pack can be predicted on");
    assert_logged("no ANNOTATIONS/TARGET_ID.npy");
    assert_logged("patch 12: dates-S2: the dates are not in order");
    patch_pack_close(p);
}

/* ---- problems ------------------------------------------------------------------------------------------------------ */

static void with_metadata(const char *features, const char *problem, size_t left)
{
    char text[4000];
    put_folder_of_patches();
    snprintf(text, sizeof text, DOCUMENT("%s"), features);
    put_text(in_scratch("in/metadata.geojson"), text);
    expect_problem(problem, left);
}

static void problems_of_metadata(void **state)
{
#define OTHERS FEATURE("100", "1", DATES_2) "," FEATURE("12", "2", DATES_3) ","
    (void)state;
    with_metadata(OTHERS FEATURE("7", "6", DATES_2), "patch 7: Fold is 6, wanted 1 to 5", 2);
    with_metadata(OTHERS FEATURE("7", "0", DATES_2), "patch 7: Fold is 0, wanted 1 to 5", 2);
    with_metadata(OTHERS FEATURE("7", "1.5", DATES_2), "patch 7: Fold is 1.5, wanted 1 to 5", 2);
    with_metadata(OTHERS FEATURE("7", "null", DATES_2), "patch 7 has no Fold, wanted 1 to 5", 2);
    with_metadata(OTHERS FEATURE("7", "1", "\"dates-S1D\": [20180101]"),
                  "DATA_S2/S2_7.npy: metadata.geojson has no dates-S2 for patch 7", 2);
    with_metadata(OTHERS FEATURE("7", "1", DATES_3),
                  "DATA_S2/S2_7.npy: 2 dates, but metadata.geojson has 3 dates-S2 for patch 7", 2);
    with_metadata(OTHERS FEATURE("7", "1", "\"dates-S2\": {}"), "patch 7: dates-S2: holds no date", 2);
    with_metadata(OTHERS FEATURE("7", "1", "\"dates-S2\": {\"0\": 20180924, \"1\": 20181304}"),
                  "patch 7: dates-S2: date 1 is 20181304, wanted YYYYMMDD", 2);
    with_metadata(OTHERS FEATURE("7", "1", "\"dates-S2\": \"{0: 20180924}\""), "patch 7: dates-S2", 2);
    with_metadata(OTHERS FEATURE("7", "1", "\"dates-S2\": 3"), "patch 7: dates-S2: wanted {\"0\": YYYYMMDD, ...}", 2);
    with_metadata(OTHERS FEATURE("8", "1", DATES_2), "S2_7.npy: metadata.geojson has no feature with ID_PATCH 7", 2);
    with_metadata(OTHERS FEATURE("8", "1", DATES_2), "patch 8 has no image, wanted DATA_S2/S2_8.npy", 2);
    with_metadata(OTHERS FEATURE("7", "1", DATES_2) "," FEATURE("7", "1", DATES_2), "patch 7 stands twice", 2);
    with_metadata(OTHERS FEATURE("7", "1", DATES_2) ", {\"properties\": {}}", "feature 3 has no ID_PATCH", 0);
    with_metadata(OTHERS FEATURE("7", "3", DATES_2), "NORM_S2_patch.json: has no Fold_3, which 1 patches are of", 0);
    put_text(in_scratch("in/metadata.geojson"), "{}");
    expect_problem("metadata.geojson: holds no features, wanted {", 0);
    put_text(in_scratch("in/metadata.geojson"), "{");
    expect_problem("metadata.geojson", 0);
    unlink(in_scratch("in/metadata.geojson"));
    expect_problem("metadata.geojson: is missing", 0);
}

static void with_file(const char *name, enum number_type type, int rank, size_t a, size_t b, size_t c, size_t d,
                      const char *problem)
{
    const size_t shape[4] = {a, b, c, d};
    static const double zeros[1000];
    put_folder_of_patches();
    assert_ok(npy_write(in_scratch(name), type, rank, shape, zeros));
    expect_problem(problem, 2);
}

static void problems_of_files(void **state)
{
    static const char object[] = "\x93NUMPY\x01\0\x46\0{'descr': '|O', 'fortran_order': False, 'shape': (2,), }"
                                 "               \n..............";
    const char *s2 = "in/DATA_S2/S2_7.npy", *target = "in/ANNOTATIONS/TARGET_7.npy";
    char *bytes;
    size_t length;
    (void)state;
    with_file(s2, NUMBER_I16, 3, BANDS, H, W, 0, "S2_7.npy: 3 dimensions (2 x 4 x 6), wanted four: dates x bands");
    with_file(s2, NUMBER_I16, 4, 0, BANDS, H, W, "S2_7.npy: 0 x 2 x 4 x 6, wanted at least one of dates");
    with_file(s2, NUMBER_I16, 4, 2, 0, H, W, "S2_7.npy: 2 x 0 x 4 x 6, wanted at least one of dates");
    with_file(s2, NUMBER_I16, 4, 2, 3, H, W, "DATA_S2/S2_7.npy: 3 bands, most patches have 2");
    with_file(s2, NUMBER_I16, 4, 2, BANDS, H, 5, "DATA_S2/S2_7.npy: 4 x 5 pixels, most patches have 4 x 6");
    with_file(s2, NUMBER_I16, 4, 3, BANDS, H, W, "S2_7.npy: 3 dates, but metadata.geojson has 2 dates-S2");
    with_file(target, NUMBER_U8, 2, H, 5, 0, 0, "TARGET_7.npy: 4 x 5, wanted 4 x 6 pixels, as the images");
    with_file(target, NUMBER_U8, 3, 3, 5, W, 0, "TARGET_7.npy: 3 x 5 x 6, wanted 4 x 6 pixels, as the images");
    with_file(target, NUMBER_F32, 2, H, W, 0, 0, "TARGET_7.npy: float32, wanted integers");
    with_file("in/ANNOTATIONS/ParcelIDs_7.npy", NUMBER_I32, 1, H, 0, 0, 0, "ParcelIDs_7.npy: 4, wanted 4 x 6 pixels");
    put_folder_of_patches();
    put_file(in_scratch(s2), object, sizeof object - 1);
    expect_problem("wanted a bool, integer or real type of 1 to 8 bytes, found \"'|O'", 2);
    put_folder_of_patches();
    assert_ok(file_read(in_scratch(s2), 1 << 20, &bytes, &length));
    put_file(in_scratch(s2), bytes, length - 3);
    expect_problem("S2_7.npy: 189 bytes of elements from byte 128 on", 2);
    put_file(in_scratch(s2), bytes, 20);
    expect_problem("S2_7.npy", 2);
    free(bytes);
}

static void problems_of_the_folder(void **state)
{
    char command[400];
    (void)state;
    put_folder_of_patches();
    put_text(in_scratch("in/NORM_S2_patch.json"), "{\"Fold_1\": {\"mean\": [1], \"std\": [3, 4]}, \"Fold_2\": 3}");
    expect_problem("NORM_S2_patch.json: Fold_1: wanted \"mean\" and \"std\", 2 numbers each", 0);
    put_text(in_scratch("in/NORM_S2_patch.json"), "{\"Fold_1\": {\"mean\": [1, 2], \"std\": [3, -4]}}");
    expect_problem("NORM_S2_patch.json: Fold_1: wanted", 0);
    put_text(in_scratch("in/NORM_S2_patch.json"), "{\"mean\": [1, 2]}");
    expect_problem("NORM_S2_patch.json: \"mean\", wanted Fold_1 to Fold_5", 0);
    assert_int_equal(mkdir(in_scratch("folder"), 0777), 0);
    assert_refused(pack_pastis(in_scratch("in"), in_scratch("folder"), &plain, NULL), "is a folder");
    snprintf(command, sizeof command, "rm '%s'/in/DATA_S2/*", scratch);
    assert_int_equal(system(command), 0);
    expect_problem("holds no DATA_S2/S2_*.npy", 0);
    put_folder_of_patches();
    put_text(in_scratch("in/metadata.geojson"), DOCUMENT(FEATURE("1", "1", DATES_2)));
    assert_refused(pack_patches(&skipping, NULL), "no patch is left that could be packed");
    assert_logged("left out, 4 problems");
}

static void all_in_one_list(void **state)
{
    pack_pastis_result r;
    (void)state;
    put_folder_of_patches();
    put_text(in_scratch("in/DATA_S2/S2_12.npy"), "x");
    put_text(in_scratch("in/ANNOTATIONS/TARGET_7.npy"), "x");
    assert_refused(pack_patches(&plain, NULL), "2 problems:");
    assert_message("S2_12.npy: byte 0");
    assert_message("TARGET_7.npy: byte 0");
    assert_ok(pack_patches(&skipping, &r));
    assert_int_equal(r.patches, 1);
    assert_int_equal(r.left_out, 2);
    assert_null(strstr(log_text, scratch)); /* the pack keeps this: it is the same wherever the folder lies */
    unlink(in_scratch("in/DATA_S2/S2_12.npy"));
    assert_ok(pack_patches(&skipping, &r));
    assert_int_equal(r.left_out, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_folder_comes_back, log_start),
        cmocka_unit_test_setup(folds_are_chosen, log_start),
        cmocka_unit_test_setup(normalisation_is_computed, log_start),
        cmocka_unit_test_setup(radar_beside, log_start),
        cmocka_unit_test_setup(other_types, log_start),
        cmocka_unit_test_setup(names_and_absences, log_start),
        cmocka_unit_test_setup(problems_of_metadata, log_start),
        cmocka_unit_test_setup(problems_of_files, log_start),
        cmocka_unit_test_setup(problems_of_the_folder, log_start),
        cmocka_unit_test_setup(all_in_one_list, log_start),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
