#include "data-tools/pack_pastis_images.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"

/* The file's array in C order, as its header was when the folder was surveyed; *out NULL after a problem. */
static int array_read(pastis_source *s, pastis_patch *p, const pastis_image *image, pastis_name name, void **out)
{
    npy_header h;
    int rc = OK;
    char *path = path_join(s->folder, name.text);
    *out = NULL;
    if (!path) return FAILED;
    if (npy_read(path, SIZE_MAX, &h, out)) {
        pastis_problem(s, p, "%s", pastis_message(s));
        *out = NULL;
    } else if (h.rank != image->header.rank || h.type != image->header.type ||
               memcmp(h.shape, image->header.shape, (size_t)h.rank * sizeof *h.shape) != 0) {
        pastis_problem(s, p, "%s: changed while it was being packed", name.text);
        free(*out);
        *out = NULL;
    }
    free(path);
    return rc;
}

/* ---- frames -------------------------------------------------------------------------------------------------------- */

static int convert(enum number_type from, enum number_type to, size_t count, void **values)
{
    if (from == to) return OK;
    void *converted = memory_new(count, number_size(to));
    if (!converted) return FAILED;
    for (size_t i = 0; i < count; i++) {
        double value = number_get(from, *values, i);
        if (to == NUMBER_I16)
            ((int16_t *)converted)[i] = (int16_t)value;
        else
            ((float *)converted)[i] = (float)value;
    }
    free(*values);
    *values = converted;
    return OK;
}

/* Infinities and NaN have all exponent bits set. Without branches: half of PASTIS-R is halves. */
static size_t not_finite(enum number_type type, const void *values, size_t count)
{
    size_t bad = 0;
    if (type == NUMBER_F16)
        for (size_t i = 0; i < count; i++) bad += (((const uint16_t *)values)[i] & 0x7c00) == 0x7c00;
    if (type == NUMBER_F32)
        for (size_t i = 0; i < count; i++) bad += (((const uint32_t *)values)[i] & 0x7f800000) == 0x7f800000;
    return bad;
}

static void not_finite_report(pastis_source *s, pastis_patch *p, pastis_name name, const pastis_image *image,
                              enum number_type type, const void *values, size_t bad)
{
    const size_t *shape = image->header.shape, width = shape[3], pixels = shape[2] * width;
    size_t first = 0;
    while (isfinite(number_get(type, values, first))) first++;
    pastis_problem(s, p,
                   "%s: %zu of %zu values are not finite, the first (%g) at date %zu, band %zu, row %zu, column %zu",
                   name.text, bad, image->header.count, number_get(type, values, first), first / pixels / shape[1],
                   first / pixels % shape[1], first % pixels / width, first % width);
}

int pastis_frames_read(pastis_source *s, pastis_patch *p, int satellite, void **out)
{
    const pastis_image *image = &p->image[satellite];
    const pastis_name name = pastis_image_name(satellite, p->id);
    enum number_type type = s->satellite[satellite].type;
    int rc = OK;
    TRY(array_read(s, p, image, name, out));
    if (!*out) return OK;
    TRY(convert(image->header.type, type, image->header.count, out));
    size_t bad = not_finite(type, *out, image->header.count);
    if (!bad) return OK;
    not_finite_report(s, p, name, image, type, *out, bad);
done:
    free(*out);
    *out = NULL;
    return rc;
}

/* ---- planes -------------------------------------------------------------------------------------------------------- */

/* The first plane, whose every value must lie in a range; `whole`: reals too must be whole numbers. */
static int plane_read(pastis_source *s, pastis_patch *p, const pastis_image *image, pastis_name name, bool whole,
                      double least, double most, void **raw)
{
    const size_t pixels = (size_t)s->height * (size_t)s->width, width = (size_t)s->width;
    const char *wanted = whole && !number_is_integer(image->header.type) ? "whole numbers from " : "";
    int rc = array_read(s, p, image, name, raw);
    for (size_t i = 0; !rc && *raw && i < pixels; i++) {
        double value = number_get(image->header.type, *raw, i);
        if (value >= least && value <= most && (!*wanted || value == floor(value))) continue;
        pastis_problem(s, p, "%s: %.16g at row %zu, column %zu, wanted %s%.16g to %.16g", name.text, value, i / width,
                       i % width, wanted, least, most);
        free(*raw);
        *raw = NULL;
    }
    return rc;
}

int pastis_labels_read(pastis_source *s, pastis_patch *p, uint8_t **out)
{
    const size_t pixels = (size_t)s->height * (size_t)s->width;
    void *raw;
    int rc = plane_read(s, p, &p->labels, pastis_labels_name(p->id), true, 0, UINT8_MAX, &raw);
    *out = NULL;
    if (rc || !raw) return rc;
    if ((*out = memory_new(pixels, sizeof **out)))
        for (size_t i = 0; i < pixels; i++) (*out)[i] = (uint8_t)number_get(p->labels.header.type, raw, i);
    free(raw);
    return *out ? OK : FAILED;
}

static int integers_read(pastis_source *s, pastis_patch *p, const pastis_image *image, pastis_name name, int32_t least,
                         int32_t **out)
{
    const size_t pixels = (size_t)s->height * (size_t)s->width;
    void *raw;
    int rc = plane_read(s, p, image, name, true, least, INT32_MAX, &raw);
    *out = NULL;
    if (rc || !raw) return rc;
    if ((*out = memory_new(pixels, sizeof **out)))
        for (size_t i = 0; i < pixels; i++) (*out)[i] = (int32_t)number_get(image->header.type, raw, i);
    free(raw);
    return *out ? OK : FAILED;
}

int pastis_parcels_read(pastis_source *s, pastis_patch *p, int32_t **out)
{
    if (!p->parcels.there) return pastis_numbers_read(s, p, PATCH_INSTANCES, out);
    return integers_read(s, p, &p->parcels, pastis_parcels_name(p->id), INT32_MIN, out);
}

int pastis_numbers_read(pastis_source *s, pastis_patch *p, enum patch_target target, int32_t **out)
{
    return integers_read(s, p, &p->target[target], pastis_target_name(target, p->id), 0, out);
}

int pastis_heat_read(pastis_source *s, pastis_patch *p, void **out)
{
    return plane_read(s, p, &p->target[PATCH_HEATMAP], pastis_target_name(PATCH_HEATMAP, p->id), false, 0, 1, out);
}
