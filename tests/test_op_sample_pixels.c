/* sample_pixels: against its reference, how even the choice and the jitter are, what a draw depends on, refusals. */
#include "op_test.h"

#include <math.h>

#include "base/memory.h"
#include "base/random.h"
#include "op/checks.h"
#include "op/sample_reference.h"

/* A batch of equal parcels of one band whose raw values are the pixels' numbers. */
enum { DATES = 2 };
typedef struct batch {
    int count, pixels, npixel;
    sample_options options;
    buffer *raw, *parcels, *frame_parcel, *mean, *std, *x, *mask;
    float *got; /* [count x DATES x npixel] */
} batch;

static void upload(buffer **out, const void *values, size_t bytes)
{
    assert_ok(buffer_new(op_device, bytes, out));
    assert_ok(buffer_write(*out, 0, values, bytes));
}

/* Parcel i draws by key (seed, i), or by (seed, order[i]). */
static void batch_make(batch *b, int count, int pixels, int npixel, float sigma, float clip, uint64_t seed,
                       const int *order)
{
    const float zero = 0, one = 1;
    const size_t frames = (size_t)count * DATES, values = frames * (size_t)pixels;
    *b = (batch){.count = count, .pixels = pixels, .npixel = npixel};
    b->options = (sample_options){RAW_U16, 1, npixel, false, sigma, clip};
    sample_parcel *parcels = memory_new((size_t)count, sizeof *parcels);
    uint16_t *raw = memory_new(values, sizeof *raw);
    int32_t *frame_parcel = memory_new(frames, sizeof *frame_parcel);
    b->got = memory_new(frames * (size_t)npixel, sizeof *b->got);
    assert_true(parcels && raw && frame_parcel && b->got);
    for (size_t i = 0; i < values; i++) raw[i] = (uint16_t)(i % (size_t)pixels);
    for (int i = 0; i < count; i++) {
        const random_key key = random_stream(seed, RANDOM_PIXELS, (uint64_t)(order ? order[i] : i));
        parcels[i] = (sample_parcel){.raw_start = (uint64_t)i * DATES * (uint64_t)pixels,
                                     .pixels = (uint32_t)pixels,
                                     .dates = DATES,
                                     .first_frame = (uint32_t)i * DATES,
                                     .stream = {key.word[0], key.word[1]}};
        for (int t = 0; t < DATES; t++) frame_parcel[i * DATES + t] = i;
    }
    upload(&b->raw, raw, values * sizeof *raw);
    upload(&b->parcels, parcels, (size_t)count * sizeof *parcels);
    upload(&b->frame_parcel, frame_parcel, frames * sizeof *frame_parcel);
    upload(&b->mean, &zero, sizeof zero);
    upload(&b->std, &one, sizeof one);
    assert_ok(buffer_new(op_device, frames * (size_t)npixel * sizeof(float), &b->x));
    assert_ok(buffer_new(op_device, frames * (size_t)npixel * sizeof(float), &b->mask));
    free(parcels);
    free(raw);
    free(frame_parcel);
}

static void batch_run(batch *b)
{
    assert_ok(sample_pixels(op_device, b->raw, b->parcels, b->count, b->frame_parcel, b->count * DATES, b->mean, b->std,
                            b->options, b->x, b->mask));
    assert_ok(buffer_read(b->x, 0, b->got, (size_t)(b->count * DATES * b->npixel) * sizeof *b->got));
}

static void batch_free(batch *b)
{
    buffer *const all[] = {b->raw, b->parcels, b->frame_parcel, b->mean, b->std, b->x, b->mask};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) buffer_free(all[i]);
    free(b->got);
}

static void test_checks(void **state)
{
    (void)state;
    assert_ok(sample_pixels_check(op_device));
}

/* ---- choice ----------------------------------------------------------------------------------------------------- */

/* Every choice is the reference's, without a repetition and the same at every date; and every pixel comes equally
 * often: chi squared of 49 degrees of freedom (less a little, since a parcel takes a pixel once) stays below its 1e-5
 * quantile. */
static void test_choice(void **state)
{
    (void)state;
    enum { PARCELS = 1000, PIXELS = 50, NPIXEL = 8 };
    batch b;
    int taken[PIXELS] = {0};
    batch_make(&b, PARCELS, PIXELS, NPIXEL, 0, 0, 5, NULL);
    batch_run(&b);
    for (int i = 0; i < PARCELS; i++) {
        uint32_t wanted[NPIXEL];
        const random_key key = random_stream(5, RANDOM_PIXELS, (uint64_t)i);
        sample_choice(key.word, PIXELS, NPIXEL, wanted);
        for (int s = 0; s < NPIXEL; s++) {
            for (int t = 0; t < DATES; t++) assert_int_equal((int)b.got[(i * DATES + t) * NPIXEL + s], (int)wanted[s]);
            for (int k = 0; k < s; k++) assert_int_not_equal(wanted[k], wanted[s]);
            taken[wanted[s]]++;
        }
    }
    const double expected = (double)PARCELS * NPIXEL / PIXELS;
    double chi_squared = 0;
    for (int p = 0; p < PIXELS; p++) chi_squared += (taken[p] - expected) * (taken[p] - expected) / expected;
    assert_true(chi_squared < 104);
    batch_free(&b);
}

