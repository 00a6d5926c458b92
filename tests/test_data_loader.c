/* Batches: what was written comes back, in any order and batch size, preloaded or not; and the thread ends cleanly. */
#include "data_test.h"

#include <time.h>

#include "base/log.h"
#include "base/random.h"

enum { PARCELS = 7, BANDS = 3 };

/* Ragged in dates and pixels; parcels 2 and 6 have no pixel. */
static const int32_t dates[PARCELS] = {2, 3, 1, 4, 2, 1, 5}, pixels[PARCELS] = {4, 1, 0, 2, 7, 3, 0};
static const int32_t labels[PARCELS] = {5, 6, 5, 7, 6, 5, 7};
static const int32_t days[18] = {100, 110, 101, 111, 121, 99,  100, 101, 102,
                                 103, 104, 114, 98,  100, 101, 102, 103, 140};
static const int32_t first_day[PARCELS] = {0, 2, 5, 6, 10, 12, 13};
static const float shape[2 * PARCELS] = {0, 1, 2, 1, 4, 1, 6, 1, 8, 1, 10, 1, 12, 1};

static small_pack ragged(enum number_type type)
{
    return (small_pack){.count = PARCELS,
                        .bands = BANDS,
                        .type = type,
                        .dates = dates,
                        .pixels = pixels,
                        .days = days,
                        .labels = labels,
                        .shape = shape};
}

static pixelset *open_set(bool preload)
{
    pixelset *s = NULL;
    pixelset_options o = data_options();
    o.preload = preload;
    o.extra_feature = (char *)"shape";
    assert_ok(pixelset_open(&o, true, &s));
    return s;
}

/* ---- what a batch holds ------------------------------------------------------------------------------------------ */

static int raw_value(const parcel_batch *b, uint64_t at)
{
    switch (b->raw_type) {
    case PIXEL_U8: return ((const uint8_t *)b->raw)[at];
    case PIXEL_I16: return ((const int16_t *)b->raw)[at];
    case PIXEL_U16: return ((const uint16_t *)b->raw)[at];
    default: return (int)((const float *)b->raw)[at];
    }
}

static void assert_frames(const parcel_batch *b, int i, int parcel)
{
    for (int t = 0; t < dates[parcel]; t++) {
        int frame = b->offsets[i] + t;
        assert_int_equal(b->frame_parcel[frame], i);
        assert_int_equal(b->days[frame], days[first_day[parcel] + t] - 98);
        assert_true(b->extra[2 * frame] == (shape[2 * parcel] - 4) / 2); /* mean 4, std 2 */
        assert_true(b->extra[2 * frame + 1] == 0);                       /* mean 1, std 0 */
    }
}

/* The batch is order[0 .. parcels - 1], one parcel after the other. */
static void assert_batch(const parcel_batch *b, const uint32_t *order, int parcels)
{
    uint64_t at = 0;
    assert_int_equal(b->parcels, parcels);
    assert_int_equal(b->offsets[0], 0);
    for (int i = 0; i < parcels; i++) {
        int parcel = (int)order[i], values = dates[parcel] * pixels[parcel] * BANDS;
        assert_int_equal(b->sample[i], parcel);
        assert_int_equal(b->target[i], labels[parcel] - 5);
        assert_int_equal(b->dates[i], dates[parcel]);
        assert_int_equal(b->pixels[i], pixels[parcel]);
        assert_int_equal(b->offsets[i + 1] - b->offsets[i], dates[parcel]);
        assert_int_equal(b->raw_start[i], at);
        for (int j = 0; j < values; j++) assert_int_equal(raw_value(b, at + (uint64_t)j), small_value(parcel, j));
        assert_frames(b, i, parcel);
        at += (uint64_t)values;
    }
    assert_int_equal(b->frames, b->offsets[parcels]);
    static const size_t size[] = {[PIXEL_U8] = 1, [PIXEL_I16] = 2, [PIXEL_U16] = 2, [PIXEL_F32] = 4};
    assert_int_equal(b->raw_bytes, at * size[b->raw_type]);
}

/* A whole pass; each batch is looked at again while the next one is there. */
static void assert_pass(pixelset *s, const uint32_t *order, int count, int batch_size)
{
    loader *l;
    const parcel_batch *b, *before = NULL;
    assert_ok(loader_start(s, order, count, batch_size, &l));
    for (int at = 0; at < count; at += batch_size) {
        assert_ok(loader_next(l, &b));
        assert_non_null(b);
        assert_batch(b, order + at, count - at < batch_size ? count - at : batch_size);
        nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL); /* the thread runs ahead as far as it may */
        if (before) assert_batch(before, order + at - batch_size, batch_size);
        before = b;
    }
    for (int i = 0; i < 2; i++) {
        assert_ok(loader_next(l, &b));
        assert_null(b);
    }
    loader_stop(l);
}

static void passes(enum number_type type, bool preload)
{
    enum { LONG = 40 };
    uint32_t order[LONG];
    small_pack p = ragged(type);
    small_pack_write(&p);
    pixelset *s = open_set(preload);
    for (uint32_t i = 0; i < LONG; i++) order[i] = (5 * i + i / PARCELS) % PARCELS;
    for (int batch_size = 1; batch_size <= 9; batch_size++) assert_pass(s, order, LONG, batch_size);
    assert_pass(s, order, 3, 128);
    assert_pass(s, order, 0, 128);
    pixelset_close(s);
}

static void from_disk(void **state)
{
    (void)state;
    passes(NUMBER_U8, false);
    passes(NUMBER_I16, false);
    passes(NUMBER_U16, false);
    passes(NUMBER_F32, false);
}

