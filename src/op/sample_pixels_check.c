/* Reference and cases of sample_pixels. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"
#include "op/checks.h"
#include "op/sample_reference.h"

/* ---- reference -------------------------------------------------------------------------------------------------- */

static const uint64_t choice_counter = (uint64_t)UINT32_MAX << 32;

/* floor(r x limit / 2^64), r of two words */
static uint32_t scaled(uint32_t first, uint32_t second, uint32_t limit)
{
    return (uint32_t)(((uint64_t)first * limit + ((uint64_t)second * limit >> 32)) >> 32);
}

static bool among(const uint32_t *list, int count, uint32_t wanted)
{
    for (int i = 0; i < count; i++)
        if (list[i] == wanted) return true;
    return false;
}

/* Floyd's sample without replacement (Bentley and Floyd, CACM 1987). */
void sample_choice(const uint32_t stream[2], uint32_t pixels, int npixel, uint32_t *chosen)
{
    for (int slot = 0; slot < npixel; slot++) {
        if (pixels <= (uint32_t)npixel) {
            chosen[slot] = (uint32_t)slot < pixels ? (uint32_t)slot : 0;
            continue;
        }
        uint32_t word[4], last = pixels - (uint32_t)npixel + (uint32_t)slot;
        random_block((random_key){{stream[0], stream[1]}}, choice_counter | (uint32_t)(slot / 2), word);
        const uint32_t *two = word + slot % 2 * 2, drawn = scaled(two[0], two[1], last + 1);
        chosen[slot] = among(chosen, slot, drawn) ? last : drawn;
    }
}

double sample_gaussian(const uint32_t stream[2], uint32_t date, uint32_t value)
{
    uint32_t word[4], which = value / 16 % 4;
    const uint64_t block = value / 64 * 16 + value % 16;
    random_block((random_key){{stream[0], stream[1]}}, (uint64_t)date << 32 | block, word);
    const double u = ((double)word[which / 2 * 2] + 0.5) * 0x1p-32;
    const double angle = ((double)word[which / 2 * 2 + 1] - 0x1p31) * 0x1p-31 * 3.14159265358979323846;
    return sqrt(-2 * log(u)) * (which % 2 ? sin(angle) : cos(angle));
}

static double jitter(const sample_options *o, const uint32_t stream[2], uint32_t date, int value)
{
    if (o->jitter_sigma <= 0) return 0;
    const double clip = (double)o->jitter_clip;
    const double drawn = (double)o->jitter_sigma * sample_gaussian(stream, date, (uint32_t)value);
    return drawn > clip ? clip : drawn < -clip ? -clip : drawn;
}

/* One frame. */
static void frame_reference(const double *raw, const sample_parcel *p, uint32_t date, const uint32_t *chosen,
                            const double *mean, const double *std, const sample_options *o, double *x, double *mask)
{
    const size_t bands = (size_t)o->bands, row = o->norm_per_date ? (p->norm_row + date) * bands : 0;
    const double *values = raw + p->raw_start + (size_t)date * p->pixels * bands;
    for (int slot = 0; slot < o->npixel; slot++) {
        mask[slot] = slot == 0 || (uint32_t)slot < p->pixels ? 1 : 0;
        for (size_t c = 0; c < bands; c++) {
            const double value = p->pixels ? values[chosen[slot] * bands + c] : 0;
            const size_t at = (size_t)slot * bands + c;
            x[at] = (value - mean[row + c]) / std[row + c] + jitter(o, p->stream, date, (int)at);
        }
    }
}

int sample_reference(const double *raw, const sample_parcel *parcels, int count, const double *mean, const double *std,
                     const sample_options *o, double *x, double *mask)
{
    const size_t slots = (size_t)o->npixel, values = slots * (size_t)o->bands;
    uint32_t *chosen = memory_new(slots, sizeof *chosen);
    if (!chosen) return FAILED;
    for (int i = 0; i < count; i++) {
        const sample_parcel *p = parcels + i;
        sample_choice(p->stream, p->pixels, o->npixel, chosen);
        for (uint32_t date = 0; date < p->dates; date++)
            frame_reference(raw, p, date, chosen, mean, std, o, x + (p->first_frame + date) * values,
                            mask + (p->first_frame + date) * slots);
    }
    free(chosen);
    return OK;
}

