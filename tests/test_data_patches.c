/* Patches as a data set: classes, folds, normalisation, positions, and what is refused. */
#include <unistd.h>

#include "patches_test.h"

static const small_patches plain = {.type = NUMBER_I16, .height = 4, .width = 4};

static patches *open_set(const patches_options *o)
{
    patches *s = NULL;
    assert_ok(patches_open(o, true, &s));
    return s;
}

static patches *open_plain(void)
{
    small_patches_write(&plain);
    const patches_options o = patches_defaults();
    return open_set(&o);
}

static void what_there_is(void **state)
{
    (void)state;
    patches *s = open_plain();
    assert_int_equal(patches_count(s), PATCHES);
    assert_int_equal(patches_bands(s), BANDS);
    assert_int_equal(patches_height(s), 4);
    assert_int_equal(patches_width(s), 4);
    assert_int_equal(patches_longest(s), 6);
    assert_int_equal(patches_first_position(s), 1);
    assert_int_equal(patches_last_position(s), 90);
    for (int i = 0; i < PATCHES; i++) assert_int_equal(patches_dates(s, i), small_dates[i]);
    assert_string_equal(patches_id(s, 6), "16");
    patches_close(s);
}

static void positions(void **state)
{
    (void)state;
    small_patches_write(&plain);
    patches_options o = patches_defaults();
    o.ref_date = (char *)"2018-09-11";
    patches *s = open_set(&o);
    assert_int_equal(patches_first_position(s), -9);
    assert_int_equal(patches_last_position(s), 80);
    patches_close(s);
    o.mono_date = (char *)"0";
    s = open_set(&o);
    assert_int_equal(patches_last_position(s),
                     60); /* of the dates that are used: 70 days after the first of September */
    patches_close(s);
}

/* ---- classes ----------------------------------------------------------------------------------------------------- */

static const char *const names[6] = {"ground", "wheat", NULL, "void", NULL, "oats"};

static void classes(void **state)
{
    (void)state;
    patches *s = open_plain();
    assert_int_equal(patches_classes(s), 4);
    assert_string_equal(patches_class_name(s, 3), "3");
    for (int i = 0; i < 256; i++) assert_int_equal(patches_class_map(s)[i], i);
    patches_close(s);
    small_patches named = plain;
    named.class_name = names;
    named.classes = 6;
    small_patches_write(&named);
    patches_options o = patches_defaults();
    s = open_set(&o);
    assert_int_equal(patches_classes(s), 6);
    assert_string_equal(patches_class_name(s, 1), "wheat");
    assert_int_equal(patches_class_colour(s, 1), 0x405060);
    assert_string_equal(patches_class_name(s, 2), "2");
    assert_string_equal(patches_class_name(s, 5), "oats");
    patches_close(s);
    o.class_map = (int_list){5, {1, 0, 1, -1, 3}};
    s = open_set(&o);
    assert_int_equal(patches_classes(s), 4);
    assert_string_equal(patches_class_name(s, 0), "wheat");
    assert_string_equal(patches_class_name(s, 1), "1"); /* two labels */
    assert_string_equal(patches_class_name(s, 2), "2");
    assert_int_equal(patches_class_map(s)[2], 1);
    assert_int_equal(patches_class_map(s)[3], -1);
    assert_int_equal(patches_class_map(s)[200], -1);
    patches_close(s);
}

static void pastis_classes(void **state)
{
    (void)state;
    small_patches p = plain;
    p.void_label = 19;
    small_patches_write(&p);
    const patches_options o = patches_defaults();
    patches *s = open_set(&o);
    assert_int_equal(patches_classes(s), 20);
    assert_string_equal(patches_class_name(s, 3), "Corn");
    assert_int_equal(patches_class_colour(s, 19), 0xffffff);
    patches_close(s);
}

