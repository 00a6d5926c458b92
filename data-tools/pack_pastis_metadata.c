/* metadata.geojson: each patch's fold, dates and outline. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/schema.h"
#include "data-tools/date_list.h"
#include "data-tools/pack_pastis_source.h"

enum { ID_BYTES = 128, FOLDS = 5, CORNERS = 4 };

/* ---- fold and id: numbers, or text ---------------------------------------------------------------------------------- */

static bool text_of(const cJSON *item, char text[ID_BYTES])
{
    if (cJSON_IsString(item) && item->valuestring[0])
        return snprintf(text, ID_BYTES, "%s", item->valuestring) < ID_BYTES;
    if (!cJSON_IsNumber(item) || floor(item->valuedouble) != item->valuedouble || fabs(item->valuedouble) > 1e15)
        return false;
    snprintf(text, ID_BYTES, "%.0f", item->valuedouble);
    return true;
}

static void fold_read(pastis_source *s, pastis_patch *p, const cJSON *properties)
{
    char text[ID_BYTES] = "";
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(properties, "Fold");
    if (!item || cJSON_IsNull(item)) return; /* folds_check complains where others have one */
    if (text_of(item, text) && strlen(text) == 1 && text[0] >= '1' && text[0] <= '0' + FOLDS) {
        p->fold = text[0] - '0';
        s->has_folds = true;
        return;
    }
    char *found = cJSON_PrintUnformatted(item);
    pastis_problem(s, p, "metadata.geojson: patch %s: Fold is %.40s, wanted 1 to %d", p->id, found ? found : "?",
                   FOLDS);
    cJSON_free(found);
}

static void folds_check(pastis_source *s)
{
    if (!s->has_folds) log_note("metadata.geojson gives no patch a Fold: the pack can be predicted on, not trained on");
    for (size_t i = 0; i < s->count && s->has_folds; i++) {
        pastis_patch *p = &s->patches[i];
        if (p->entry && !p->bad && !p->fold)
            pastis_problem(s, p, "metadata.geojson: patch %s has no Fold, wanted 1 to %d", p->id, FOLDS);
    }
}

/* ---- dates --------------------------------------------------------------------------------------------------------- */

static int list_read(pastis_source *s, pastis_patch *p, int k, const cJSON *list, const char *where)
{
    size_t count = date_list_length(list);
    if (!count) {
        pastis_problem(s, p, "%s: holds no date", where);
        return OK;
    }
    int32_t *days = memory_new(count, sizeof *days);
    if (!days) return FAILED;
    if (date_list_read(list, where, count, days)) {
        pastis_problem(s, p, "%s", error_message());
        free(days);
        return OK;
    }
    if (!dates_in_order(days, count)) log_warning("%s: the dates are not in order", where);
    p->dates[k] = count;
    p->days[k] = days;
    return OK;
}

/* An object or list, or the text of one. */
static int dates_read(pastis_source *s, pastis_patch *p, int k, const cJSON *properties)
{
    char key[16], where[200];
    cJSON *parsed = NULL;
    int rc = OK;
    snprintf(key, sizeof key, "dates-%s", pastis_satellite_name(k));
    snprintf(where, sizeof where, "metadata.geojson: patch %.100s: %s", p->id, key);
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(properties, key);
    if (!item || cJSON_IsNull(item)) return OK; /* headers_read complains where there are images */
    if (cJSON_IsString(item)) {
        if (json_parse(item->valuestring, strlen(item->valuestring), where, &parsed)) {
            pastis_problem(s, p, "%s", error_message());
            return OK;
        }
        item = parsed;
    }
    if (cJSON_IsObject(item) || cJSON_IsArray(item))
        rc = list_read(s, p, k, item, where);
    else
        pastis_problem(s, p, "%s: wanted {\"0\": YYYYMMDD, ...}, or that as text", where);
    cJSON_Delete(parsed);
    return rc;
}

/* ---- outline ------------------------------------------------------------------------------------------------------- */

/* The first ring of a Polygon or MultiPolygon. */
static const cJSON *ring_of(const cJSON *geometry)
{
    const cJSON *ring = cJSON_GetObjectItemCaseSensitive(geometry, "coordinates");
    while (cJSON_IsArray(ring) && cJSON_IsArray(ring->child) && cJSON_IsArray(ring->child->child)) ring = ring->child;
    return cJSON_IsArray(ring) && cJSON_IsArray(ring->child) ? ring : NULL;
}

/* The corners of a quadrangle as they come; false for any other outline. */
static bool corners_read(const cJSON *ring, double at[CORNERS + 1][2])
{
    const cJSON *point;
    int count = 0;
    cJSON_ArrayForEach(point, ring) {
        const cJSON *x = cJSON_IsArray(point) ? point->child : NULL, *y = x ? x->next : NULL;
        if (count > CORNERS || !cJSON_IsNumber(x) || !cJSON_IsNumber(y)) return false;
        at[count][0] = x->valuedouble;
        at[count][1] = y->valuedouble;
        if (!isfinite(at[count][0]) || !isfinite(at[count][1])) return false;
        count++;
    }
    return count == CORNERS || (count == CORNERS + 1 && at[0][0] == at[CORNERS][0] && at[0][1] == at[CORNERS][1]);
}