/* ---- cases ------------------------------------------------------------------------------------------------------ */

enum { PARCELS = 6, DATES_MAX = 4 };
static const uint32_t case_pixels[PARCELS] = {0, 1, 6, 7, 8, 300}, case_dates[PARCELS] = {2, 1, 0, 4, 3, 2};

typedef struct bench {
    sample_options options;
    sample_parcel parcels[PARCELS];
    int32_t *frame_parcel;
    int frames;
    size_t raw_count;
    double *raw, mean[DATES_MAX * 8], std[DATES_MAX * 8], *x, *mask;
    unsigned char *raw_bytes;
    float mean_values[DATES_MAX * 8], std_values[DATES_MAX * 8], *got;
    buffer *buffers[7]; /* raw, parcels, frame_parcel, mean, std, x, mask */
} bench;

enum { B_RAW, B_PARCELS, B_FRAME_PARCEL, B_MEAN, B_STD, B_X, B_MASK, BUFFERS };
static const size_t raw_sizes[] = {[RAW_U8] = 1, [RAW_I16] = 2, [RAW_U16] = 2, [RAW_F32] = 4};

static void parcels_lay_out(bench *b)
{
    for (int i = 0; i < PARCELS; i++) {
        const random_key key = random_stream(7, RANDOM_PIXELS, (uint64_t)i);
        b->parcels[i] = (sample_parcel){.raw_start = b->raw_count,
                                        .pixels = case_pixels[i],
                                        .dates = case_dates[i],
                                        .first_frame = (uint32_t)b->frames,
                                        .norm_row = DATES_MAX - case_dates[i],
                                        .stream = {key.word[0], key.word[1]}};
        b->frames += (int)case_dates[i];
        b->raw_count += (size_t)case_dates[i] * case_pixels[i] * (size_t)b->options.bands;
    }
}

/* The raw value as the type holds it, and the same as double. */
static void raw_put(bench *b, size_t at, double value)
{
    unsigned char *to = b->raw_bytes + at * raw_sizes[b->options.type];
    const uint8_t u8 = (uint8_t)value;
    const int16_t i16 = (int16_t)(value - 100);
    const uint16_t u16 = (uint16_t)(value * 200);
    const float f32 = (float)(value * 0.01);
    switch (b->options.type) {
    case RAW_U8:
        memcpy(to, &u8, sizeof u8);
        b->raw[at] = (double)u8;
        return;
    case RAW_I16:
        memcpy(to, &i16, sizeof i16);
        b->raw[at] = (double)i16;
        return;
    case RAW_U16:
        memcpy(to, &u16, sizeof u16);
        b->raw[at] = (double)u16;
        return;
    case RAW_F32:
        memcpy(to, &f32, sizeof f32);
        b->raw[at] = (double)f32;
        return;
    case RAW_F16: panic("parcels hold no half floats");
    }
}

static int values_fill(bench *b)
{
    int rc = OK;
    const random_key key = random_stream(8, RANDOM_SYNTHETIC, 0);
    const size_t slots = (size_t)b->frames * (size_t)b->options.npixel, values = slots * (size_t)b->options.bands;
    TRY_NEW(b->raw = memory_new(b->raw_count, sizeof *b->raw));
    TRY_NEW(b->raw_bytes = memory_new(b->raw_count, 4));
    TRY_NEW(b->frame_parcel = memory_new((size_t)b->frames, sizeof *b->frame_parcel));
    TRY_NEW(b->x = memory_new(values, sizeof *b->x));
    TRY_NEW(b->mask = memory_new(slots, sizeof *b->mask));
    TRY_NEW(b->got = memory_new(values, sizeof *b->got));
    for (size_t i = 0; i < b->raw_count; i++) raw_put(b, i, 255 * random_uniform(key, i));
    for (int i = 0; i < PARCELS; i++)
        for (uint32_t t = 0; t < case_dates[i]; t++) b->frame_parcel[b->parcels[i].first_frame + t] = i;
    for (size_t i = 0; i < DATES_MAX * 8; i++) {
        b->mean[i] = (double)(b->mean_values[i] = (float)(50 + random_normal(key, 1000000 + i)));
        b->std[i] = (double)(b->std_values[i] = (float)(20 + random_uniform(key, 2000000 + i)));
    }
done:
    return rc;
}

