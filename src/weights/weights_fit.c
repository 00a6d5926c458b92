#include "weights/weights_fit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"
#include "weights/checkpoint.h"

/* ---- settings ---------------------------------------------------------------------------------------------------- */

static const cJSON *get(const cJSON *object, const char *key)
{
    return cJSON_GetObjectItemCaseSensitive(object, key);
}

static int same_arch(const cJSON *config, const cJSON *stored, const char *where, const char *weights)
{
    const cJSON *a = get(config, "arch"), *b = get(stored, "arch");
    if (!cJSON_IsString(b)) return fail(FAILED, "%s does not say which network it holds", weights);
    if (strcmp(a->valuestring, b->valuestring) == 0) return OK;
    return fail(USAGE, "%s.arch is \"%s\", but %s holds a %s", where, a->valuestring, weights, b->valuestring);
}

static void set(cJSON *config, const char *key, cJSON *value)
{
    cJSON_DeleteItemFromObjectCaseSensitive(config, key);
    json_add(config, key, value);
}

/* The norm has weights for each of its dates, or none: then there may be any number of them. */
static int fill_projection(cJSON *config, const char *path)
{
    tensor_file *f = NULL;
    int rc = tensor_file_open(path, &f);
    if (rc) return rc;
    const bool projects = tensor_file_find(f, TENSOR_WEIGHTS, "temporal_encoder.inconv.0.weight");
    const tensor_entry *norm = tensor_file_find(f, TENSOR_WEIGHTS, "temporal_encoder.inconv.1.weight");
    if (projects && !norm) set(config, "elementwise_affine", cJSON_CreateFalse());
    if (norm && norm->rank == 2 && !cJSON_HasObjectItem(config, "len_max_seq"))
        set(config, "len_max_seq", cJSON_CreateNumber((double)norm->shape[1]));
    tensor_file_close(f);
    return OK;
}

/* What `config` does not say of what is stored; NULLs: nothing. A head is told apart: who asks for none gets none. */
static void fill_open(cJSON *config, const cJSON *stored)
{
    const cJSON *item;
    if (!cJSON_IsObject(config)) return;
    cJSON_ArrayForEach(item, stored) {
        if (cJSON_HasObjectItem(config, item->string) || strcmp(item->string, "head") == 0) continue;
        json_add(config, item->string, cJSON_Duplicate(item, true));
    }
}

int weights_fill_model(cJSON *config, const char *where, const char *path)
{
    int rc = OK;
    cJSON *stored = NULL;
    TRY(checkpoint_peek(path, &stored, NULL));
    if (stored) TRY(same_arch(config, stored, where, path));
    fill_open(config, stored);
    fill_open(cJSON_GetObjectItemCaseSensitive(config, "head"), get(stored, "head"));
    TRY(fill_projection(config, path));
done:
    cJSON_Delete(stored);
    return rc;
}

static const char position_key[] = "temporal_encoder.position_enc.weight";

/* ---- positions --------------------------------------------------------------------------------------------------- */

typedef struct table {
    const float *values;
    size_t lines, channels;
} table;

/* Whether line `line` is the one of this position. */
static bool line_is(const table *t, size_t line, const model *m, int position, float *row)
{
    static const float tolerance = 1e-3f;
    model_position_row(m, position, row);
    for (size_t c = 0; c < t->channels; c++)
        if (!(fabsf(row[c] - t->values[line * t->channels + c]) <= tolerance)) return false;
    return true;
}

/* Positions count from 1; line 0 is unused. */
static char *compare_order(const table *t, const model *m, float *row)
{
    for (size_t i = 0; i < t->lines; i++)
        if (!line_is(t, i, m, (int)i, row)) return text_format("its line %zu is not that of place %zu", i, i);
    return NULL;
}

/* The first parcel whose dates it is not the table of. */
static char *compare_dates(const table *t, const model *m, const pixelset *s, float *row)
{
    enum { PARCELS_MOST = 1000 }; /* the rest have most likely the same */
    int32_t *days = memory_new((size_t)pixelset_longest(s), sizeof *days);
    char *difference = NULL;
    for (int i = 0; days && !difference && i < pixelset_count(s) && i < PARCELS_MOST; i++) {
        const size_t dates = (size_t)pixelset_dates(s, i);
        pixelset_positions(s, i, days);
        if (dates != t->lines)
            difference = text_format("it has %zu lines, parcel %s has %zu dates", t->lines, pixelset_id(s, i), dates);
        for (size_t d = 0; !difference && d < dates; d++)
            if (!line_is(t, d, m, days[d], row))
                difference =
                    text_format("its line %zu is not that of parcel %s's date, day %d", d, pixelset_id(s, i), days[d]);
    }
    free(days);
    return difference;
}

