#include "data-tools/pack_moments.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

int moments_new(int bands, moments *out)
{
    int rc = OK;
    *out = (moments){.bands = bands};
    TRY_NEW(out->mean = memory_new((size_t)bands, sizeof(double)));
    TRY_NEW(out->squares = memory_new((size_t)bands, sizeof(double)));
    TRY_NEW(out->part_mean = memory_new((size_t)bands, sizeof(double)));
    TRY_NEW(out->part_squares = memory_new((size_t)bands, sizeof(double)));
done:
    if (rc) moments_free(out);
    return rc;
}

void moments_free(moments *m)
{
    free(m->mean);
    free(m->squares);
    free(m->part_mean);
    free(m->part_squares);
    *m = (moments){0};
}

void moments_clear(moments *m)
{
    m->count = 0;
    memset(m->mean, 0, (size_t)m->bands * sizeof(double));
    memset(m->squares, 0, (size_t)m->bands * sizeof(double));
}

/* Both passes over rows of values; one loop for each type, since one value at a time is most of packing's time. */
#define ROWS(get)                                                                                                      \
    for (size_t i = 0; i < rows; i++)                                                                                  \
        for (size_t c = 0; c < bands; c++) mean[c] += get(i * bands + c);                                              \
    for (size_t c = 0; c < bands; c++) mean[c] /= (double)rows;                                                        \
    for (size_t i = 0; i < rows; i++)                                                                                  \
        for (size_t c = 0; c < bands; c++) {                                                                           \
            double off = get(i * bands + c) - mean[c];                                                                 \
            squares[c] += off * off;                                                                                   \
        }                                                                                                              \
    break

#define BYTE(k)           (double)((const uint8_t *)values)[k]
#define SHORT(k)          (double)((const int16_t *)values)[k]
#define UNSIGNED_SHORT(k) (double)((const uint16_t *)values)[k]
#define REAL(k)           (double)((const float *)values)[k]
#define ANY(k)            number_get(type, values, k)

static void part_moments(moments *m, enum number_type type, const void *values, size_t rows)
{
    const size_t bands = (size_t)m->bands;
    double *mean = m->part_mean, *squares = m->part_squares;
    memset(mean, 0, bands * sizeof(double));
    memset(squares, 0, bands * sizeof(double));
    switch (type) {
    case NUMBER_U8: ROWS(BYTE);
    case NUMBER_I16: ROWS(SHORT);
    case NUMBER_U16: ROWS(UNSIGNED_SHORT);
    case NUMBER_F32: ROWS(REAL);
    default: ROWS(ANY);
    }
}

void moments_merge(moments *m, double more, const double *mean, const double *squares)
{
    double all = m->count + more;
    if (!(more > 0)) return;
    for (int c = 0; c < m->bands; c++) {
        double off = mean[c] - m->mean[c];
        m->mean[c] += off * more / all;
        m->squares[c] += squares[c] + off * off * m->count * more / all;
    }
    m->count = all;
}

void moments_add(moments *m, enum number_type type, const void *values, size_t rows)
{
    if (!rows) return;
    part_moments(m, type, values, rows);
    moments_merge(m, (double)rows, m->part_mean, m->part_squares);
}

/* A finite half: its bits where a float has them, with the exponent's offset made good. */
static float half(uint16_t bits)
{
    uint32_t word = (uint32_t)(bits & 0x7fff) << 13 | (uint32_t)(bits >> 15) << 31;
    float value;
    memcpy(&value, &word, sizeof value);
    return value * 0x1p112f;
}

static double as_it_is(double value)
{
    return value;
}

/* A plane in two passes, the second over what the first left in the cache. */
#define PLANE(ctype, get)                                                                                              \
    for (size_t i = 0; i < pixels; i++) sum += (double)get(((const ctype *)values)[first + i]);                        \
    mean = sum / (double)pixels;                                                                                       \
    for (size_t i = 0; i < pixels; i++) {                                                                              \
        double off = (double)get(((const ctype *)values)[first + i]) - mean;                                           \
        squares += off * off;                                                                                          \
    }                                                                                                                  \
    break

static void plane_moments(moments *m, int c, enum number_type type, const void *values, size_t first, size_t pixels)
{
    double sum = 0, mean = 0, squares = 0;
    switch (type) {
    case NUMBER_U8: PLANE(uint8_t, as_it_is);
    case NUMBER_I16: PLANE(int16_t, as_it_is);
    case NUMBER_U16: PLANE(uint16_t, as_it_is);
    case NUMBER_F32: PLANE(float, as_it_is);
    case NUMBER_F16: PLANE(uint16_t, half);
    default: panic("moments of %s", number_name(type));
    }
    m->part_mean[c] = mean;
    m->part_squares[c] = squares;
}

void moments_add_planes(moments *m, enum number_type type, const void *values, size_t frames, size_t pixels)
{
    for (size_t f = 0; f < frames && pixels; f++) {
        for (int c = 0; c < m->bands; c++)
            plane_moments(m, c, type, values, (f * (size_t)m->bands + (size_t)c) * pixels, pixels);
        moments_merge(m, (double)pixels, m->part_mean, m->part_squares);
    }
}

void moments_of_columns(const float *values, size_t rows, size_t width, double *mean, double *std)
{
    for (size_t j = 0; j < width; j++) {
        size_t n = 0;
        double sum = 0, squares = 0;
        for (size_t i = 0; i < rows; i++)
            if (!isnan(values[i * width + j])) {
                sum += values[i * width + j];
                n++;
            }
        mean[j] = n ? sum / (double)n : 0;
        for (size_t i = 0; i < rows; i++) {
            double off = values[i * width + j] - mean[j];
            if (!isnan(off)) squares += off * off;
        }
        std[j] = n > 1 ? sqrt(squares / (double)(n - 1)) : 0;
    }
}

int moments_result(const moments *m, normalisation *out)
{
    int rc = OK;
    *out = (normalisation){.rows = 1, .columns = m->bands};
    TRY_NEW(out->mean = memory_new((size_t)m->bands, sizeof(double)));
    TRY_NEW(out->std = memory_new((size_t)m->bands, sizeof(double)));
    for (int c = 0; c < m->bands; c++) {
        out->mean[c] = m->mean[c];
        out->std[c] = m->count > 0 ? sqrt(m->squares[c] / m->count) : 0;
    }
done:
    if (rc) normalisation_free(out);
    return rc;
}
