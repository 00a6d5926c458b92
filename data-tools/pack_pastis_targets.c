#include "data-tools/pack_pastis_targets.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"
#include "data-tools/instances_files.h"
#include "data-tools/pack_pastis_images.h"

/* ---- one patch ----------------------------------------------------------------------------------------------------- */

static size_t pixels_of(const pastis_source *s)
{
    return (size_t)s->height * (size_t)s->width;
}

static void keep_own(pastis_targets *t, enum patch_target target, void *values)
{
    t->origin[target] = PATCH_OWN;
    t->own[target] = values;
}

/* *set, made of parcels and labels, becomes that of the instances where these are others: then every one counts. */
static int instances_take(pastis_source *s, pastis_patch *p, const int32_t *parcels, instance_set *set,
                          pastis_targets *t)
{
    const size_t bytes = pixels_of(s) * sizeof(int32_t);
    int32_t *read = NULL;
    instance_set own = {0}, other;
    int rc = OK;
    if (p->parcels.there) TRY(pastis_numbers_read(s, p, PATCH_INSTANCES, &read));
    if (p->bad) goto done;
    const instance_source source = {.height = s->height, .width = s->width, .parcels = read ? read : parcels};
    TRY(instances_make(&source, &own));
    t->origin[PATCH_INSTANCES] = PATCH_AS_MADE;
    if (memcmp(own.instance, set->instance, bytes) != 0) {
        int32_t *values = memory_new(bytes, 1);
        TRY_NEW(values);
        memcpy(values, own.instance, bytes);
        keep_own(t, PATCH_INSTANCES, values);
    }
    other = *set; /* ids are the file's, by which zones name them */
    *set = own;
    own = other;
done:
    instances_free(&own);
    free(read);
    return rc;
}

static int heat_take(pastis_source *s, pastis_patch *p, const instance_set *set, pastis_targets *t)
{
    const enum number_type type = p->target[PATCH_HEATMAP].header.type;
    const size_t pixels = pixels_of(s);
    void *raw;
    size_t worst;
    int rc = pastis_heat_read(s, p, &raw);
    if (rc || !raw) return rc;
    t->origin[PATCH_HEATMAP] = PATCH_AS_MADE;
    if (instances_heat_difference(set, type, raw, pixels, &worst) > INSTANCES_HEAT_TOLERANCE) {
        float *values = memory_new(pixels, sizeof *values);
        TRY_NEW(values);
        for (size_t i = 0; i < pixels; i++) values[i] = (float)number_get(type, raw, i);
        keep_own(t, PATCH_HEATMAP, values);
    }
done:
    free(raw);
    return rc;
}

