/* Batches of patches in any order and size, preloaded or not; what training draws; and the thread ends cleanly. */
#include "patches_test.h"

#include <math.h>
#include <time.h>

#include "base/log.h"

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

/* ---- what a batch holds ------------------------------------------------------------------------------------------ */

/* Frame `frame` of the batch is date `date` of the patch. */
static void assert_frame(const patches *s, const patch_batch *b, int frame, int patch, int date)
{
    const int plane = patches_height(s) * patches_width(s), values = BANDS * plane;
    assert_int_equal(b->days[frame], small_days[small_first[patch] + date]);
    for (int i = 0; i < values; i++)
        assert_true(number_get(b->raw_type, b->raw, (size_t)(frame * values + i)) ==
                    patch_value(patch, date, i / plane, i % plane));
}

/* The batch is order[0 .. count - 1], all dates of each. */
static void assert_batch(const patches *s, const patch_batch *b, const uint32_t *order, int count, bool labels)
{
    const int plane = patches_height(s) * patches_width(s);
    int frame = 0, longest = 0;
    assert_int_equal(b->patches, count);
    for (int i = 0; i < count; i++) {
        const int patch = (int)order[i];
        assert_int_equal(b->sample[i], patch);
        assert_int_equal(b->turn[i], 0);
        assert_int_equal(b->offsets[i], frame);
        for (int t = 0; t < small_dates[patch]; t++, frame++) {
            assert_int_equal(b->frame_patch[frame], i);
            assert_frame(s, b, frame, patch, t);
        }
        for (int p = 0; labels && p < plane; p++) assert_int_equal(b->labels[i * plane + p], patch_label(patch, p));
        if (small_dates[patch] > longest) longest = small_dates[patch];
    }
    if (!labels) assert_null(b->labels);
    assert_int_equal(b->offsets[count], frame);
    assert_int_equal(b->frames, frame);
    assert_int_equal(b->longest, longest);
    assert_int_equal(b->raw_bytes, (size_t)(frame * BANDS * plane) * number_size(b->raw_type));
}

static void assert_pass(patches *s, const uint32_t *order, int count, int batch_size, bool labels)
{
    patch_loader *l;
    const patch_batch *b;
    const patch_pass pass = {.order = order, .count = count, .batch_size = batch_size, .labels = labels};
    assert_ok(patch_loader_start(s, &pass, &l));
    for (int at = 0; at < count; at += batch_size) {
        assert_ok(patch_loader_next(l, &b));
        assert_non_null(b);
        nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL); /* the thread runs ahead as far as it may */
        assert_batch(s, b, order + at, count - at < batch_size ? count - at : batch_size, labels);
    }
    for (int i = 0; i < 2; i++) {
        assert_ok(patch_loader_next(l, &b));
        assert_null(b);
    }
    patch_loader_stop(l);
}

static void passes(enum number_type type, int height, int width, bool preload)
{
    enum { LONG = 30 };
    uint32_t order[LONG];
    small_patches_write(&(small_patches){.type = type, .height = height, .width = width});
    patches_options o = patches_defaults();
    o.preload = preload;
    patches *s = open_set(&o);
    for (uint32_t i = 0; i < LONG; i++) order[i] = (5 * i + i / PATCHES) % PATCHES;
    for (int batch_size = 1; batch_size <= 9; batch_size += 2) assert_pass(s, order, LONG, batch_size, true);
    assert_pass(s, order, 3, 128, false);
    assert_pass(s, order, 0, 128, true);
    patches_close(s);
}

static void from_disk(void **state)
{
    (void)state;
    passes(NUMBER_U8, 4, 4, false);
    passes(NUMBER_I16, 3, 5, false);
    passes(NUMBER_U16, 1, 1, false);
    passes(NUMBER_F32, 4, 4, false);
    passes(NUMBER_F16, 6, 2, false);
}

static void preloaded(void **state)
{
    (void)state;
    passes(NUMBER_I16, 4, 4, true);
    passes(NUMBER_F16, 3, 5, true);
}

/* ---- dates ------------------------------------------------------------------------------------------------------- */

/* The dates of one patch in a pass of its own, in a batch of some size among others; how many. */
static int drawn_dates(patches *s, const patch_pass *pass, int patch, int32_t *days)
{
    patch_loader *l;
    const patch_batch *b;
    int count = 0;
    assert_ok(patch_loader_start(s, pass, &l));
    for (;;) {
        assert_ok(patch_loader_next(l, &b));
        if (!b) break;
        for (int i = 0; i < b->patches; i++) {
            if (b->sample[i] != (uint32_t)patch) continue;
            count = b->offsets[i + 1] - b->offsets[i];
            memcpy(days, b->days + b->offsets[i], (size_t)count * sizeof *days);
            for (int t = 0, date = 0; t < count; t++, date++) { /* in their order, with their own frames */
                while (small_days[small_first[patch] + date] != days[t]) assert_true(++date < small_dates[patch]);
                assert_frame(s, b, b->offsets[i] + t, patch, date);
            }
        }
    }
    patch_loader_stop(l);
    return count;
}