static void preloaded(void **state)
{
    (void)state;
    passes(NUMBER_U8, true);
    passes(NUMBER_F32, true);
}

/* Samples are counted after sub_classes. */
static void kept_classes(void **state)
{
    (void)state;
    small_pack p = ragged(NUMBER_U16);
    small_pack_write(&p);
    for (int preload = 0; preload < 2; preload++) {
        pixelset_options o = data_options();
        o.sub_classes = (int_list){2, {7, 6}};
        o.preload = preload;
        pixelset *s;
        loader *l;
        const parcel_batch *b;
        assert_ok(pixelset_open(&o, true, &s));
        assert_int_equal(pixelset_count(s), 4); /* parcels 1, 3, 4, 6 */
        assert_ok(loader_start(s, (const uint32_t[]){2, 1}, 2, 2, &l));
        assert_ok(loader_next(l, &b));
        assert_int_equal(b->target[0], 1);
        assert_int_equal(b->target[1], 0);
        assert_int_equal(raw_value(b, 0), small_value(4, 0));
        assert_int_equal(raw_value(b, b->raw_start[1] + 5), small_value(3, 5));
        assert_null(b->extra);
        loader_stop(l);
        pixelset_close(s);
    }
}

/* ---- trouble ----------------------------------------------------------------------------------------------------- */

static void stopped_midway(void **state)
{
    (void)state;
    enum { LONG = 300 };
    static uint32_t order[LONG];
    small_pack p = ragged(NUMBER_U16);
    small_pack_write(&p);
    pixelset *s = open_set(false);
    for (uint32_t i = 0; i < LONG; i++) order[i] = i % PARCELS;
    for (int after = 0; after < 60; after++) {
        loader *l;
        const parcel_batch *b;
        assert_ok(loader_start(s, order, LONG, 5, &l));
        for (int i = 0; i < after; i++) assert_ok(loader_next(l, &b));
        loader_stop(l);
    }
    loader_stop(NULL);
    pixelset_close(s);
}

static const char *const infinite = "parcel 13: pixel 1, band 2 of date 1 is inf, wanted a finite value";

/* The error comes in its place, after the batches before it, with its message; and again when asked again. */
static void damaged_pixels(void **state)
{
    (void)state;
    static const uint32_t order[6] = {0, 1, 4, 5, 3, 0};
    small_pack p = ragged(NUMBER_F32);
    p.damaged = 3;
    small_pack_write(&p);
    pixelset *s = open_set(false);
    loader *l;
    const parcel_batch *b;
    assert_ok(loader_start(s, order, 6, 2, &l));
    for (int i = 0; i < 2; i++) {
        assert_ok(loader_next(l, &b));
        assert_batch(b, order + 2 * i, 2);
    }
    for (int i = 0; i < 3; i++) {
        assert_int_equal(loader_next(l, &b), FAILED);
        assert_null(b);
        assert_holds(error_message(), infinite);
        assert_int_equal(fail(USAGE, "another message"), USAGE);
    }
    loader_stop(l);
    pixelset_close(s);
    pixelset_options o = data_options();
    o.preload = true;
    assert_refused(&o, true, FAILED, infinite, data_path, NULL);
}

/* A pack that is changed under us: its checksums tell. */
static void flipped_bits(void **state)
{
    (void)state;
    small_pack p = ragged(NUMBER_U16);
    small_pack_write(&p);
    FILE *f = fopen(data_path, "r+b");
    assert_non_null(f);
    uint16_t wanted[4], there[4];
    for (int j = 0; j < 4; j++) wanted[j] = (uint16_t)small_value(0, j);
    long at = -1;
    for (long i = 0; at < 0 && fseek(f, i, SEEK_SET) == 0 && fread(there, sizeof there, 1, f) == 1; i++)
        if (!memcmp(there, wanted, sizeof there)) at = i;
    assert_true(at > 0);
    assert_int_equal(fseek(f, at, SEEK_SET), 0);
    assert_true(fputc('x', f) != EOF);
    assert_int_equal(fclose(f), 0);
    pixelset *s = open_set(false);
    loader *l;
    const parcel_batch *b;
    assert_ok(loader_start(s, (const uint32_t[]){1, 0}, 2, 2, &l));
    assert_int_equal(loader_next(l, &b), FAILED);
    assert_holds(error_message(), "/pixels");
    assert_holds(error_message(), data_path);
    loader_stop(l);
    pixelset_close(s);
}

/* Last: a request to stop is for good. */
static void interrupted(void **state)
{
    (void)state;
    static const uint32_t order[6] = {0, 1, 4, 5, 3, 0};
    small_pack p = ragged(NUMBER_U16);
    small_pack_write(&p);
    pixelset *s = open_set(false);
    loader *l;
    const parcel_batch *b;
    int rc = OK, batches = 0;
    assert_ok(loader_start(s, order, 6, 1, &l));
    assert_ok(loader_next(l, &b));
    interrupt_request();
    while (!(rc = loader_next(l, &b)) && b) batches++;
    assert_int_equal(rc, INTERRUPTED);
    assert_true(batches <= 3);
    assert_string_equal(error_message(), "interrupted");
    loader_stop(l);
    pixelset_close(s);
    pixelset_options o = data_options();
    o.preload = true;
    assert_refused(&o, true, INTERRUPTED, "interrupted", NULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, data_test_setup, data_test_teardown)
    const struct CMUnitTest tests[] = {
        TEST(from_disk),      TEST(preloaded),    TEST(kept_classes), TEST(stopped_midway),
        TEST(damaged_pixels), TEST(flipped_bits), TEST(interrupted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
