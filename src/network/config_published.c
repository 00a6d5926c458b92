/* A published conf.json is flat: one object with the options of train.py (VSainteuf/pytorch-psetae and
 * lightweight-temporal-attention-pytorch) train_semantic.py or train_panoptic.py (utae-paps). Here it is sorted into furrow's sections. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"
#include "network/config.h"

typedef struct mapping {
    const char *from, *section, *to;
} mapping;

/* Networks for parcels. */
static const mapping parcel_mappings[] = {
    {"npixel", "data", "npixel"},
    {"preload", "data", "preload"},
    {"res_dir", "train", "res_dir"},
    {"rdm_seed", "train", "rdm_seed"},
    {"kfold", "train", "kfold"},
    {"epochs", "train", "epochs"},
    {"batch_size", "train", "batch_size"},
    {"lr", "train", "lr"},
    {"gamma", "train", "gamma"},
    {"input_dim", "model", "input_dim"},
    {"mlp1", "model", "mlp1"},
    {"pooling", "model", "pooling"},
    {"mlp2", "model", "mlp2"},
    {"n_head", "model", "n_head"},
    {"d_k", "model", "d_k"},
    {"d_model", "model", "d_model"},
    {"mlp3", "model", "mlp3"},
    {"T", "model", "T"},
    {"dropout", "model", "dropout"},
    {"mlp4", "model", "mlp4"},
    {"lms", "model", "len_max_seq"},
    {"hidden_dim", "model", "hidden_dim"},
    {"nker", "model", "nker"},
    {"model", "model", "arch"},
};

/* Networks for images (train_semantic.py of VSainteuf/utae-paps). */
static const mapping image_mappings[] = {
    {"model", "model", "arch"},
    {"encoder_widths", "model", "encoder_widths"},
    {"decoder_widths", "model", "decoder_widths"},
    {"out_conv", "model", "out_conv"},
    {"num_classes", "model", "num_classes"},
    {"str_conv_k", "model", "str_conv_k"},
    {"str_conv_s", "model", "str_conv_s"},
    {"str_conv_p", "model", "str_conv_p"},
    {"agg_mode", "model", "agg_mode"},
    {"encoder_norm", "model", "encoder_norm"},
    {"n_head", "model", "n_head"},
    {"d_model", "model", "d_model"},
    {"d_k", "model", "d_k"},
    {"pad_value", "model", "pad_value"},
    {"padding_mode", "model", "padding_mode"},
    {"num_classes", "model", "n_classes"},
    {"cache", "data", "preload"},
    {"mono_date", "data", "mono_date"},
    {"ref_date", "data", "ref_date"},
    {"res_dir", "train", "res_dir"},
    {"rdm_seed", "train", "rdm_seed"},
    {"epochs", "train", "epochs"},
    {"batch_size", "train", "batch_size"},
    {"lr", "train", "lr"},
    {"fold", "train", "fold"},
    {"ignore_index", "train", "ignore_index"},
    {"val_every", "train", "val_every"},
    {"val_after", "train", "val_after"},
};

/* Image networks with a head (train_panoptic.py): those, but the encoder is named otherwise, and these. */
static const mapping head_mappings[] = {
    {"backbone", "model", "arch"},
    {"shape_size", "head", "shape_size"},
    {"mask_conv", "head", "mask_conv"},
    {"num_classes", "head", "num_classes"},
    {"min_confidence", "head", "min_confidence"},
    {"min_remain", "head", "min_remain"},
    {"mask_threshold", "head", "mask_threshold"},
    {"l_center", "train", "l_center"},
    {"l_size", "train", "l_size"},
    {"l_shape", "train", "l_shape"},
    {"l_class", "train", "l_class"},
    {"beta", "train", "beta"},
    {"warmup", "train", "warmup"},
    {"supmax", "train", "supmax"},
    {"autotune", "train", "autotune"},
    {"val_metrics_only", "train", "val_metrics_only"},
    {"void_label", "train", "ignore_index"},
};

