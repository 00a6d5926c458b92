/* A pack as a data set: classes, days, features, normalisation; and everything that is refused before work starts. */
#include "data_test.h"

#include <math.h>
#include <unistd.h>

/* Six parcels of three shared dates, 2026-01-10 and later; labels 2, 3, 6, 8 as in real data: with gaps. */
static const int32_t three[6] = {3, 3, 3, 3, 3, 3}, sizes[6] = {1, 2, 3, 4, 5, 6};
static const int32_t shared_days[3] = {20463, 20473, 20488};
static const int32_t gapped[6] = {2, 3, 2, 6, 8, 2}, whole[6] = {4, 5, 4, 6, 7, 4};

static small_pack base_pack(void)
{
    return (small_pack){.count = 6,
                        .bands = 2,
                        .type = NUMBER_U16,
                        .dates = three,
                        .pixels = sizes,
                        .days = shared_days,
                        .days_shared = true,
                        .labels = whole};
}

static void assert_labels(const pixelset *s, const int *wanted)
{
    for (int i = 0; i < pixelset_count(s); i++) assert_int_equal(pixelset_label(s, i), wanted[i]);
}

/* ---- classes ----------------------------------------------------------------------------------------------------- */

static void every_label(void **state)
{
    (void)state;
    small_pack p = base_pack();
    small_pack_write(&p);
    pixelset_options o = data_options();
    pixelset *s;
    assert_ok(pixelset_open(&o, true, &s));
    assert_int_equal(pixelset_count(s), 6);
    assert_int_equal(pixelset_classes(s), 4);
    assert_labels(s, (const int[]){0, 1, 0, 2, 3, 0});
    assert_string_equal(pixelset_class_name(s, 3), "7");
    assert_string_equal(pixelset_id(s, 5), "15");
    assert_int_equal(pixelset_bands(s), 2);
    assert_int_equal(pixelset_extra(s), 0);
    assert_int_equal(pixelset_longest(s), 3);
    assert_true(pixelset_has_dates(s));
    assert_string_equal(data_warnings, "");
    pixelset_close(s);
}

/* Labels that stand for texts are called so; every class must be. */
static void names_of_labels(void **state)
{
    (void)state;
    small_pack p = base_pack();
    pixelset_options o = data_options();
    pixelset *s;
    p.classes = "[\"\", \"\", \"\", \"\", \"rye, winter\", \"oats\", \"maize\", \"beet\"]";
    small_pack_write(&p);
    assert_ok(pixelset_open(&o, true, &s));
    assert_string_equal(pixelset_class_name(s, 0), "rye, winter");
    assert_string_equal(pixelset_class_name(s, 3), "beet");
    pixelset_close(s);
    p.classes = "[\"\", \"\", \"\", \"\", \"rye\", \"oats\", \"maize\"]";
    small_pack_write(&p);
    assert_refused(&o, true, FAILED, "label 7 stands for no class", "holds 7 texts", NULL);
    p.classes = "[\"\", \"\", \"\", \"\", 5, \"oats\", \"maize\", \"beet\"]";
    small_pack_write(&p);
    assert_refused(&o, true, FAILED, "label 4 stands for no class", NULL);
    p.classes = "[\"\",";
    small_pack_write(&p);
    assert_refused(&o, true, FAILED, "not valid JSON", NULL);
}

static void kept_and_renumbered(void **state)
{
    (void)state;
    small_pack p = base_pack();
    p.labels = gapped;
    small_pack_write(&p);
    pixelset_options o = data_options();
    o.sub_classes = (int_list){3, {8, 2, 6}};
    pixelset *s;
    assert_ok(pixelset_open(&o, true, &s));
    assert_int_equal(pixelset_count(s), 5); /* parcel 11 is of class 3 */
    assert_int_equal(pixelset_classes(s), 3);
    assert_labels(s, (const int[]){1, 1, 2, 0, 1});
    assert_string_equal(pixelset_id(s, 1), "12");
    assert_string_equal(pixelset_class_name(s, 0), "8");
    pixelset_close(s);
    assert_ok(pixelset_open(&o, false, &s)); /* prediction keeps every parcel */
    assert_int_equal(pixelset_count(s), 6);
    assert_labels(s, (const int[]){1, -1, 1, 2, 0, 1});
    pixelset_close(s);
}

