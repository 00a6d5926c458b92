/* The synthetic PASTIS folder: a function of its options, in the published form, and what is asked for. */
#include "base/file.h"
#include "data-tools/pack_pastis.h"
#include "data-tools/synth_pastis.h"
#include "format/patch_pack.h"

#include "tests/pack_test.h"

enum { PATCHES = 7, SIZE = 24, CLASSES = 5 };

static synth_pastis_options options_of(uint64_t seed)
{
    synth_pastis_options o = synth_pastis_defaults();
    o.patches = PATCHES;
    o.size = SIZE;
    o.least_dates = 5;
    o.most_dates = 9;
    o.bands = 3;
    o.classes = CLASSES;
    o.seed = seed;
    return o;
}

static void make(const char *name, uint64_t seed)
{
    synth_pastis_options o = options_of(seed);
    assert_ok(synth_pastis(in_scratch(name), &o));
}

static bool same_file(const char *folder_a, const char *folder_b, const char *name)
{
    char *x, *y, *a = path_join(in_scratch(folder_a), name), *b = path_join(in_scratch(folder_b), name);
    size_t x_length, y_length;
    assert_ok(file_read(a, 1 << 24, &x, &x_length));
    assert_ok(file_read(b, 1 << 24, &y, &y_length));
    bool same = x_length == y_length && !memcmp(x, y, x_length);
    free(x);
    free(y);
    free(a);
    free(b);
    return same;
}

static void a_function_of_the_seed(void **state)
{
    static const char *const names[] = {"DATA_S2/S2_%d.npy", "ANNOTATIONS/TARGET_%d.npy",
                                        "ANNOTATIONS/ParcelIDs_%d.npy"};
    static const char *const documents[] = {"metadata.geojson", "NORM_S2_patch.json", "label_names.json"};
    char name[60];
    (void)state;
    make("a", 1);
    make("b", 1);
    make("c", 2);
    for (int i = 0; i < PATCHES; i++)
        for (int k = 0; k < 3; k++) {
            snprintf(name, sizeof name, names[k], 10000 + i);
            assert_true(same_file("a", "b", name));
            assert_false(same_file("a", "c", name));
        }
    for (int k = 0; k < 3; k++) assert_true(same_file("a", "b", documents[k]));
    assert_false(same_file("a", "c", "metadata.geojson"));
}

/* Its own normalisation is what packing computes. */
static void norm_is_right(const patch_satellite *given)
{
    const pack_pastis_options options = {0};
    patch_pack *p;
    assert_int_equal(unlink(in_scratch("d/NORM_S2_patch.json")), 0);
    assert_ok(pack_pastis(in_scratch("d"), in_scratch("e.h5"), &options, NULL));
    assert_ok(patch_pack_open(in_scratch("e.h5"), &p));
    const patch_satellite *computed = patch_pack_satellite(p, 0);
    assert_string_equal(computed->source, "computed");
    for (int i = 0; i < 5 * 3; i++) {
        double mean = given->mean[i] - computed->mean[i], std = given->std[i] - computed->std[i];
        assert_true(mean < 1e-6 && mean > -1e-6 && std < 1e-6 && std > -1e-6);
    }
    patch_pack_close(p);
}

static void packs_without_a_problem(void **state)
{
    const pack_pastis_options options = {0};
    pack_pastis_result r;
    patch_pack *p;
    int64_t seen[CLASSES] = {0};
    uint8_t labels[SIZE * SIZE];
    int32_t parcels[SIZE * SIZE];
    int crs;
    (void)state;
    make("d", 3);
    log_text[0] = 0;
    assert_ok(pack_pastis(in_scratch("d"), in_scratch("d.h5"), &options, &r));
    assert_string_equal(log_text, "");
    assert_int_equal(r.patches, PATCHES);
    assert_int_equal(r.labelled, PATCHES);
    assert_int_equal(r.parcelled, PATCHES);
    assert_int_equal(r.height, SIZE);
    assert_true(r.least_dates >= 5 && r.most_dates <= 9 && r.least_dates < r.most_dates);
    assert_ok(patch_pack_open(in_scratch("d.h5"), &p));
    const patch_satellite *s = patch_pack_satellite(p, 0);
    assert_int_equal(s->type, NUMBER_I16);
    assert_int_equal(s->bands, 3);
    assert_string_equal(patch_pack_class_name(p, 0), "Background");
    assert_string_equal(patch_pack_class_name(p, 2), "Crop 2");
    assert_string_equal(patch_pack_class_name(p, 4), "Void");
    for (size_t i = 0; i < PATCHES; i++) {
        assert_int_equal(patch_pack_fold(p, i), 1 + i % 5);
        const double *corners = patch_pack_corners(p, i, &crs);
        assert_int_equal(crs, 2154);
        assert_true(corners[2] - corners[0] == 10 * SIZE && corners[1] - corners[5] == 10 * SIZE);
        for (int t = 1; t < patch_pack_dates(p, 0, i); t++)
            assert_true(patch_pack_days(p, 0, i)[t] > patch_pack_days(p, 0, i)[t - 1]);
        assert_ok(patch_pack_read_labels(p, i, labels));
        assert_ok(patch_pack_read_parcels(p, i, parcels));
        for (int k = 0; k < SIZE * SIZE; k++) {
            assert_true(labels[k] < CLASSES);
            assert_true((labels[k] == 0) == (parcels[k] == 0));
            seen[labels[k]]++;
        }
    }
    for (int k = 0; k < CLASSES; k++) assert_true(seen[k] > 0);
    norm_is_right(s);
    patch_pack_close(p);
}