/* Upper left first, clockwise (y grows upwards): the image's own order. */
static void outline_read(pastis_patch *p, const cJSON *geometry)
{
    double at[CORNERS + 1][2], area = 0;
    int first = 0;
    for (int i = 0; i < 2 * CORNERS; i++) p->corners[i] = (double)NAN;
    if (!corners_read(ring_of(geometry), at)) return;
    for (int i = 0; i < CORNERS; i++) {
        int next = (i + 1) % CORNERS;
        area += at[i][0] * at[next][1] - at[next][0] * at[i][1];
        if (at[i][1] - at[i][0] > at[first][1] - at[first][0]) first = i;
    }
    for (int i = 0; i < CORNERS; i++) {
        int from = (first + (area < 0 ? i : CORNERS - i)) % CORNERS;
        p->corners[2 * i] = at[from][0];
        p->corners[2 * i + 1] = at[from][1];
    }
}

/* "urn:ogc:def:crs:EPSG::2154" or "EPSG:2154"; 0 for any other system. */
static int crs_of(const cJSON *document)
{
    const cJSON *crs = cJSON_GetObjectItemCaseSensitive(document, "crs");
    const cJSON *name = cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(crs, "properties"), "name");
    if (!cJSON_IsString(name) || !strstr(name->valuestring, "EPSG")) return 0;
    const char *colon = strrchr(name->valuestring, ':');
    long code = colon ? strtol(colon + 1, NULL, 10) : 0;
    return code > 0 && code < 1000000 ? (int)code : 0;
}

/* ---- features ------------------------------------------------------------------------------------------------------ */

static int feature_read(pastis_source *s, const cJSON *feature, size_t index)
{
    const cJSON *properties = cJSON_GetObjectItemCaseSensitive(feature, "properties");
    char id[ID_BYTES];
    int rc = OK;
    if (!text_of(cJSON_GetObjectItemCaseSensitive(properties, "ID_PATCH"), id)) {
        pastis_problem(s, NULL, "metadata.geojson: feature %zu has no ID_PATCH, wanted a number or text", index);
        return OK;
    }
    pastis_patch *p = pastis_find(s, id);
    if (!p) {
        pastis_patch absent = {.id = id};
        char text[ID_BYTES] = "";
        const cJSON *fold = cJSON_GetObjectItemCaseSensitive(properties, "Fold");
        if (text_of(fold, text) && text[0] >= '1' && text[0] <= '5' && !s->wanted_fold[text[0] - '0']) return OK;
        s->absent++;
        pastis_problem(s, &absent, "metadata.geojson: patch %s has no image, wanted %s", id,
                       pastis_image_name(0, id).text);
        return OK;
    }
    if (p->entry) {
        pastis_problem(s, p, "metadata.geojson: patch %s stands twice", id);
        return OK;
    }
    p->entry = true;
    fold_read(s, p, properties);
    for (int k = 0; k < PATCH_SATELLITES_MAX; k++) TRY(dates_read(s, p, k, properties));
    outline_read(p, cJSON_GetObjectItemCaseSensitive(feature, "geometry"));
done:
    return rc;
}

static void strangers_check(pastis_source *s)
{
    for (size_t i = 0; i < s->count; i++) {
        pastis_patch *p = &s->patches[i];
        int k = 0;
        if (p->entry) continue;
        while (k + 1 < PATCH_SATELLITES_MAX && !s->satellite[k].there) k++;
        pastis_problem(s, p, "%s: metadata.geojson has no feature with ID_PATCH %s", pastis_image_name(k, p->id).text,
                       p->id);
    }
}

int pastis_metadata_read(pastis_source *s)
{
    cJSON *document = NULL;
    const cJSON *feature;
    size_t index = 0;
    int rc = OK;
    TRY(pastis_document(s, "metadata.geojson", &document));
    const cJSON *features = cJSON_GetObjectItemCaseSensitive(document, "features");
    if (!document || !cJSON_IsArray(features)) {
        if (document || !s->found.count)
            pastis_problem(s, NULL,
                           "metadata.geojson: %s, wanted {\"features\": [{\"properties\": {\"ID_PATCH\", \"Fold\", "
                           "\"dates-S2\"}, \"geometry\"}, ...]}",
                           document ? "holds no features" : "is missing");
        rc = problems_report(&s->found, s->folder);
        goto done;
    }
    s->crs = crs_of(document);
    cJSON_ArrayForEach(feature, features) {
        TRY(feature_read(s, feature, index++));
        if (interrupt_requested()) {
            rc = fail(INTERRUPTED, "interrupted while reading metadata.geojson; nothing was written");
            goto done;
        }
    }
    strangers_check(s);
    folds_check(s);
done:
    cJSON_Delete(document);
    return rc;
}
