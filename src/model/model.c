#include "model/model.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "model/definition.h"
#include "model/parcel.h"

static const model_def *const definitions[] = {&psetae_def, &pseltae_def, &utae_def};
enum { DEFINITIONS = sizeof definitions / sizeof *definitions };

struct model {
    const model_def *def;
    void *config; /* as def->fields says: a parcel_config for MODEL_PARCEL */
};

static const parcel_config *parcel_settings(const model *m)
{
    return m->config;
}

static bool is_dense(const model *m)
{
    return m->def->kind == MODEL_DENSE;
}

/* "psetae, pseltae or utae" */
static char *arch_names(void)
{
    char *all = text_copy("");
    for (int i = 0; i < DEFINITIONS && all; i++) {
        const char *between = i == 0 ? "" : i + 1 < DEFINITIONS ? ", " : " or ";
        char *longer = text_format("%s%s%s", all, between, definitions[i]->arch);
        free(all);
        all = longer;
    }
    return all;
}

static int definition_named(const char *arch, const char *where, const model_def **out)
{
    const char *names[DEFINITIONS + 1] = {0};
    for (int i = 0; arch && i < DEFINITIONS; i++) {
        names[i] = definitions[i]->arch;
        if (strcmp(arch, definitions[i]->arch)) continue;
        *out = definitions[i];
        return OK;
    }
    char *wanted = arch_names();
    const char *near = arch ? nearest_word(arch, names) : NULL;
    int rc = !arch ? fail(USAGE, "%s.arch is missing, wanted %s", where, wanted ? wanted : "a network")
                   : fail(USAGE, "%s.arch is \"%s\", wanted %s%s%s%s", where, arch, wanted ? wanted : "a network",
                          near ? " (did you mean " : "", near ? near : "", near ? "?)" : "");
    free(wanted);
    return rc;
}

static int definition_find(const cJSON *config, const char *where, const model_def **out)
{
    const cJSON *arch = cJSON_GetObjectItemCaseSensitive(config, "arch");
    return definition_named(cJSON_IsString(arch) ? arch->valuestring : NULL, where, out);
}

int model_arch_kind(const char *arch, enum model_kind *out)
{
    const model_def *def = NULL;
    int rc = definition_named(arch, "model", &def);
    if (!rc) *out = def->kind;
    return rc;
}

/* A list of days, "bespoke" (published) and "dates" all mean: use the data's dates. null means order. */
static int positions_normalise(cJSON *config)
{
    const cJSON *given = cJSON_GetObjectItemCaseSensitive(config, "positions");
    const char *meaning = NULL;
    if (!given) return OK;
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

enum model_kind model_kind_of(const model *m)
{
    return m->def->kind;
}

bool model_positions_are_dates(const model *m)
{
    return is_dense(m) || !strcmp(parcel_settings(m)->positions, "dates");
}

int model_bands(const model *m)
{
    return is_dense(m) ? m->def->facts(m->config).bands : parcel_settings(m)->input_dim;
}

int model_extra(const model *m)
{
    if (is_dense(m)) return 0;
    const parcel_config *c = parcel_settings(m);
    return c->with_extra && c->extra_size.present ? c->extra_size.value : 0;
}

int model_classes(const model *m)
{
    if (is_dense(m)) return m->def->facts(m->config).classes;
    const int_list *widths = &parcel_settings(m)->mlp4;
    return widths->value[widths->count - 1];
}

bool model_frames_divide(const model *m)
{
    return is_dense(m) && m->def->facts(m->config).frames_divide;
}

/* Every strided convolution must be undone by its transposed one. */
static bool side_fits(const dense_facts *f, int side)
{
    for (int i = 0; i + 1 < f->stages; i++) {
        const int wide = side + 2 * f->stride_padding - f->stride_kernel;
        if (wide < 0 || side < f->least) return false;
        const int coarse = wide / f->stride + 1;
        if ((coarse - 1) * f->stride - 2 * f->stride_padding + f->stride_kernel != side) return false;
        side = coarse;
    }
    return side >= f->least;
}

int model_size_fits(const model *m, int height, int width, const char *where)
{
    const dense_facts f = m->def->facts(m->config);
    const int wrong = side_fits(&f, height) ? width : height;
    if (side_fits(&f, height) && side_fits(&f, width)) return OK;
    int below = wrong, above = wrong;
    while (below > 0 && !side_fits(&f, below)) below--;
    while (above < 2 * wrong + 4096 && !side_fits(&f, above)) above++;
    if (!side_fits(&f, above))
        return fail(USAGE, "%s: patches are %d x %d pixels; no size fits this network's strided convolutions", where,
                    height, width);
    if (below < 1)
        return fail(USAGE, "%s: patches are %d x %d pixels; the smallest side that the network's strides divide is %d",
                    where, height, width, above);
    return fail(USAGE, "%s: patches are %d x %d pixels; sides that the network's strides divide are %d and %d", where,
                height, width, below, above);
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

dense_outputs model_build_dense(const model *m, net *n, const dense_inputs *in)
{
    return m->def->build_dense(m->config, n, in);
}
