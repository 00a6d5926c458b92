#include "data-tools/geotiff_samples.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"
#include "data-tools/pack_gaps.h"

/* ---- which parcels, with how many pixels --------------------------------------------------------------------------- */

static int buffers_new(geotiff_samples *s)
{
    const geotiff_gather *g = s->gathered;
    size_t bytes = 0, most = 0;
    int rc = OK;
    for (size_t i = 0; i < g->parcels->count; i++) {
        if (geotiff_gather_values(g, i) > bytes) bytes = geotiff_gather_values(g, i);
        if ((size_t)g->parcels->parcel[i].pixels > most) most = (size_t)g->parcels->parcel[i].pixels;
    }
    TRY_NEW(s->values = memory_new(bytes, 1));
    TRY_NEW(s->hidden = memory_new((size_t)g->scenes->dates * most, 1));
done:
    return rc;
}

/* Pixels that were seen at least once; adds to the count of those that were not seen at a date. */
static int seen_count(geotiff_samples *s, size_t i, double *hidden, size_t *seen)
{
    const scenes *of = s->gathered->scenes;
    const size_t dates = (size_t)of->dates, pixels = (size_t)s->gathered->parcels->parcel[i].pixels;
    *seen = pixels;
    if (!of->gaps) return OK;
    const int rc = geotiff_gather_read(s->gathered, i, NULL, s->hidden);
    if (rc) return rc;
    *seen = gaps_keep_seen(of->type, NULL, s->hidden, dates, pixels, (size_t)of->bands);
    for (size_t k = 0; k < dates * pixels; k++) *hidden += s->hidden[k];
    return OK;
}

int geotiff_samples_new(const geotiff_gather *g, geotiff_parcels *parcels, int least_pixels, geotiff_samples *out)
{
    int rc = OK;
    double all = 0, hidden = 0;
    *out = (geotiff_samples){.gathered = g};
    TRY_NEW(out->parcel = memory_new(parcels->count, sizeof *out->parcel));
    TRY_NEW(out->pixels = memory_new(parcels->count, sizeof *out->pixels));
    TRY_NEW(out->ids = memory_new(parcels->count, sizeof *out->ids));
    TRY(buffers_new(out));
    for (size_t i = 0; i < parcels->count; i++) {
        const geotiff_parcel *p = &parcels->parcel[i];
        size_t seen;
        TRY(seen_count(out, i, &hidden, &seen));
        all += (double)g->scenes->dates * p->pixels;
        if (!seen || seen < (size_t)least_pixels) {
            geotiff_parcels_leave_out(parcels, p->id, (long long)seen, "too few of its pixels were seen at any date");
            continue;
        }
        out->parcel[out->count] = i;
        out->pixels[out->count] = (int32_t)seen;
        out->ids[out->count++] = p->id;
    }
    out->missing = hidden / all;
    if (!out->count) rc = fail(FAILED, "%s: no parcel was seen at any date", g->scenes->folder);
done:
    if (rc) geotiff_samples_free(out);
    return rc;
}

void geotiff_samples_free(geotiff_samples *s)
{
    free(s->parcel);
    free(s->pixels);
    free(s->ids);
    free(s->values);
    free(s->hidden);
    *s = (geotiff_samples){0};
}

/* ---- one of them --------------------------------------------------------------------------------------------------- */

int geotiff_samples_read(geotiff_samples *s, size_t i, const void **values, size_t *count)
{
    const scenes *of = s->gathered->scenes;
    const size_t dates = (size_t)of->dates, bands = (size_t)of->bands, parcel = s->parcel[i];
    const size_t pixels = (size_t)s->gathered->parcels->parcel[parcel].pixels;
    int rc = OK;
    TRY(geotiff_gather_read(s->gathered, parcel, s->values, s->hidden));
    if (of->gaps) {
        gaps_fill(of->type, s->values, s->hidden, of->days, dates, pixels, bands);
        gaps_keep_seen(of->type, s->values, s->hidden, dates, pixels, bands);
    }
    *values = s->values;
    *count = dates * (size_t)s->pixels[i] * bands;
done:
    return rc;
}

int geotiff_samples_labels(const geotiff_samples *s, const pack_labels *all, int32_t **out)
{
    int32_t *values = memory_new(s->count, sizeof *values);
    if (!values) return FAILED;
    for (size_t i = 0; i < s->count; i++) values[i] = all->values[s->parcel[i]];
    *out = values;
    return OK;
}

int geotiff_samples_features(const geotiff_samples *s, float **out)
{
    float *values = memory_new(s->count, GEOMETRIC_FEATURES * sizeof *values);
    if (!values) return FAILED;
    for (size_t i = 0; i < s->count; i++)
        geotiff_features(s->gathered->parcels, s->parcel[i], s->pixels[i], values + GEOMETRIC_FEATURES * i);
    *out = values;
    return OK;
}
