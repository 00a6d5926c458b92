/* Models of the public interface: configuration, weights and normalisation without a data set to read from. */
#include "library/library_model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "network/loop_test.h"
#include "network/self_test.h"
#include "run/session.h"
#include "weights/checkpoint.h"
#include "weights/weights.h"
#include "weights/weights_fit.h"

enum { CONFIG_BYTES_MAX = 16 << 20, SPAN_MAX = 36525 /* days: a hundred years, as in data/positions.c */ };

/* ---- the configuration ------------------------------------------------------------------------------------------- */

/* The run folder's own configuration, where the weights are one that has it; else NULL. A new string. */
static char *own_config(const char *weights)
{
    struct stat about;
    if (!weights || stat(weights, &about) || !S_ISDIR(about.st_mode)) return NULL;
    char *path = path_join(weights, "conf.json");
    if (path && file_exists(path)) return path;
    free(path);
    return NULL;
}

/* {"model": the checkpoint's} */
static int config_of_checkpoint(const char *path, cJSON **out)
{
    cJSON *settings = NULL;
    int rc = checkpoint_peek(path, &settings, NULL);
    if (rc) return rc;
    if (!settings) return fail(USAGE, "%s does not say which network it holds; wanted a configuration", path);
    *out = cJSON_CreateObject();
    json_add(*out, "model", settings);
    if (!(rc = json_lost())) return OK;
    cJSON_Delete(*out);
    *out = NULL;
    return rc;
}

/* No pack is read, so none needs to be named. */
static int read_config(const furrow_model_options *o, const weight_files *weights, run_config *out)
{
    int rc = OK;
    cJSON *root = NULL;
    char *own = o->config ? NULL : own_config(o->weights);
    const char *path = o->config ? o->config : own, **set = memory_new((size_t)o->sets + 1, sizeof *set);
    TRY_NEW(set);
    set[0] = "data.pack=(arrays)";
    for (int i = 0; i < o->sets; i++) set[i + 1] = o->set[i];
    if (path)
        rc = json_read(path, CONFIG_BYTES_MAX, &root);
    else if (weights->count)
        rc = config_of_checkpoint(path = weights->path[0], &root);
    else
        rc = fail(USAGE, "a model needs a configuration, or weights that bring their own");
    if (rc) goto done;
    TRY(config_take(root, path, set, o->sets + 1, out));
done:
    free(set);
    free(own);
    return rc;
}

/* ---- the network ------------------------------------------------------------------------------------------------- */

/* The configuration's settings, completed by the weights'. */
static int settle_model(furrow_model *m, const weight_files *weights, model **out)
{
    int rc = OK;
    char *where = text_format("%s: model", m->config.path);
    TRY_NEW(where);
    if (weights->count) TRY(weights_fill_model(m->config.model, where, weights->path[0]));
    TRY(model_new(m->config.model, where, out));
done:
    free(where);
    return rc;
}

/* What a run's data set would say. Its first call makes a series longer, a patch larger, the days others. */
static network_input first_input(const run_config *c, const model *m)
{
    return (network_input){
        .bands = model_bands(m),
        .npixel = c->kind == MODEL_PARCEL ? c->parcels.npixel : 0,
        .extra = model_extra(m),
        .first_position = model_positions_are_dates(m) ? 0 : 1,
        .position_lines = 1,
        .longest = 1,
    };
}

static int name_classes(furrow_model *m, const weight_files *weights)
{
    int rc = OK;
    cJSON *state = NULL;
    if (weights->count) TRY(checkpoint_peek(weights->path[0], NULL, &state));
    const cJSON *stored = cJSON_GetObjectItemCaseSensitive(state, "classes");
    TRY_NEW(m->names = memory_new((size_t)m->classes, sizeof *m->names));
    for (int k = 0; k < m->classes; k++) {
        const cJSON *name = cJSON_GetArrayItem(stored, k);
        TRY_NEW(m->names[k] = cJSON_IsString(name) ? text_copy(name->valuestring) : text_format("%d", k));
    }
done:
    cJSON_Delete(state);
    return rc;
}

