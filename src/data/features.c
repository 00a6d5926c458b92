/* Static features, standardised as published (dataset.py of VSainteuf/pytorch-psetae): with the mean and the sample
 * standard deviation over the whole data set, whatever sub_classes keeps. */
#include <math.h>

#include "base/error.h"
#include "base/memory.h"
#include "data/internal.h"

static bool is_whole(const float *values, int width)
{
    for (int e = 0; e < width; e++)
        if (!isfinite(values[e])) return false;
    return true;
}

/* A feature that never differs has std 0, or none where there is one parcel: it becomes 0. */
static void standardise(const pack_feature *f, const float *values, float *out)
{
    for (int e = 0; e < f->width; e++) out[e] = (float)((values[e] - f->mean[e]) / (f->std[e] > 0 ? f->std[e] : 1));
}

int features_find(pixelset *s, const pixelset_options *o, problems *p)
{
    const pack_feature *f = NULL;
    name_list without = {0};
    if (!o->extra_feature) return OK;
    int rc = pixelset_pack_feature(s->pack, o->extra_feature, &f);
    if (rc == USAGE) problem_carry(p, USAGE, "data.extra_feature", o->pack);
    if (rc) return rc == USAGE ? OK : rc;
    size_t values;
    if (!size_multiply((size_t)s->count, (size_t)f->width, &values))
        return fail(FAILED, "%s: the features of %d parcels do not fit the memory", pixelset_pack_path(s->pack),
                    s->count);
    s->features = memory_new(values, sizeof *s->features);
    if (!s->features) return FAILED;
    s->extra = f->width;
    for (int i = 0; i < s->count; i++) {
        const float *there = f->values + (size_t)s->parcel[i] * (size_t)f->width;
        if (!is_whole(there, f->width)) name_list_add(&without, pixelset_pack_id(s->pack, s->parcel[i]));
        standardise(f, there, s->features + (size_t)i * (size_t)f->width);
    }
    if (without.count)
        problem_add(p, FAILED, "%lld parcels have no feature \"%s\": %s", without.count, f->name,
                    name_list_text(&without));
    return OK;
}
