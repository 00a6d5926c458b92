#include "run/info_patches.h"

#include <stdlib.h>

#include "base/date.h"
#include "base/error.h"
#include "base/schema.h"
#include "format/h5.h"
#include "format/patch_pack.h"

enum { FOLDS = 5, CLASSES = 256 };

/* ---- satellites -------------------------------------------------------------------------------------------------- */

typedef struct dates {
    size_t patches;
    int least, most;
    double sum;
    int32_t first, last; /* days */
} dates;

static dates dates_of(const patch_pack *p, int satellite)
{
    dates d = {.least = INT32_MAX, .first = INT32_MAX, .last = INT32_MIN};
    for (size_t i = 0; i < patch_pack_count(p); i++) {
        int count = patch_pack_dates(p, satellite, i);
        const int32_t *days = patch_pack_days(p, satellite, i);
        if (!count) continue;
        d.patches++;
        d.sum += count;
        if (count < d.least) d.least = count;
        if (count > d.most) d.most = count;
        for (int t = 0; t < count; t++) {
            if (days[t] < d.first) d.first = days[t];
            if (days[t] > d.last) d.last = days[t];
        }
    }
    return d;
}

static void satellite_add(const patch_pack *p, int index, cJSON *list)
{
    const patch_satellite *s = patch_pack_satellite(p, index);
    const dates d = dates_of(p, index);
    cJSON *one = cJSON_AddObjectToObject(list, s->name), *span;
    cJSON_AddNumberToObject(one, "bands", s->bands);
    cJSON_AddStringToObject(one, "type", number_name(s->type));
    cJSON_AddStringToObject(one, "normalisation", s->folds ? s->source : "none");
    cJSON_AddNumberToObject(one, "patches", (double)d.patches);
    cJSON_AddNumberToObject(one, "frames", d.sum);
    if (!d.patches) return;
    span = cJSON_AddObjectToObject(one, "dates");
    cJSON_AddNumberToObject(span, "least", d.least);
    cJSON_AddNumberToObject(span, "mean", d.sum / (double)d.patches);
    cJSON_AddNumberToObject(span, "most", d.most);
    cJSON_AddStringToObject(span, "first", date_write(d.first).text);
    cJSON_AddStringToObject(span, "last", date_write(d.last).text);
}

/* ---- classes ----------------------------------------------------------------------------------------------------- */

static void classes_add(const patch_pack *p, cJSON *out)
{
    double pixels[CLASSES] = {0}, all = 0;
    cJSON *list;
    if (!patch_pack_has_labels(p)) return;
    for (size_t i = 0; i < patch_pack_count(p); i++) {
        const int64_t *histogram = patch_pack_histogram(p, i);
        for (int k = 0; histogram && k < CLASSES; k++) {
            pixels[k] += (double)histogram[k];
            all += (double)histogram[k];
        }
    }
    list = cJSON_AddArrayToObject(out, "classes");
    for (int k = 0; k < CLASSES; k++) {
        const char *name = patch_pack_class_name(p, k);
        if (pixels[k] == 0 && !name) continue;
        cJSON *one = cJSON_CreateObject();
        json_append(list, one);
        cJSON_AddNumberToObject(one, "label", k);
        if (name) cJSON_AddStringToObject(one, "name", name);
        cJSON_AddNumberToObject(one, "pixels", pixels[k]);
        cJSON_AddNumberToObject(one, "share", all > 0 ? pixels[k] / all : 0);
    }
}

/* ---- what is there, what is not ---------------------------------------------------------------------------------- */

static void folds_add(const patch_pack *p, cJSON *out)
{
    static const char *const names[FOLDS + 1] = {"none", "1", "2", "3", "4", "5"};
    double patches[FOLDS + 1] = {0};
    cJSON *folds = cJSON_AddObjectToObject(out, "folds");
    for (size_t i = 0; i < patch_pack_count(p); i++) patches[patch_pack_fold(p, i)]++;
    for (int f = 1; f <= FOLDS; f++) cJSON_AddNumberToObject(folds, names[f], patches[f]);
    if (patches[0] > 0) cJSON_AddNumberToObject(folds, names[0], patches[0]);
}

