/* load_frames and load_labels: against a reference that flips and turns step by step, each type, odd sizes, refusals. */
#include "op_test.h"

#include <math.h>

#include "base/memory.h"
#include "base/random.h"
#include "op/image.h"

/* ---- reference -------------------------------------------------------------------------------------------------- */

/* One flip of the columns, and one quarter turn counter-clockwise (numpy's rot90). */
static void flip(const double *from, int height, int width, double *to)
{
    for (int r = 0; r < height; r++)
        for (int c = 0; c < width; c++) to[r * width + c] = from[r * width + width - 1 - c];
}

static void quarter(const double *from, int height, int width, double *to) /* [height x width] -> [width x height] */
{
    for (int r = 0; r < width; r++)
        for (int c = 0; c < height; c++) to[r * height + c] = from[c * width + width - 1 - r];
}

/* `plane`, flipped and turned in place; height = width for odd quarters. */
static void turn_plane(double *plane, int height, int width, int turn)
{
    const size_t bytes = (size_t)height * (size_t)width * sizeof *plane;
    double *other = memory_new(bytes, 1);
    assert_non_null(other);
    if (turn & 1) {
        flip(plane, height, width, other);
        memcpy(plane, other, bytes);
    }
    for (int q = turn / 2; q > 0; q--) {
        quarter(plane, height, width, other);
        memcpy(plane, other, bytes);
        const int side = height;
        height = width;
        width = side;
    }
    free(other);
}

/* ---- a batch ---------------------------------------------------------------------------------------------------- */

enum { PATCHES = 8, FRAMES = 11, SPARE = 64 };
/* Every turn, and patches with more than one frame. */
static const int32_t frame_patch[FRAMES] = {0, 0, 1, 2, 2, 3, 4, 5, 6, 7, 7};
static const uint32_t guard_word = 0xDEADBEEF;

typedef struct batch {
    frame_options o;
    int32_t turn[PATCHES];
    size_t values;
    void *bytes;             /* as stored */
    double *raw, *wanted;    /* the stored values; x */
    float *mean, *std, *got; /* [bands], [bands], [values + SPARE] */
    buffer *b[6];            /* raw, frame_patch, turn, mean, std, x */
} batch;

static size_t type_size(enum raw_type type)
{
    return type == RAW_U8 ? 1 : type == RAW_F32 ? 4 : 2;
}

/* 16-bit floats that are no multiple of anything: sign, exponent and fraction at random, and what they are worth. */
static uint16_t half_at(random_key key, size_t i, double *worth)
{
    const uint64_t sign = random_below(key, 3 * i, 2), exponent = random_below(key, 3 * i + 1, 31);
    const uint64_t fraction = random_below(key, 3 * i + 2, 1024);
    *worth = exponent ? ldexp(1 + (double)fraction / 1024, (int)exponent - 15) : ldexp((double)fraction / 1024, -14);
    if (sign) *worth = -*worth;
    return (uint16_t)(sign << 15 | exponent << 10 | fraction);
}

static void put(batch *b, random_key key, size_t i)
{
    const double v = random_uniform(key, i);
    switch (b->o.type) {
    case RAW_U8: b->raw[i] = ((uint8_t *)b->bytes)[i] = (uint8_t)(256 * v); break;
    case RAW_I16: b->raw[i] = ((int16_t *)b->bytes)[i] = (int16_t)(65536 * v - 32768); break;
    case RAW_U16: b->raw[i] = ((uint16_t *)b->bytes)[i] = (uint16_t)(65536 * v); break;
    case RAW_F32: b->raw[i] = (double)(((float *)b->bytes)[i] = (float)(v - 0.5)); break;
    case RAW_F16: ((uint16_t *)b->bytes)[i] = half_at(key, i, &b->raw[i]); break;
    }
}

static void reference(batch *b)
{
    const size_t plane = (size_t)b->o.height * (size_t)b->o.width, bands = (size_t)b->o.bands;
    double *turned = memory_new(plane, sizeof *turned);
    assert_non_null(turned);
    for (size_t f = 0; f < (size_t)b->o.frames; f++)
        for (size_t c = 0; c < bands; c++) {
            memcpy(turned, b->raw + (f * bands + c) * plane, plane * sizeof *turned);
            turn_plane(turned, b->o.height, b->o.width, b->turn[frame_patch[f]]);
            for (size_t p = 0; p < plane; p++)
                b->wanted[(f * plane + p) * bands + c] = (turned[p] - (double)b->mean[c]) / (double)b->std[c];
        }
    free(turned);
}