/* Parcels: read here one by one, below. */
static const char *const special[] = {"geomfeat", "positions", "device", "num_classes", "tae", "gru", "tcnn", NULL};

/* The classes with more than 100 parcels in the S2-Agri set, as the published train.py writes them into its text. */
static const int published_classes[] = {1, 3, 4, 5, 6, 8, 9, 12, 13, 14, 16, 18, 19, 23, 28, 31, 33, 34, 36, 39};
enum { PUBLISHED_CLASSES = sizeof published_classes / sizeof *published_classes };

static const cJSON *get(const cJSON *object, const char *key)
{
    return cJSON_GetObjectItemCaseSensitive(object, key);
}

static bool truth(const cJSON *item)
{
    return cJSON_IsTrue(item) || (cJSON_IsNumber(item) && item->valueint != 0);
}

/* Which script wrote it. */
enum script { SCRIPT_PARCELS, SCRIPT_SEMANTIC, SCRIPT_PANOPTIC };

static bool names_image_network(const cJSON *name)
{
    enum model_kind kind;
    return cJSON_IsString(name) && !model_arch_kind(name->valuestring, &kind) && kind == MODEL_DENSE;
}

static enum script script_of(const cJSON *root)
{
    if (names_image_network(get(root, "backbone"))) return SCRIPT_PANOPTIC;
    return names_image_network(get(root, "model")) ? SCRIPT_SEMANTIC : SCRIPT_PARCELS;
}

static const mapping *find(const mapping *list, size_t count, const char *key)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i].from, key) == 0) return &list[i];
    return NULL;
}

static const mapping *mapping_of(enum script script, const char *key)
{
    const mapping *found = NULL;
    if (script == SCRIPT_PARCELS) return find(parcel_mappings, sizeof parcel_mappings / sizeof *parcel_mappings, key);
    if (script == SCRIPT_PANOPTIC) found = find(head_mappings, sizeof head_mappings / sizeof *head_mappings, key);
    return found ? found : find(image_mappings, sizeof image_mappings / sizeof *image_mappings, key);
}

/* Flat: none of furrow's sections is there as an object, and some key of the published scripts is. */
static bool is_flat(const cJSON *root)
{
    if (!cJSON_IsObject(root)) return false;
    static const char *const ours[] = {"data", "model", "train", "eval"};
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (cJSON_IsObject(get(root, ours[i]))) return false;
    const cJSON *item;
    cJSON_ArrayForEach(item, root)
        if (mapping_of(script_of(root), item->string)) return true;
    return false;
}

static bool is_special(const char *key)
{
    for (int i = 0; special[i]; i++)
        if (strcmp(special[i], key) == 0) return true;
    return false;
}

/* The scripts choose the network by flags; only the L-TAE repository has them. */
static const char *published_arch(const cJSON *root)
{
    if (truth(get(root, "gru"))) return "psegru";
    if (truth(get(root, "tcnn"))) return "psetempcnn";
    if (truth(get(root, "tae")) || !get(root, "tae")) return "psetae";
    return "pseltae";
}

static void map_device(const cJSON *root, cJSON *out)
{
    const cJSON *selector = get(root, "device");
    bool cpu = cJSON_IsString(selector) && strcmp(selector->valuestring, "cpu") == 0;
    cJSON_AddStringToObject(out, "device", cpu ? "cpu" : "auto");
}