/* Patches without something that others may have; nothing where all have it. */
static void missing_add(const patch_pack *p, cJSON *out)
{
    size_t count = patch_pack_count(p), labelled = 0, parcelled = 0, placed = 0;
    int crs;
    cJSON *missing = cJSON_AddObjectToObject(out, "patches_without");
    for (size_t i = 0; i < count; i++) {
        labelled += patch_pack_has_label(p, i);
        parcelled += patch_pack_has_parcel(p, i);
        placed += patch_pack_corners(p, i, &crs) != NULL;
    }
    for (int s = 0; s < patch_pack_satellites(p); s++) {
        size_t have = dates_of(p, s).patches;
        if (have < count) cJSON_AddNumberToObject(missing, patch_pack_satellite(p, s)->name, (double)(count - have));
    }
    if (labelled < count) cJSON_AddNumberToObject(missing, "labels", (double)(count - labelled));
    if (parcelled < count) cJSON_AddNumberToObject(missing, "parcels", (double)(count - parcelled));
    if (placed < count) cJSON_AddNumberToObject(missing, "outline", (double)(count - placed));
    if (missing && !missing->child) cJSON_DeleteItemFromObject(out, "patches_without");
}

/* Of how many patches with parcels what panoptic training aims at is in the pack, and of how many it is made when they are
 * read. */
static void targets_add(const patch_pack *p, cJSON *out)
{
    static const char *const names[PATCH_TARGETS] = {"instances", "heat_maps", "zones"};
    static const char *const origins[PATCH_OWN + 1] = {"made_when_read", "taken_as_made", "taken_own"};
    double patches[PATCH_TARGETS][PATCH_OWN + 1] = {{0}}, parcelled = 0;
    for (size_t i = 0; i < patch_pack_count(p); i++) {
        if (!patch_pack_has_parcel(p, i)) continue;
        parcelled++;
        for (int k = 0; k < PATCH_TARGETS; k++) patches[k][patch_pack_origin(p, (enum patch_target)k, i)]++;
    }
    if (parcelled == 0) return;
    cJSON *targets = cJSON_AddObjectToObject(out, "parcel_targets");
    cJSON_AddNumberToObject(targets, "patches", parcelled);
    for (int k = 0; k < PATCH_TARGETS; k++) {
        cJSON *one = cJSON_AddObjectToObject(targets, names[k]);
        for (int o = 0; o <= PATCH_OWN; o++) cJSON_AddNumberToObject(one, origins[o], patches[k][o]);
    }
}

/* What --skip-bad left out, a line each. */
static int left_out_add(const char *path, cJSON *out)
{
    h5 *file = NULL;
    char *text = NULL;
    bool there;
    int rc = OK;
    TRY(h5_open(path, &file));
    TRY(h5_has_attribute(file, "/", "left_out", &there));
    if (!there) goto done;
    TRY(h5_get_text(file, "/", "left_out", &text));
    cJSON_AddStringToObject(out, "left_out", text);
done:
    free(text);
    h5_close(file);
    return rc;
}

int patches_info(const char *path, cJSON *out)
{
    patch_pack *p = NULL;
    cJSON *satellites;
    int crs, rc = OK;
    TRY(patch_pack_open(path, &p));
    cJSON_AddNumberToObject(out, "patches", (double)patch_pack_count(p));
    cJSON_AddNumberToObject(out, "height", patch_pack_height(p));
    cJSON_AddNumberToObject(out, "width", patch_pack_width(p));
    patch_pack_corners(p, 0, &crs);
    if (crs) cJSON_AddNumberToObject(out, "epsg", crs);
    folds_add(p, out);
    satellites = cJSON_AddObjectToObject(out, "satellites");
    for (int s = 0; s < patch_pack_satellites(p); s++) satellite_add(p, s, satellites);
    cJSON_AddBoolToObject(out, "labels", patch_pack_has_labels(p));
    cJSON_AddBoolToObject(out, "parcels", patch_pack_has_parcels(p));
    targets_add(p, out);
    classes_add(p, out);
    missing_add(p, out);
    TRY(left_out_add(path, out));
done:
    patch_pack_close(p);
    return rc;
}
