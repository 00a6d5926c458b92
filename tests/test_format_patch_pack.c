/* Packs of patches: what is written comes back, a writer is taken up where another left, damage is refused. */
#include <math.h>

#include "base/file.h"
#include "format/patch_pack_write.h"

#include "tests/format_test.h"

enum { COUNT = 3, H = 3, W = 5, PIXELS = H * W };

static const char *const ids[COUNT] = {"7", "12", "x"};
static const int32_t folds[COUNT] = {1, 3, 1};
static const int32_t s2_dates[COUNT] = {2, 3, 1}, s1_dates[COUNT] = {1, 0, 2};
static const int32_t s2_days[6] = {100, 110, 90, 95, 120, 130}, s1_days[3] = {101, 131, 140};
static const bool labelled[COUNT] = {true, true, false}, parcelled[COUNT] = {true, false, true};
static const uint8_t instances_of[COUNT] = {PATCH_MADE, PATCH_OWN, PATCH_OWN},
                     heat_of[COUNT] = {PATCH_OWN, PATCH_AS_MADE, PATCH_OWN},
                     zones_of[COUNT] = {PATCH_AS_MADE, PATCH_AS_MADE, PATCH_MADE};
static const char *const names[3] = {"none", NULL, "wheat"};
static const uint32_t colours[3] = {0x123456, PATCH_NO_COLOUR, 0xff7f0e};

static const patch_frames satellites[2] = {
    {"S2", 2, NUMBER_I16, s2_dates, s2_days},
    {"S1A", 1, NUMBER_F16, s1_dates, s1_days},
};

static patch_contents contents(void)
{
    static double corners[COUNT * 8];
    for (int i = 0; i < COUNT * 8; i++) corners[i] = i / 8 == 1 ? (double)NAN : i * 10;
    return (patch_contents){.count = COUNT,
                            .height = H,
                            .width = W,
                            .crs = 2154,
                            .fingerprint = "0123",
                            .ids = ids,
                            .fold = folds,
                            .corners = corners,
                            .satellite = satellites,
                            .satellites = 2,
                            .labelled = labelled,
                            .parcelled = parcelled,
                            .origin = {instances_of, heat_of, zones_of},
                            .class_name = names,
                            .class_colour = colours,
                            .classes = 3,
                            .left_out = NULL};
}

/* ---- values that are functions of their place ---------------------------------------------------------------------- */

static int16_t s2_value(size_t patch, int date, int at)
{
    return (int16_t)(1000 * (int)patch + 100 * date + at - 300);
}

static uint16_t s1_value(size_t patch, int date, int at)
{
    return (uint16_t)(0x3c00 + 100 * (int)patch + 40 * date + at);
}

static uint8_t label(size_t patch, int at)
{
    return (uint8_t)(at % 7 == 0 ? 200 : (size_t)at % 3 + patch);
}

static int32_t parcel(size_t patch, int at)
{
    return (int32_t)(100000 * ((int)patch + 1) + at / 4);
}

static int32_t instance(size_t patch, int at)
{
    return (int32_t)patch + at % 4;
}

static float heat(size_t patch, int at)
{
    return 1.0f / (float)((int)patch + at + 1);
}

static void put_targets(patch_writer *w, size_t i)
{
    int32_t instances[PIXELS];
    float heats[PIXELS];
    for (int k = 0; k < PIXELS; k++) {
        instances[k] = instance(i, k);
        heats[k] = heat(i, k);
    }
    if (instances_of[i] == PATCH_OWN) assert_ok(patch_writer_target(w, PATCH_INSTANCES, i, instances));
    if (heat_of[i] == PATCH_OWN) assert_ok(patch_writer_target(w, PATCH_HEATMAP, i, heats));
}

static void put_images(patch_writer *w, size_t i)
{
    int16_t s2[3 * 2 * PIXELS];
    uint16_t s1[2 * PIXELS];
    uint8_t labels[PIXELS];
    int32_t parcels[PIXELS];
    for (int t = 0; t < s2_dates[i]; t++)
        for (int k = 0; k < 2 * PIXELS; k++) s2[t * 2 * PIXELS + k] = s2_value(i, t, k);
    for (int t = 0; t < s1_dates[i]; t++)
        for (int k = 0; k < PIXELS; k++) s1[t * PIXELS + k] = s1_value(i, t, k);
    for (int k = 0; k < PIXELS; k++) {
        labels[k] = label(i, k);
        parcels[k] = parcel(i, k);
    }
    assert_ok(patch_writer_frames(w, 0, i, s2));
    assert_ok(patch_writer_frames(w, 1, i, s1));
    if (labelled[i]) assert_ok(patch_writer_labels(w, i, labels));
    if (parcelled[i]) assert_ok(patch_writer_parcels(w, i, parcels));
}

