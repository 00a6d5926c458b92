/* NORM_S2_patch.json and its kin, label_names.json. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"
#include "data-tools/pack_pastis_source.h"

enum { FOLDS = 5 };

/* ---- normalisation ------------------------------------------------------------------------------------------------- */

static bool row_read(const cJSON *list, int bands, double least, double *out)
{
    const cJSON *item;
    int count = 0;
    cJSON_ArrayForEach(item, list) {
        if (count == bands || !cJSON_IsNumber(item) || !isfinite(item->valuedouble) || item->valuedouble < least)
            return false;
        out[count++] = item->valuedouble;
    }
    return cJSON_IsArray(list) && count == bands;
}

static bool fold_of(const char *key, int *fold)
{
    if (strncmp(key, "Fold_", 5) != 0 || strlen(key) != 6 || key[5] < '1' || key[5] > '0' + FOLDS) return false;
    *fold = key[5] - '0';
    return true;
}

/* Folds that the file lacks are NaN. */
static int norm_parse(pastis_source *s, const char *file, const cJSON *document, pastis_satellite *a)
{
    const cJSON *item;
    normalisation *n = &a->norm;
    const size_t cells = (size_t)FOLDS * (size_t)a->bands;
    int rc = OK, fold;
    bool found = false;
    n->columns = a->bands;
    TRY_NEW(n->mean = memory_new(cells, sizeof *n->mean));
    TRY_NEW(n->std = memory_new(cells, sizeof *n->std));
    for (size_t i = 0; i < cells; i++) n->mean[i] = n->std[i] = (double)NAN;
    cJSON_ArrayForEach(item, document) {
        if (!item->string || !fold_of(item->string, &fold)) {
            pastis_problem(s, NULL, "%s: \"%.40s\", wanted Fold_1 to Fold_%d", file, item->string ? item->string : "",
                           FOLDS);
            continue;
        }
        double *mean = n->mean + (fold - 1) * a->bands, *std = n->std + (fold - 1) * a->bands;
        if (!row_read(cJSON_GetObjectItemCaseSensitive(item, "mean"), a->bands, -HUGE_VAL, mean) ||
            !row_read(cJSON_GetObjectItemCaseSensitive(item, "std"), a->bands, 0, std))
            pastis_problem(s, NULL, "%s: Fold_%d: wanted \"mean\" and \"std\", %d numbers each, as there are bands",
                           file, fold, a->bands);
        found = true;
    }
    if (!found) pastis_problem(s, NULL, "%s: wanted {\"Fold_1\": {\"mean\": [...], \"std\": [...]}, ...}", file);
    n->rows = FOLDS;
done:
    return rc;
}

/* Every fold that occurs must have values. */
static void norm_check(pastis_source *s, const pastis_satellite *a)
{
    size_t patches[FOLDS + 1] = {0};
    for (size_t i = 0; i < s->count; i++) patches[s->patches[i].fold] += !s->patches[i].bad;
    for (int fold = 1; fold <= FOLDS; fold++)
        if (patches[fold] && isnan(a->norm.mean[(fold - 1) * a->bands]))
            pastis_problem(s, NULL, "%s: has no Fold_%d, which %zu patches are of", a->norm_file, fold, patches[fold]);
}

int pastis_normalisation_read(pastis_source *s)
{
    cJSON *document = NULL;
    char file[40];
    int rc = OK, before;
    for (int k = 0; k < PATCH_SATELLITES_MAX; k++) {
        pastis_satellite *a = &s->satellite[k];
        if (!a->there || !a->bands) continue;
        snprintf(file, sizeof file, "NORM_%s_patch.json", a->name);
        before = s->found.count;
        TRY(pastis_document(s, file, &document));
        if (!document) continue;
        TRY_NEW(a->norm_file = text_copy(file));
        TRY(norm_parse(s, file, document, a));
        if (s->found.count == before) norm_check(s, a);
        cJSON_Delete(document);
        document = NULL;
    }
done:
    cJSON_Delete(document);
    return rc;
}

/* ---- names of classes ---------------------------------------------------------------------------------------------- */

/* "#rrggbb" */
static bool colour_of(const cJSON *item, uint32_t *out)
{
    if (!cJSON_IsString(item) || item->valuestring[0] != '#' || strlen(item->valuestring) != 7 ||
        strspn(item->valuestring + 1, "0123456789abcdefABCDEF") != 6)
        return false;
    *out = (uint32_t)strtoul(item->valuestring + 1, NULL, 16);
    return true;
}

static bool label_of(const char *key, size_t *out)
{
    size_t length = strlen(key);
    if (!length || length > 3 || strspn(key, "0123456789") != length) return false;
    *out = (size_t)strtoul(key, NULL, 10);
    return *out < PASTIS_CLASSES;
}

static int name_read(pastis_source *s, const cJSON *item, size_t label)
{
    const cJSON *name = cJSON_IsObject(item) ? cJSON_GetObjectItemCaseSensitive(item, "name") : item;
    const cJSON *colour = cJSON_IsObject(item) ? cJSON_GetObjectItemCaseSensitive(item, "color") : NULL;
    if (!cJSON_IsString(name) || !name->valuestring[0] || (colour && !colour_of(colour, &s->class_colour[label]))) {
        pastis_problem(s, NULL,
                       "label_names.json: label %zu: wanted a name, or {\"name\": ..., \"color\": \"#rrggbb\"}", label);
        return OK;
    }
    free(s->class_name[label]);
    if (!(s->class_name[label] = text_copy(name->valuestring))) return FAILED;
    if (label >= s->classes) s->classes = label + 1;
    return OK;
}

int pastis_class_names_read(pastis_source *s)
{
    cJSON *document = NULL;
    const cJSON *item;
    size_t at = 0;
    int rc = OK;
    for (size_t i = 0; i < PASTIS_CLASSES; i++) s->class_colour[i] = PATCH_NO_COLOUR;
    TRY(pastis_document(s, "label_names.json", &document));
    if (document && !cJSON_IsObject(document) && !cJSON_IsArray(document))
        pastis_problem(s, NULL, "label_names.json: wanted {\"0\": name, ...} or [name, ...]");
    cJSON_ArrayForEach(item, document) {
        size_t label = at++;
        if ((item->string && !label_of(item->string, &label)) || label >= PASTIS_CLASSES) {
            pastis_problem(s, NULL, "label_names.json: \"%.40s\", wanted labels from 0 to %d",
                           item->string ? item->string : "a list too long", PASTIS_CLASSES - 1);
            break;
        }
        TRY(name_read(s, item, label));
    }
done:
    cJSON_Delete(document);
    return rc;
}