static void labels_refused(void **state)
{
    (void)state;
    static const bool some[PATCHES] = {true, true, false, true, false, true, true};
    small_patches p = plain;
    p.void_label = 77;
    small_patches_write(&p);
    patches_options o = patches_defaults();
    o.class_map = (int_list){2, {0, 1}};
    assert_patches_refused(&o, true, FAILED, "labels that data.class_map, of 2 entries, does not reach: ",
                           ": 2 (patch 11), 77 (patch 12)", NULL);
    patches *s = NULL;
    assert_ok(patches_open(&o, false, &s)); /* predicting needs none */
    assert_int_equal(patches_classes(s), 2);
    patches_close(s);
    o.class_map = (int_list){0, {0}};
    assert_patches_refused(&o, true, USAGE, "data.class_map leaves no class", NULL);
    p = plain;
    p.labelled = some;
    small_patches_write(&p);
    o = patches_defaults();
    assert_patches_refused(&o, true, FAILED,
                           "2 patches have no labels, wanted them of each (pack a folder without the others): 12, 14",
                           NULL);
    o.preload = true;
    assert_ok(patches_open(&o, false, &s));
    patch_loader *l;
    const patch_batch *b;
    assert_ok(patch_loader_start(s, &(patch_pass){(const uint32_t[]){2}, 1, 1, false, true, false, 0, 0}, &l));
    assert_int_equal(patch_loader_next(l, &b), FAILED);
    assert_holds(error_message(), "patch 12 has no labels");
    patch_loader_stop(l);
    patches_close(s);
    p.unlabelled = true;
    small_patches_write(&p);
    assert_patches_refused(&o, true, FAILED, "no patch has labels", NULL);
    assert_ok(patches_open(&o, false, &s));
    assert_int_equal(patches_classes(s), 0);
    patches_close(s);
}

/* ---- folds and normalisation ------------------------------------------------------------------------------------- */

static void assert_part(const uint32_t *part, int count, int wanted, const uint32_t *samples)
{
    assert_int_equal(count, wanted);
    for (int i = 0; i < wanted; i++) assert_int_equal(part[i], samples[i]);
}

static void folds(void **state)
{
    (void)state;
    patches *s = open_plain();
    fold_split f;
    assert_ok(patches_split(s, 1, &f));
    assert_part(f.train, f.train_count, 5, (const uint32_t[]){0, 5, 1, 6, 2});
    assert_part(f.validation, f.validation_count, 1, (const uint32_t[]){3});
    assert_part(f.test, f.test_count, 1, (const uint32_t[]){4});
    fold_split_free(&f);
    assert_ok(patches_split(s, 4, &f));
    assert_part(f.train, f.train_count, 4, (const uint32_t[]){3, 4, 0, 5});
    assert_part(f.validation, f.validation_count, 2, (const uint32_t[]){1, 6});
    assert_part(f.test, f.test_count, 1, (const uint32_t[]){2});
    fold_split_free(&f);
    for (int fold = 0; fold <= 6; fold += 6) assert_int_equal(patches_split(s, fold, &f), USAGE);
    assert_string_equal(error_message(), "fold 6 does not exist, wanted 1 to 5");
    patches_close(s);
    small_patches p = plain;
    p.fold = (const int32_t[PATCHES]){1, 0, 3, 4, 5, 1, 0};
    small_patches_write(&p);
    const patches_options o = patches_defaults();
    s = open_set(&o);
    assert_int_equal(patches_split(s, 1, &f), FAILED);
    assert_holds(error_message(), "2 patches have no fold, wanted 1 to 5 (\"Fold\" in metadata.geojson): 11, 16");
    patches_close(s);
}

static void assert_norm(patches *s, const uint32_t *sample, int count, const float *wanted)
{
    float *mean, *std;
    assert_ok(patches_normalisation(s, sample, count, &mean, &std));
    for (int c = 0; c < BANDS; c++) {
        assert_true(mean[c] == wanted[c]);
        assert_true(std[c] == wanted[BANDS + c]);
    }
    free(mean);
}

