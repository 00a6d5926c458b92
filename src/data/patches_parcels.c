/* Instances, heat map and zones are made from the pack's parcel ids and labels when a batch is read (instances.h): some
 * milliseconds a patch, on the thread that reads ahead, and the same bits as the published files to 4e-18. Where the
 * pack has a patch's own, because its source's said something else, they take their place. */
#include "data/patches_parcels.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "data/instances.h"

bool patches_have_parcels(const patches *s)
{
    for (int i = 0; i < s->count; i++)
        if (!patch_pack_has_parcel(s->pack, (size_t)i) || !patch_pack_has_label(s->pack, (size_t)i)) return false;
    return s->count > 0;
}

bool patches_footprint(const patches *s, int sample, footprint *out)
{
    int crs;
    const double *corners = patch_pack_corners(s->pack, (size_t)sample, &crs);
    out->crs = crs;
    if (corners) memcpy(out->corner, corners, sizeof out->corner);
    return corners != NULL;
}

/* ---- memory --------------------------------------------------------------------------------------------------------- */

int parcel_room_new(const patches *s, size_t length, parcel_room *out)
{
    int rc = OK;
    const size_t plane = (size_t)patches_height(s) * (size_t)patches_width(s);
    TRY_NEW(out->heatmap = memory_new(length * plane, sizeof *out->heatmap));
    TRY_NEW(out->instance = memory_new(length * plane, sizeof *out->instance));
    TRY_NEW(out->zone = memory_new(length * plane, sizeof *out->zone));
    TRY_NEW(out->label = memory_new(length * plane, sizeof *out->label));
    TRY_NEW(out->first = memory_new(length + 1, sizeof *out->first));
    TRY_NEW(out->ids = memory_new(plane, sizeof *out->ids));
    TRY_NEW(out->heat = memory_new(plane, sizeof *out->heat));
done:
    return rc;
}

void parcel_room_free(parcel_room *r)
{
    free(r->heatmap);
    free(r->instance);
    free(r->zone);
    free(r->label);
    free(r->first);
    free(r->ids);
    free(r->heat);
    free(r->fact);
}

parcel_maps parcel_room_maps(const parcel_room *r)
{
    return (parcel_maps){r->heatmap, r->instance, r->zone, r->label, r->first, r->fact};
}

/* ---- a patch -------------------------------------------------------------------------------------------------------- */

/* Where in a stored plane the value of the turned image's (row, column) lies: start + row down + column along. As
 * path_of of cl/turn.clh: columns flipped by bit 0, then turned counter-clockwise by bits 1-2 quarters. */
typedef struct path {
    int start, down, along;
} path;

static path path_of(int turn, int height, int width)
{
    const int quarters = turn >> 1 & 3, mirror = turn & 1 ? -1 : 1;
    const int cosine = (quarters == 0) - (quarters == 2), sine = (quarters == 1) - (quarters == 3);
    return (path){
        .start = (cosine + sine < 0 ? (height - 1) * width : 0) + (mirror * (cosine - sine) < 0 ? width - 1 : 0),
        .down = cosine * width - mirror * sine,
        .along = sine * width + mirror * cosine,
    };
}

static bool has_own(const patches *s, enum patch_target target, int sample)
{
    return patch_pack_origin(s->pack, target, (size_t)sample) == PATCH_OWN;
}

static int read_own(patches *s, enum patch_target target, int sample, void *out)
{
    pthread_mutex_lock(&s->reading);
    int rc = patch_pack_read_target(s->pack, target, (size_t)sample, out);
    pthread_mutex_unlock(&s->reading);
    return rc;
}

static int read_ids(patches *s, int sample, int32_t *ids)
{
    pthread_mutex_lock(&s->reading);
    int rc = patch_pack_read_parcels(s->pack, (size_t)sample, ids);
    pthread_mutex_unlock(&s->reading);
    return rc;
}

static int wrong_value(const patches *s, int sample, const char *what, double value, int pixel, double most)
{
    const int width = patches_width(s);
    return fail(FAILED, "%s: patch %s: %s: %g at row %d, column %d, wanted 0 to %g", patch_pack_path(s->pack),
                patches_id(s, sample), what, value, pixel / width, pixel % width, most);
}

/* The packing command has checked them; the network would follow a wrong one out of its memory. */
static int take_own_heat(patches *s, int sample, parcel_room *r, instance_set *set)
{
    const int pixels = patches_height(s) * patches_width(s);
    int rc = read_own(s, PATCH_HEATMAP, sample, r->heat);
    for (int i = 0; !rc && i < pixels; i++) {
        set->heat[i] = r->heat[i];
        if (!(r->heat[i] >= 0 && r->heat[i] <= 1)) rc = wrong_value(s, sample, "heat map of its own", r->heat[i], i, 1);
    }
    return rc;
}

static int take_own_zones(patches *s, int sample, instance_set *set)
{
    const int pixels = patches_height(s) * patches_width(s);
    int rc = read_own(s, PATCH_ZONES, sample, set->zone);
    for (int i = 0; !rc && i < pixels; i++)
        if (set->zone[i] < 0 || (size_t)set->zone[i] > set->instances)
            rc = wrong_value(s, sample, "zones of its own", set->zone[i], i, (double)set->instances);
    return rc;
}

