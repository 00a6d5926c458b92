#include "data-tools/pack_gaps.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/error.h"

/* ---- filling ------------------------------------------------------------------------------------------------------- */

/* first + part / whole of the way to last; whole 0: first. The product is exact for whole numbers of 16 bits, so that the
 * rounding of halves does not depend on how the line is computed. */
#define FILL(ctype, round)                                                                                             \
    for (size_t c = 0; c < bands; c++) {                                                                               \
        const double a = (double)((const ctype *)first)[c], b = (double)((const ctype *)last)[c];                      \
        ((ctype *)out)[c] = (ctype)round(whole > 0 ? a + (b - a) * part / whole : a);                                  \
    }                                                                                                                  \
    break

#define AS_IT_IS(x) (x)

static void line(enum number_type type, const void *first, const void *last, double part, double whole, size_t bands,
                 void *out)
{
    switch (type) {
    case NUMBER_U8: FILL(uint8_t, rint);
    case NUMBER_I16: FILL(int16_t, rint);
    case NUMBER_U16: FILL(uint16_t, rint);
    case NUMBER_F32: FILL(float, AS_IT_IS);
    default: panic("gaps in %s", number_name(type));
    }
}

void gaps_fill(enum number_type type, void *values, const uint8_t *missing, const int32_t *days, size_t dates,
               size_t pixels, size_t bands)
{
    const size_t bytes = bands * number_size(type);
    char *at = values;
    for (size_t s = 0; s < pixels; s++) {
        size_t before = dates; /* the last date that was seen; dates: none yet */
        for (size_t t = 0; t < dates; t++) {
            if (!missing[t * pixels + s]) {
                before = t;
                continue;
            }
            size_t after = t + 1;
            while (after < dates && missing[after * pixels + s]) after++;
            if (after == dates && before == dates) break;
            const size_t from = before < dates ? before : after, to = after < dates ? after : before;
            for (; t < after; t++)
                line(type, at + (from * pixels + s) * bytes, at + (to * pixels + s) * bytes, days[t] - days[from],
                     days[to] - days[from], bands, at + (t * pixels + s) * bytes);
            t--;
        }
    }
}

/* ---- pixels that were seen ----------------------------------------------------------------------------------------- */

static bool seen(const uint8_t *missing, size_t dates, size_t pixels, size_t s)
{
    for (size_t t = 0; t < dates; t++)
        if (!missing[t * pixels + s]) return true;
    return false;
}

size_t gaps_keep_seen(enum number_type type, void *values, const uint8_t *missing, size_t dates, size_t pixels,
                      size_t bands)
{
    const size_t bytes = bands * number_size(type);
    size_t kept = 0;
    for (size_t s = 0; s < pixels; s++) kept += seen(missing, dates, pixels, s);
    if (!values || kept == pixels) return kept;
    char *to = values;
    for (size_t t = 0; t < dates; t++)
        for (size_t s = 0; s < pixels; s++) {
            if (!seen(missing, dates, pixels, s)) continue;
            memmove(to, (const char *)values + (t * pixels + s) * bytes, bytes);
            to += bytes;
        }
    return kept;
}
