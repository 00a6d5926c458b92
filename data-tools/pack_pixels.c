#include "data-tools/pack_pixels.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "format/npy.h"

size_t pack_values(const pack_source *s, size_t i)
{
    return (size_t)s->dates[i] * (size_t)s->pixels[i] * (size_t)s->bands;
}

/* ---- order and type ------------------------------------------------------------------------------------------------ */

/* One loop for each pair of types that keeps its bits; T x C x S to T x S x C. */
#define TRANSPOSE(from_type, to_type)                                                                                  \
    for (size_t t = 0; t < T; t++)                                                                                     \
        for (size_t c = 0; c < C; c++)                                                                                 \
            for (size_t s = 0; s < S; s++)                                                                             \
    ((to_type *)to)[(t * S + s) * C + c] = (to_type)((const from_type *)from)[(t * C + c) * S + s]

static void transpose(const npy_header *h, enum number_type type, const void *from, void *to)
{
    size_t T = h->shape[0], C = h->shape[1], S = h->shape[2];
    if (h->type == type && number_size(type) == 1) {
        TRANSPOSE(uint8_t, uint8_t);
    } else if (h->type == type && number_size(type) == 2) {
        TRANSPOSE(uint16_t, uint16_t);
    } else if (h->type == type) {
        TRANSPOSE(float, float);
    } else if (type == NUMBER_I16) {
        TRANSPOSE(int8_t, int16_t);
    } else {
        for (size_t t = 0; t < T; t++)
            for (size_t c = 0; c < C; c++)
                for (size_t s = 0; s < S; s++)
                    ((float *)to)[(t * S + s) * C + c] = (float)number_get(h->type, from, (t * C + c) * S + s);
    }
}

static bool is_finite(pack_source *s, size_t i, const float *values)
{
    size_t count = pack_values(s, i), bad = 0, first = 0, bands = (size_t)s->bands, pixels = (size_t)s->pixels[i];
    for (size_t k = 0; k < count; k++)
        if (!isfinite(values[k]) && !bad++) first = k;
    if (bad)
        pack_problem(s,
                     "DATA/%s.npy: %zu of %zu values are not finite, the first (%g) at date %zu, band %zu, pixel %zu",
                     s->ids[i], bad, count, (double)values[first], first / bands / pixels, first % bands,
                     first / bands % pixels);
    return !bad;
}

/* ---- one parcel ---------------------------------------------------------------------------------------------------- */

static bool is_as_before(const pack_source *s, size_t i, const npy_header *h)
{
    return h->rank == 3 && h->shape[0] == (size_t)s->dates[i] && h->shape[1] == (size_t)s->bands &&
           h->shape[2] == (size_t)s->pixels[i];
}

int pack_pixels_read(pack_source *s, size_t i, void **out)
{
    npy_header h;
    void *raw = NULL, *values = NULL;
    int rc = OK;
    char *path = NULL;
    *out = NULL;
    TRY_NEW(path = text_format("%s/%s.npy", s->data, s->ids[i]));
    if (npy_read(path, SIZE_MAX, &h, &raw)) {
        pack_problem(s, "%s", error_message());
        goto done;
    }
    if (!is_as_before(s, i, &h)) {
        pack_problem(s, "DATA/%s.npy: changed while it was being packed", s->ids[i]);
        goto done;
    }
    TRY_NEW(values = memory_new(pack_values(s, i), number_size(s->type)));
    transpose(&h, s->type, raw, values);
    if (s->type == NUMBER_F32 && !is_finite(s, i, values)) goto done;
    *out = values;
    values = NULL;
done:
    free(values);
    free(raw);
    free(path);
    return rc;
}