static void put_patch(patch_writer *w, size_t i)
{
    put_images(w, i);
    put_targets(w, i);
}

static void finish(patch_writer *w)
{
    static double mean[6] = {1, 2, NAN, NAN, 5, 6}, std[6] = {1, 0, NAN, NAN, 2, 3};
    const normalisation norms[2] = {{3, 2, mean, std}, {0, 0, NULL, NULL}};
    const char *const sources[2] = {"NORM_S2_patch.json", NULL};
    assert_ok(patch_writer_finish(w, norms, sources));
    patch_writer_close(w);
}

static void put_pack(int deflate)
{
    const patch_contents c = contents();
    patch_writer *w;
    assert_ok(patch_writer_open(in_scratch("p.h5"), &c, deflate, &w));
    for (size_t i = COUNT; i-- > 0;) put_patch(w, i); /* in any order */
    finish(w);
}

/* ---- what comes back ----------------------------------------------------------------------------------------------- */

static int use_targets(patch_pack *p, size_t i, bool check)
{
    int32_t instances[PIXELS];
    float heats[PIXELS];
    int rc = OK;
    if (patch_pack_origin(p, PATCH_INSTANCES, i) == PATCH_OWN) {
        TRY(patch_pack_read_target(p, PATCH_INSTANCES, i, instances));
        for (int k = 0; check && k < PIXELS; k++) assert_int_equal(instances[k], instance(i, k));
    }
    if (patch_pack_origin(p, PATCH_HEATMAP, i) == PATCH_OWN) {
        TRY(patch_pack_read_target(p, PATCH_HEATMAP, i, heats));
        for (int k = 0; check && k < PIXELS; k++) assert_true(heats[k] == heat(i, k));
    }
done:
    return rc;
}

static int use(bool check)
{
    patch_pack *p = NULL;
    int16_t frame[3 * 2 * PIXELS];
    uint16_t s1[2 * PIXELS];
    uint8_t labels[PIXELS];
    int32_t parcels[PIXELS];
    static const int picks[4][3] = {{0}, {0}, {1, 0}, {2, 0, 1}};
    int rc = OK;
    TRY(patch_pack_open(in_scratch("p.h5"), &p));
    for (size_t i = 0; i < patch_pack_count(p) && i < COUNT; i++) {
        int dates = patch_pack_dates(p, 0, i);
        assert_true(patch_pack_frame_bytes(p, 0) <= 2 * PIXELS * 2 && dates <= 3);
        TRY(patch_pack_read_frames(p, 0, i, picks[dates], dates, frame));
        for (int t = 0; check && t < dates; t++)
            for (int k = 0; k < 2 * PIXELS; k++)
                assert_int_equal(frame[t * 2 * PIXELS + k], s2_value(i, picks[dates][t], k));
        if (patch_pack_satellites(p) > 1) {
            const int both[2] = {0, 1};
            assert_true(patch_pack_frame_bytes(p, 1) <= 2 * PIXELS);
            assert_true(patch_pack_dates(p, 1, i) <= 2);
            TRY(patch_pack_read_frames(p, 1, i, both, patch_pack_dates(p, 1, i), s1));
            for (int t = 0; check && t < s1_dates[i]; t++)
                for (int k = 0; k < PIXELS; k++) assert_int_equal(s1[t * PIXELS + k], s1_value(i, t, k));
        }
        if (patch_pack_has_label(p, i)) TRY(patch_pack_read_labels(p, i, labels));
        if (patch_pack_has_label(p, i) && check)
            for (int k = 0; k < PIXELS; k++) assert_int_equal(labels[k], label(i, k));
        if (patch_pack_has_parcels(p) && parcelled[i]) TRY(patch_pack_read_parcels(p, i, parcels));
        if (patch_pack_has_parcels(p) && parcelled[i] && check)
            for (int k = 0; k < PIXELS; k++) assert_int_equal(parcels[k], parcel(i, k));
        TRY(use_targets(p, i, check));
    }
done:
    patch_pack_close(p);
    return rc;
}

