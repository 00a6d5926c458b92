/* The pixels of a sample: from the pack, or from memory once they have been preloaded. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"
#include "data/internal.h"

enum { PROGRESS_EVERY = 256 };

size_t pixels_bytes(const pixelset *s, int sample)
{
    return pixelset_pack_bytes(s->pack, s->parcel[sample]);
}

/* A value that is not finite would end as a NaN loss, far from its cause. */
static int finite_check(const pixelset *s, int sample, const float *values, size_t count)
{
    size_t bands = (size_t)pixelset_bands(s), pixels = (size_t)pixelset_pack_pixels(s->pack, s->parcel[sample]);
    bool finite = true;
    for (size_t i = 0; i < count; i++) finite &= isfinite(values[i]) != 0;
    if (finite) return OK;
    size_t at = 0;
    while (isfinite(values[at])) at++;
    return fail(FAILED, "%s: parcel %s: pixel %zu, band %zu of date %zu is %g, wanted a finite value",
                pixelset_pack_path(s->pack), pixelset_id(s, sample), at / bands % pixels + 1, at % bands + 1,
                at / bands / pixels + 1, (double)values[at]);
}

static int read_from_pack(pixelset *s, int sample, void *out)
{
    size_t bytes = pixels_bytes(s, sample);
    if (!bytes) return OK; /* a parcel without pixels */
    pthread_mutex_lock(&s->reading);
    int rc = pixelset_pack_read(s->pack, s->parcel[sample], out);
    pthread_mutex_unlock(&s->reading);
    if (!rc && pixelset_pack_type(s->pack) == NUMBER_F32) rc = finite_check(s, sample, out, bytes / sizeof(float));
    return rc;
}

int pixels_read(pixelset *s, int sample, void *out)
{
    if (!s->pixels) return read_from_pack(s, sample, out);
    size_t start = s->pixels_start[sample], bytes = s->pixels_start[sample + 1] - start;
    if (bytes) memcpy(out, s->pixels + start, bytes);
    return OK;
}

/* One allocation: sample after sample. */
int pixels_preload(pixelset *s)
{
    int rc = OK;
    unsigned char *pixels = NULL;
    size_t *start = memory_new((size_t)s->count + 1, sizeof *start);
    TRY_NEW(start);
    for (int i = 0; i < s->count; i++) {
        if (size_add(start[i], pixels_bytes(s, i), &start[i + 1])) continue;
        rc = fail(FAILED, "%s: the pixels do not fit the memory", pixelset_pack_path(s->pack));
        goto done;
    }
    pixels = memory_new(start[s->count], 1);
    if (!pixels) {
        rc = fail(FAILED, "%s: data.preload needs %zu MiB of memory for the pixels, which are not there",
                  pixelset_pack_path(s->pack), start[s->count] >> 20);
        goto done;
    }
    for (int i = 0; i < s->count; i++) {
        if (interrupt_requested()) rc = fail(INTERRUPTED, "interrupted");
        if (!rc) rc = read_from_pack(s, i, pixels + start[i]);
        if (rc) goto done;
        if ((i + 1) % PROGRESS_EVERY == 0 || i + 1 == s->count)
            log_progress("Loading pixels", (size_t)i + 1, (size_t)s->count, "");
    }
    s->pixels = pixels;
    s->pixels_start = start;
    pixels = NULL;
    start = NULL;
done:
    free(pixels);
    free(start);
    return rc;
}
