/* furrow_info: what a file of furrow's, or of reference results, holds. */
#include <stdlib.h>
#include <string.h>

#include "base/date.h"
#include "base/error.h"
#include "base/memory.h"
#include "format/tensor_file.h"
#include "furrow.h"
#include "run/info_patches.h"
#include "run/session.h"

enum { VALUES_MAX = 1 << 28, LABELS_SHOWN = 1000 };

static int add_text(h5 *file, const char *path, const char *attribute, const char *key, cJSON *out)
{
    char *text = NULL;
    bool there;
    int rc = h5_has_attribute(file, path, attribute, &there);
    if (rc || !there) return rc;
    rc = h5_get_text(file, path, attribute, &text);
    if (!rc) cJSON_AddStringToObject(out, key, text);
    free(text);
    return rc;
}

static int add_json(h5 *file, const char *attribute, cJSON *out)
{
    int rc = OK;
    char *text = NULL;
    cJSON *value = NULL;
    bool there;
    TRY(h5_has_attribute(file, "/", attribute, &there));
    if (!there) return OK;
    TRY(h5_get_text(file, "/", attribute, &text));
    TRY(json_parse(text, strlen(text), h5_path(file), &value));
    json_add(out, attribute, value);
done:
    free(text);
    return rc;
}

/* "float32 196608 x 32" */
static char *describe(const h5_about *a)
{
    char *text = text_copy(a->text ? "text" : number_name(a->type));
    for (int i = 0; text && i < a->rank; i++) {
        char *longer = text_format("%s%s%zu", text, i ? " x " : " ", a->shape[i]);
        free(text);
        text = longer;
    }
    return text;
}

/* {name: "type shape"} of a group's data sets; *elements (may be NULL): how many values they have. */
static int add_arrays(h5 *file, const char *group, const char *key, cJSON *out, double *elements)
{
    int rc = OK;
    char **names = NULL;
    size_t count = 0;
    cJSON *list = cJSON_CreateObject();
    TRY(h5_list(file, group, &names, &count));
    for (size_t i = 0; i < count; i++) {
        h5_about about;
        enum h5_kind kind = H5_NOTHING;
        char *path = text_format("%s/%s", strcmp(group, "/") ? group : "", names[i]), *text = NULL;
        rc = path ? h5_kind_of(file, path, &kind) : FAILED;
        if (!rc && kind == H5_DATASET) rc = h5_about_of(file, path, &about);
        if (!rc && kind == H5_DATASET && (text = describe(&about))) {
            cJSON_AddStringToObject(list, names[i], text);
            if (elements) *elements += (double)about.count;
        }
        free(text);
        free(path);
        if (rc) goto done;
    }
    if (cJSON_GetArraySize(list)) {
        json_add(out, key, list);
        list = NULL;
    }
done:
    cJSON_Delete(list);
    h5_names_free(names, count);
    return rc;
}

/* ---- checkpoints ------------------------------------------------------------------------------------------------- */

static int checkpoint_info(h5 *file, cJSON *out)
{
    int rc = OK;
    bool optimiser;
    double elements = 0;
    TRY(add_json(file, "model", out));
    TRY(add_json(file, "state", out));
    TRY(h5_exists(file, "/optimizer/step", &optimiser));
    cJSON_AddBoolToObject(out, "optimizer", optimiser);
    TRY(add_arrays(file, "/weights", "weights", out, &elements));
    cJSON_AddNumberToObject(out, "values", elements);
done:
    return rc;
}

/* ---- packs ------------------------------------------------------------------------------------------------------- */

typedef struct span {
    int32_t least, most;
    double mean;
} span;

static int read_span(h5 *file, const char *path, span *out, size_t *count)
{
    int32_t *values = NULL;
    h5_about about;
    int rc = h5_read_new(file, path, NUMBER_I32, VALUES_MAX, (void **)&values, &about);
    *out = (span){0};
    for (size_t i = 0; !rc && i < about.count; i++) {
        if (i == 0 || values[i] < out->least) out->least = values[i];
        if (i == 0 || values[i] > out->most) out->most = values[i];
        out->mean += (double)values[i];
    }
    if (!rc && about.count) out->mean /= (double)about.count;
    if (!rc) *count = about.count;
    free(values);
    return rc;
}