static void comes_back(void **state)
{
    patch_pack *p;
    int crs, index;
    (void)state;
    for (int deflate = 0; deflate <= 4; deflate += 4) {
        put_pack(deflate);
        assert_ok(use(true));
        assert_ok(patch_pack_open(in_scratch("p.h5"), &p));
        assert_int_equal(patch_pack_count(p), COUNT);
        assert_int_equal(patch_pack_height(p), H);
        assert_int_equal(patch_pack_width(p), W);
        assert_string_equal(patch_pack_id(p, 1), "12");
        assert_int_equal(patch_pack_fold(p, 1), 3);
        assert_true(patch_pack_corners(p, 0, &crs)[7] == 70 && crs == 2154);
        assert_null(patch_pack_corners(p, 1, &crs));
        assert_int_equal(patch_pack_satellites(p), 2);
        const patch_satellite *s2 = patch_pack_satellite(p, 0), *s1 = patch_pack_satellite(p, 1);
        assert_string_equal(s2->name, "S2");
        assert_int_equal(s2->type, NUMBER_I16);
        assert_int_equal(s2->folds, 3);
        assert_true(s2->mean[1] == 2 && isnan(s2->mean[2]) && s2->std[5] == 3);
        assert_string_equal(s2->source, "NORM_S2_patch.json");
        assert_int_equal(s1->type, NUMBER_F16);
        assert_int_equal(s1->folds, 0);
        assert_ok(patch_pack_find_satellite(p, "S1A", &index));
        assert_int_equal(index, 1);
        assert_int_equal(patch_pack_find_satellite(p, "S1D", &index), USAGE);
        assert_message("no satellite \"S1D\"; there are: S2, S1A");
        assert_int_equal(patch_pack_days(p, 0, 1)[2], 120);
        assert_int_equal(patch_pack_dates(p, 1, 1), 0);
        assert_int_equal(patch_pack_days(p, 1, 2)[0], 131);
        assert_true(patch_pack_has_labels(p) && patch_pack_has_parcels(p));
        assert_int_equal(patch_pack_histogram(p, 0)[200], 3);
        assert_int_equal(patch_pack_histogram(p, 1)[1] + patch_pack_histogram(p, 1)[2] + patch_pack_histogram(p, 1)[3],
                         PIXELS - 3);
        assert_null(patch_pack_histogram(p, 2));
        assert_string_equal(patch_pack_class_name(p, 2), "wheat");
        assert_null(patch_pack_class_name(p, 1));
        assert_null(patch_pack_class_name(p, 3));
        assert_int_equal(patch_pack_class_colour(p, 2), 0xff7f0e);
        assert_int_equal(patch_pack_class_colour(p, 0), 0x123456);
        assert_int_equal(patch_pack_class_colour(p, 1), 0xaec7e8);
        assert_int_equal(patch_pack_class_colour(p, 19), 0xaec7e8);
        uint8_t labels[PIXELS];
        assert_refused(patch_pack_read_labels(p, 2, labels), "patch x has no labels");
        const int wrong = 2;
        int16_t frame[2 * PIXELS];
        assert_refused(patch_pack_read_frames(p, 0, 0, &wrong, 1, frame), "patch 7 has 2 dates of S2, wanted date 2");
        patch_pack_close(p);
    }
}

static void targets(void **state)
{
    patch_contents c = contents();
    patch_pack *p;
    int32_t values[PIXELS];
    (void)state;
    for (int deflate = 0; deflate <= 4; deflate += 4) {
        put_pack(deflate);
        assert_ok(patch_pack_open(in_scratch("p.h5"), &p));
        assert_int_equal(patch_pack_origin(p, PATCH_INSTANCES, 0), PATCH_MADE);
        assert_int_equal(patch_pack_origin(p, PATCH_HEATMAP, 1), PATCH_AS_MADE);
        assert_int_equal(patch_pack_origin(p, PATCH_ZONES, 0), PATCH_AS_MADE);
        assert_refused(patch_pack_read_target(p, PATCH_INSTANCES, 0, values), "patch 7 has no instances of its own");
        assert_refused(patch_pack_read_target(p, PATCH_HEATMAP, 1, values), "patch 12 has no heat map of its own");
        assert_refused(patch_pack_read_target(p, PATCH_ZONES, 2, values), "patch x has no zones of its own");
        assert_true(patch_pack_has_parcel(p, 1)); /* they stand for its parcels, which it lacks */
        assert_ok(patch_pack_read_parcels(p, 1, values));
        for (int k = 0; k < PIXELS; k++) assert_int_equal(values[k], instance(1, k));
        assert_ok(patch_pack_read_parcels(p, 2, values));
        for (int k = 0; k < PIXELS; k++) assert_int_equal(values[k], parcel(2, k));
        patch_pack_close(p);
    }
    memset(c.origin, 0, sizeof c.origin); /* as packs were before */
    patch_writer *w;
    assert_ok(patch_writer_open(in_scratch("p.h5"), &c, 0, &w));
    for (size_t i = 0; i < COUNT; i++) put_images(w, i);
    finish(w);
    assert_ok(patch_pack_open(in_scratch("p.h5"), &p));
    for (int k = 0; k < PATCH_TARGETS; k++) assert_int_equal(patch_pack_origin(p, (enum patch_target)k, 1), PATCH_MADE);
    assert_false(patch_pack_has_parcel(p, 1));
    assert_refused(patch_pack_read_parcels(p, 1, values), "patch 12 has no parcels");
    patch_pack_close(p);
}

