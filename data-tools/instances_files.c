#include "data-tools/instances_files.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "format/npy.h"

enum { LISTED_BYTES = 1200 };

static const struct {
    const char *prefix;
    enum number_type type;
} outputs[INSTANCES_FILES] = {{"INSTANCES", NUMBER_I32}, {"HEATMAP", NUMBER_F64}, {"ZONES", NUMBER_I32}};

static const void *values_of(const instance_set *s, int output)
{
    const void *const values[INSTANCES_FILES] = {s->instance, s->heat, s->zone};
    return values[output];
}

/* ---- what is there ------------------------------------------------------------------------------------------------- */

static bool is_present(const char *path, int height, int width, int output)
{
    npy_header h;
    if (!file_exists(path)) return false;
    if (npy_read_header(path, &h)) {
        log_warning("%s: it is made again", error_message());
        return false;
    }
    if (h.rank == 2 && h.shape[0] == (size_t)height && h.shape[1] == (size_t)width &&
        (output != 1 || !number_is_integer(h.type)))
        return true;
    log_warning("%s: wanted %d x %d %s: it is made again", path, height, width,
                output == 1 ? "real numbers" : "instances");
    return false;
}

int instances_files_find(const char *folder, const char *id, int height, int width, bool force, instances_files *out)
{
    *out = (instances_files){.height = height, .width = width};
    for (int k = 0; k < INSTANCES_FILES; k++) {
        out->path[k] = text_format("%s/INSTANCE_ANNOTATIONS/%s_%s.npy", folder, outputs[k].prefix, id);
        if (!out->path[k]) return FAILED;
        out->present[k] = !force && is_present(out->path[k], height, width, k);
    }
    return OK;
}

void instances_files_free(instances_files *f)
{
    for (int k = 0; k < INSTANCES_FILES; k++) free(f->path[k]);
    *f = (instances_files){0};
}

bool instances_files_complete(const instances_files *f)
{
    return f->present[0] && f->present[1] && f->present[2];
}

/* ---- is it the same ------------------------------------------------------------------------------------------------ */

double instances_heat_difference(const instance_set *s, enum number_type type, const void *heat, size_t pixels,
                                 size_t *worst)
{
    double largest = 0;
    *worst = 0;
    for (size_t i = 0; i < pixels && !isnan(largest); i++) {
        double off = fabs(number_get(type, heat, i) - s->heat[i]);
        if (off <= largest) continue;
        *worst = i;
        largest = off;
    }
    return largest;
}

/* The parcels at whose centres a heat map has no peak, as `--without` takes them; "" where it has all. */
static void peaks_missing(const instance_set *s, const npy_header *h, const void *heat, char text[LISTED_BYTES])
{
    size_t used = 0;
    text[0] = 0;
    for (size_t k = 0; k < s->parcels && used + 40 < LISTED_BYTES; k++) {
        const instance_parcel *p = &s->parcel[k];
        size_t centre = (size_t)p->row * h->shape[1] + (size_t)p->column;
        if (!p->instance || number_get(h->type, heat, centre) >= 1 - INSTANCES_HEAT_TOLERANCE) continue;
        used += (size_t)snprintf(text + used, LISTED_BYTES - used, "%s%d", used ? "," : "", p->id);
    }
}

static int heat_refuse(const char *path, const instance_set *s, const npy_header *h, const void *there, size_t worst,
                       double difference)
{
    char missing[LISTED_BYTES];
    peaks_missing(s, h, there, missing);
    return fail(FAILED, "%s: is there, and differs by up to %g (row %zu, column %zu)%s%s%s; --force replaces it", path,
                difference, worst / h->shape[1], worst % h->shape[1],
                *missing ? ", having no peak for some parcels: is their label background? --without " : "", missing,
                *missing ? " leaves them out" : "");
}

static int heat_compare(const char *path, const instance_set *s, double *difference)
{
    npy_header h;
    void *there = NULL;
    size_t worst;
    int rc = OK;
    TRY(npy_read(path, SIZE_MAX, &h, &there));
    *difference = instances_heat_difference(s, h.type, there, h.count, &worst);
    if (!(*difference <= INSTANCES_HEAT_TOLERANCE)) rc = heat_refuse(path, s, &h, there, worst, *difference);
done:
    free(there);
    return rc;
}

static int numbers_compare(const char *path, const int32_t *values)
{
    npy_header h;
    void *there = NULL;
    size_t differ = 0;
    int rc = OK;
    TRY(npy_read(path, SIZE_MAX, &h, &there));
    for (size_t i = 0; i < h.count; i++) differ += number_get(h.type, there, i) != values[i];
    if (differ)
        rc = fail(FAILED, "%s: is there, and differs in %zu of %zu pixels; --force replaces it", path, differ, h.count);
done:
    free(there);
    return rc;
}

int instances_files_compare(const instances_files *f, const instance_set *s, double *difference)
{
    int rc = OK;
    *difference = -1;
    if (f->present[1]) TRY(heat_compare(f->path[1], s, difference)); /* first: it can name parcels */
    if (f->present[0]) TRY(numbers_compare(f->path[0], s->instance));
    if (f->present[2]) TRY(numbers_compare(f->path[2], s->zone));
done:
    return rc;
}

/* ---- writing ------------------------------------------------------------------------------------------------------- */

int instances_files_save(const instances_files *f, const instance_set *s)
{
    const size_t shape[2] = {(size_t)f->height, (size_t)f->width};
    int rc = OK;
    for (int k = 0; k < INSTANCES_FILES; k++)
        if (!f->present[k]) TRY(npy_save(f->path[k], outputs[k].type, 2, shape, values_of(s, k)));
done:
    return rc;
}
