/* predict for networks with a head: of each patch ID_instances.npy (int32, H x W, 0: none), ID_classes.npy (uint8),
 * ID_confidence.npy (float32) and ID.png (the clearest date, the parcels found over it and, where they are known, the
 * true ones); of all, parcels.geojson and predictions.json. */
#include <stdlib.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "data/patches.h"
#include "format/npy.h"
#include "format/png.h"
#include "network/parcel_score.h"
#include "run/attention_log.h"
#include "run/parcel_polygons.h"
#include "run/picture.h"
#include "run/prediction.h"

typedef struct atlas {
    prediction *job;
    geojson *polygons;
    int height, width, bands;
    size_t pixels;
    int32_t *instance, *chosen; /* [pixels] of a patch */
    uint8_t *classes, *rgb;     /* [pixels], [3 pixels] */
    float *confidence;          /* [pixels] */
    parcel_result *result;      /* by instance */
    uint32_t *colour;           /* likewise */
    size_t result_capacity, colour_capacity;
    float *frames; /* of a batch */
    int32_t *offsets;
    size_t frames_capacity, offsets_capacity;
    int64_t parcels;
    cJSON *patches;
} atlas;

static void atlas_free(atlas *a)
{
    geojson_abandon(a->polygons);
    void *const all[] = {a->instance, a->chosen, a->classes, a->rgb,    a->confidence,
                         a->result,   a->colour, a->frames,  a->offsets};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
}

static int atlas_new(prediction *job, const char *path, atlas *a)
{
    int rc = OK, crs = 0;
    const patches *set = job->s.set.images;
    footprint f;
    *a = (atlas){.job = job, .height = patches_height(set), .width = patches_width(set), .bands = patches_bands(set)};
    a->pixels = (size_t)a->height * (size_t)a->width;
    TRY_NEW(a->instance = memory_new(a->pixels, sizeof *a->instance));
    TRY_NEW(a->chosen = memory_new(a->pixels, sizeof *a->chosen));
    TRY_NEW(a->classes = memory_new(a->pixels, 1));
    TRY_NEW(a->rgb = memory_new(3 * a->pixels, 1));
    TRY_NEW(a->confidence = memory_new(a->pixels, sizeof *a->confidence));
    if (patches_footprint(set, 0, &f)) crs = f.crs;
    TRY(geojson_open(path, crs, &a->polygons));
done:
    return rc;
}

/* ---- one patch ------------------------------------------------------------------------------------------------------ */

/* What the pseudo-NMS leaves of the candidates: maps, and each instance's class and confidence. */
static int settle(atlas *a, const network *w, const paps_found *found, int patch)
{
    int rc = OK;
    nms_options options;
    const nms_candidates all = {found->count, found->crop, found->confidence, found->mask};
    TRY(nms_options_of(w, &options));
    TRY(pseudo_nms(&all, patch, options, a->height, a->width, a->instance, a->chosen));
    TRY(memory_grow((void **)&a->result, &a->result_capacity, (size_t)found->count + 1, sizeof *a->result));
    TRY(memory_grow((void **)&a->colour, &a->colour_capacity, (size_t)found->count + 1, sizeof *a->colour));
    for (size_t i = 0; i < a->pixels; i++) {
        const int candidate = a->chosen[i], id = a->instance[i];
        a->classes[i] = 0;
        a->confidence[i] = 0;
        if (candidate < 0) continue;
        parcel_result *r = &a->result[id];
        r->class = found_class(found, a->job->classes, candidate);
        r->confidence = found->confidence[candidate];
        a->colour[id] = patches_class_colour(a->job->s.set.images, r->class);
        a->classes[i] = (uint8_t)r->class;
        a->confidence[i] = r->confidence;
    }
done:
    return rc;
}

/* Instances that have a pixel, counted by class. */
static int count_parcels(atlas *a, int candidates)
{
    int count = 0;
    bool *seen = memory_new((size_t)candidates + 1, sizeof *seen);
    if (!seen) return -1;
    for (size_t i = 0; i < a->pixels; i++) {
        const int id = a->instance[i];
        if (!id || seen[id]) continue;
        seen[id] = true;
        count++;
        a->job->tally[a->result[id].class]++;
    }
    free(seen);
    a->parcels += count;
    return count;
}

static int save_array(const atlas *a, const char *id, const char *ending, enum number_type type, const void *values)
{
    const size_t size[2] = {(size_t)a->height, (size_t)a->width};
    char *path = text_format("%s/%s%s", a->job->folder, id, ending);
    if (!path) return FAILED;
    int rc = npy_save(path, type, 2, size, values);
    free(path);
    return rc;
}