static buffer *upload(const void *values, size_t bytes)
{
    buffer *b;
    assert_ok(buffer_new(op_device, bytes, &b));
    if (values) assert_ok(buffer_write(b, 0, values, bytes));
    return b;
}

static void batch_make(batch *b, enum raw_type type, int bands, int height, int width)
{
    const random_key key = random_stream(11, RANDOM_SYNTHETIC, (uint64_t)bands);
    *b = (batch){.o = {type, FRAMES, bands, height, width}};
    b->values = FRAMES * (size_t)bands * (size_t)height * (size_t)width;
    b->bytes = memory_new(b->values, type_size(type));
    b->raw = memory_new(b->values, sizeof *b->raw);
    b->wanted = memory_new(b->values, sizeof *b->wanted);
    b->got = memory_new(b->values + SPARE, sizeof *b->got);
    b->mean = memory_new((size_t)bands, sizeof *b->mean);
    b->std = memory_new((size_t)bands, sizeof *b->std);
    assert_true(b->bytes && b->raw && b->wanted && b->got && b->mean && b->std);
    for (size_t i = 0; i < b->values; i++) put(b, key, i);
    for (int c = 0; c < bands; c++) {
        b->mean[c] = (float)(10 * random_uniform(key, 1u << 30 | (unsigned)c));
        b->std[c] = (float)(1 + random_uniform(key, 1u << 29 | (unsigned)c));
    }
    for (int i = 0; i < PATCHES; i++) b->turn[i] = height == width ? i : (i & 1) | (i & 4);
    reference(b);
    b->b[0] = upload(b->bytes, b->values * type_size(type));
    b->b[1] = upload(frame_patch, sizeof frame_patch);
    b->b[2] = upload(b->turn, sizeof b->turn);
    b->b[3] = upload(b->mean, (size_t)bands * sizeof(float));
    b->b[4] = upload(b->std, (size_t)bands * sizeof(float));
    b->b[5] = upload(NULL, (b->values + SPARE) * sizeof(float));
    assert_ok(buffer_fill(b->b[5], 0, guard_word, (b->values + SPARE) * sizeof(float)));
}

static void batch_free(batch *b)
{
    for (int i = 0; i < 6; i++) buffer_free(b->b[i]);
    free(b->bytes);
    free(b->raw);
    free(b->wanted);
    free(b->got);
    free(b->mean);
    free(b->std);
}

static int batch_run(const batch *b, frame_options o)
{
    return load_frames(op_device, b->b[0], b->b[1], b->b[2], b->b[3], b->b[4], o, b->b[5]);
}

/* Every value, and none behind them. */
static void assert_frames(enum raw_type type, int bands, int height, int width)
{
    batch b;
    batch_make(&b, type, bands, height, width);
    assert_ok(batch_run(&b, b.o));
    assert_ok(buffer_read(b.b[5], 0, b.got, (b.values + SPARE) * sizeof(float)));
    for (size_t i = 0; i < b.values; i++) {
        if (fabs((double)b.got[i] - b.wanted[i]) <= 1e-6 * fmax(1, fabs(b.wanted[i]))) continue;
        print_error("type %d, %d bands, %d x %d: value %zu is %.8g, wanted %.8g\n", (int)type, bands, height, width, i,
                    (double)b.got[i], b.wanted[i]);
        _fail(__FILE__, __LINE__);
    }
    for (size_t i = b.values; i < b.values + SPARE; i++) assert_memory_equal(&b.got[i], &guard_word, sizeof guard_word);
    batch_free(&b);
}

static void test_types(void **state)
{
    (void)state;
    assert_frames(RAW_U8, 3, 17, 17);
    assert_frames(RAW_I16, 10, 32, 32);
    assert_frames(RAW_U16, 9, 33, 33);
    assert_frames(RAW_F32, 1, 16, 16);
    assert_frames(RAW_F16, 3, 20, 20);
}

