#include "data-tools/pack_moments.h"

#include <math.h>
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

static void part_moments(moments *m, enum number_type type, const void *values, size_t rows)
{
    size_t bands = (size_t)m->bands;
    memset(m->part_mean, 0, bands * sizeof(double));
    memset(m->part_squares, 0, bands * sizeof(double));
    for (size_t i = 0; i < rows; i++)
        for (size_t c = 0; c < bands; c++) m->part_mean[c] += number_get(type, values, i * bands + c);
    for (size_t c = 0; c < bands; c++) m->part_mean[c] /= (double)rows;
    for (size_t i = 0; i < rows; i++)
        for (size_t c = 0; c < bands; c++) {
            double off = number_get(type, values, i * bands + c) - m->part_mean[c];
            m->part_squares[c] += off * off;
        }
}

void moments_add(moments *m, enum number_type type, const void *values, size_t rows)
{
    if (!rows) return;
    part_moments(m, type, values, rows);
    double more = (double)rows, all = m->count + more;
    for (int c = 0; c < m->bands; c++) {
        double off = m->part_mean[c] - m->mean[c];
        m->mean[c] += off * more / all;
        m->squares[c] += m->part_squares[c] + off * off * m->count * more / all;
    }
    m->count = all;
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
