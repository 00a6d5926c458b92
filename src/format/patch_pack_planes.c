/* What a patch pack has one image a patch of: labels, parcel ids, and where its source had its own, instances, heat map
 * and zones. */
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"
#include "format/patch_pack_internal.h"

const patch_target_place patch_target_places[PATCH_TARGETS] = {
    {"/targets/instances", NUMBER_I32},
    {"/targets/heatmap", NUMBER_F32},
    {"/targets/zones", NUMBER_I32},
};

/* ---- opening ------------------------------------------------------------------------------------------------------- */

/* `rows` images of the group. */
static int plane_rows_open(patch_pack *p, const char *group, size_t rows, enum number_type type, patch_rows *r)
{
    const size_t shape[2] = {(size_t)p->height, (size_t)p->width};
    int rc = patch_rows_open(p, group, "pixels", rows, 2, shape, r);
    if (rc) return rc;
    if (r->type != type)
        return fail(FAILED, "%s: %s/pixels: %s, wanted %s", h5_path(p->file), group, number_name(r->type),
                    number_name(type));
    return OK;
}

static int plane_open(patch_pack *p, const char *group, enum number_type type, patch_plane *plane)
{
    char place[80];
    bool there;
    int rc = OK;
    TRY(h5_exists(p->file, group, &there));
    if (!there) return OK;
    TRY(plane_rows_open(p, group, p->count, type, &plane->rows));
    snprintf(place, sizeof place, "%s/present", group);
    TRY(patch_column_read(p, place, NUMBER_U8, p->count, &plane->present));
done:
    return rc;
}

/* Only patches with a target of their own have a row, in their order. */
static int target_open(patch_pack *p, enum patch_target target)
{
    const patch_target_place *at = &patch_target_places[target];
    patch_plane *plane = &p->target[target];
    uint8_t *origin;
    char place[80];
    size_t rows = 0;
    bool there;
    int rc = OK;
    TRY(h5_exists(p->file, at->group, &there));
    if (!there) return OK;
    snprintf(place, sizeof place, "%s/origin", at->group);
    TRY(patch_column_read(p, place, NUMBER_U8, p->count, &p->origin[target]));
    TRY_NEW(plane->row = memory_new(p->count, sizeof *plane->row));
    TRY_NEW(plane->present = memory_new(p->count, 1));
    origin = p->origin[target];
    for (size_t i = 0; i < p->count; i++) {
        if (origin[i] > PATCH_OWN)
            return fail(FAILED, "%s: %s: patch %s: %d, wanted 0 to %d", h5_path(p->file), place, patch_pack_id(p, i),
                        origin[i], PATCH_OWN);
        plane->present[i] = origin[i] == PATCH_OWN;
        plane->row[i] = rows;
        rows += plane->present[i];
    }
    if (rows) TRY(plane_rows_open(p, at->group, rows, at->type, &plane->rows));
done:
    return rc;
}

static int histogram_read(patch_pack *p)
{
    int rc = OK;
    p->highest = -1;
    if (!p->labels.present) return OK;
    TRY(patch_column_read(p, "/labels/histogram", NUMBER_I64, p->count * PATCH_CLASSES, &p->histogram));
    for (size_t i = 0; i < p->count; i++) {
        const int64_t *h = p->histogram + i * PATCH_CLASSES;
        int64_t sum = 0, pixels = (int64_t)p->height * p->width;
        for (int k = 0; k < PATCH_CLASSES; k++) {
            if (h[k] < 0 || h[k] > pixels)
                return fail(FAILED, "%s: patch %s: %lld pixels of label %d", h5_path(p->file), patch_pack_id(p, i),
                            (long long)h[k], k);
            sum += h[k];
            if (h[k] && k > p->highest) p->highest = k;
        }
        if (sum != (p->labels.present[i] ? pixels : 0))
            return fail(FAILED, "%s: patch %s: %lld labelled pixels, wanted %lld", h5_path(p->file),
                        patch_pack_id(p, i), (long long)sum, (long long)(p->labels.present[i] ? pixels : 0));
    }
done:
    return rc;
}

int patch_planes_open(patch_pack *p)
{
    int rc = OK;
    TRY(plane_open(p, "/labels", NUMBER_U8, &p->labels));
    TRY(plane_open(p, "/parcels", NUMBER_I32, &p->parcels));
    for (int k = 0; k < PATCH_TARGETS; k++) TRY(target_open(p, (enum patch_target)k));
    TRY(histogram_read(p));
done:
    return rc;
}

static void plane_close(patch_plane *plane)
{
    patch_rows_close(&plane->rows);
    free(plane->present);
    free(plane->row);
}

void patch_planes_close(patch_pack *p)
{
    plane_close(&p->labels);
    plane_close(&p->parcels);
    for (int k = 0; k < PATCH_TARGETS; k++) {
        plane_close(&p->target[k]);
        free(p->origin[k]);
    }
    free(p->histogram);
}

/* ---- reading ------------------------------------------------------------------------------------------------------- */

static bool plane_has(const patch_plane *plane, size_t patch)
{
    return plane->present && plane->present[patch];
}

static int plane_read(const patch_pack *p, const patch_plane *plane, size_t patch, const char *what, void *out)
{
    if (!plane_has(plane, patch))
        return fail(FAILED, "%s: patch %s has no %s", h5_path(p->file), patch_pack_id(p, patch), what);
    int rc = patch_rows_read(p, &plane->rows, plane->row ? plane->row[patch] : patch, 1, out);
    return rc ? fail_within(rc, "patch %s, %s", patch_pack_id(p, patch), what) : OK;
}

bool patch_pack_has_labels(const patch_pack *p)
{
    return p->labels.present != NULL;
}

bool patch_pack_has_label(const patch_pack *p, size_t patch)
{
    return plane_has(&p->labels, patch);
}

int patch_pack_read_labels(patch_pack *p, size_t patch, uint8_t *out)
{
    return plane_read(p, &p->labels, patch, "labels", out);
}

const int64_t *patch_pack_histogram(const patch_pack *p, size_t patch)
{
    return patch_pack_has_label(p, patch) ? p->histogram + patch * PATCH_CLASSES : NULL;
}

/* ---- parcels ------------------------------------------------------------------------------------------------------- */

bool patch_pack_has_parcels(const patch_pack *p)
{
    return p->parcels.present || p->target[PATCH_INSTANCES].rows.rows;
}

bool patch_pack_has_parcel(const patch_pack *p, size_t patch)
{
    return plane_has(&p->parcels, patch) || plane_has(&p->target[PATCH_INSTANCES], patch);
}

int patch_pack_read_parcels(patch_pack *p, size_t patch, int32_t *out)
{
    const patch_plane *own = &p->target[PATCH_INSTANCES];
    const bool alone = !plane_has(&p->parcels, patch) && plane_has(own, patch);
    return plane_read(p, alone ? own : &p->parcels, patch, "parcels", out);
}

enum patch_origin patch_pack_origin(const patch_pack *p, enum patch_target target, size_t patch)
{
    return p->origin[target] ? (enum patch_origin)p->origin[target][patch] : PATCH_MADE;
}

int patch_pack_read_target(patch_pack *p, enum patch_target target, size_t patch, void *out)
{
    static const char *const names[PATCH_TARGETS] = {"instances of its own", "heat map of its own", "zones of its own"};
    return plane_read(p, &p->target[target], patch, names[target], out);
}
