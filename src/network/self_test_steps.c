/* The self-test's part for kernels that stand outside the tape: Adam, argmax, the drawing of pixels, frames and labels. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/random.h"
#include "network/self_test.h"
#include "op/image.h"

/* Uploads, or makes room when source is NULL. */
static int make(device *d, const void *source, size_t bytes, buffer **out)
{
    int rc = buffer_new(d, bytes, out);
    return rc || !source ? rc : buffer_write(*out, 0, source, bytes);
}

/* ---- Adam -------------------------------------------------------------------------------------------------------- */

enum { WEIGHTS = 37, STEPS = 3 };

static void adam_reference(double *w, double *m, double *v, const float *g, adam_options o, int step)
{
    double b1 = (double)o.beta1, b2 = (double)o.beta2;
    for (int i = 0; i < WEIGHTS; i++) {
        m[i] = b1 * m[i] + (1 - b1) * (double)g[i];
        v[i] = b2 * v[i] + (1 - b2) * (double)g[i] * (double)g[i];
        double corrected = sqrt(v[i] / (1 - pow(b2, step))) + (double)o.epsilon;
        w[i] -= (double)o.learning_rate * (m[i] / (1 - pow(b1, step))) / corrected;
    }
}

static int check_adam(device *d)
{
    int rc = OK;
    const adam_options o = {.learning_rate = 0.01f, .beta1 = 0.9f, .beta2 = 0.999f, .epsilon = 1e-8f};
    const random_key key = random_stream(1, RANDOM_SYNTHETIC, 3);
    float weights[WEIGHTS], gradients[WEIGHTS];
    double w[WEIGHTS], m[WEIGHTS] = {0}, v[WEIGHTS] = {0};
    buffer *on_device[4] = {NULL};
    const float zeros[WEIGHTS] = {0};
    for (int i = 0; i < WEIGHTS; i++) {
        w[i] = (double)(weights[i] = (float)random_normal(key, (uint64_t)i));
        gradients[i] = (float)random_normal(key, (uint64_t)(WEIGHTS + i));
    }
    TRY(make(d, weights, sizeof weights, &on_device[0]));
    TRY(make(d, gradients, sizeof gradients, &on_device[1]));
    TRY(make(d, zeros, sizeof zeros, &on_device[2]));
    TRY(make(d, zeros, sizeof zeros, &on_device[3]));
    for (int step = 1; step <= STEPS; step++) {
        TRY(adam_step(d, on_device[0], on_device[1], on_device[2], on_device[3], WEIGHTS, o, step));
        adam_reference(w, m, v, gradients, o, step);
    }
    TRY(buffer_read(on_device[0], 0, weights, sizeof weights));
    for (int i = 0; i < WEIGHTS; i++)
        if (!(fabs((double)weights[i] - w[i]) <= 1e-5)) {
            rc = fail(FAILED, "check of adam: weight %d is %g, wanted %g", i, (double)weights[i], w[i]);
            goto done;
        }
done:
    for (int i = 0; i < 4; i++) buffer_free(on_device[i]);
    return rc;
}

/* ---- argmax ------------------------------------------------------------------------------------------------------ */

static int check_argmax(device *d)
{
    enum { ROWS = 5, CHANNELS = 3 };
    static const float logits[ROWS * CHANNELS] = {0, 1, 2, /**/ 5, 5, 1, /**/ -3, -2, -2, /**/ 0, 0, 0, /**/ 9, -1, 8};
    static const int32_t wanted[ROWS] = {2, 0, 1, 0, 0};
    int32_t got[ROWS];
    int rc = OK;
    buffer *in = NULL, *out = NULL;
    TRY(make(d, logits, sizeof logits, &in));
    TRY(make(d, NULL, sizeof got, &out));
    TRY(argmax_rows(d, in, ROWS, CHANNELS, out));
    TRY(buffer_read(out, 0, got, sizeof got));
    for (int i = 0; i < ROWS; i++)
        if (got[i] != wanted[i]) {
            rc = fail(FAILED, "check of argmax: row %d gives %d, wanted %d", i, (int)got[i], (int)wanted[i]);
            goto done;
        }
done:
    buffer_free(in);
    buffer_free(out);
    return rc;
}

