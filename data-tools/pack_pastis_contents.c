#include "data-tools/pack_pastis_contents.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/memory.h"
#include "data-tools/pack_common.h"

static const pastis_patch *patch_of(const pastis_source *s, const pastis_contents *c, size_t i)
{
    return &s->patches[c->patch[i]];
}

/* Whether the pack holds parcel ids of the patch: instances to take for ids are there already where they are its own. */
static bool has_ids(const pastis_patch *p)
{
    return p->parcels.there || (p->target[PATCH_INSTANCES].there && p->origin[PATCH_INSTANCES] != PATCH_OWN);
}

/* Nothing where no patch has such a file. */
static int origins_list(const pastis_source *s, pastis_contents *c, int target)
{
    uint8_t *origin = memory_new(c->pack.count, 1);
    bool any = false;
    if (!origin) return FAILED;
    for (size_t i = 0; i < c->pack.count; i++) {
        origin[i] = (uint8_t)patch_of(s, c, i)->origin[target];
        any |= origin[i] != PATCH_MADE;
    }
    if (any)
        c->pack.origin[target] = origin;
    else
        free(origin);
    return OK;
}

static int patches_choose(const pastis_source *s, pastis_contents *c)
{
    int rc = OK;
    const char **ids;
    int32_t *fold;
    double *corners;
    bool *labelled = NULL, *parcelled = NULL, has_parcels = false;
    TRY_NEW(c->patch = memory_new(s->count, sizeof *c->patch));
    for (size_t i = 0; i < s->count; i++)
        if (!s->patches[i].bad) c->patch[c->pack.count++] = i;
    const size_t count = c->pack.count;
    TRY_NEW(ids = memory_new(count, sizeof *ids));
    c->pack.ids = ids;
    TRY_NEW(c->pack.fold = fold = memory_new(count, sizeof *fold));
    TRY_NEW(c->pack.corners = corners = memory_new(count, 8 * sizeof *corners));
    if (s->has_labels) TRY_NEW(c->pack.labelled = labelled = memory_new(count, sizeof *labelled));
    for (size_t i = 0; i < count; i++) has_parcels |= has_ids(patch_of(s, c, i));
    if (has_parcels) TRY_NEW(c->pack.parcelled = parcelled = memory_new(count, sizeof *parcelled));
    for (size_t i = 0; i < count; i++) {
        const pastis_patch *p = patch_of(s, c, i);
        ids[i] = p->id;
        fold[i] = p->fold;
        memcpy(corners + 8 * i, p->corners, sizeof p->corners);
        if (s->has_labels) labelled[i] = p->labels.there;
        if (has_parcels) parcelled[i] = has_ids(p);
    }
    for (int k = 0; k < PATCH_TARGETS; k++) TRY(origins_list(s, c, k));
done:
    return rc;
}

/* Satellite k of the source, where a patch that is packed has it. */
static int satellite_add(const pastis_source *s, pastis_contents *c, int k)
{
    patch_frames *f = &c->satellite[c->pack.satellites];
    int rc = OK;
    size_t frames = 0, at = 0;
    int32_t *dates = memory_new(c->pack.count, sizeof *dates), *days = NULL;
    TRY_NEW(dates);
    for (size_t i = 0; i < c->pack.count; i++) {
        const pastis_patch *p = patch_of(s, c, i);
        dates[i] = p->image[k].there ? (int32_t)p->dates[k] : 0;
        frames += (size_t)dates[i];
    }
    if (!frames) goto done;
    TRY_NEW(days = memory_new(frames, sizeof *days));
    for (size_t i = 0; i < c->pack.count; i++) {
        if (dates[i]) memcpy(days + at, patch_of(s, c, i)->days[k], (size_t)dates[i] * sizeof *days);
        at += (size_t)dates[i];
    }
    *f = (patch_frames){pastis_satellite_name(k), s->satellite[k].bands, s->satellite[k].type, dates, days};
    c->index[c->pack.satellites++] = k;
    return OK;
done:
    free(dates);
    return rc;
}

static void image_hash(pastis_contents *c, const pastis_image *image, uint64_t *fingerprint)
{
    *fingerprint = pack_hash_number(*fingerprint, image->there);
    if (!image->there) return;
    *fingerprint = pack_hash_array(*fingerprint, &image->header, &image->file);
    c->state = pack_hash_time(c->state, &image->file);
}

static void contents_hash(const pastis_source *s, pastis_contents *c)
{
    uint64_t fingerprint = s->documents;
    c->state = HASH_START;
    for (size_t i = 0; i < c->pack.count; i++) {
        const pastis_patch *p = patch_of(s, c, i);
        fingerprint = hash_text(fingerprint, p->id);
        for (int k = 0; k < PATCH_SATELLITES_MAX; k++) image_hash(c, &p->image[k], &fingerprint);
        image_hash(c, &p->labels, &fingerprint);
        image_hash(c, &p->parcels, &fingerprint);
        for (int k = 0; k < PATCH_TARGETS; k++) {
            image_hash(c, &p->target[k], &fingerprint);
            fingerprint = pack_hash_number(fingerprint, p->origin[k]);
        }
    }
    for (int k = 0; k < c->pack.satellites; k++) fingerprint = pack_hash_number(fingerprint, c->satellite[k].type);
    if (c->pack.left_out) fingerprint = hash_text(fingerprint, c->pack.left_out);
    snprintf(c->fingerprint, sizeof c->fingerprint, "%016llx", (unsigned long long)fingerprint);
    c->state = pack_hash_number(c->state, fingerprint);
    c->pack.fingerprint = c->fingerprint;
}

int pastis_contents_make(const pastis_source *s, pastis_contents *c)
{
    int rc = OK;
    *c = (pastis_contents){.pack = {.height = s->height, .width = s->width, .crs = s->crs}};
    TRY(patches_choose(s, c));
    for (int k = 0; k < PATCH_SATELLITES_MAX; k++) TRY(satellite_add(s, c, k));
    c->pack.satellite = c->satellite;
    c->pack.class_name = (const char *const *)s->class_name;
    c->pack.class_colour = s->class_colour;
    c->pack.classes = s->classes;
    c->pack.left_out = s->left_out.count ? s->left_out.text : NULL;
    contents_hash(s, c);
done:
    if (rc) pastis_contents_free(c);
    return rc;
}

void pastis_contents_free(pastis_contents *c)
{
    for (int k = 0; k < c->pack.satellites; k++) {
        free((void *)c->satellite[k].dates);
        free((void *)c->satellite[k].days);
    }
    free(c->patch);
    free((void *)c->pack.ids);
    free((void *)c->pack.fold);
    free((void *)c->pack.corners);
    free((void *)c->pack.labelled);
    free((void *)c->pack.parcelled);
    for (int k = 0; k < PATCH_TARGETS; k++) free((void *)c->pack.origin[k]);
    *c = (pastis_contents){0};
}