static int add_span(h5 *file, const char *path, const char *key, cJSON *out, size_t *count)
{
    span s;
    int rc = read_span(file, path, &s, count);
    if (rc) return rc;
    cJSON *o = cJSON_AddObjectToObject(out, key);
    cJSON_AddNumberToObject(o, "least", s.least);
    cJSON_AddNumberToObject(o, "mean", s.mean);
    cJSON_AddNumberToObject(o, "most", s.most);
    return OK;
}

/* Of the pack's calendar days, since 1970-01-01, the first and the last. */
static int add_days(h5 *file, cJSON *dates)
{
    span s;
    size_t count;
    int rc = read_span(file, "/days", &s, &count);
    if (rc || !count) return rc;
    cJSON_AddStringToObject(dates, "first", date_write(s.least).text);
    cJSON_AddStringToObject(dates, "last", date_write(s.most).text);
    return OK;
}

static int by_value(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

/* A label, or the text that it stands for. */
static char *label_name(const cJSON *texts, int32_t label)
{
    const cJSON *text = cJSON_GetArrayItem(texts, label);
    if (label == INT32_MIN) return text_copy("none");
    return cJSON_IsString(text) ? text_copy(text->valuestring) : text_format("%d", (int)label);
}

/* {label: parcels} */
static int add_counts(h5 *file, const char *path, cJSON *out)
{
    int rc = OK;
    int32_t *labels = NULL;
    char *list = NULL;
    cJSON *texts = NULL;
    bool named;
    h5_about about;
    cJSON *counts = cJSON_AddObjectToObject(out, "labels");
    TRY(h5_has_attribute(file, path, "classes", &named));
    if (named) TRY(h5_get_text(file, path, "classes", &list));
    if (named) TRY(json_parse(list, strlen(list), h5_path(file), &texts));
    TRY(h5_read_new(file, path, NUMBER_I32, VALUES_MAX, (void **)&labels, &about));
    qsort(labels, about.count, sizeof *labels, by_value);
    int shown = 0;
    for (size_t i = 0, end; i < about.count && shown < LABELS_SHOWN; i = end, shown++) {
        for (end = i; end < about.count && labels[end] == labels[i];) end++;
        char *name = label_name(texts, labels[i]);
        if (name) cJSON_AddNumberToObject(counts, name, (double)(end - i));
        free(name);
    }
done:
    cJSON_Delete(texts);
    free(list);
    free(labels);
    return rc;
}

static int add_nomenclatures(h5 *file, cJSON *out)
{
    int rc = OK;
    char **names = NULL;
    size_t count = 0;
    cJSON *list = cJSON_AddArrayToObject(out, "nomenclatures");
    TRY(h5_list(file, "/labels", &names, &count));
    for (size_t i = 0; i < count; i++) {
        cJSON *one = cJSON_CreateObject();
        json_append(list, one);
        char *path = text_format("/labels/%s", names[i]);
        TRY_NEW(path);
        rc = add_text(file, path, "name", "name", one);
        if (!rc) rc = add_counts(file, path, one);
        free(path);
        if (rc) goto done;
    }
done:
    h5_names_free(names, count);
    return rc;
}

static int add_features(h5 *file, cJSON *out)
{
    int rc = OK;
    char **names = NULL;
    size_t count = 0;
    cJSON *list = cJSON_AddObjectToObject(out, "features");
    TRY(h5_list(file, "/features", &names, &count));
    for (size_t i = 0; i < count; i++) {
        h5_about about;
        char *path = text_format("/features/%s", names[i]), *name = NULL;
        rc = path ? h5_about_of(file, path, &about) : FAILED;
        if (!rc) rc = h5_get_text(file, path, "name", &name);
        if (!rc) cJSON_AddNumberToObject(list, name, about.rank == 2 ? (double)about.shape[1] : 1);
        free(name);
        free(path);
        if (rc) goto done;
    }
done:
    h5_names_free(names, count);
    return rc;
}

static int pack_info(h5 *file, cJSON *out)
{
    int rc = OK;
    int64_t bands = 0;
    size_t parcels = 0;
    bool dated;
    h5_about pixels;
    TRY(h5_get_int(file, "/", "bands", &bands));
    TRY(h5_about_of(file, "/pixels", &pixels));
    cJSON_AddNumberToObject(out, "bands", (double)bands);
    cJSON_AddStringToObject(out, "type", number_name(pixels.type));
    cJSON_AddNumberToObject(out, "values", (double)pixels.count);
    TRY(add_span(file, "/parcels/dates", "dates", out, &parcels));
    TRY(add_span(file, "/parcels/pixels", "pixels", out, &parcels));
    cJSON_AddNumberToObject(out, "parcels", (double)parcels);
    TRY(h5_exists(file, "/days", &dated));
    if (dated) TRY(add_days(file, cJSON_GetObjectItemCaseSensitive(out, "dates")));
    TRY(add_nomenclatures(file, out));
    TRY(add_features(file, out));
    TRY(add_text(file, "/normalisation", "source", "normalisation", out));
done:
    return rc;
}

/* ---- reference results ------------------------------------------------------------------------------------------- */

static int golden_info(h5 *file, cJSON *out)
{
    static const char *const groups[] = {"/input",         "/eval",    "/train",    "/train/grad",
                                         "/train/buffers", "/weights", "/optimizer"};
    int rc = OK;
    TRY(add_json(file, "model", out));
    TRY(add_json(file, "files", out));
    TRY(add_text(file, "/", "input", "input_of", out));
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++)
        TRY(add_arrays(file, groups[i], groups[i] + 1, out, NULL));
done:
    return rc;
}