/* ---- the drawing of pixels --------------------------------------------------------------------------------------- */

/* Two parcels, of 5 and 2 pixels, 3 and 2 dates, 2 bands; 4 pixels are drawn. A value tells where it comes from. */
enum { BANDS = 2, DRAWN = 4, FRAMES = 5, PARCELS = 2, VALUES = (3 * 5 + 2 * 2) * BANDS };
static const float mean[BANDS] = {100, -50}, deviation[BANDS] = {2, 4};

static float normalised(int date, int pixel, int band)
{
    return ((float)(1000 * date + 10 * pixel + band) - mean[band]) / deviation[band];
}

static void fill_raw(int16_t *raw, int dates, int pixels)
{
    for (int t = 0; t < dates; t++)
        for (int s = 0; s < pixels; s++)
            for (int c = 0; c < BANDS; c++) *raw++ = (int16_t)(1000 * t + 10 * s + c);
}

/* The pixel of the parcel that stands in this place of a frame, by its first band; -1 when it is none of them. */
static int pixel_at(const float *frame, int date, int slot, int pixels)
{
    for (int s = 0; s < pixels; s++)
        if (fabsf(frame[slot * BANDS] - normalised(date, s, 0)) < 1e-3f) return s;
    return -1;
}

static int check_frame(const float *x, const float *mask, const float *first, int frame, int date, int pixels)
{
    unsigned seen = 0;
    for (int slot = 0; slot < DRAWN; slot++) {
        int pixel = pixel_at(x, date, slot, pixels);
        bool repeat = slot >= pixels;
        if (pixel < 0 || fabsf(x[slot * BANDS + 1] - normalised(date, pixel, 1)) >= 1e-3f)
            return fail(FAILED, "check of sample_pixels: frame %d, place %d holds no pixel of its parcel", frame, slot);
        if (pixel != pixel_at(first, 0, slot, pixels))
            return fail(FAILED, "check of sample_pixels: frame %d, place %d is another pixel than at the first date",
                        frame, slot);
        if (mask[slot] != (repeat ? 0.0f : 1.0f) || (!repeat && seen >> pixel & 1))
            return fail(FAILED, "check of sample_pixels: frame %d, place %d: a repeat or its mask is wrong", frame,
                        slot);
        seen |= 1u << pixel;
    }
    return OK;
}

static int check_sample_pixels(device *d)
{
    int rc = OK;
    int16_t raw[VALUES];
    float x[FRAMES * DRAWN * BANDS], mask[FRAMES * DRAWN];
    const sample_parcel parcels[PARCELS] = {
        {.raw_start = 0, .pixels = 5, .dates = 3, .first_frame = 0, .stream = {1, 2}},
        {.raw_start = 3 * 5 * BANDS, .pixels = 2, .dates = 2, .first_frame = 3, .stream = {3, 4}},
    };
    const int32_t frame_parcel[FRAMES] = {0, 0, 0, 1, 1};
    const sample_options o = {.type = RAW_I16, .bands = BANDS, .npixel = DRAWN};
    buffer *b[7] = {NULL};
    fill_raw(raw, 3, 5);
    fill_raw(raw + 3 * 5 * BANDS, 2, 2);
    TRY(make(d, raw, sizeof raw, &b[0]));
    TRY(make(d, parcels, sizeof parcels, &b[1]));
    TRY(make(d, frame_parcel, sizeof frame_parcel, &b[2]));
    TRY(make(d, mean, sizeof mean, &b[3]));
    TRY(make(d, deviation, sizeof deviation, &b[4]));
    TRY(make(d, NULL, sizeof x, &b[5]));
    TRY(make(d, NULL, sizeof mask, &b[6]));
    TRY(sample_pixels(d, b[0], b[1], PARCELS, b[2], FRAMES, b[3], b[4], o, b[5], b[6]));
    TRY(buffer_read(b[5], 0, x, sizeof x));
    TRY(buffer_read(b[6], 0, mask, sizeof mask));
    for (int f = 0; f < FRAMES; f++) {
        const sample_parcel *p = &parcels[frame_parcel[f]];
        int start = (int)p->first_frame;
        TRY(check_frame(x + f * DRAWN * BANDS, mask + f * DRAWN, x + start * DRAWN * BANDS, f, f - start,
                        (int)p->pixels));
    }
done:
    for (int i = 0; i < 7; i++) buffer_free(b[i]);
    return rc;
}