/* A side of a patch that the network's strides divide, to make the parameters with. */
static int some_size(const model *m, network_input *input)
{
    enum { SIDE_MAX = 4096 };
    for (int side = 1; side <= SIDE_MAX; side++)
        if (!model_size_fits(m, side, side, "model")) {
            input->height = input->width = side;
            return OK;
        }
    return FAILED;
}

static int load_network(furrow_model *m, const weight_files *weights, uint64_t seed)
{
    int rc = OK;
    model *settings = NULL;
    TRY(settle_model(m, weights, &settings));
    m->classes = model_classes(settings);
    network_input input = first_input(&m->config, settings);
    if (m->config.kind == MODEL_DENSE) TRY(some_size(settings, &input));
    rc = network_new(m->device, settings, input, seed, &m->network);
    settings = NULL; /* the network's */
    if (rc) goto done;
    m->networks.network = m->network;
    TRY(network_settings(m->network, &m->config));
    for (int i = 0; i < weights->count; i++) {
        TRY(checkpoint_load(weights->path[i], m->network, CHECKPOINT_WEIGHTS));
        TRY(ensemble_add(&m->networks));
    }
    if (m->network->head && weights->count > 1)
        rc = fail(USAGE, "parcels found by %d folds have no mean; wanted one of them (fold)", weights->count);
done:
    model_free(settings);
    return rc;
}

/* ---- normalisation ----------------------------------------------------------------------------------------------- */

static int keep_normalisation(furrow_model *m, int rows, int bands, const float *mean, const float *std)
{
    const size_t bytes = (size_t)rows * (size_t)bands * sizeof(float);
    const int wanted = m->network->input.bands;
    if (bands != wanted) return fail(USAGE, "the network takes %d bands, the normalisation has %d", wanted, bands);
    m->norm_rows = rows;
    int rc = library_upload(m->device, mean, bytes, &m->mean);
    return rc ? rc : library_upload(m->device, std, bytes, &m->std);
}

static int no_normalisation(furrow_model *m)
{
    const int bands = m->network->input.bands;
    float *values = memory_new(2 * (size_t)bands, sizeof *values);
    if (!values) return FAILED;
    for (int c = 0; c < bands; c++) values[bands + c] = 1;
    int rc = keep_normalisation(m, 1, bands, values, values + bands);
    free(values);
    return rc;
}

static int normalisation_of_parcels(furrow_model *m)
{
    int rc = OK, rows = 0;
    const float *mean, *std;
    pixelset *set = NULL;
    TRY(pixelset_open(&m->config.parcels, false, &set));
    TRY(pixelset_normalisation(set, &rows, &mean, &std));
    TRY(keep_normalisation(m, rows, pixelset_bands(set), mean, std));
done:
    pixelset_close(set);
    return rc;
}

static int normalisation_of_patches(furrow_model *m)
{
    int rc = OK;
    float *mean = NULL, *std = NULL;
    patches *set = NULL;
    TRY(patches_open(&m->config.images, false, &set));
    TRY(patches_normalisation(set, NULL, 0, &mean, &std));
    TRY(keep_normalisation(m, 1, patches_bands(set), mean, std));
done:
    free(mean);
    patches_close(set);
    return rc;
}

/* As furrow_predict would for this pack. */
static int load_normalisation(furrow_model *m, const char *pack)
{
    const bool images = m->config.kind == MODEL_DENSE;
    if (!pack || strcmp(pack, "none") == 0) return no_normalisation(m);
    char **path = images ? &m->config.images.pack : &m->config.parcels.pack, *copy = text_copy(pack);
    if (!copy) return FAILED;
    free(*path);
    *path = copy;
    m->config.images.preload = m->config.parcels.preload = false;
    return images ? normalisation_of_patches(m) : normalisation_of_parcels(m);
}

