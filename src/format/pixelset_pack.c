/* What a pack holds, and its pixels, parcel by parcel. */
#include "format/pixelset_pack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "format/pixelset_pack_internal.h"

void pixelset_pack_close(pixelset_pack *p)
{
    if (!p) return;
    h5_dataset_close(p->pixel_data);
    h5_close(p->file);
    for (size_t i = 0; i < p->nomenclatures; i++) {
        free(p->nomenclature[i]);
        free(p->labels[i]);
    }
    for (size_t i = 0; i < p->features; i++) {
        const pack_feature *f = &p->feature[i];
        free((void *)f->name);
        free((void *)f->values);
        free((void *)f->mean);
        free((void *)f->std);
    }
    free((void *)p->normalisation.mean);
    free((void *)p->normalisation.std);
    free((void *)p->normalisation.source);
    free(p->nomenclature);
    free(p->labels);
    free(p->feature);
    free(p->ids);
    free(p->offset);
    free(p->first_day);
    free(p->dates);
    free(p->pixels);
    free(p->days);
    free(p);
}

/* ---- what it holds ------------------------------------------------------------------------------------------------- */

const char *pixelset_pack_path(const pixelset_pack *p)
{
    return h5_path(p->file);
}

size_t pixelset_pack_count(const pixelset_pack *p)
{
    return p->count;
}

int pixelset_pack_bands(const pixelset_pack *p)
{
    return p->bands;
}

enum number_type pixelset_pack_type(const pixelset_pack *p)
{
    return p->type;
}

const char *pixelset_pack_id(const pixelset_pack *p, size_t parcel)
{
    return p->ids + parcel * p->id_width;
}

int pixelset_pack_dates(const pixelset_pack *p, size_t parcel)
{
    return p->dates[parcel];
}

int pixelset_pack_pixels(const pixelset_pack *p, size_t parcel)
{
    return p->pixels[parcel];
}

const int32_t *pixelset_pack_days(const pixelset_pack *p, size_t parcel)
{
    return p->days ? p->days + p->first_day[parcel] : NULL;
}

bool pixelset_pack_days_shared(const pixelset_pack *p)
{
    return p->days && p->shared;
}

size_t pixelset_pack_nomenclatures(const pixelset_pack *p)
{
    return p->nomenclatures;
}

const char *pixelset_pack_nomenclature(const pixelset_pack *p, size_t index)
{
    return p->nomenclature[index];
}

/* "a, b, c" of the names that there are, for messages. */
static const char *names_join(const char *(*name)(const pixelset_pack *p, size_t index), const pixelset_pack *p,
                              size_t count, char *text, size_t size)
{
    size_t used = 0;
    snprintf(text, size, "none");
    for (size_t i = 0; i < count && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, i ? ", %s" : "%s", name(p, i));
    return text;
}

int pixelset_pack_labels(const pixelset_pack *p, const char *name, const int32_t **out)
{
    char text[1000];
    const char *have = names_join(pixelset_pack_nomenclature, p, p->nomenclatures, text, sizeof text);
    for (size_t i = 0; i < p->nomenclatures; i++)
        if (name ? !strcmp(name, p->nomenclature[i]) : p->nomenclatures == 1) {
            *out = p->labels[i];
            return OK;
        }
    if (name) return fail(USAGE, "%s: no nomenclature \"%s\"; there are: %s", h5_path(p->file), name, have);
    if (!p->nomenclatures)
        return fail(USAGE, "%s: has no labels (its source had no META/labels.json)", h5_path(p->file));
    return fail(USAGE, "%s: has several nomenclatures, choose one: %s", h5_path(p->file), have);
}

int pixelset_pack_classes(pixelset_pack *p, const char *name, char **out)
{
    const int32_t *labels;
    char place[40];
    bool there;
    int rc = OK;
    *out = NULL;
    TRY(pixelset_pack_labels(p, name, &labels));
    for (size_t i = 0; i < p->nomenclatures; i++) {
        if (p->labels[i] != labels) continue;
        snprintf(place, sizeof place, "/labels/%zu", i);
        TRY(h5_has_attribute(p->file, place, "classes", &there));
        if (there) TRY(h5_get_text(p->file, place, "classes", out));
    }
done:
    return rc;
}

size_t pixelset_pack_features(const pixelset_pack *p)
{
    return p->features;
}

static const char *feature_name(const pixelset_pack *p, size_t index)
{
    return p->feature[index].name;
}

int pixelset_pack_feature(const pixelset_pack *p, const char *name, const pack_feature **out)
{
    char text[1000];
    for (size_t i = 0; i < p->features; i++)
        if (!strcmp(name, p->feature[i].name)) {
            *out = &p->feature[i];
            return OK;
        }
    return fail(USAGE, "%s: no features \"%s\"; there are: %s", h5_path(p->file), name,
                names_join(feature_name, p, p->features, text, sizeof text));
}

const pack_normalisation *pixelset_pack_normalisation(const pixelset_pack *p)
{
    return &p->normalisation;
}

/* ---- pixels -------------------------------------------------------------------------------------------------------- */

static size_t value_count(const pixelset_pack *p, size_t parcel)
{
    return (size_t)(p->offset[parcel + 1] - p->offset[parcel]);
}

size_t pixelset_pack_bytes(const pixelset_pack *p, size_t parcel)
{
    return value_count(p, parcel) * number_size(p->type);
}

int pixelset_pack_read(pixelset_pack *p, size_t parcel, void *out)
{
    size_t count = value_count(p, parcel);
    if (!count) return OK;
    int rc = h5_dataset_read(p->pixel_data, (size_t)p->offset[parcel], count, p->type, out);
    return rc ? fail_within(rc, "parcel %s", pixelset_pack_id(p, parcel)) : OK;
}