static int check_complete(h5 *file, cJSON *out)
{
    int64_t complete = 0;
    bool there;
    int rc = h5_has_attribute(file, "/", "complete", &there);
    if (!rc && there) rc = h5_get_int(file, "/", "complete", &complete);
    if (!rc) cJSON_AddBoolToObject(out, "complete", complete == 1);
    return rc;
}

/* ---- weights of others -------------------------------------------------------------------------------------------- */

static int weights_info(const char *path, char **json)
{
    int rc = OK;
    int64_t epoch, step;
    double values = 0;
    tensor_file *f = NULL;
    cJSON *out = cJSON_CreateObject();
    TRY(tensor_file_open(path, &f));
    cJSON_AddStringToObject(out, "file", path);
    cJSON_AddStringToObject(out, "kind", "weights");
    cJSON_AddStringToObject(out, "format", tensor_file_format(f));
    if (tensor_file_epoch(f, &epoch)) cJSON_AddNumberToObject(out, "epoch", (double)epoch);
    cJSON_AddBoolToObject(out, "optimizer", tensor_file_step(f, &step));
    cJSON *list = cJSON_AddObjectToObject(out, "weights");
    for (size_t i = 0; i < tensor_file_count(f, TENSOR_WEIGHTS); i++) {
        const tensor_entry *e = tensor_file_at(f, TENSOR_WEIGHTS, i);
        h5_about about = {.type = e->type, .rank = e->rank};
        memcpy(about.shape, e->shape, sizeof e->shape);
        char *text = describe(&about);
        if (text) cJSON_AddStringToObject(list, e->name, text);
        free(text);
        values += (double)e->count;
    }
    cJSON_AddNumberToObject(out, "values", values);
    rc = json_text(out, json);
    out = NULL;
done:
    cJSON_Delete(out);
    tensor_file_close(f);
    return rc;
}

int furrow_info(const char *path, char **json)
{
    int rc = OK;
    *json = NULL;
    if (!h5_is(path)) return weights_info(path, json);
    h5 *file = NULL;
    char *kind = NULL;
    bool ours, reference;
    cJSON *out = cJSON_CreateObject();
    TRY(h5_open(path, &file));
    TRY(h5_has_attribute(file, "/", "furrow_format", &ours));
    TRY(h5_has_attribute(file, "/", "kind", &reference));
    cJSON_AddStringToObject(out, "file", path);
    if (ours) {
        TRY(h5_get_text(file, "/", "furrow_format", &kind));
        cJSON_AddStringToObject(out, "kind", kind);
        TRY(check_complete(file, out));
        if (strcmp(kind, "pixelset") == 0) TRY(pack_info(file, out));
        if (strcmp(kind, "patches") == 0 && cJSON_IsTrue(cJSON_GetObjectItem(out, "complete")))
            TRY(patches_info(path, out));
        if (strcmp(kind, "checkpoint") == 0) TRY(checkpoint_info(file, out));
    } else if (reference) {
        TRY(h5_get_text(file, "/", "kind", &kind));
        char *title = text_format("reference results: %s", kind);
        TRY_NEW(title);
        cJSON_AddStringToObject(out, "kind", title);
        free(title);
        TRY(golden_info(file, out));
    } else {
        rc = fail(FAILED,
                  "%s is an HDF5 file, but no pack, checkpoint or reference results: it has no attribute "
                  "furrow_format or kind",
                  path);
        goto done;
    }
    rc = json_text(out, json);
    out = NULL;
done:
    cJSON_Delete(out);
    free(kind);
    h5_close(file);
    return rc;
}