/* Prediction needs no labels, whatever the configuration says of them. */
static void without_labels(void **state)
{
    (void)state;
    small_pack p = base_pack();
    p.labels = NULL;
    small_pack_write(&p);
    pixelset_options o = data_options();
    o.nomenclature = (char *)"label_44class";
    o.sub_classes = (int_list){2, {1, 3}};
    pixelset *s;
    assert_ok(pixelset_open(&o, false, &s));
    assert_int_equal(pixelset_count(s), 6);
    assert_int_equal(pixelset_classes(s), 0);
    assert_int_equal(pixelset_label(s, 2), -1);
    pixelset_close(s);
    o.nomenclature = NULL;
    assert_refused(&o, true, USAGE, "data.nomenclature", "no labels", NULL);
}

static void chosen_nomenclature(void **state)
{
    (void)state;
    static const int32_t others[6] = {1, 0, 1, 0, 1, 0};
    small_pack p = base_pack();
    p.others = others;
    small_pack_write(&p);
    pixelset_options o = data_options();
    assert_refused(&o, true, USAGE, "data.nomenclature", "crops, groups", NULL);
    o.nomenclature = (char *)"grups";
    assert_refused(&o, true, USAGE, "\"grups\"", "crops, groups", NULL);
    o.nomenclature = (char *)"groups";
    pixelset *s;
    assert_ok(pixelset_open(&o, true, &s));
    assert_labels(s, others);
    pixelset_close(s);
}

static void gaps_refused(void **state)
{
    (void)state;
    small_pack p = base_pack();
    p.labels = gapped;
    small_pack_write(&p);
    pixelset_options o = data_options();
    assert_refused(&o, true, FAILED, "gaps: no parcel has 4, 5, 7;", "data.sub_classes", "2, 3, 6, 8", NULL);
    pixelset *s;
    assert_ok(pixelset_open(&o, false, &s));
    pixelset_close(s);
}

static void wide_gap(void **state)
{
    (void)state;
    static const int32_t far[6] = {0, INT32_MAX, 0, 1, 1, INT32_MIN + 1};
    small_pack p = base_pack();
    p.labels = far;
    small_pack_write(&p);
    pixelset_options o = data_options();
    assert_refused(&o, true, FAILED, "-2147483646, ", "and 4294967283 more", NULL);
}

static void listed_together(void **state)
{
    (void)state;
    static const int32_t some[6] = {2, PACK_NO_LABEL, 2, 6, 8, PACK_NO_LABEL};
    static const float shape[12] = {1, 2, NAN, NAN, 3, 4, 5, 6, NAN, NAN, 7, 8};
    small_pack p = base_pack();
    p.labels = some;
    p.shape = shape;
    small_pack_write(&p);
    pixelset_options o = data_options();
    o.extra_feature = (char *)"shape";
    o.norm = (char *)"/nowhere/values.pkl";
    o.ref_date = (char *)"2026-02-29";
    assert_refused(&o, true, FAILED,
                   "5 problems:", "2 parcels have no label, wanted one of each (pack a folder without them): 11, 15\n",
                   "gaps: no parcel has 3, 4, 5, 7;", "data.ref_date is \"2026-02-29\"",
                   "2 parcels have no feature \"shape\": 11, 14\n", "data.norm: /nowhere/values.pkl", NULL);
}

static void empty_classes(void **state)
{
    (void)state;
    small_pack p = base_pack();
    small_pack_write(&p);
    pixelset_options o = data_options();
    o.sub_classes = (int_list){4, {4, 9, 5, 1}};
    assert_refused(&o, true, FAILED, "no parcel has these of data.sub_classes: 9, 1", NULL);
    o.sub_classes = (int_list){3, {4, 5, 4}};
    assert_refused(&o, true, USAGE, "data.sub_classes has 4 twice", NULL);
    o.sub_classes = (int_list){0, {0}};
    assert_refused(&o, true, USAGE, "data.sub_classes is empty", NULL);
}

/* ---- days -------------------------------------------------------------------------------------------------------- */

static void assert_positions(const pixelset_options *o, int first, int last)
{
    pixelset *s;
    assert_ok(pixelset_open(o, true, &s));
    assert_int_equal(pixelset_first_position(s), first);
    assert_int_equal(pixelset_last_position(s), last);
    pixelset_close(s);
}

static void shared_dates(void **state)
{
    (void)state;
    small_pack p = base_pack();
    small_pack_write(&p);
    pixelset_options o = data_options();
    assert_positions(&o, 0, 25);
    o.ref_date = (char *)"2026-01-01";
    assert_positions(&o, 9, 34);
    o.ref_date = (char *)"20250110";
    assert_positions(&o, 365, 390);
    o.ref_date = (char *)"2026-01-20"; /* before the reference: negative */
    assert_positions(&o, -10, 15);
}