/* Neither order nor company of the parcels matters, the key does. */
static void test_key(void **state)
{
    (void)state;
    const int order[3] = {2, 0, 1};
    const size_t each = DATES * 16;
    batch a, b, other;
    batch_make(&a, 3, 40, 16, 0.01f, 0.05f, 1, NULL);
    batch_make(&b, 3, 40, 16, 0.01f, 0.05f, 1, order);
    batch_make(&other, 3, 40, 16, 0.01f, 0.05f, 2, NULL);
    batch_run(&a);
    batch_run(&b);
    batch_run(&other);
    for (size_t i = 0; i < 3; i++) {
        assert_memory_equal(b.got + i * each, a.got + (size_t)order[i] * each, each * sizeof(float));
        assert_memory_not_equal(other.got + i * each, a.got + i * each, each * sizeof(float));
    }
    batch_run(&b);
    assert_memory_equal(b.got, a.got + 2 * each, each * sizeof(float));
    batch_free(&a);
    batch_free(&b);
    batch_free(&other);
}

/* ---- jitter ----------------------------------------------------------------------------------------------------- */

/* One pixel, repeated in all slots, value 0: what is left is jitter, drawn for every repeat, date and parcel. */
static void test_jitter(void **state)
{
    (void)state;
    enum { PARCELS = 50, NPIXEL = 640, COUNT = PARCELS * DATES * NPIXEL };
    batch b;
    double sum = 0, squares = 0, neighbours = 0, dates = 0;
    int beyond = 0;
    batch_make(&b, PARCELS, 1, NPIXEL, 0.01f, 0.05f, 3, NULL);
    batch_run(&b);
    for (int i = 0; i < COUNT; i++) {
        const double v = (double)b.got[i];
        sum += v;
        squares += v * v;
        if (i) neighbours += v * (double)b.got[i - 1];
        if (i >= NPIXEL) dates += v * (double)b.got[i - NPIXEL];
        if (fabs(v) > 0.02) beyond++;
        assert_true(fabs(v) <= 0.05f);
    }
    const double deviation = sqrt(squares / COUNT), noise = 5 / sqrt((double)COUNT);
    assert_true(fabs(sum / COUNT) < noise * 0.01);
    assert_true(fabs(deviation - 0.01) < noise * 0.01);
    assert_true(fabs(neighbours / squares) < noise && fabs(dates / squares) < noise);
    assert_true(fabs(beyond / (double)COUNT - 0.0455) < 5 * sqrt(0.0455 / COUNT));
    batch_free(&b);
}

static void test_clip(void **state)
{
    (void)state;
    enum { NPIXEL = 1000 };
    batch b;
    int clipped = 0;
    batch_make(&b, 1, 1, NPIXEL, 1.0f, 0.5f, 4, NULL);
    batch_run(&b);
    for (int i = 0; i < DATES * NPIXEL; i++) {
        assert_true(fabsf(b.got[i]) <= 0.5f);
        if (fabsf(b.got[i]) == 0.5f) clipped++;
    }
    assert_in_range(clipped, 1100, 1370); /* 61.7 % of 2000, 5.6 deviations */
    batch_free(&b);
}

/* ---- edges ------------------------------------------------------------------------------------------------------ */

/* Nothing is written beyond the batch. */
static void test_canaries(void **state)
{
    (void)state;
    batch b;
    batch_make(&b, 3, 40, 16, 0.01f, 0.05f, 1, NULL);
    const size_t used = (size_t)(3 * DATES * 16) * sizeof(float), spare = 256;
    uint32_t guard[64];
    buffer **const outputs[2] = {&b.x, &b.mask};
    for (int i = 0; i < 2; i++) {
        buffer_free(*outputs[i]);
        assert_ok(buffer_new(op_device, used + spare, outputs[i]));
        assert_ok(buffer_fill(*outputs[i], 0, 0xDEADBEEF, used + spare));
    }
    batch_run(&b);
    for (int i = 0; i < 2; i++) {
        assert_ok(buffer_read(*outputs[i], used, guard, spare));
        for (int k = 0; k < 64; k++) assert_int_equal(guard[k], 0xDEADBEEF);
    }
    batch_free(&b);
}

static void refused(batch *b, sample_options o, int frames, const char *message)
{
    assert_int_equal(sample_pixels(op_device, b->raw, b->parcels, b->count, b->frame_parcel, frames, b->mean, b->std, o,
                                   b->x, b->mask),
                     FAILED);
    assert_string_equal(error_message(), message);
}

static void test_refusals(void **state)
{
    (void)state;
    batch b;
    batch_make(&b, 1, 4, 4, 0, 0, 1, NULL);
    refused(&b, (sample_options){RAW_U16, 1, 0, false, 0, 0}, 2, "sample_pixels: npixel is 0, wanted 1 or more");
    refused(&b, (sample_options){RAW_U16, 0, 4, false, 0, 0}, 2, "sample_pixels: 0 bands, wanted 1 to 4096");
    refused(&b, (sample_options){RAW_U16, 1, 4, false, 0, 0}, 3, "sample_pixels: x holds 32 bytes, wanted 48");
    refused(&b, (sample_options){RAW_U16, 1, 4, false, 0, 0}, 1 << 30,
            "sample_pixels: 1073741824 frames of 4 pixels of 1 bands are too many: use a smaller batch");
    assert_ok(sample_pixels(op_device, b.raw, b.parcels, 0, b.frame_parcel, 0, b.mean, b.std, b.options, b.x, b.mask));
    batch_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_checks),   cmocka_unit_test(test_choice), cmocka_unit_test(test_key),
        cmocka_unit_test(test_jitter),   cmocka_unit_test(test_clip),   cmocka_unit_test(test_canaries),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, op_test_open, op_test_close);
}