/* The true parcels of patch k of the batch over the composite. */
static int paint_truth(atlas *a, picture *p, int panel, const parcel_maps *m, int k)
{
    const int first = m->first[k], count = m->first[k + 1] - first;
    uint32_t *colour = memory_new((size_t)count, sizeof *colour);
    if (!colour) return FAILED;
    for (int id = 1; id < count; id++) {
        const int class = m->fact[first + id].class;
        colour[id] = class < 0 ? 0xffffff : patches_class_colour(a->job->s.set.images, class);
    }
    picture_parcels(p, panel, a->rgb, m->instance + (size_t)k * a->pixels, colour);
    free(colour);
    return OK;
}

static int save_picture(atlas *a, const char *id, const float *frames, int dates, const parcel_maps *truth, int k)
{
    int rc = OK;
    picture p = {0};
    const int pixels = (int)a->pixels, clearest = picture_clearest(frames, dates, pixels, a->bands);
    char *path = text_format("%s/%s.png", a->job->folder, id);
    TRY_NEW(path);
    TRY(picture_new(a->width, a->height, truth ? 3 : 2, &p));
    TRY(picture_natural(frames + (size_t)clearest * a->pixels * (size_t)a->bands, pixels, a->bands, a->rgb));
    picture_panel(&p, 0, a->rgb);
    picture_parcels(&p, 1, a->rgb, a->instance, a->colour);
    if (truth) TRY(paint_truth(a, &p, 2, truth, k));
    TRY(png_save(path, p.width, p.height, p.rgb));
done:
    picture_free(&p);
    free(path);
    return rc;
}

static int save_patch(atlas *a, const inference *i, const paps_found *found, int k)
{
    int rc = OK;
    const patches *set = a->job->s.set.images;
    const int sample = (int)i->batch->sample[k], first = a->offsets[k], dates = a->offsets[k + 1] - first;
    const char *id = patches_id(set, sample);
    TRY(settle(a, i->network, found, k));
    const int count = count_parcels(a, found->count);
    if (count < 0) return FAILED;
    TRY(save_array(a, id, "_instances.npy", NUMBER_I32, a->instance));
    TRY(save_array(a, id, "_classes.npy", NUMBER_U8, a->classes));
    TRY(save_array(a, id, "_confidence.npy", NUMBER_F32, a->confidence));
    TRY(save_picture(a, id, a->frames + (size_t)first * a->pixels * (size_t)a->bands, dates, i->batch->maps, k));
    TRY(parcel_polygons(a->polygons, set, sample, a->instance, a->result, (const char *const *)a->job->names,
                        a->job->tolerance));
    cJSON *entry = cJSON_CreateObject();
    cJSON_AddStringToObject(entry, "id", id);
    cJSON_AddNumberToObject(entry, "dates", dates);
    cJSON_AddNumberToObject(entry, "parcels", count);
    json_append(a->patches, entry);
done:
    return rc;
}

static int take(void *user, const inference *i)
{
    int rc = OK;
    atlas *a = user;
    const batch *b = i->batch;
    const size_t values = (size_t)b->frames * a->pixels * (size_t)a->bands;
    paps_found found;
    TRY(paps_read(i->network->head, &found));
    TRY(memory_grow((void **)&a->offsets, &a->offsets_capacity, (size_t)b->samples + 1, sizeof *a->offsets));
    TRY(memory_grow((void **)&a->frames, &a->frames_capacity, values, sizeof *a->frames));
    TRY(buffer_read(b->offsets, 0, a->offsets, ((size_t)b->samples + 1) * sizeof *a->offsets));
    TRY(buffer_read(b->x, 0, a->frames, values * sizeof *a->frames));
    if (a->job->attention) TRY(attention_log_take(a->job->attention, i, NULL));
    for (int k = 0; k < b->samples; k++) TRY(save_patch(a, i, &found, k));
done:
    return rc;
}

/* ---- all of them ---------------------------------------------------------------------------------------------------- */

int predict_panoptic(prediction *job, cJSON *all)
{
    int rc = OK;
    atlas a = {0};
    cJSON *found = cJSON_CreateArray();
    char *document = path_join(job->folder, "predictions.json"), *polygons = path_join(job->folder, "parcels.geojson");
    TRY_NEW(document);
    TRY_NEW(polygons);
    TRY(atlas_new(job, polygons, &a));
    a.patches = found;
    TRY(prediction_run(job, true, take, &a));
    rc = geojson_finish(a.polygons);
    a.polygons = NULL;
    if (rc) goto done;
    TRY(prediction_save_patches(job, document, "parcels", found));
    cJSON_AddNumberToObject(all, "patches", job->count);
    cJSON_AddNumberToObject(all, "found", (double)a.parcels);
    cJSON_AddStringToObject(all, "out", job->folder);
    cJSON_AddStringToObject(all, "json", document);
    cJSON_AddStringToObject(all, "geojson", polygons);
done:
    cJSON_Delete(found);
    atlas_free(&a);
    free(document);
    free(polygons);
    return rc;
}