static void normalisations(void **state)
{
    (void)state;
    patches *s = open_plain();
    assert_holds(data_warnings, "normalisation test.json: 1 of 3 standard deviations are 0; 1 is used there");
    assert_norm(s, (const uint32_t[]){3}, 1, (const float[]){40, 41, 42, 4, 1, 4});
    assert_norm(s, (const uint32_t[]){5, 3, 0, 0}, 4, (const float[]){25, 26, 27, 2.5f, 1, 2.5f}); /* folds 1 and 4 */
    patches_close(s);
    patches_options o = patches_defaults();
    o.norm = (char *)"none";
    s = open_set(&o);
    assert_norm(s, (const uint32_t[]){3}, 1, (const float[]){0, 0, 0, 1, 1, 1});
    patches_close(s);
    small_patches p = plain; /* no folds, a row over all patches */
    p.fold = (const int32_t[PATCHES]){0};
    p.norm_folds = 1;
    small_patches_write(&p);
    o = patches_defaults();
    s = open_set(&o);
    assert_norm(s, (const uint32_t[]){3, 1}, 2, (const float[]){10, 11, 12, 1, 1, 1});
    patches_close(s);
    char other[80];
    snprintf(other, sizeof other, "%s.other", data_path);
    p = plain; /* all rows of another pack, for any sample */
    small_patches_write(&p);
    assert_int_equal(rename(data_path, other), 0);
    p.norm_folds = 3;
    small_patches_write(&p);
    o.norm = other;
    s = open_set(&o);
    assert_norm(s, (const uint32_t[]){3}, 1, (const float[]){30, 31, 32, 3, 1, 3});
    patches_close(s);
    p.norm_folds = -1;
    small_patches_write(&p);
    assert_int_equal(rename(data_path, other), 0);
    small_patches_write(&p);
    assert_patches_refused(&o, true, FAILED, "data.norm: ", other, " has no normalisation of S2", NULL);
    unlink(other);
    assert_patches_refused(&o, true, FAILED, "data.norm, which is \"pack\", \"none\" or a pack of patches: ", other,
                           NULL);
    o = patches_defaults();
    p = plain;
    p.norm_folds = 3;
    small_patches_write(&p);
    assert_patches_refused(&o, true, FAILED, "2 patches are of folds of which test.json has no values: 13, 14", NULL);
    p.norm_folds = -1;
    small_patches_write(&p);
    assert_patches_refused(&o, true, USAGE, "data.norm is pack, but the pack has no normalisation of S2: wanted none",
                           NULL);
}

/* ---- refusals ---------------------------------------------------------------------------------------------------- */

static void listed_together(void **state)
{
    (void)state;
    small_patches p = plain;
    p.dates = (const int32_t[PATCHES]){5, 0, 1, 4, 0, 6, 3};
    p.unlabelled = true;
    small_patches_write(&p);
    patches_options o = patches_defaults();
    o.ref_date = (char *)"soon";
    o.mono_date = (char *)"first";
    assert_patches_refused(&o, true, FAILED, ": 4 problems:\n",
                           "\n  data.ref_date is \"soon\", wanted a date as YYYY-MM-DD or YYYYMMDD\n",
                           "\n  data.mono_date is \"first\", wanted an index, or a date as YYYY-MM-DD or YYYYMMDD\n",
                           "\n  2 patches have no date of S2: 11, 14\n", "\n  no patch has labels", NULL);
    o = patches_defaults();
    o.satellite = (char *)"S1A";
    assert_patches_refused(&o, false, USAGE, data_path, ": data.satellite: no satellite \"S1A\"; there are: S2", NULL);
    o.pack = NULL;
    assert_patches_refused(&o, false, USAGE, "data.pack is null", NULL);
    o.pack = (char *)"/nonexistent.h5";
    assert_patches_refused(&o, false, FAILED, "/nonexistent.h5", NULL);
}

static void configuration(void **state)
{
    (void)state;
    patches_options o = {0};
    cJSON *data = cJSON_Parse("{\"pack\": \"p.h5\", \"class_map\": [0, -1, 1], \"max_dates\": 30, \"mono_date\": -2}");
    assert_ok(schema_read(patches_fields, data, "run.json: data", &o));
    assert_string_equal(o.pack, "p.h5");
    assert_string_equal(o.satellite, "S2");
    assert_string_equal(o.norm, "pack");
    assert_string_equal(o.ref_date, "2018-09-01");
    assert_string_equal(o.mono_date, "-2");
    assert_true(!o.augment && !o.preload && o.date_dropout == 0);
    assert_true(o.max_dates.present && o.max_dates.value == 30);
    assert_int_equal(o.class_map.value[1], -1);
    schema_free(patches_fields, &o);
    cJSON_Delete(data);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, data_test_setup, data_test_teardown)
    const struct CMUnitTest tests[] = {
        TEST(what_there_is), TEST(positions),      TEST(classes),         TEST(pastis_classes), TEST(labels_refused),
        TEST(folds),         TEST(normalisations), TEST(listed_together), TEST(configuration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
