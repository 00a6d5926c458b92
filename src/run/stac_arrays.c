/* What goes into a network and what comes out, as MLM describes arrays: sizes by name, -1 where any will do. */
#include <stdlib.h>
#include <string.h>

#include "base/date.h"
#include "base/error.h"
#include "base/memory.h"
#include "run/stac_item.h"

enum { ANY = -1, DIMENSIONS_MAX = 5 };

typedef struct dimension {
    const char *name; /* NULL: there are no more */
    int size;
} dimension;

static cJSON *structure_of(const dimension *d, const char *type)
{
    cJSON *all = cJSON_CreateObject(), *sizes = cJSON_AddArrayToObject(all, "shape");
    cJSON *order = cJSON_AddArrayToObject(all, "dim_order");
    for (int k = 0; k < DIMENSIONS_MAX && d[k].name; k++) {
        json_append(sizes, cJSON_CreateNumber(d[k].size));
        json_append(order, cJSON_CreateString(d[k].name));
    }
    cJSON_AddStringToObject(all, "data_type", type);
    return all;
}

static cJSON *array_of(cJSON *list, const char *name, const char *what, const char *key, const dimension *d,
                       const char *type)
{
    cJSON *one = cJSON_CreateObject();
    cJSON_AddStringToObject(one, "name", name);
    cJSON_AddStringToObject(one, "description", what);
    json_add(one, key, structure_of(d, type));
    json_append(list, one);
    return one;
}

/* ---- normalisation ------------------------------------------------------------------------------------------------- */

static cJSON *scaling_of(const float *mean, const float *std, int bands)
{
    cJSON *list = cJSON_CreateArray();
    for (int b = 0; b < bands; b++) {
        cJSON *one = cJSON_CreateObject();
        cJSON_AddStringToObject(one, "type", "z-score");
        cJSON_AddNumberToObject(one, "mean", (double)mean[b]);
        cJSON_AddNumberToObject(one, "stddev", std[b] > 0 ? (double)std[b] : 1);
        json_append(list, one);
    }
    return list;
}

static cJSON *table_of(const float *values, int rows, int bands)
{
    cJSON *table = cJSON_CreateArray();
    for (int t = 0; t < rows; t++) json_append(table, cJSON_CreateFloatArray(values + t * bands, bands));
    return table;
}

/* A value for each date and band has no type of its own there. */
static cJSON *scaling_by_date(const float *mean, const float *std, int rows, int bands)
{
    cJSON *list = cJSON_CreateArray(), *one = cJSON_CreateObject(), *expression;
    cJSON_AddStringToObject(one, "type", "processing");
    cJSON_AddStringToObject(one, "format", "z-score-by-date");
    expression = cJSON_AddObjectToObject(one, "expression");
    json_add(expression, "mean", table_of(mean, rows, bands));
    json_add(expression, "stddev", table_of(std, rows, bands));
    json_append(list, one);
    return list;
}

static int scaling_add(const stac_model *m, cJSON *input)
{
    const sample_set *set = &m->s->set;
    const float *mean, *std;
    float *own_mean = NULL, *own_std;
    int rc = OK, rows;
    if (set->parcels) {
        TRY(pixelset_normalisation(set->parcels, &rows, &mean, &std));
        const int bands = pixelset_bands(set->parcels);
        json_add(input, "value_scaling",
                 rows > 1 ? scaling_by_date(mean, std, rows, bands) : scaling_of(mean, std, bands));
    } else {
        TRY(patches_normalisation(set->images, NULL, 0, &own_mean, &own_std));
        json_add(input, "value_scaling", scaling_of(own_mean, own_std, patches_bands(set->images)));
    }
done:
    free(own_mean);
    return rc;
}

/* ---- inputs -------------------------------------------------------------------------------------------------------- */

static int days_add(const stac_model *m, cJSON *list)
{
    int32_t reference;
    const bool dates = model_positions_are_dates(m->model) && samples_reference(&m->s->set, &reference);
    char *what = dates ? text_format("days of the images since %s", date_write(reference).text)
                       : text_copy("numbers of the images in their series, from 1");
    if (!what) return FAILED;
    array_of(list, "positions", what, "input", (const dimension[]){{"batch", ANY}, {"time", ANY}, {NULL, 0}}, "int32");
    free(what);
    return OK;
}

int stac_band_names(const stac_model *m, cJSON **out)
{
    const int bands = model_bands(m->model);
    int rc = OK;
    cJSON *list = cJSON_CreateArray();
    const char *at = m->bands;
    for (int b = 1; m->bands ? at != NULL : b <= bands; b++) {
        const size_t length = at ? strcspn(at, ",") : 0;
        char *name = at ? text_format("%.*s", (int)length, at) : text_format("%d", b);
        if (at && !length) rc = fail(USAGE, "--bands: \"%s\": a band without a name", m->bands);
        json_append(list, name ? cJSON_CreateString(name) : NULL);
        free(name);
        at = at && at[length] ? at + length + 1 : NULL;
    }
    if (!rc && cJSON_GetArraySize(list) != bands)
        rc = fail(USAGE, "--bands names %d bands, the network has %d", cJSON_GetArraySize(list), bands);
    if (rc)
        cJSON_Delete(list);
    else
        *out = list;
    return rc;
}

