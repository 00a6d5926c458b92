#include "model/model.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "model/definition.h"
#include "model/parcel.h"

static const model_def *const definitions[] = {&psetae_def, &pseltae_def};
enum { DEFINITIONS = sizeof definitions / sizeof *definitions };

struct model {
    const model_def *def;
    void *config; /* every network of today takes parcels: a parcel_config */
};

static const parcel_config *settings(const model *m)
{
    return m->config;
}

static int definition_find(const cJSON *config, const char *where, const model_def **out)
{
    const char *names[DEFINITIONS + 1] = {0};
    const cJSON *arch = cJSON_GetObjectItemCaseSensitive(config, "arch");
    if (!cJSON_IsString(arch)) return fail(USAGE, "%s.arch is missing, wanted psetae or pseltae", where);
    for (int i = 0; i < DEFINITIONS; i++) {
        names[i] = definitions[i]->arch;
        if (strcmp(arch->valuestring, definitions[i]->arch)) continue;
        *out = definitions[i];
        return OK;
    }
    const char *near = nearest_word(arch->valuestring, names);
    return fail(USAGE, "%s.arch is \"%s\", wanted psetae or pseltae%s%s%s", where, arch->valuestring,
                near ? " (did you mean " : "", near ? near : "", near ? "?)" : "");
}

/* A list of days, "bespoke" (published) and "dates" all mean: use the data's dates. null means order. */
static int positions_normalise(cJSON *config)
{
    const cJSON *given = cJSON_GetObjectItemCaseSensitive(config, "positions");
    const char *meaning = NULL;
    if (cJSON_IsNull(given)) meaning = "order";
    if (cJSON_IsArray(given) || (cJSON_IsString(given) && !strcmp(given->valuestring, "bespoke"))) meaning = "dates";
    if (!meaning) return OK;
    cJSON *text = cJSON_CreateString(meaning);
    if (!text || !cJSON_ReplaceItemInObjectCaseSensitive(config, "positions", text)) {
        cJSON_Delete(text);
        return fail(FAILED, "out of memory");
    }
    return OK;
}

int model_new(const cJSON *config, const char *where, model **out)
{
    int rc = OK;
    cJSON *own = NULL;
    model *m = memory_new(1, sizeof *m);
    if (!m) return FAILED;
    TRY(definition_find(config, where, &m->def));
    own = cJSON_Duplicate(config, true);
    if (!own) {
        rc = fail(FAILED, "out of memory");
        goto done;
    }
    cJSON_DeleteItemFromObjectCaseSensitive(own, "arch");
    TRY(positions_normalise(own));
    TRY_NEW(m->config = memory_new(1, m->def->config_size));
    TRY(schema_read(m->def->fields, own, where, m->config));
    TRY(m->def->check(m->config, where));
    *out = m;
    m = NULL;
done:
    cJSON_Delete(own);
    model_free(m);
    return rc;
}

void model_free(model *m)
{
    if (!m) return;
    if (m->config) schema_free(m->def->fields, m->config);
    free(m->config);
    free(m);
}

const char *model_arch(const model *m)
{
    return m->def->arch;
}

bool model_positions_are_dates(const model *m)
{
    return !strcmp(settings(m)->positions, "dates");
}

int model_bands(const model *m)
{
    return settings(m)->input_dim;
}

int model_extra(const model *m)
{
    const parcel_config *c = settings(m);
    return c->with_extra && c->extra_size.present ? c->extra_size.value : 0;
}

int model_classes(const model *m)
{
    const int_list *widths = &settings(m)->mlp4;
    return widths->value[widths->count - 1];
}

cJSON *model_config(const model *m)
{
    cJSON *object = cJSON_CreateObject();
    if (!object || !cJSON_AddStringToObject(object, "arch", m->def->arch) ||
        schema_write(m->def->fields, m->config, object)) {
        cJSON_Delete(object);
        return NULL;
    }
    return object;
}

char *model_help(void)
{
    char *all = text_copy("");
    for (int i = 0; i < DEFINITIONS && all; i++) {
        char *title = text_format("\"arch\": \"%s\" (%s)", definitions[i]->arch, definitions[i]->title);
        char *keys = title ? schema_help(definitions[i]->fields, title) : NULL;
        char *longer = keys ? text_format("%s%s%s", all, i ? "\n" : "", keys) : NULL;
        free(title);
        free(keys);
        free(all);
        all = longer;
    }
    return all;
}

parcel_outputs model_build(const model *m, net *n, const parcel_inputs *in)
{
    return m->def->build(m->config, n, in);
}