/* Instances of a patch's own all count, whatever their label. */
static int find_targets(patches *s, int sample, const uint8_t *labels, parcel_room *r, instance_set *set)
{
    int rc = OK;
    const bool own = has_own(s, PATCH_INSTANCES, sample);
    const instance_source source = {
        .height = patches_height(s), .width = patches_width(s), .parcels = r->ids, .labels = own ? NULL : labels};
    if (own)
        TRY(read_own(s, PATCH_INSTANCES, sample, r->ids));
    else
        TRY(read_ids(s, sample, r->ids));
    TRY(instances_make(&source, set));
    if (has_own(s, PATCH_HEATMAP, sample)) TRY(take_own_heat(s, sample, r, set));
    if (has_own(s, PATCH_ZONES, sample)) TRY(take_own_zones(s, sample, set));
done:
    return rc;
}

/* The maps of patch i, turned; classes of the pixels after class_map. */
static void turn_maps(const patches *s, const instance_set *set, const uint8_t *labels, int turn, int i, parcel_room *r)
{
    const int height = patches_height(s), width = patches_width(s);
    const path p = path_of(turn, height, width);
    size_t to = (size_t)i * (size_t)height * (size_t)width;
    for (int row = 0; row < height; row++)
        for (int column = 0; column < width; column++, to++) {
            const int from = p.start + row * p.down + column * p.along;
            r->heatmap[to] = (float)set->heat[from];
            r->instance[to] = set->instance[from];
            r->zone[to] = set->zone[from];
            r->label[to] = s->class_map[labels[from]];
        }
}

/* Area, and rows that hold a pixel (seen: the last row, from 1, of each parcel). */
static void count_rows(const int32_t *instance, int height, int width, parcel_fact *fact, int32_t *seen)
{
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            const int id = instance[y * width + x];
            if (!id) continue;
            fact[id].area++;
            if (seen[id] != y + 1) fact[id].height++;
            seen[id] = y + 1;
        }
}

static void count_columns(const int32_t *instance, int height, int width, parcel_fact *fact, int32_t *seen)
{
    for (int x = 0; x < width; x++)
        for (int y = 0; y < height; y++) {
            const int id = instance[y * width + x];
            if (!id || seen[id] == x + 1) continue;
            fact[id].width++;
            seen[id] = x + 1;
        }
}

/* The class is that of the first pixel as stored, where the published loader reads it. */
static void find_classes(const patches *s, const instance_set *set, const uint8_t *labels, parcel_fact *fact,
                         int32_t *seen)
{
    const int pixels = patches_height(s) * patches_width(s);
    for (int i = 0; i < pixels; i++) {
        const int id = set->instance[i];
        if (!id || seen[id]) continue;
        fact[id].class = s->class_map[labels[i]];
        seen[id] = 1;
    }
}

static int find_facts(const patches *s, const instance_set *set, const uint8_t *labels, int i, parcel_room *r)
{
    int rc = OK;
    const int height = patches_height(s), width = patches_width(s);
    const size_t count = set->instances + 1, first = (size_t)r->first[i];
    const int32_t *instance = r->instance + (size_t)i * (size_t)height * (size_t)width;
    int32_t *seen = memory_new(count, 3 * sizeof *seen);
    TRY_NEW(seen);
    TRY(memory_grow((void **)&r->fact, &r->fact_capacity, first + count, sizeof *r->fact));
    memset(r->fact + first, 0, count * sizeof *r->fact);
    count_rows(instance, height, width, r->fact + first, seen);
    count_columns(instance, height, width, r->fact + first, seen + count);
    find_classes(s, set, labels, r->fact + first, seen + 2 * count);
    r->first[i + 1] = (int32_t)(first + count);
done:
    free(seen);
    return rc;
}

int parcels_read(patches *s, int sample, int turn, const uint8_t *labels, int i, parcel_room *r)
{
    int rc = OK;
    instance_set set = {0};
    TRY(find_targets(s, sample, labels, r, &set));
    turn_maps(s, &set, labels, turn, i, r);
    TRY(find_facts(s, &set, labels, i, r));
done:
    instances_free(&set);
    return rc;
}

int patches_add_parcels(patches *s, int sample, int64_t *parcels)
{
    int rc = OK;
    parcel_room r = {0};
    uint8_t *labels = memory_new((size_t)patches_height(s), (size_t)patches_width(s));
    TRY_NEW(labels);
    TRY(parcel_room_new(s, 1, &r));
    TRY(patch_labels_read(s, sample, labels));
    TRY(parcels_read(s, sample, 0, labels, 0, &r));
    for (int id = 1; id < r.first[1]; id++)
        if (r.fact[id].area && r.fact[id].class >= 0) parcels[r.fact[id].class]++;
done:
    parcel_room_free(&r);
    free(labels);
    return rc;
}
