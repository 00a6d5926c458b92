/* What a model's configuration leaves open is read off the data, never off a constant: the widths that the published
 * scripts default to for 10 bands, 4 features and 20 classes fit whatever the pack holds. A key that is given stays. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "run/config.h"

/* The keys that open ones depend on. */
typedef struct widths {
    int_list mlp1, mlp2, mlp3;
    char *pooling;
} widths;

static const field width_fields[] = {
    {"mlp1", FIELD_INT_LIST, offsetof(widths, mlp1), "null", 1, 1e6, NULL, ""},
    {"mlp2", FIELD_INT_LIST, offsetof(widths, mlp2), "null", 1, 1e6, NULL, ""},
    {"mlp3", FIELD_INT_LIST, offsetof(widths, mlp3), "null", 1, 1e6, NULL, ""},
    {"pooling", FIELD_TEXT, offsetof(widths, pooling), "\"mean_std\"", 0, 0, NULL, ""},
    {0},
};

static bool open_key(const cJSON *model, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(model, key);
    return !item || cJSON_IsNull(item);
}

static void set_key(cJSON *model, const char *key, cJSON *value)
{
    cJSON_DeleteItemFromObjectCaseSensitive(model, key);
    cJSON_AddItemToObject(model, key, value);
}

static int read_widths(const cJSON *model, const char *where, widths *out)
{
    cJSON *some = cJSON_CreateObject();
    for (const field *f = width_fields; f->key; f++)
        if (!open_key(model, f->key))
            cJSON_AddItemToObject(some, f->key, cJSON_Duplicate(cJSON_GetObjectItemCaseSensitive(model, f->key), true));
    int rc = schema_read(width_fields, some, where, out);
    cJSON_Delete(some);
    return rc;
}

static int last_of(const int_list *list, int otherwise)
{
    return list->count > 0 ? list->value[list->count - 1] : otherwise;
}

static int pool_count(const char *pooling)
{
    int count = 1;
    for (const char *c = pooling; c && *c; c++) count += *c == '_';
    return count;
}

int config_complete_model(cJSON *model, const char *where, data_sizes sizes)
{
    widths w = {0};
    int rc = OK;
    TRY(read_widths(model, where, &w));
    if (open_key(model, "input_dim")) set_key(model, "input_dim", cJSON_CreateNumber(sizes.bands));
    if (open_key(model, "with_extra")) set_key(model, "with_extra", cJSON_CreateBool(sizes.extra > 0));
    const cJSON *with = cJSON_GetObjectItemCaseSensitive(model, "with_extra");
    bool extra = cJSON_IsTrue(with) || (cJSON_IsNumber(with) && with->valueint != 0);
    if (extra && sizes.extra > 0 && open_key(model, "extra_size"))
        set_key(model, "extra_size", cJSON_CreateNumber(sizes.extra));
    if (open_key(model, "len_max_seq")) set_key(model, "len_max_seq", cJSON_CreateNumber(sizes.longest));
    if (open_key(model, "mlp1")) set_key(model, "mlp1", cJSON_CreateIntArray((const int[]){sizes.bands, 32, 64}, 3));
    if (open_key(model, "mlp2")) {
        int pooled = last_of(&w.mlp1, 64) * pool_count(w.pooling);
        set_key(model, "mlp2", cJSON_CreateIntArray((const int[]){pooled + (extra ? sizes.extra : 0), 128}, 2));
    }
    if (open_key(model, "mlp4") && sizes.classes > 0)
        set_key(model, "mlp4", cJSON_CreateIntArray((const int[]){last_of(&w.mlp3, 128), 64, 32, sizes.classes}, 4));
done:
    schema_free(width_fields, &w);
    return rc;
}