/* ---- frames and labels ------------------------------------------------------------------------------------------- */

/* Two patches of one frame, 2 bands, 3 x 3 pixels: one as it is stored, one flipped and turned by a quarter. */
enum { SIDE = 3, PLANE = SIDE * SIDE, PATCHES = 2, FRAME_VALUES = PATCHES * PLANE * BANDS };
static const int32_t stored_place[PATCHES][PLANE] = {{0, 1, 2, 3, 4, 5, 6, 7, 8}, {0, 3, 6, 1, 4, 7, 2, 5, 8}};

static int frames_compare(const float *x, const int32_t *target)
{
    for (int i = 0; i < PATCHES * PLANE; i++) {
        const int place = stored_place[i / PLANE][i % PLANE], label = i / PLANE * PLANE + place;
        if (target[i] != -label)
            return fail(FAILED, "check of load_labels: pixel %d is %d, wanted %d", i, (int)target[i], -label);
        for (int c = 0; c < BANDS; c++) {
            const int stored = 100 * ((i / PLANE * BANDS + c) * PLANE + place);
            const float wanted = ((float)stored - mean[c]) / deviation[c];
            if (!(fabsf(x[i * BANDS + c] - wanted) < 1e-3f))
                return fail(FAILED, "check of load_frames: pixel %d, band %d is %g, wanted %g", i, c,
                            (double)x[i * BANDS + c], (double)wanted);
        }
    }
    return OK;
}

static int check_load_frames(device *d)
{
    int rc = OK;
    static const int32_t frame_patch[PATCHES] = {0, 1}, turn[PATCHES] = {0, 3};
    int16_t raw[FRAME_VALUES];
    uint8_t labels[PATCHES * PLANE];
    int32_t class_map[256], target[PATCHES * PLANE];
    float x[FRAME_VALUES];
    buffer *b[9] = {NULL};
    for (int i = 0; i < FRAME_VALUES; i++) raw[i] = (int16_t)(100 * i);
    for (int i = 0; i < PATCHES * PLANE; i++) labels[i] = (uint8_t)i;
    for (int i = 0; i < 256; i++) class_map[i] = -i;
    TRY(make(d, raw, sizeof raw, &b[0]));
    TRY(make(d, frame_patch, sizeof frame_patch, &b[1]));
    TRY(make(d, turn, sizeof turn, &b[2]));
    TRY(make(d, mean, sizeof mean, &b[3]));
    TRY(make(d, deviation, sizeof deviation, &b[4]));
    TRY(make(d, NULL, sizeof x, &b[5]));
    TRY(make(d, labels, sizeof labels, &b[6]));
    TRY(make(d, class_map, sizeof class_map, &b[7]));
    TRY(make(d, NULL, sizeof target, &b[8]));
    TRY(load_frames(d, b[0], b[1], b[2], b[3], b[4], (frame_options){RAW_I16, PATCHES, BANDS, SIDE, SIDE}, b[5]));
    TRY(load_labels(d, b[6], b[2], b[7], PATCHES, SIDE, SIDE, b[8]));
    TRY(buffer_read(b[5], 0, x, sizeof x));
    TRY(buffer_read(b[8], 0, target, sizeof target));
    TRY(frames_compare(x, target));
done:
    for (int i = 0; i < 9; i++) buffer_free(b[i]);
    return rc;
}

int self_test_steps(device *d, unsigned group)
{
    int rc = OK;
    if (group == SELF_TEST_COMMON) TRY(check_adam(d));
    if (group == SELF_TEST_COMMON) TRY(check_argmax(d));
    if (group == SELF_TEST_PARCELS) TRY(check_sample_pixels(d));
    if (group == SELF_TEST_IMAGES) TRY(check_load_frames(d));
done:
    return rc;
}