static void ref_date_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"2026-1-01", "2026/01/01", "20261301",   "2023-02-29", "1900-02-29",
                                        "",          "0-0-0-0-00", "2026-01-0a", "-026-01-01"};
    small_pack p = base_pack();
    small_pack_write(&p);
    pixelset_options o = data_options();
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        o.ref_date = (char *)wrong[i];
        assert_refused(&o, false, USAGE, "data.ref_date is \"", wrong[i], "YYYY-MM-DD or YYYYMMDD", NULL);
    }
}

static void own_dates(void **state)
{
    (void)state;
    static const int32_t dates[3] = {2, 1, 3}, pixels[3] = {1, 1, 1}, labels[3] = {0, 1, 0};
    static const int32_t days[6] = {110, 120, 100, 105, 115, 130};
    small_pack p = {
        .count = 3, .bands = 1, .type = NUMBER_U8, .dates = dates, .pixels = pixels, .days = days, .labels = labels};
    small_pack_write(&p);
    pixelset_options o = data_options();
    assert_positions(&o, 0, 30); /* since the earliest in the pack */
    o.sub_classes = (int_list){1, {0}};
    assert_positions(&o, 5, 30); /* also where the earliest is not kept */
    o.ref_date = (char *)"1970-01-01";
    assert_positions(&o, 105, 130);
}

static void no_dates(void **state)
{
    (void)state;
    small_pack p = base_pack();
    p.days = NULL;
    small_pack_write(&p);
    pixelset_options o = data_options();
    pixelset *s;
    assert_ok(pixelset_open(&o, true, &s));
    assert_false(pixelset_has_dates(s));
    assert_int_equal(pixelset_first_position(s), 0);
    assert_int_equal(pixelset_last_position(s), 2);
    pixelset_close(s);
}

static void long_span(void **state)
{
    (void)state;
    static const int32_t days[3] = {0, 10, 36526};
    small_pack p = base_pack();
    p.days = days;
    small_pack_write(&p);
    pixelset_options o = data_options();
    assert_refused(&o, true, FAILED, "the dates span 36526 days, wanted at most 36525", NULL);
}

/* ---- normalisation ----------------------------------------------------------------------------------------------- */

static void assert_norm(const pixelset_options *o, int rows, const float *mean, const float *std)
{
    const float *m, *d;
    int there;
    pixelset *s;
    assert_ok(pixelset_open(o, true, &s));
    assert_ok(pixelset_normalisation(s, &there, &m, &d));
    assert_int_equal(there, rows);
    for (int i = 0; i < rows * 2; i++) {
        assert_true(m[i] == mean[i]);
        assert_true(d[i] == std[i]);
    }
    pixelset_close(s);
}

static void norm_of_pack(void **state)
{
    (void)state;
    double mean[6] = {1, 2, 3, 4, 5, 6}, std[6] = {7, 0, 9, 10, 0, 12};
    small_pack p = base_pack();
    small_pack_write(&p);
    pixelset_options o = data_options();
    assert_norm(&o, 1, (const float[]){10, 10}, (const float[]){2, 2});
    o.norm = NULL;
    assert_norm(&o, 1, (const float[]){0, 0}, (const float[]){1, 1});
    o.norm = (char *)"none";
    assert_norm(&o, 1, (const float[]){0, 0}, (const float[]){1, 1});
    assert_string_equal(data_warnings, "");
    p.norm = &(normalisation){3, 2, mean, std};
    small_pack_write(&p);
    o.norm = (char *)"pack";
    assert_norm(&o, 3, (const float[]){1, 2, 3, 4, 5, 6}, (const float[]){7, 1, 9, 10, 1, 12});
    assert_string_equal(data_warnings, "normalisation test.pkl: 2 of 6 standard deviations are 0; 1 is used there\n");
}