static int compare(const sample_set *set, const model *m, tensor_file *f, const tensor_entry *e)
{
    int rc = OK;
    float *values = NULL, *row = NULL;
    char *difference = NULL;
    const size_t channels = (size_t)model_position_channels(m);
    if (e->rank != 2 || e->shape[1] != channels) {
        TRY_NEW(difference = text_format("it is not %zu channels wide", channels));
    } else {
        TRY_NEW(values = memory_new(e->count, sizeof *values));
        TRY_NEW(row = memory_new(channels, sizeof *row));
        TRY(tensor_file_read(f, e, NUMBER_F32, values));
        const table t = {values, e->shape[0], channels};
        difference = model_positions_are_dates(m) ? compare_dates(&t, m, set->parcels, row) : compare_order(&t, m, row);
    }
    if (difference)
        log_warning(
            "%s: the table of positions that it was trained with is not that of these data: %s; the positions of "
            "these data are used",
            tensor_file_path(f), difference);
done:
    free(difference);
    free(values);
    free(row);
    return rc;
}

int weights_compare_positions(const sample_set *set, const model *m, const char *path)
{
    tensor_file *f = NULL;
    if (!set->parcels) return OK;
    int rc = tensor_file_open(path, &f);
    if (rc) return rc;
    const tensor_entry *e = tensor_file_find(f, TENSOR_WEIGHTS, position_key);
    if (e) rc = compare(set, m, f, e);
    tensor_file_close(f);
    return rc;
}

/* ---- classes ----------------------------------------------------------------------------------------------------- */

int weights_compare_classes(const sample_set *set, const char *path)
{
    cJSON *state = NULL;
    int rc = checkpoint_peek(path, NULL, &state);
    const cJSON *names = get(state, "classes");
    const int classes = samples_classes(set);
    for (int k = 0; !rc && cJSON_GetArraySize(names) == classes && k < classes; k++) {
        const cJSON *name = cJSON_GetArrayItem(names, k);
        if (!cJSON_IsString(name) || !strcmp(name->valuestring, samples_class_name(set, k))) continue;
        log_warning(
            "%s: class %d was \"%.80s\" there and is \"%s\" here; its last layer is kept all the same, as both have "
            "%d classes",
            path, k, name->valuestring, samples_class_name(set, k), classes);
        break;
    }
    cJSON_Delete(state);
    return rc;
}

/* ---- a table for export ------------------------------------------------------------------------------------------ */

/* Places 0, 1, 2, ..., or the days that the state of the training names; *count 0: there are none. */
static int positions_trained_with(const model *m, const cJSON *config, const cJSON *state, int32_t **out, size_t *count)
{
    const cJSON *days = get(state, "positions"), *longest = get(config, "len_max_seq"), *day;
    const bool dates = model_positions_are_dates(m);
    *count = 0;
    if (dates && cJSON_IsArray(days)) *count = (size_t)cJSON_GetArraySize(days);
    if (!dates && cJSON_IsNumber(longest)) *count = (size_t)longest->valueint + 1;
    *out = memory_new(*count, sizeof **out);
    if (!*out) return FAILED;
    for (size_t i = 0; !dates && i < *count; i++) (*out)[i] = (int32_t)i;
    size_t i = 0;
    if (dates && *count)
        cJSON_ArrayForEach(day, days) (*out)[i++] = cJSON_IsNumber(day) ? day->valueint : 0;
    return OK;
}

static int give_table(tensor_file *f, const model *m, const int32_t *positions, size_t count)
{
    const size_t channels = (size_t)model_position_channels(m), sizes[2] = {count, channels};
    size_t cells;
    if (!size_multiply(count, channels, &cells)) return fail(FAILED, "%s: too many positions", tensor_file_path(f));
    float *values = memory_new(cells, sizeof *values);
    if (!values) return FAILED;
    for (size_t i = 0; i < count; i++) model_position_row(m, positions[i], values + i * channels);
    int rc = tensor_file_give(f, position_key, 2, sizes, values);
    free(values);
    return rc;
}

int weights_give_positions(tensor_file *f)
{
    int rc = OK;
    size_t count = 0;
    int32_t *positions = NULL;
    cJSON *config = NULL, *state = NULL;
    model *m = NULL;
    if (!tensor_file_h5(f) || tensor_file_find(f, TENSOR_WEIGHTS, position_key)) return OK;
    TRY(checkpoint_peek(tensor_file_path(f), &config, &state));
    if (!config || cJSON_HasObjectItem(state, "imported")) goto done;
    TRY(model_new(config, tensor_file_path(f), &m));
    if (model_kind_of(m) == MODEL_DENSE) goto done;
    TRY(positions_trained_with(m, config, state, &positions, &count));
    if (count) TRY(give_table(f, m, positions, count));
done:
    free(positions);
    model_free(m);
    cJSON_Delete(config);
    cJSON_Delete(state);
    return rc;
}
