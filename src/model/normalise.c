/* The published ways to write a network's settings, as this program's own. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "model/definition.h"

bool arch_is_paps(const cJSON *arch)
{
    return cJSON_IsString(arch) && strcmp(arch->valuestring, "paps") == 0;
}

int model_config_kind(const cJSON *config, enum model_kind *out, bool *head)
{
    const cJSON *arch = cJSON_GetObjectItemCaseSensitive(config, "arch");
    const cJSON *encoder = cJSON_GetObjectItemCaseSensitive(config, "encoder");
    const cJSON *own = cJSON_GetObjectItemCaseSensitive(config, "head");
    *head = arch_is_paps(arch) || (own && !cJSON_IsNull(own));
    if (arch_is_paps(arch)) arch = cJSON_GetObjectItemCaseSensitive(encoder, "arch");
    return model_arch_kind(cJSON_IsString(arch) ? arch->valuestring : NULL, out);
}

/* Networks for parcels are named after their temporal encoder: {"temporal": "gru", ...}, beside another's "arch" or none,
 * is {"arch": "psegru", ...}. */
static int temporal_normalise(cJSON *config, const char *where)
{
    enum { PREFIX = 3 }; /* "pse" */
    int rc = OK, known = 0;
    char *arch = NULL;
    const char *names[DEFINITIONS + 1] = {0};
    const cJSON *temporal = cJSON_GetObjectItemCaseSensitive(config, "temporal");
    const cJSON *given = cJSON_GetObjectItemCaseSensitive(config, "arch");
    enum model_kind kind;
    const bool elsewhere =
        cJSON_IsString(given) && (model_arch_kind(given->valuestring, &kind) || kind != MODEL_PARCEL);
    if (!temporal || elsewhere) return OK;
    for (int i = 0; i < DEFINITIONS; i++)
        if (definitions[i]->kind == MODEL_PARCEL) names[known++] = definitions[i]->arch + PREFIX;
    for (int i = 0; cJSON_IsString(temporal) && i < known; i++)
        if (!strcmp(names[i], temporal->valuestring)) TRY_NEW(arch = text_format("pse%s", names[i]));
    if (!arch) {
        const char *near = cJSON_IsString(temporal) ? nearest_word(temporal->valuestring, names) : NULL;
        return fail(USAGE, "%s.temporal is no encoder of parcels' dates, wanted tae, ltae, gru or tempcnn%s%s%s", where,
                    near ? " (did you mean " : "", near ? near : "", near ? "?)" : "");
    }
    cJSON_DeleteItemFromObjectCaseSensitive(config, "temporal");
    cJSON_DeleteItemFromObjectCaseSensitive(config, "arch");
    if (!cJSON_AddStringToObject(config, "arch", arch)) rc = fail(FAILED, "out of memory");
done:
    free(arch);
    return rc;
}

/* {"arch": "paps", "encoder": {...}, ...} -> the encoder's settings with the rest as its "head". */
static int paps_normalise(cJSON **config, const char *where)
{
    const cJSON *arch = cJSON_GetObjectItemCaseSensitive(*config, "arch");
    if (!arch_is_paps(arch)) return OK;
    cJSON *encoder = cJSON_DetachItemFromObjectCaseSensitive(*config, "encoder");
    if (!cJSON_IsObject(encoder) || !cJSON_AddItemToObject(encoder, "head", *config)) {
        const bool missing = !encoder;
        cJSON_Delete(encoder);
        return fail(USAGE, "%s.encoder %s, wanted the settings of an image network", where,
                    missing ? "is missing" : "is no object");
    }
    *config = encoder;
    return OK;
}

static bool set_missing(cJSON *config, const char *key, cJSON *value)
{
    if (!cJSON_GetObjectItemCaseSensitive(config, key)) return cJSON_AddItemToObject(config, key, value);
    cJSON_Delete(value);
    return true;
}

/* {"arch": "recunet", "temporal": "blstm", ...}, the published class, is {"arch": "buconvlstm", ...}, and with others than
 * blstm {"arch": "uconvlstm", ...}; what is missing is as its constructor's. */
static int recunet_normalise(cJSON *config)
{
    const cJSON *arch = cJSON_GetObjectItemCaseSensitive(config, "arch");
    const cJSON *temporal = cJSON_GetObjectItemCaseSensitive(config, "temporal");
    if (!cJSON_IsString(arch) || strcmp(arch->valuestring, "recunet") != 0) return OK;
    const bool both = cJSON_IsString(temporal) && strcmp(temporal->valuestring, "blstm") == 0;
    cJSON_DeleteItemFromObjectCaseSensitive(config, "arch");
    if (!cJSON_AddStringToObject(config, "arch", both ? "buconvlstm" : "uconvlstm") ||
        !set_missing(config, "hidden_dim", cJSON_CreateNumber(128)) ||
        !set_missing(config, "padding_mode", cJSON_CreateString("reflect")))
        return fail(FAILED, "out of memory");
    return OK;
}

/* The published constructors of recurrent networks are told the images' size, which the data tell here. */
static void sizes_leave_out(cJSON *config)
{
    enum model_kind kind;
    const cJSON *arch = cJSON_GetObjectItemCaseSensitive(config, "arch");
    if (!cJSON_IsString(arch) || model_arch_kind(arch->valuestring, &kind) || kind != MODEL_DENSE) return;
    cJSON_DeleteItemFromObjectCaseSensitive(config, "input_size");
    cJSON_DeleteItemFromObjectCaseSensitive(config, "input_shape");
}

int model_config_normalise(cJSON **config, const char *where)
{
    int rc = paps_normalise(config, where);
    if (!rc) rc = recunet_normalise(*config);
    if (!rc) rc = temporal_normalise(*config, where);
    if (!rc) sizes_leave_out(*config);
    return rc;
}