static int upload(device *d, buffer **out, const void *values, size_t bytes)
{
    int rc = OK;
    TRY(buffer_new(d, bytes, out));
    if (values && bytes) TRY(buffer_write(*out, 0, values, bytes));
done:
    return rc;
}

static int bench_upload(device *d, bench *b)
{
    int rc = OK;
    const size_t slots = (size_t)b->frames * (size_t)b->options.npixel;
    TRY(upload(d, &b->buffers[B_RAW], b->raw_bytes, b->raw_count * raw_sizes[b->options.type]));
    TRY(upload(d, &b->buffers[B_PARCELS], b->parcels, sizeof b->parcels));
    TRY(upload(d, &b->buffers[B_FRAME_PARCEL], b->frame_parcel, (size_t)b->frames * sizeof *b->frame_parcel));
    TRY(upload(d, &b->buffers[B_MEAN], b->mean_values, sizeof b->mean_values));
    TRY(upload(d, &b->buffers[B_STD], b->std_values, sizeof b->std_values));
    TRY(upload(d, &b->buffers[B_X], NULL, slots * (size_t)b->options.bands * sizeof(float)));
    TRY(upload(d, &b->buffers[B_MASK], NULL, slots * sizeof(float)));
    TRY(buffer_fill(b->buffers[B_X], 0, 0x7FC00000, slots * (size_t)b->options.bands * sizeof(float)));
    TRY(buffer_fill(b->buffers[B_MASK], 0, 0x7FC00000, slots * sizeof(float)));
done:
    return rc;
}

static int compare(bench *b, const char *name, buffer *from, const double *wanted, size_t count, double limit)
{
    int rc = OK;
    TRY(buffer_read(from, 0, b->got, count * sizeof *b->got));
    for (size_t i = 0; i < count; i++)
        if (!(fabs((double)b->got[i] - wanted[i]) <= limit * fmax(1, fabs(wanted[i]))))
            return fail(FAILED, "check of sample_pixels, type %d, %d bands, %d pixels: %s[%zu] is %.7g, wanted %.7g",
                        (int)b->options.type, b->options.bands, b->options.npixel, name, i, (double)b->got[i],
                        wanted[i]);
done:
    return rc;
}

static int check_one(device *d, sample_options options)
{
    int rc = OK;
    bench b = {.options = options};
    parcels_lay_out(&b);
    const size_t slots = (size_t)b.frames * (size_t)options.npixel;
    TRY(values_fill(&b));
    TRY(bench_upload(d, &b));
    TRY(sample_pixels(d, b.buffers[B_RAW], b.buffers[B_PARCELS], PARCELS, b.buffers[B_FRAME_PARCEL], b.frames,
                      b.buffers[B_MEAN], b.buffers[B_STD], options, b.buffers[B_X], b.buffers[B_MASK]));
    TRY(sample_reference(b.raw, b.parcels, PARCELS, b.mean, b.std, &options, b.x, b.mask));
    TRY(compare(&b, "mask", b.buffers[B_MASK], b.mask, slots, 0));
    TRY(compare(&b, "x", b.buffers[B_X], b.x, slots * (size_t)options.bands, 1e-5));
done:
    for (int i = 0; i < BUFFERS; i++) buffer_free(b.buffers[i]);
    free(b.raw);
    free(b.raw_bytes);
    free(b.frame_parcel);
    free(b.x);
    free(b.mask);
    free(b.got);
    return rc;
}

int sample_pixels_check(device *d)
{
    int rc = OK;
    TRY(check_one(d, (sample_options){RAW_U16, 5, 7, false, 0.01f, 0.05f}));
    TRY(check_one(d, (sample_options){RAW_I16, 3, 5, true, 0, 0}));
    TRY(check_one(d, (sample_options){RAW_U8, 8, 64, false, 0.5f, 0.4f}));
    TRY(check_one(d, (sample_options){RAW_F32, 1, 9, true, 1, 10}));
done:
    return rc;
}