static void assert_days(patches *s, int patch, int count, const int32_t *wanted)
{
    int32_t days[6];
    const uint32_t order[1] = {(uint32_t)patch};
    const patch_pass pass = {.order = order, .count = 1, .batch_size = 1};
    assert_int_equal(drawn_dates(s, &pass, patch, days), count);
    for (int t = 0; t < count; t++) assert_int_equal(days[t], wanted[t]);
}

static void evenly_spaced(void **state)
{
    (void)state;
    small_patches_write(&plain);
    for (int preload = 0; preload < 2; preload++) {
        patches_options o = patches_defaults();
        o.preload = preload;
        o.max_dates = (optional_int){true, 3};
        patches *s = open_set(&o);
        assert_int_equal(patches_longest(s), 3);
        assert_int_equal(patches_dates(s, 5), 3);
        assert_int_equal(patches_dates(s, 4), 2);
        assert_days(s, 0, 3, (const int32_t[]){23, 33, 60});
        assert_days(s, 5, 3, (const int32_t[]){1, 31, 51});
        assert_days(s, 4, 2, (const int32_t[]){30, 90});
        patches_close(s);
        o.max_dates.value = 1;
        s = open_set(&o);
        assert_days(s, 0, 1, (const int32_t[]){33});
        patches_close(s);
    }
}

/* Whatever the company, the draw is one of (seed, epoch, id). */
static void drawn_by_id(void **state)
{
    (void)state;
    static const uint32_t orders[2][PATCHES] = {{0, 1, 2, 3, 4, 5, 6}, {5, 4, 6, 0, 2, 3, 1}};
    small_patches_write(&plain);
    patches_options o = patches_defaults();
    o.date_dropout = 0.4;
    o.max_dates = (optional_int){true, 4};
    patches *s = open_set(&o);
    int differ = 0, own = 0;
    for (uint64_t epoch = 1; epoch <= 40; epoch++) {
        int32_t a[6], b[6], other[6];
        const patch_pass first = {orders[0], PATCHES, 2, true, true, false, 7, epoch};
        patch_pass second = {orders[1], PATCHES, 5, true, false, false, 7, epoch};
        const int count = drawn_dates(s, &first, 5, a);
        assert_in_range(count, 1, 4);
        assert_int_equal(drawn_dates(s, &second, 5, b), count);
        assert_memory_equal(a, b, (size_t)count * sizeof *a);
        own += drawn_dates(s, &first, 1, b) != drawn_dates(s, &first, 6, b); /* both have 3 dates */
        second.seed = 8;
        if (drawn_dates(s, &second, 5, other) != count || memcmp(a, other, (size_t)count * sizeof *a)) differ++;
    }
    assert_in_range(differ, 30, 40);
    assert_in_range(own, 10, 40);
    patches_close(s);
}

/* Drop-out alone: each of 6 dates stays in 7 of 10 epochs; a subset alone: 2 of 6 dates, each as often. */
static void drawn_evenly(void **state)
{
    (void)state;
    enum { EPOCHS = 600 };
    static const uint32_t order[1] = {5};
    small_patches_write(&plain);
    for (int subset = 0; subset < 2; subset++) {
        int taken[6] = {0};
        patches_options o = patches_defaults();
        o.preload = true;
        o.date_dropout = subset ? 0 : 0.3;
        if (subset) o.max_dates = (optional_int){true, 2};
        patches *s = open_set(&o);
        for (uint64_t epoch = 0; epoch < EPOCHS; epoch++) {
            int32_t days[6];
            const patch_pass pass = {order, 1, 1, true, false, false, 1, epoch};
            const int count = drawn_dates(s, &pass, 5, days);
            if (subset) assert_int_equal(count, 2);
            for (int t = 0; t < count; t++) taken[days[t] / 10]++;
        }
        const double p = subset ? 1.0 / 3 : 0.7;
        for (int t = 0; t < 6; t++) assert_true(fabs(taken[t] - p * EPOCHS) < 4.5 * sqrt(EPOCHS * p * (1 - p)));
        patches_close(s);
    }
}

static void one_date_stays(void **state)
{
    (void)state;
    small_patches_write(&plain);
    patches_options o = patches_defaults();
    o.date_dropout = 1;
    patches *s = open_set(&o);
    int seen = 0;
    for (uint64_t epoch = 0; epoch < 60; epoch++) {
        int32_t days[6];
        const uint32_t order[1] = {5};
        assert_int_equal(drawn_dates(s, &(patch_pass){order, 1, 1, true, false, false, 1, epoch}, 5, days), 1);
        seen |= 1 << days[0] / 10;
    }
    assert_int_equal(seen, 63);
    patches_close(s);
}

