#include "data-tools/label_parcels.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/schema.h"
#include "data-tools/geotiff_parcels.h"
#include "data-tools/parcel_layer.h"
#include "format/pixelset_pack.h"

enum { DOCUMENT_MAX = 1 << 30, CODE_SIZE = 16 };

typedef struct labelling {
    const label_parcels_options *o;
    scenes scenes;
    cJSON *predictions, *names;
    const cJSON **sorted; /* [count] predictions by id */
    size_t count;
    geo_layer *layer;
    int id;
    char code[2][CODE_SIZE]; /* of a parcel's two most probable classes */
    parcel_layer out;
    size_t written;
} labelling;

/* ---- predictions --------------------------------------------------------------------------------------------------- */

static const char *id_of(const cJSON *prediction)
{
    const cJSON *id = cJSON_GetObjectItemCaseSensitive(prediction, "id");
    return cJSON_IsString(id) ? id->valuestring : "";
}

static int by_id(const void *a, const void *b)
{
    return strcmp(id_of(*(const cJSON *const *)a), id_of(*(const cJSON *const *)b));
}

static int by_key(const void *key, const void *element)
{
    return strcmp(key, id_of(*(const cJSON *const *)element));
}

static int predictions_read(labelling *l, const char *path)
{
    const cJSON *one, *list;
    int rc = OK;
    TRY(json_read(path, DOCUMENT_MAX, &l->predictions));
    list = cJSON_GetObjectItemCaseSensitive(l->predictions, "parcels");
    cJSON_ArrayForEach(one, list) l->count++;
    if (!l->count || !cJSON_IsArray(cJSON_GetObjectItemCaseSensitive(l->predictions, "classes"))) {
        rc = fail(FAILED, "%s: wanted {\"classes\": [...], \"parcels\": [...]}, as predict writes it", path);
        goto done;
    }
    TRY_NEW(l->sorted = memory_new(l->count, sizeof *l->sorted));
    l->count = 0;
    cJSON_ArrayForEach(one, list) l->sorted[l->count++] = one;
    qsort(l->sorted, l->count, sizeof *l->sorted, by_id);
done:
    return rc;
}

static int names_read(labelling *l)
{
    pixelset_pack *pack = NULL;
    char *text = NULL;
    int rc = OK;
    if (!l->o->names_pack) return OK;
    TRY(pixelset_pack_open(l->o->names_pack, &pack));
    if (pixelset_pack_nomenclatures(pack)) TRY(pixelset_pack_classes(pack, l->o->nomenclature, &text));
    l->names = text ? cJSON_Parse(text) : NULL;
done:
    free(text);
    pixelset_pack_close(pack);
    return rc;
}

/* A class as predictions have it: the text that its label stands for, or the label, a number. Both, where names are known. */
static void choice_name(labelling *l, parcel_choice *choice, char code[CODE_SIZE])
{
    char *end;
    const cJSON *name;
    int label = 0;
    cJSON_ArrayForEach(name, l->names) {
        if (cJSON_IsString(name) && !strcmp(name->valuestring, choice->code)) {
            snprintf(code, CODE_SIZE, "%d", label);
            *choice = (parcel_choice){code, name->valuestring, choice->probability};
            return;
        }
        label++;
    }
    const long number = strtol(choice->code, &end, 10);
    name = *choice->code && !*end && number >= 0 && number < label ? cJSON_GetArrayItem(l->names, (int)number) : NULL;
    if (cJSON_IsString(name)) choice->name = name->valuestring;
}

/* ---- one parcel ---------------------------------------------------------------------------------------------------- */

/* The two most probable classes. */
static bool choices_of(labelling *l, const cJSON *prediction, parcel_choice best[2])
{
    const cJSON *classes = cJSON_GetObjectItemCaseSensitive(l->predictions, "classes"), *p, *code = classes->child;
    best[0] = best[1] = (parcel_choice){NULL, NULL, (double)NAN};
    cJSON_ArrayForEach(p, cJSON_GetObjectItemCaseSensitive(prediction, "probabilities")) {
        if (!cJSON_IsNumber(p) || !cJSON_IsString(code)) return false;
        const parcel_choice one = {code->valuestring, NULL, p->valuedouble};
        if (!best[0].code || one.probability > best[0].probability) {
            best[1] = best[0];
            best[0] = one;
        } else if (!best[1].code || one.probability > best[1].probability) {
            best[1] = one;
        }
        code = code->next;
    }
    for (int k = 0; k < 2; k++)
        if (best[k].code) choice_name(l, &best[k], l->code[k]);
    return best[0].code;
}

static int feature_take(labelling *l)
{
    char number[32];
    const char *id = number, *problem;
    parcel_choice best[2];
    snprintf(number, sizeof number, "%lld", geo_layer_number(l->layer));
    if (l->id >= 0) id = geo_layer_text(l->layer, l->id);
    const cJSON *const *found = id ? bsearch(id, l->sorted, l->count, sizeof *l->sorted, by_key) : NULL;
    if (!found) return OK;
    if (!choices_of(l, *found, best)) return fail(FAILED, "predictions: parcel %s has no probabilities", id);
    geo_shape *shape;
    int rc = geo_layer_shape(l->layer, &shape, &problem);
    if (!rc && !problem) {
        rc = parcel_layer_add(&l->out, id, best, (double)NAN, shape);
        l->written++;
    }
    geo_shape_free(shape);
    return rc;
}

/* ---- all of them --------------------------------------------------------------------------------------------------- */

static int features_take(labelling *l)
{
    bool there;
    size_t done = 0;
    int rc = OK;
    for (;;) {
        if (interrupt_requested()) return fail(INTERRUPTED, "interrupted");
        TRY(geo_layer_next(l->layer, &there));
        if (!there) break;
        TRY(feature_take(l));
        log_progress("labels", ++done, geo_layer_count(l->layer), "");
    }
done:
    return rc;
}

int label_parcels(const char *scenes_folder, const char *parcels, const char *predictions,
                  const label_parcels_options *options, const char *out, size_t *written)
{
    labelling l = {.o = options};
    int rc = OK;
    TRY(scenes_open(scenes_folder, &options->scenes, &l.scenes));
    TRY(predictions_read(&l, predictions));
    TRY(names_read(&l));
    TRY(geo_layer_open(parcels, options->layer, l.scenes.grid.crs, &l.layer));
    TRY(geotiff_id_field(l.layer, options->id, &l.id));
    TRY(parcel_layer_open(out, l.scenes.grid.crs, l.scenes.days[l.scenes.dates - 1], false, &l.out));
    TRY(features_take(&l));
    rc = parcel_layer_finish(&l.out);
    if (written) *written = l.written;
done:
    parcel_layer_abandon(&l.out);
    geo_layer_close(l.layer);
    scenes_close(&l.scenes);
    cJSON_Delete(l.predictions);
    cJSON_Delete(l.names);
    free(l.sorted);
    return rc;
}
