/* What a model's configuration leaves open is read off the data, never off a constant: the widths that the published
 * scripts default to for 10 bands, 4 features and 20 classes fit whatever the pack holds. A key that is given stays. */
#include <stdlib.h>
#include <string.h>
#include <string.h>

#include "base/error.h"
#include "model/model.h"
#include "network/config.h"

enum { RECURRENT_WIDTH = 156 /* hidden_dim's published default */ };

/* The keys that open ones depend on. */
typedef struct widths {
    int_list mlp1, mlp2, mlp3;
    int hidden;
    char *pooling;
} widths;

static const field width_fields[] = {
    {"mlp1", FIELD_INT_LIST, offsetof(widths, mlp1), "null", 1, 1e6, NULL, ""},
    {"mlp2", FIELD_INT_LIST, offsetof(widths, mlp2), "null", 1, 1e6, NULL, ""},
    {"mlp3", FIELD_INT_LIST, offsetof(widths, mlp3), "null", 1, 1e6, NULL, ""},
    {"hidden_dim", FIELD_INT, offsetof(widths, hidden), "0", 0, 1e6, NULL, ""},
    {"pooling", FIELD_TEXT, offsetof(widths, pooling), "\"mean_std\"", 0, 0, NULL, ""},
    {0},
};

static bool open_key(const cJSON *settings, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(settings, key);
    return !item || cJSON_IsNull(item);
}

static void set_key(cJSON *settings, const char *key, cJSON *value)
{
    cJSON_DeleteItemFromObjectCaseSensitive(settings, key);
    json_add(settings, key, value);
}

static int read_widths(const cJSON *settings, const char *where, widths *out)
{
    cJSON *some = cJSON_CreateObject();
    for (const field *f = width_fields; f->key; f++)
        if (!open_key(settings, f->key))
            json_add(some, f->key, cJSON_Duplicate(cJSON_GetObjectItemCaseSensitive(settings, f->key), true));
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

/* As many classes as there are; of a list, the published default for 20, [32, 20]. */
static void complete_images(cJSON *settings, data_sizes sizes)
{
    const size_keys keys = model_config_size_keys(settings);
    cJSON *head = cJSON_GetObjectItemCaseSensitive(settings, "head");
    if (cJSON_IsObject(head) && open_key(head, "num_classes") && sizes.classes > 0)
        set_key(head, "num_classes", cJSON_CreateNumber(sizes.classes));
    if (keys.bands && open_key(settings, keys.bands)) set_key(settings, keys.bands, cJSON_CreateNumber(sizes.bands));
    if (!keys.classes || !open_key(settings, keys.classes) || sizes.classes < 1) return;
    const bool list = strcmp(keys.classes, "out_conv") == 0;
    set_key(settings, keys.classes,
            list ? cJSON_CreateIntArray((const int[]){32, sizes.classes}, 2) : cJSON_CreateNumber(sizes.classes));
}

int config_complete_model(cJSON *settings, const char *where, enum model_kind kind, data_sizes sizes)
{
    widths w = {0};
    int rc = OK;
    if (kind == MODEL_DENSE) {
        complete_images(settings, sizes);
        return json_lost();
    }
    TRY(read_widths(settings, where, &w));
    if (open_key(settings, "input_dim")) set_key(settings, "input_dim", cJSON_CreateNumber(sizes.bands));
    if (open_key(settings, "with_extra")) set_key(settings, "with_extra", cJSON_CreateBool(sizes.extra > 0));
    const cJSON *with = cJSON_GetObjectItemCaseSensitive(settings, "with_extra");
    bool extra = cJSON_IsTrue(with) || (cJSON_IsNumber(with) && with->valueint != 0);
    if (extra && sizes.extra > 0 && open_key(settings, "extra_size"))
        set_key(settings, "extra_size", cJSON_CreateNumber(sizes.extra));
    static const char *const dates[] = {"len_max_seq", "seq_len"};
    for (int i = 0; i < 2; i++)
        if (model_has_setting(settings, dates[i]) && open_key(settings, dates[i]))
            set_key(settings, dates[i], cJSON_CreateNumber(sizes.longest));
    if (open_key(settings, "mlp1"))
        set_key(settings, "mlp1", cJSON_CreateIntArray((const int[]){sizes.bands, 32, 64}, 3));
    if (open_key(settings, "mlp2")) {
        int pooled = last_of(&w.mlp1, 64) * pool_count(w.pooling);
        set_key(settings, "mlp2", cJSON_CreateIntArray((const int[]){pooled + (extra ? sizes.extra : 0), 128}, 2));
    }
    const bool recurrent = model_has_setting(settings, "hidden_dim");
    const int embedding = !recurrent ? last_of(&w.mlp3, 128) : w.hidden ? w.hidden : RECURRENT_WIDTH;
    if (open_key(settings, "mlp4") && sizes.classes > 0)
        set_key(settings, "mlp4", cJSON_CreateIntArray((const int[]){embedding, 64, 32, sizes.classes}, 4));
    TRY(json_lost());
done:
    schema_free(width_fields, &w);
    return rc;
}