/* pickle, protocol 0: a tuple of two lists of numbers. */
static void write_pickle(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void norm_of_file(void **state)
{
    (void)state;
    char path[80];
    snprintf(path, sizeof path, "%s.pkl", data_path);
    small_pack p = base_pack();
    small_pack_write(&p);
    pixelset_options o = data_options();
    o.norm = path;
    write_pickle(path, "((F1.5\nF2.5\nl(F3\nF0\nlt.");
    assert_norm(&o, 1, (const float[]){1.5f, 2.5f}, (const float[]){3, 1});
    assert_holds(data_warnings, "1 of 2 standard deviations are 0");
    write_pickle(path, "((F1\nF2\nF3\nF4\nl(F1\nF1\nF1\nF1\nlt.");
    assert_refused(&o, true, FAILED, "data.norm: ", path, NULL);
    unlink(path);
}

/* Another pack's, whatever its name. */
static void norm_of_another_pack(void **state)
{
    (void)state;
    char other[80], moved[80];
    snprintf(other, sizeof other, "%s.other", data_path);
    snprintf(moved, sizeof moved, "%s.moved", data_path);
    const double mean[3] = {7, 8, 9}, std[3] = {2, 3, 4};
    normalisation given = {.rows = 1, .columns = 2, .mean = (double *)(uintptr_t)mean, .std = (double *)(uintptr_t)std};
    small_pack p = base_pack(), q = base_pack();
    q.norm = &given;
    small_pack_write(&q);
    assert_int_equal(rename(data_path, other), 0);
    small_pack_write(&p);
    pixelset_options o = data_options();
    o.norm = other;
    assert_norm(&o, 1, (const float[]){7, 8}, (const float[]){2, 3});
    q.bands = 3;
    given.columns = 3;
    assert_int_equal(rename(data_path, moved), 0);
    small_pack_write(&q);
    assert_int_equal(rename(data_path, other), 0);
    assert_int_equal(rename(moved, data_path), 0);
    assert_refused(&o, true, FAILED, "data.norm: ", other, "has values for 3 bands, wanted 2", NULL);
    unlink(other);
}

/* Values per date cannot serve parcels whose dates differ in number. */
static void norm_per_date_ragged(void **state)
{
    (void)state;
    static const int32_t dates[3] = {2, 2, 1}, pixels[3] = {1, 1, 1}, labels[3] = {0, 0, 1};
    static const int32_t days[5] = {1, 2, 3, 4, 5};
    char path[80];
    snprintf(path, sizeof path, "%s.pkl", data_path);
    small_pack p = {
        .count = 3, .bands = 1, .type = NUMBER_U8, .dates = dates, .pixels = pixels, .days = days, .labels = labels};
    small_pack_write(&p);
    write_pickle(path, "(((F1\nl(F2\nlt((F3\nl(F4\nltt.");
    pixelset_options o = data_options();
    o.norm = path;
    assert_refused(&o, true, FAILED, "data.norm: ", path, NULL);
    o.sub_classes = (int_list){1, {0}}; /* the odd one is not kept */
    pixelset *s;
    assert_ok(pixelset_open(&o, true, &s));
    pixelset_close(s);
    unlink(path);
}

/* ---- the pack ---------------------------------------------------------------------------------------------------- */

static void pack_refused(void **state)
{
    (void)state;
    pixelset_options o = data_options();
    assert_refused(&o, true, FAILED, data_path, NULL); /* an empty file */
    o.pack = NULL;
    assert_refused(&o, true, USAGE, "data.pack", NULL);
    small_pack p = base_pack();
    small_pack_write(&p);
    o = data_options();
    o.extra_feature = (char *)"geomfeat";
    assert_refused(&o, false, USAGE, "data.extra_feature: no features \"geomfeat\"; there are: none", NULL);
}

static void configuration(void **state)
{
    (void)state;
    pixelset_options o = {0};
    cJSON *data = cJSON_Parse("{\"pack\": \"p.h5\", \"sub_classes\": [1, 3], \"preload\": 1}");
    assert_ok(schema_read(pixelset_fields, data, "run.json: data", &o));
    assert_string_equal(o.pack, "p.h5");
    assert_int_equal(o.sub_classes.count, 2);
    assert_int_equal(o.npixel, 64);
    assert_string_equal(o.norm, "pack");
    assert_true(o.jitter && o.preload && !o.nomenclature && !o.extra_feature && !o.ref_date);
    schema_free(pixelset_fields, &o);
    cJSON_Delete(data);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, data_test_setup, data_test_teardown)
    const struct CMUnitTest tests[] = {
        TEST(every_label),
        TEST(names_of_labels),
        TEST(kept_and_renumbered),
        TEST(without_labels),
        TEST(chosen_nomenclature),
        TEST(gaps_refused),
        TEST(wide_gap),
        TEST(listed_together),
        TEST(empty_classes),
        TEST(shared_dates),
        TEST(ref_date_refused),
        TEST(own_dates),
        TEST(no_dates),
        TEST(long_span),
        TEST(norm_of_pack),
        TEST(norm_of_file),
        TEST(norm_of_another_pack),
        TEST(norm_per_date_ragged),
        TEST(pack_refused),
        TEST(configuration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