static cJSON *images_add(const stac_model *m, cJSON *list)
{
    const dimension d[] = {
        {"batch", ANY}, {"time", ANY}, {"bands", model_bands(m->model)}, {"height", ANY}, {"width", ANY}};
    return array_of(list, "images", "series of images, dates in order; sides that the network's strides divide",
                    "input", d, "float32");
}

static cJSON *pixels_add(const stac_model *m, cJSON *list)
{
    const int pixels = m->s->config.parcels.npixel, extra = model_extra(m->model);
    const dimension d[] = {
        {"batch", ANY}, {"time", ANY}, {"bands", model_bands(m->model)}, {"pixel", pixels}, {NULL, 0}};
    const dimension mask[] = {{"batch", ANY}, {"time", ANY}, {"pixel", pixels}, {NULL, 0}};
    const dimension features[] = {{"batch", ANY}, {"time", ANY}, {"feature", extra}, {NULL, 0}};
    cJSON *values = array_of(list, "pixels", "pixels drawn from a parcel at each date", "input", d, "float32");
    array_of(list, "mask", "1 for each pixel that is there, 0 where a small parcel is filled up", "input", mask,
             "float32");
    if (extra)
        array_of(list, "extra", "features of the parcel, standardised over the data set, repeated for each date",
                 "input", features, "float32");
    return values;
}

int stac_inputs(const stac_model *m, cJSON **out)
{
    int rc = OK;
    cJSON *list = cJSON_CreateArray(), *names = NULL;
    cJSON *values = model_kind_of(m->model) == MODEL_DENSE ? images_add(m, list) : pixels_add(m, list);
    TRY(stac_band_names(m, &names));
    json_add(values, "bands", names);
    TRY(scaling_add(m, values));
    TRY(days_add(m, list));
    *out = list;
    list = NULL;
done:
    cJSON_Delete(list);
    return rc;
}

/* ---- outputs ------------------------------------------------------------------------------------------------------- */

static cJSON *classes_of(const stac_model *m)
{
    cJSON *list = cJSON_CreateArray();
    for (int k = 0; k < m->classes; k++) {
        cJSON *one = cJSON_CreateObject();
        cJSON_AddNumberToObject(one, "value", k);
        cJSON_AddStringToObject(one, "description", m->names[k]);
        if (m->s->set.images) {
            char *colour = text_format("%06X", (unsigned)patches_class_colour(m->s->set.images, k) & 0xffffffu);
            json_add(one, "color_hint", colour ? cJSON_CreateString(colour) : NULL);
            free(colour);
        }
        json_append(list, one);
    }
    return list;
}

const char *stac_task(const stac_model *m)
{
    return model_head(m->model)                     ? "panoptic-segmentation"
           : model_kind_of(m->model) == MODEL_DENSE ? "semantic-segmentation"
                                                    : "classification";
}

static void task_add(const stac_model *m, cJSON *output)
{
    json_append(cJSON_AddArrayToObject(output, "tasks"), cJSON_CreateString(stac_task(m)));
}

static void parcels_add(const stac_model *m, cJSON *list)
{
    const dimension map[] = {{"batch", ANY}, {"height", ANY}, {"width", ANY}, {NULL, 0}};
    cJSON *classes = array_of(list, "classes", "the class of each pixel's parcel", "result", map, "uint8");
    json_add(classes, "classification:classes", classes_of(m));
    task_add(m, classes);
    task_add(m, array_of(list, "instances", "the number of each pixel's parcel, 0: none", "result", map, "int32"));
    task_add(m, array_of(list, "confidence", "how sure it is that there is this parcel", "result", map, "float32"));
}

cJSON *stac_outputs(const stac_model *m)
{
    const dimension pixels[] = {{"batch", ANY}, {"class", m->classes}, {"height", ANY}, {"width", ANY}, {NULL, 0}};
    const dimension parcels[] = {{"batch", ANY}, {"class", m->classes}, {NULL, 0}};
    const bool dense = model_kind_of(m->model) == MODEL_DENSE;
    cJSON *list = cJSON_CreateArray(), *scores;
    if (model_head(m->model)) {
        parcels_add(m, list);
        return list;
    }
    scores = array_of(list, "scores", "logits: the highest is the class, their softmax the probabilities", "result",
                      dense ? pixels : parcels, "float32");
    json_add(scores, "classification:classes", classes_of(m));
    task_add(m, scores);
    return list;
}