static void one_date(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int32_t days[3]; /* of patches 0, 3 and 5 */
    } cases[] = {
        {"0", {23, 20, 1}},           {"3", {40, 42, 31}},       {"-1", {60, 42, 51}},
        {"2018-09-27", {28, 20, 21}}, {"20180906", {23, 20, 1}}, {"2030-01-01", {60, 42, 51}},
        {"2018-10-04", {33, 40, 31}},
    };
    static const int of[3] = {0, 3, 5};
    small_patches_write(&(small_patches){.type = NUMBER_I16, .height = 4, .width = 4});
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        patches_options o = patches_defaults();
        o.mono_date = (char *)cases[i].text;
        o.preload = i % 2;
        patches *s = NULL;
        if (!strcmp(cases[i].text, "3")) { /* the shorter ones have no such date */
            assert_patches_refused(&o, true, USAGE,
                                   "data.mono_date is 3, which is beyond the dates of 4 patches: 11, 12, 14, 16", NULL);
            continue;
        }
        s = open_set(&o);
        assert_int_equal(patches_longest(s), 1);
        for (int k = 0; k < 3; k++) assert_days(s, of[k], 1, &cases[i].days[k]);
        patches_close(s);
    }
}

/* ---- turns ------------------------------------------------------------------------------------------------------- */

static int turns_seen(const small_patches *pack, bool augment, bool training)
{
    static const uint32_t order[3] = {4, 1, 2};
    small_patches_write(pack);
    patches_options o = patches_defaults();
    o.augment = augment;
    patches *s = open_set(&o);
    int seen = 0;
    for (uint64_t epoch = 0; epoch < 60; epoch++) {
        patch_loader *l;
        const patch_batch *b;
        assert_ok(patch_loader_start(s, &(patch_pass){order, 3, 3, training, false, false, 1, epoch}, &l));
        assert_ok(patch_loader_next(l, &b));
        for (int i = 0; i < 3; i++) seen |= 1 << b->turn[i];
        patch_loader_stop(l);
    }
    patches_close(s);
    return seen;
}

static void turns(void **state)
{
    (void)state;
    const small_patches oblong = {.type = NUMBER_U8, .height = 2, .width = 3};
    assert_int_equal(turns_seen(&plain, true, true), 0xFF);
    assert_int_equal(turns_seen(&oblong, true, true), 0x33); /* no odd quarters */
    assert_int_equal(turns_seen(&plain, true, false), 1);
    assert_int_equal(turns_seen(&plain, false, true), 1);
}

/* ---- trouble ----------------------------------------------------------------------------------------------------- */

static void damaged_values(void **state)
{
    (void)state;
    const enum number_type types[2] = {NUMBER_F32, NUMBER_F16};
    for (int i = 0; i < 2; i++) {
        small_patches p = plain;
        p.type = types[i];
        p.damaged = true;
        small_patches_write(&p);
        patches_options o = patches_defaults();
        patches *s = open_set(&o);
        patch_loader *l;
        const patch_batch *b;
        assert_ok(
            patch_loader_start(s, &(patch_pass){(const uint32_t[]){0, 1, 2}, 3, 2, false, true, false, 0, 0}, &l));
        assert_ok(patch_loader_next(l, &b));
        for (int k = 0; k < 2; k++) {
            assert_int_equal(patch_loader_next(l, &b), FAILED);
            assert_null(b);
            assert_holds(error_message(), "patch 12, S2: row 1, column 2, band 2 of date 1 is ");
        }
        patch_loader_stop(l);
        patches_close(s);
        o.preload = true;
        assert_patches_refused(&o, true, FAILED, "patch 12, S2: row 1, column 2, band 2 of date 1 is ", NULL);
    }
}

static void stopped_midway(void **state)
{
    (void)state;
    enum { LONG = 100 };
    static uint32_t order[LONG];
    patches *s = open_plain();
    for (uint32_t i = 0; i < LONG; i++) order[i] = i % PATCHES;
    for (int after = 0; after < 30; after++) {
        patch_loader *l;
        const patch_batch *b;
        assert_ok(patch_loader_start(s, &(patch_pass){order, LONG, 3, true, true, false, 1, 1}, &l));
        for (int i = 0; i < after; i++) assert_ok(patch_loader_next(l, &b));
        patch_loader_stop(l);
    }
    patch_loader_stop(NULL);
    patches_close(s);
    patches_close(NULL);
}

/* Last: a request to stop is for good. */
static void interrupted(void **state)
{
    (void)state;
    static const uint32_t order[8] = {0, 1, 4, 5, 3, 0, 1, 2};
    patches *s = open_plain();
    patch_loader *l;
    const patch_batch *b;
    int rc = OK, batches = 0;
    assert_ok(patch_loader_start(s, &(patch_pass){order, 8, 1, true, true, false, 1, 1}, &l));
    assert_ok(patch_loader_next(l, &b));
    interrupt_request();
    while (!(rc = patch_loader_next(l, &b)) && b) batches++;
    assert_int_equal(rc, INTERRUPTED);
    assert_true(batches <= 3);
    patch_loader_stop(l);
    patches_close(s);
    patches_options o = patches_defaults();
    o.preload = true;
    assert_patches_refused(&o, true, INTERRUPTED, "interrupted", NULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, data_test_setup, data_test_teardown)
    const struct CMUnitTest tests[] = {
        TEST(from_disk),      TEST(preloaded),      TEST(evenly_spaced), TEST(drawn_by_id),
        TEST(drawn_evenly),   TEST(one_date_stays), TEST(one_date),      TEST(turns),
        TEST(damaged_values), TEST(stopped_midway), TEST(interrupted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
