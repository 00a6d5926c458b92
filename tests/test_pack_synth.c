/* The synthetic folder: a function of its options, in the published form, and what is asked for. */
#include "base/file.h"
#include "data-tools/synth_pixelset.h"

#include "tests/pack_test.h"

static void make(const char *name, uint64_t seed)
{
    synth_options o = synth_defaults();
    o.parcels = 40;
    o.classes = 5;
    o.dates = 6;
    o.bands = 4;
    o.least_pixels = 2;
    o.most_pixels = 9;
    o.seed = seed;
    assert_ok(synth_pixelset(in_scratch(name), &o));
}

static bool same_file(const char *a, const char *b)
{
    char *x, *y;
    size_t x_length, y_length;
    assert_ok(file_read(in_scratch(a), 1 << 24, &x, &x_length));
    assert_ok(file_read(in_scratch(b), 1 << 24, &y, &y_length));
    bool same = x_length == y_length && !memcmp(x, y, x_length);
    free(x);
    free(y);
    return same;
}

static void a_function_of_the_seed(void **state)
{
    static const char *const documents[] = {"labels.json", "dates.json", "geomfeat.json"};
    char **names, a[300], b[300], c[300];
    size_t count;
    (void)state;
    make("a", 1);
    make("b", 1);
    make("c", 2);
    assert_ok(folder_list(in_scratch("a/DATA"), ".npy", &names, &count));
    assert_int_equal(count, 40);
    for (size_t i = 0; i < count; i++) {
        snprintf(a, sizeof a, "a/DATA/%s", names[i]);
        snprintf(b, sizeof b, "b/DATA/%s", names[i]);
        snprintf(c, sizeof c, "c/DATA/%s", names[i]);
        assert_true(same_file(a, b));
        if (file_exists(in_scratch(c))) assert_false(same_file(a, c)); /* ids have gaps, which differ too */
    }
    folder_free(names, count);
    assert_false(same_file("a/META/labels.json", "c/META/labels.json"));
    for (int i = 0; i < 3; i++) {
        snprintf(a, sizeof a, "a/META/%s", documents[i]);
        snprintf(b, sizeof b, "b/META/%s", documents[i]);
        assert_true(same_file(a, b));
    }
}

static void packs_without_a_problem(void **state)
{
    const pack_options options = {0};
    const int32_t *labels;
    const pack_feature *f;
    pack_result r;
    pixelset_pack *p;
    int seen[5] = {0};
    (void)state;
    make("d", 3);
    assert_ok(pack_pixelset(in_scratch("d"), in_scratch("d.h5"), &options, &r));
    assert_int_equal(r.parcels, 40);
    assert_int_equal(r.bands, 4);
    assert_int_equal(r.least_dates, 6);
    assert_int_equal(r.most_dates, 6);
    assert_true(r.least_pixels >= 2 && r.most_pixels <= 9);
    assert_string_equal(r.type, "uint16");
    assert_ok(pixelset_pack_open(in_scratch("d.h5"), &p));
    assert_ok(pixelset_pack_labels(p, NULL, &labels));
    for (size_t i = 0; i < 40; i++) {
        assert_true(labels[i] >= 0 && labels[i] < 5);
        seen[labels[i]]++;
    }
    for (int k = 0; k < 5; k++) assert_true(seen[k] > 0);
    assert_ok(pixelset_pack_feature(p, "geomfeat", &f));
    assert_int_equal(f->width, 4);
    for (size_t i = 0; i < 40; i++) assert_true(f->values[4 * i + 1] == (float)pixelset_pack_pixels(p, i));
    const int32_t *days = pixelset_pack_days(p, 0);
    for (int t = 1; t < 6; t++) assert_true(days[t] > days[t - 1]);
    pixelset_pack_close(p);
}

/* Each parcel a part of the year's dates, as many as its series has. */
static void dates_of_their_own(void **state)
{
    const pack_options options = {0};
    synth_options o = synth_defaults();
    pack_result r;
    pixelset_pack *p;
    bool differ = false;
    (void)state;
    o = (synth_options){40, 3, 9, 2, 2, 5, 4, 6};
    assert_ok(synth_pixelset(in_scratch("own"), &o));
    assert_ok(pack_pixelset(in_scratch("own"), in_scratch("own.h5"), &options, &r));
    assert_int_equal(r.least_dates, 6);
    assert_int_equal(r.most_dates, 9);
    assert_ok(pixelset_pack_open(in_scratch("own.h5"), &p));
    for (size_t i = 0; i < 40; i++) {
        const int32_t *days = pixelset_pack_days(p, i);
        for (int t = 1; t < pixelset_pack_dates(p, i); t++) assert_true(days[t] > days[t - 1]);
        differ |= pixelset_pack_dates(p, i) == pixelset_pack_dates(p, 0) &&
                  memcmp(days, pixelset_pack_days(p, 0), (size_t)pixelset_pack_dates(p, i) * sizeof *days) != 0;
    }
    assert_true(differ);
    pixelset_pack_close(p);
    o.least_dates = 10;
    assert_int_equal(synth_pixelset(in_scratch("owner"), &o), USAGE);
}

static void refusals(void **state)
{
    synth_options o = synth_defaults();
    (void)state;
    make("e", 1);
    assert_int_equal(synth_pixelset(in_scratch("e"), &o), FAILED);
    assert_message("wanted a folder without DATA");
    o.most_pixels = o.least_pixels - 1;
    assert_int_equal(synth_pixelset(in_scratch("f"), &o), USAGE);
    assert_false(file_exists(in_scratch("f/DATA")));
    o = synth_defaults();
    o.classes = 0;
    assert_int_equal(synth_pixelset(in_scratch("f"), &o), USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_function_of_the_seed),
        cmocka_unit_test(packs_without_a_problem),
        cmocka_unit_test(dates_of_their_own),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