/* Rows narrower than a vector, higher or wider than a tile, bands beyond a block of them, images that are not square. */
static void test_sizes(void **state)
{
    (void)state;
    assert_frames(RAW_I16, 2, 1, 1);
    assert_frames(RAW_U8, 5, 7, 7);
    assert_frames(RAW_I16, 4, 3, 40);
    assert_frames(RAW_F16, 2, 41, 5);
    assert_frames(RAW_F32, 37, 18, 18);
}

/* ---- labels ----------------------------------------------------------------------------------------------------- */

static void assert_labels(int height, int width)
{
    const size_t plane = (size_t)height * (size_t)width, count = PATCHES * plane;
    const random_key key = random_stream(12, RANDOM_SYNTHETIC, plane);
    int32_t turn[PATCHES], class_map[256], *got = memory_new(count + SPARE, sizeof *got);
    uint8_t *labels = memory_new(count, 1);
    double *turned = memory_new(plane, sizeof *turned);
    assert_true(got && labels && turned);
    for (int i = 0; i < 256; i++) class_map[i] = i == 19 ? -1 : 1000 - 3 * i;
    for (int i = 0; i < PATCHES; i++) turn[i] = height == width ? i : (i & 1) | (i & 4);
    for (size_t i = 0; i < count; i++) labels[i] = (uint8_t)random_below(key, i, 256);
    buffer *const b[4] = {upload(labels, count), upload(turn, sizeof turn), upload(class_map, sizeof class_map),
                          upload(NULL, (count + SPARE) * 4)};
    assert_ok(buffer_fill(b[3], 0, guard_word, (count + SPARE) * 4));
    assert_ok(load_labels(op_device, b[0], b[1], b[2], PATCHES, height, width, b[3]));
    assert_ok(buffer_read(b[3], 0, got, (count + SPARE) * 4));
    for (size_t i = 0; i < PATCHES; i++) {
        for (size_t p = 0; p < plane; p++) turned[p] = labels[i * plane + p];
        turn_plane(turned, height, width, turn[i]);
        for (size_t p = 0; p < plane; p++) assert_int_equal(got[i * plane + p], class_map[(int)turned[p]]);
    }
    for (size_t i = count; i < count + SPARE; i++) assert_int_equal((uint32_t)got[i], guard_word);
    for (int i = 0; i < 4; i++) buffer_free(b[i]);
    free(got);
    free(labels);
    free(turned);
}

static void test_labels(void **state)
{
    (void)state;
    assert_labels(1, 1);
    assert_labels(19, 19);
    assert_labels(3, 150);
    assert_labels(128, 128);
}

/* ---- refusals --------------------------------------------------------------------------------------------------- */

static void refused(const batch *b, frame_options o, const char *message)
{
    assert_int_equal(batch_run(b, o), FAILED);
    assert_string_equal(error_message(), message);
}

static void test_refusals(void **state)
{
    (void)state;
    batch b;
    batch_make(&b, RAW_I16, 2, 4, 4);
    refused(&b, (frame_options){RAW_I16, FRAMES, 0, 4, 4}, "load_frames: 0 bands, wanted 1 to 4096");
    refused(&b, (frame_options){RAW_I16, -1, 2, 4, 4}, "load_frames: -1 images, wanted no fewer than 0");
    refused(&b, (frame_options){RAW_I16, FRAMES, 2, 0, 4},
            "load_frames: images of 0 x 4, wanted 1 x 1 or more and at most 2147483647 pixels");
    refused(&b, (frame_options){RAW_I16, FRAMES, 2, 4, 5}, "load_frames: raw holds 704 bytes, wanted 880");
    refused(&b, (frame_options){RAW_U8, FRAMES, 3, 4, 5}, "load_frames: x holds 1664 bytes, wanted 2640");
    assert_ok(batch_run(&b, (frame_options){RAW_I16, 0, 2, 4, 4}));
    assert_int_equal(load_labels(op_device, b.b[0], b.b[2], b.b[5], PATCHES, 16, 16, b.b[5]), FAILED);
    assert_string_equal(error_message(), "load_labels: raw holds 704 bytes, wanted 2048");
    batch_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_labels),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, op_test_open, op_test_close);
}
