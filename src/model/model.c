#include "model/model.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "model/definition.h"
#include "model/parcel.h"

struct model {
    const model_def *def;
    void *config; /* as def->fields says: a parcel_config for MODEL_PARCEL */
    bool has_head;
    paps_config head;
};

static const parcel_config *parcel_settings(const model *m)
{
    return m->config;
}

static bool is_dense(const model *m)
{
    return m->def->kind == MODEL_DENSE;
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

/* Takes "head" out of the settings. */
static int head_read(model *m, cJSON *config, const char *where)
{
    int rc = OK;
    char *path = NULL;
    cJSON *head = cJSON_DetachItemFromObjectCaseSensitive(config, "head");
    if (!head || cJSON_IsNull(head)) goto done;
    TRY_NEW(path = text_format("%s.head", where));
    const cJSON *arch = cJSON_GetObjectItemCaseSensitive(head, "arch");
    if (!arch_is_paps(arch)) {
        rc = fail(USAGE, "%s.arch is %s%s%s, wanted \"paps\"", path, cJSON_IsString(arch) ? "\"" : "",
                  cJSON_IsString(arch)   ? arch->valuestring
                  : cJSON_IsObject(head) ? "missing or no text"
                                         : "in no object",
                  cJSON_IsString(arch) ? "\"" : "");
        goto done;
    }
    if (!is_dense(m)) {
        rc = fail(USAGE, "%s: %s has no feature maps for a head, wanted an image network", path, m->def->arch);
        goto done;
    }
    cJSON_DeleteItemFromObjectCaseSensitive(head, "arch");
    TRY(schema_read(paps_fields, head, path, &m->head));
    m->has_head = true;
done:
    cJSON_Delete(head);
    free(path);
    return rc;
}

/* A head follows its centres down the maps by halving. */
static int head_check(const model *m, const char *where)
{
    if (!m->has_head || m->def->facts(m->config).maps) return OK;
    if (m->def->facts(m->config).stride == 2)
        return fail(USAGE, "%s.head: %s has no feature maps for a head", where, m->def->arch);
    return fail(USAGE, "%s.str_conv_s: with a head every stride must be 2", where);
}

int model_new(const cJSON *config, const char *where, model **out)
{
    int rc = OK;
    cJSON *own = NULL;
    model *m = memory_new(1, sizeof *m);
    if (!m) return FAILED;
    own = cJSON_Duplicate(config, true);
    if (!own) {
        rc = fail(FAILED, "out of memory");
        goto done;
    }
    TRY(model_config_normalise(&own, where));
    TRY(definition_find(own, where, &m->def));
    TRY(head_read(m, own, where));
    cJSON_DeleteItemFromObjectCaseSensitive(own, "arch");
    TRY(positions_normalise(own));
    TRY(json_lost()); /* a default must not stand in for what was given */
    TRY_NEW(m->config = memory_new(1, m->def->config_size));
    TRY(schema_read(m->def->fields, own, where, m->config));
    TRY(m->def->check(m->config, where));
    TRY(head_check(m, where));
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

const char *model_title(const model *m)
{
    return m->def->title;
}

enum model_kind model_kind_of(const model *m)
{
    return m->def->kind;
}

const paps_config *model_head(const model *m)
{
    return m->has_head ? &m->head : NULL;
}

bool model_positions_are_dates(const model *m)
{
    return is_dense(m) || !strcmp(parcel_settings(m)->positions, "dates");
}

/* L-TAE adds positions to the projected dates, a sinusoid for each head; TAE to the embeddings as they come. */
static bool positions_by_head(const model *m)
{
    return m->def == &pseltae_def;
}

int model_position_channels(const model *m)
{
    const parcel_config *c = parcel_settings(m);
    return positions_by_head(m) && c->d_model.present ? c->d_model.value : c->mlp2.value[c->mlp2.count - 1];
}

void model_position_row(const model *m, int position, float *out)
{
    const parcel_config *c = parcel_settings(m);
    const int channels = model_position_channels(m);
    position_row(position, channels, positions_by_head(m) ? channels / c->n_head : channels, c->T, out);
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

int model_longest(const model *m)
{
    if (is_dense(m)) return 0;
    const parcel_config *c = parcel_settings(m);
    return c->d_model.present && c->elementwise_affine && c->len_max_seq.present ? c->len_max_seq.value : 0;
}

int model_classes(const model *m)
{
    if (m->has_head) return m->head.num_classes;
    if (is_dense(m)) return m->def->facts(m->config).classes;
    const int_list *widths = &parcel_settings(m)->mlp4;
    return widths->value[widths->count - 1];
}

static bool starts(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

bool model_is_last(const model *m, const char *key)
{
    static const char encoder[] = "encoder.";
    if (!m->has_head) return starts(key, m->def->last);
    if (starts(key, encoder)) return starts(key + strlen(encoder), m->def->last);
    return starts(key, "class_mlp.");
}

bool model_frames_divide(const model *m)
{
    return is_dense(m) && m->def->facts(m->config).frames_divide;
}

int model_least_dates(const model *m)
{
    const int least = is_dense(m) ? m->def->facts(m->config).least_dates : 1;
    return least ? least : 1;
}

bool model_equal_series(const model *m)
{
    return is_dense(m) && m->def->facts(m->config).equal_series;
}

size_keys model_size_keys(const model *m)
{
    return definition_size_keys(m->def);
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
    if (m->has_head) {
        cJSON *head = cJSON_AddObjectToObject(object, "head");
        if (!head || !cJSON_AddStringToObject(head, "arch", "paps") || schema_write(paps_fields, &m->head, head)) {
            cJSON_Delete(object);
            return NULL;
        }
    }
    return object;
}

parcel_outputs model_build(const model *m, net *n, const parcel_inputs *in)
{
    return m->def->build(m->config, n, in);
}

dense_outputs model_build_dense(const model *m, net *n, const dense_inputs *in)
{
    dense_inputs given = *in;
    given.features_only = m->has_head;
    net_prefix(n, m->has_head ? "encoder." : "");
    dense_outputs out = m->def->build_dense(m->config, n, &given);
    net_prefix(n, "");
    return out;
}