static void map_special(const cJSON *root, cJSON *data, cJSON *network, cJSON *out)
{
    if (!get(network, "arch")) cJSON_AddStringToObject(network, "arch", published_arch(root));
    const cJSON *features = get(root, "geomfeat"), *positions = get(root, "positions");
    bool extra = !features || truth(features);
    if (extra) cJSON_AddStringToObject(data, "extra_feature", "geomfeat");
    cJSON_AddBoolToObject(network, "with_extra", extra);
    if (cJSON_IsString(positions) && strcmp(positions->valuestring, "order") == 0)
        cJSON_AddNullToObject(network, "positions");
    else
        cJSON_AddStringToObject(network, "positions", "dates");
    const cJSON *classes = get(root, "num_classes");
    if (!classes || classes->valueint == PUBLISHED_CLASSES) {
        cJSON_AddStringToObject(data, "nomenclature", "label_44class");
        json_add(data, "sub_classes", cJSON_CreateIntArray(published_classes, PUBLISHED_CLASSES));
    }
    map_device(root, out);
}

/* Networks whose settings the published get_model writes into its text, whatever the options say. */
static bool is_fixed(const cJSON *network)
{
    const cJSON *arch = get(network, "arch");
    return cJSON_IsString(arch) &&
           (strcmp(arch->valuestring, "uconvlstm") == 0 || strcmp(arch->valuestring, "buconvlstm") == 0);
}

/* The scripts write the options of every network, used or not: takes out what is no setting of this one. */
static void leave_unused_out(cJSON *network)
{
    const bool fixed = is_fixed(network);
    for (cJSON *item = network->child, *next; item; item = next) {
        next = item->next;
        if (strcmp(item->string, "arch") && strcmp(item->string, "head") &&
            (fixed || !model_has_setting(network, item->string)))
            cJSON_Delete(cJSON_DetachItemViaPointer(network, item));
    }
}

/* Is this key of the file one of the network's settings? */
static bool is_used(const cJSON *network, const mapping *m)
{
    return m && (strcmp(m->section, "model") || get(network, m->to));
}

/* "a, b, c" of the keys that mean nothing here; NULL when there are none or memory is out. */
static char *unmapped_keys(const cJSON *root, enum script script, const cJSON *network)
{
    char *list = NULL;
    const cJSON *item;
    cJSON_ArrayForEach(item, root) {
        const bool read = is_used(network, mapping_of(script, item->string)) || strcmp(item->string, "device") == 0;
        if (read || cJSON_IsNull(item) || (script == SCRIPT_PARCELS && is_special(item->string))) continue;
        char *longer = list ? text_format("%s, %s", list, item->string) : text_copy(item->string);
        free(list);
        list = longer;
    }
    return list;
}

int config_from_published(cJSON *root, const char *path, cJSON **out, bool *flat)
{
    *flat = is_flat(root);
    *out = NULL;
    if (!*flat) {
        *out = root;
        return OK;
    }
    const enum script script = script_of(root);
    cJSON *result = cJSON_CreateObject();
    cJSON *data = cJSON_AddObjectToObject(result, "data");
    cJSON *network = cJSON_AddObjectToObject(result, "model");
    cJSON_AddObjectToObject(result, "train");
    cJSON *head = script == SCRIPT_PANOPTIC ? cJSON_AddObjectToObject(network, "head") : NULL;
    if (head) cJSON_AddStringToObject(head, "arch", "paps");
    const cJSON *item;
    cJSON_ArrayForEach(item, root) {
        const mapping *m = mapping_of(script, item->string);
        if (!m || cJSON_IsNull(item)) continue;
        cJSON *section = strcmp(m->section, "head") ? cJSON_GetObjectItemCaseSensitive(result, m->section) : head;
        json_add(section, m->to, cJSON_Duplicate(item, true));
    }
    if (script != SCRIPT_PARCELS)
        map_device(root, result);
    else
        map_special(root, data, network, result);
    if (json_lost()) {
        cJSON_Delete(result);
        cJSON_Delete(root);
        return FAILED;
    }
    leave_unused_out(network);
    char *ignored = unmapped_keys(root, script, network);
    log_note("%s is a published, flat configuration%s%s", path, ignored ? "; without a meaning here: " : "",
             ignored ? ignored : "");
    free(ignored);
    cJSON_Delete(root);
    *out = result;
    return OK;
}