/* ---- all of it --------------------------------------------------------------------------------------------------- */

int library_model_new(device *d, run_config *config, const struct weight_files *given, uint64_t seed,
                      const char *normalisation, furrow_model **out)
{
    int rc = OK;
    bool tested;
    const weight_files none = {0}, *weights = given ? given : &none;
    furrow_model *m = memory_new(1, sizeof *m);
    if (!m) {
        config_free(config);
        return FAILED;
    }
    m->device = d;
    m->config = *config;
    *config = (run_config){0};
    TRY(self_test_require(d, m->config.kind == MODEL_DENSE ? SELF_TEST_IMAGES : SELF_TEST_PARCELS, &tested));
    TRY(loop_test(d));
    TRY(load_network(m, weights, seed));
    TRY(name_classes(m, weights));
    TRY(load_normalisation(m, normalisation));
    *out = m;
    m = NULL;
done:
    furrow_model_free(m);
    return rc;
}

int library_model_load(device *d, const furrow_model_options *o, furrow_model **out)
{
    int rc = OK;
    weight_files weights = {0};
    run_config config = {0};
    if (o->weights) TRY(weights_find(o->weights, o->fold, &weights));
    TRY(read_config(o, &weights, &config));
    TRY(library_model_new(d, &config, &weights, o->seed, o->normalisation, out));
done:
    weights_free(&weights);
    return rc;
}

int library_batch_size(const furrow_model *m)
{
    const run_config *c = &m->config;
    if (c->eval.batch_size.present) return c->eval.batch_size.value;
    return c->kind == MODEL_DENSE ? 1 : c->train.batch_size;
}

/* ---- what a call brings ------------------------------------------------------------------------------------------ */

/* The table of positions only grows, by doubling, so that calls with other days do not fill the memory with tables. */
int library_positions(furrow_model *m, int32_t first, int32_t last, int longest)
{
    network *w = m->network;
    network_input *in = &w->input;
    const bool days = model_positions_are_dates(w->model);
    int64_t low = in->first_position, high = low + in->position_lines - 1;
    if (!days) last = longest, first = 1;
    if ((int64_t)last - first > SPAN_MAX || first < -SPAN_MAX || last > SPAN_MAX)
        return fail(FAILED, "days from %d to %d, wanted days since a reference date, within %d of each other", first,
                    last, SPAN_MAX);
    if (longest > in->longest || first < low || last > high) {
        const int64_t lines = in->position_lines;
        if (first < low) low = first < low - lines ? first : low - lines;
        if (last > high) high = last > high + lines ? last : high + lines;
        if (high - low > SPAN_MAX) low = first, high = last;
        in->first_position = (int)low;
        in->position_lines = (int)(high - low + 1);
        w->recorded = false;
    }
    in->longest = longest;
    return OK;
}

int library_finite(const float *values, int dates, int bands, size_t pixels, const char *what, int index)
{
    const size_t count = (size_t)dates * (size_t)bands * pixels;
    bool finite = true;
    for (size_t i = 0; i < count; i++) finite &= isfinite(values[i]) != 0;
    if (finite) return OK;
    size_t at = 0;
    while (isfinite(values[at])) at++;
    return fail(FAILED, "%s %d: pixel %zu of band %zu of date %zu is %g, wanted a finite value (all count from 0)",
                what, index, at % pixels, at / pixels % (size_t)bands, at / pixels / (size_t)bands, (double)values[at]);
}

void library_span(const int32_t *days, int count, int32_t *first, int32_t *last)
{
    for (int i = 0; i < count; i++) {
        if (days[i] < *first) *first = days[i];
        if (days[i] > *last) *last = days[i];
    }
}

int library_upload(device *d, const void *values, size_t bytes, buffer **out)
{
    int rc = buffer_new(d, bytes, out);
    return rc || !values ? rc : buffer_write(*out, 0, values, bytes);
}