static void is_taken_up(void **state)
{
    patch_contents c = contents();
    char *whole, *again, record[3000];
    size_t length, length_again;
    patch_writer *w;
    (void)state;
    put_pack(0);
    assert_ok(file_read(in_scratch("p.h5"), 1 << 20, &whole, &length));
    assert_ok(patch_writer_open(in_scratch("p.h5"), &c, 0, &w));
    put_patch(w, 0);
    assert_true(patch_record_bytes(&c, 0) < sizeof record);
    patch_writer_record(w, 0, record);
    assert_ok(patch_writer_sync(w));
    patch_writer_close(w);
    assert_refused(use(true), "is unfinished");
    c.fingerprint = "other";
    assert_refused(patch_writer_take_up(in_scratch("p.h5"), &c, &w), "is of another folder");
    c.fingerprint = "0123";
    assert_ok(patch_writer_take_up(in_scratch("p.h5"), &c, &w));
    patch_writer_recall(w, 0, record);
    put_patch(w, 1);
    put_patch(w, 2);
    finish(w);
    assert_ok(use(true));
    assert_ok(file_read(in_scratch("p.h5"), 1 << 20, &again, &length_again));
    assert_int_equal(length, length_again);
    assert_memory_equal(whole, again, length);
    free(whole);
    free(again);
}

static void is_copied(void **state)
{
    const patch_contents c = contents();
    patch_writer *from, *to;
    (void)state;
    assert_ok(patch_writer_open(in_scratch("q.h5"), &c, 0, &from));
    for (size_t i = 0; i < COUNT; i++) put_patch(from, i);
    assert_ok(patch_writer_open(in_scratch("p.h5"), &c, 4, &to));
    for (size_t i = 0; i < COUNT; i++) assert_ok(patch_writer_copy(from, i, to));
    finish(to);
    patch_writer_close(from);
    assert_ok(use(true));
}

static void classes_of_pastis(void **state)
{
    patch_contents c = contents();
    patch_pack *p;
    patch_writer *w;
    uint8_t labels[PIXELS] = {0, 1, 2, 19};
    (void)state;
    c.classes = 0;
    for (int highest = 18; highest <= 20; highest++) {
        labels[3] = (uint8_t)highest;
        assert_ok(patch_writer_open(in_scratch("p.h5"), &c, 0, &w));
        for (size_t i = 0; i < COUNT; i++) {
            put_patch(w, i);
            if (labelled[i]) assert_ok(patch_writer_labels(w, i, labels));
        }
        finish(w);
        assert_ok(patch_pack_open(in_scratch("p.h5"), &p));
        if (highest < 20) {
            assert_string_equal(patch_pack_class_name(p, 1), "Meadow");
            assert_string_equal(patch_pack_class_name(p, 19), "Void label");
            assert_int_equal(patch_pack_class_colour(p, 19), 0xffffff);
        } else {
            assert_null(patch_pack_class_name(p, 1));
        }
        assert_null(patch_pack_class_name(p, 20));
        patch_pack_close(p);
    }
}

/* ---- damage -------------------------------------------------------------------------------------------------------- */

/* Every cut is refused; a flipped byte is noticed, or nothing depends on it. */
static void damage(void **state)
{
    char *bytes;
    size_t length;
    (void)state;
    for (int deflate = 0; deflate <= 4; deflate += 4) {
        size_t noticed = 0;
        put_pack(deflate);
        assert_ok(file_read(in_scratch("p.h5"), 1 << 20, &bytes, &length));
        for (size_t cut = 0; cut < length; cut += cut < 200 ? 7 : 97) {
            put_file(in_scratch("p.h5"), bytes, cut);
            assert_refused(use(true), "p.h5");
        }
        for (size_t at = 0; at < length; at += at < 600 ? 1 : 13) {
            bytes[at] ^= 0x11;
            put_file(in_scratch("p.h5"), bytes, length);
            bytes[at] ^= 0x11;
            if (!use(true)) continue;
            assert_message("p.h5");
            noticed++;
        }
        assert_true(noticed > 200);
        free(bytes);
    }
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
        cmocka_unit_test(comes_back), cmocka_unit_test(targets),           cmocka_unit_test(is_taken_up),
        cmocka_unit_test(is_copied),  cmocka_unit_test(classes_of_pastis), cmocka_unit_test(damage),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