static int by_id(const void *a, const void *b)
{
    const instance_parcel *x = a, *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

/* The number of the instance that a zone is of; -1: there is none. */
static int32_t number_of(const pastis_patch *p, const instance_set *set, int32_t zone)
{
    if (!p->target[PATCH_INSTANCES].there) return (size_t)zone <= set->instances ? zone : -1;
    const instance_parcel wanted = {.id = zone};
    const instance_parcel *found =
        set->parcels ? bsearch(&wanted, set->parcel, set->parcels, sizeof wanted, by_id) : NULL;
    return !zone ? 0 : found ? found->instance : -1;
}

static void zone_refuse(pastis_source *s, pastis_patch *p, const instance_set *set, int32_t zone, size_t pixel)
{
    const size_t width = (size_t)s->width, row = pixel / width, column = pixel % width;
    const pastis_name name = pastis_target_name(PATCH_ZONES, p->id);
    if (p->target[PATCH_INSTANCES].there)
        pastis_problem(s, p, "%s: %d at row %zu, column %zu, which is none of the instances of %s", name.text, zone,
                       row, column, pastis_target_name(PATCH_INSTANCES, p->id).text);
    else
        pastis_problem(s, p, "%s: %d at row %zu, column %zu, wanted 0 to %zu, as the patch has parcels that count",
                       name.text, zone, row, column, set->instances);
}

static int zones_take(pastis_source *s, pastis_patch *p, const instance_set *set, pastis_targets *t)
{
    int32_t *zones;
    int rc = pastis_numbers_read(s, p, PATCH_ZONES, &zones);
    if (rc || !zones) return rc;
    for (size_t i = 0; i < pixels_of(s) && !p->bad; i++) {
        const int32_t number = number_of(p, set, zones[i]);
        if (number < 0) zone_refuse(s, p, set, zones[i], i);
        zones[i] = number;
    }
    t->origin[PATCH_ZONES] = PATCH_AS_MADE;
    if (!p->bad && memcmp(zones, set->zone, pixels_of(s) * sizeof *zones) != 0)
        keep_own(t, PATCH_ZONES, zones);
    else
        free(zones);
    return OK;
}

int pastis_targets_read(pastis_source *s, pastis_patch *p, const uint8_t *labels, const int32_t *parcels,
                        pastis_targets *out)
{
    const instance_source source = {.height = s->height, .width = s->width, .parcels = parcels, .labels = labels};
    instance_set set = {0};
    int rc = OK;
    *out = (pastis_targets){0};
    TRY(instances_make(&source, &set));
    if (p->target[PATCH_INSTANCES].there) TRY(instances_take(s, p, parcels, &set, out));
    if (p->target[PATCH_HEATMAP].there && !p->bad) TRY(heat_take(s, p, &set, out));
    if (p->target[PATCH_ZONES].there && !p->bad) TRY(zones_take(s, p, &set, out));
done:
    if (rc || p->bad) pastis_targets_free(out);
    instances_free(&set);
    return rc;
}

void pastis_targets_free(pastis_targets *t)
{
    for (int k = 0; k < PATCH_TARGETS; k++) free(t->own[k]);
    *t = (pastis_targets){0};
}

/* ---- all of them --------------------------------------------------------------------------------------------------- */

typedef struct survey {
    name_list own[PATCH_TARGETS]; /* patches */
    name_list dark;               /* patches with a heat map without a centre */
} survey;

static bool has_centre(const float *heat, size_t pixels)
{
    for (size_t i = 0; i < pixels; i++)
        if (heat[i] >= 1) return true;
    return false;
}

static int patch_survey(pastis_source *s, pastis_patch *p, survey *v)
{
    pastis_targets t = {0};
    uint8_t *labels = NULL;
    int32_t *parcels = NULL;
    int rc = OK;
    if (s->height < 2 || s->width < 2) {
        pastis_problem(s, p, "patch %s: %d x %d pixels, wanted at least 2 x 2 for parcels", p->id, s->height, s->width);
        goto done;
    }
    if (p->labels.there) TRY(pastis_labels_read(s, p, &labels));
    TRY(pastis_parcels_read(s, p, &parcels));
    if (p->bad) goto done;
    TRY(pastis_targets_read(s, p, labels, parcels, &t));
    for (int k = 0; k < PATCH_TARGETS; k++) {
        p->origin[k] = t.origin[k];
        if (t.own[k]) name_list_add(&v->own[k], p->id);
    }
    if (t.own[PATCH_HEATMAP] && !has_centre(t.own[PATCH_HEATMAP], pixels_of(s))) name_list_add(&v->dark, p->id);
done:
    pastis_targets_free(&t);
    free(labels);
    free(parcels);
    return rc;
}

static void survey_tell(survey *v)
{
    static const char *const files[PATCH_TARGETS] = {"INSTANCES", "HEATMAP", "ZONES"};
    for (int k = 0; k < PATCH_TARGETS; k++)
        if (v->own[k].count)
            log_note("%s_ID.npy of %lld patches is not what parcels and labels give; the pack has it as their own: %s",
                     files[k], v->own[k].count, name_list_text(&v->own[k]));
    if (v->dark.count)
        log_warning("%lld patches have a heat map that is 1 nowhere: training finds no centre in it: %s", v->dark.count,
                    name_list_text(&v->dark));
}

static bool has_files(const pastis_patch *p)
{
    bool any = false;
    for (int k = 0; k < PATCH_TARGETS; k++) any |= p->target[k].there;
    return any && !p->bad;
}

int pastis_targets_survey(pastis_source *s)
{
    survey v = {0};
    size_t all = 0, looked = 0;
    int rc = OK;
    for (size_t i = 0; i < s->count; i++) all += has_files(&s->patches[i]);
    for (size_t i = 0; i < s->count; i++) {
        if (!has_files(&s->patches[i])) continue;
        if (interrupt_requested())
            return fail(INTERRUPTED, "interrupted while looking at instances; nothing was written");
        TRY(patch_survey(s, &s->patches[i], &v));
        log_progress("instances", ++looked, all, "");
    }
    survey_tell(&v);
done:
    return rc;
}