static void names_of_pastis(void **state)
{
    const pack_pastis_options options = {0};
    synth_pastis_options o = options_of(1);
    patch_pack *p;
    (void)state;
    o.classes = 20;
    o.size = 64;
    assert_ok(synth_pastis(in_scratch("p"), &o));
    assert_false(file_exists(in_scratch("p/label_names.json")));
    assert_ok(pack_pastis(in_scratch("p"), in_scratch("p.h5"), &options, NULL));
    assert_ok(patch_pack_open(in_scratch("p.h5"), &p));
    assert_string_equal(patch_pack_class_name(p, 8), "Grapevine");
    patch_pack_close(p);
}

/* Three files of parcels for seven patches: each in turn, its parcels as they are, a fold of its own. */
static void over_parcels_of_another_folder(void **state)
{
    const pack_pastis_options options = {0};
    const size_t square[2] = {SIZE, SIZE};
    int32_t ids[SIZE * SIZE], back[SIZE * SIZE];
    synth_pastis_options o = options_of(1);
    patch_pack *p;
    (void)state;
    assert_ok(folder_make(in_scratch("real/ANNOTATIONS")));
    for (int f = 0; f < 3; f++) {
        char name[64];
        for (int i = 0; i < SIZE * SIZE; i++) ids[i] = i % SIZE < 4 + f ? 0 : 7 + f;
        snprintf(name, sizeof name, "real/ANNOTATIONS/ParcelIDs_%d.npy", f);
        assert_ok(npy_write(in_scratch(name), NUMBER_I32, 2, square, ids));
    }
    o.parcels = in_scratch("real");
    o.patches = 0;
    assert_ok(synth_pastis(in_scratch("three"), &o));
    assert_int_equal(o.patches, 3);
    o.patches = 7;
    assert_ok(synth_pastis(in_scratch("seven"), &o));
    assert_ok(pack_pastis(in_scratch("seven"), in_scratch("seven.h5"), &options, NULL));
    assert_ok(patch_pack_open(in_scratch("seven.h5"), &p));
    assert_int_equal(patch_pack_count(p), 7);
    for (size_t i = 0; i < 7; i++) {
        assert_int_equal(patch_pack_fold(p, i), 1 + i % 3);
        assert_ok(patch_pack_read_parcels(p, i, back));
        for (int k = 0; k < SIZE * SIZE; k++)
            assert_int_equal(back[k], k % SIZE < 4 + (int)(i % 3) ? 0 : 7 + (int)(i % 3));
    }
    patch_pack_close(p);
}

static void refused(synth_pastis_options o, const char *part)
{
    assert_int_equal(synth_pastis(in_scratch("f"), &o), USAGE);
    assert_message(part);
    assert_false(file_exists(in_scratch("f/DATA_S2")));
}

static void refusals(void **state)
{
    synth_pastis_options o = options_of(1);
    (void)state;
    make("x", 1);
    assert_int_equal(synth_pastis(in_scratch("x"), &o), FAILED);
    assert_message("wanted a folder without DATA_S2");
    o.most_dates = 4;
    refused(o, "the most dates is 4, wanted 5 to 365");
    o = options_of(1);
    o.classes = 2;
    refused(o, "classes is 2, wanted 3 to 256");
    o = options_of(1);
    o.size = 3;
    refused(o, "size is 3");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_function_of_the_seed),
        cmocka_unit_test_setup(packs_without_a_problem, log_start),
        cmocka_unit_test(names_of_pastis),
        cmocka_unit_test(over_parcels_of_another_folder),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
