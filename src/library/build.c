/* furrow_build_programs: what training, evaluation and prediction with a configuration launch, as binaries in a folder.
 *
 * Which programs these are depends on the device, on the network's widths, on the data's bands and type, and on which
 * forms win their races for the batches' sizes. So nothing is listed anywhere: the work is done on a few batches of the
 * sizes that occur (whole ones and the remainder, of the shortest and of the longest series), and what it launches is
 * kept. The networks on arrays of the public interface are run too. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "library/library_model.h"
#include "network/loop_test.h"
#include "run/epoch.h"
#include "run/fold.h"
#include "run/session.h"

typedef struct rehearsal {
    session s;
    network *network;
    batches *batches;
    uint32_t *order; /* the set's samples by their number of dates, fewest first */
    int count;
    bool labels, ragged;
} rehearsal;

/* ---- which samples ------------------------------------------------------------------------------------------------ */

static const sample_set *sorting; /* qsort passes nothing on; one run at a time in a process */

static int by_dates(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    const int order = samples_dates(sorting, (int)x) - samples_dates(sorting, (int)y);
    return order ? order : (x > y) - (x < y);
}

static int sort_samples(rehearsal *r)
{
    r->count = samples_count(&r->s.set);
    r->order = memory_new((size_t)r->count, sizeof *r->order);
    if (!r->order) return FAILED;
    for (int i = 0; i < r->count; i++) r->order[i] = (uint32_t)i;
    sorting = &r->s.set;
    qsort(r->order, (size_t)r->count, sizeof *r->order, by_dates);
    const int last = r->count - 1;
    r->ragged = samples_dates(sorting, (int)r->order[0]) != samples_dates(sorting, (int)r->order[last]);
    return OK;
}

/* A whole batch and what a pass over `all` samples leaves over. */
static int enough(const rehearsal *r, int all, int batch_size)
{
    const int wanted = all < batch_size ? all : batch_size + all % batch_size;
    return wanted < r->count ? wanted : r->count;
}

/* ---- the work ----------------------------------------------------------------------------------------------------- */

static int learn(rehearsal *r, const uint32_t *order, int count, bool heatmap_only)
{
    score learning = {0};
    const epoch_task task = {.network = r->network,
                             .batches = r->batches,
                             .config = &r->s.config,
                             .train = order,
                             .count = count,
                             .epoch = 1,
                             .epochs = 1,
                             .seed = 1,
                             .title = "training",
                             .best = -1,
                             .last_loss = -1};
    r->network->heatmap_only = heatmap_only;
    int rc = epoch_train(&task, &learning);
    if (!rc) score_free(&learning);
    r->network->heatmap_only = false;
    return rc;
}

static int train(rehearsal *r)
{
    int rc = OK;
    fold_split split = {0};
    const train_options *t = &r->s.config.train;
    TRY(samples_split(&r->s.set, t, t->fold.present ? t->fold.value : 1, &split));
    const int count = enough(r, split.train_count, t->batch_size);
    for (int longest = r->ragged ? 0 : 1; longest < 2; longest++) {
        const uint32_t *order = longest ? r->order + r->count - count : r->order;
        if (r->network->head && t->warmup) TRY(learn(r, order, count, true));
        TRY(learn(r, order, count, false));
    }
done:
    fold_split_free(&split);
    return rc;
}

static int look(void *user, const inference *i)
{
    paps_found found;
    (void)user;
    return i->network->head ? paps_read(i->network->head, &found) : OK;
}

static int evaluate(rehearsal *r, bool labels)
{
    int rc = OK;
    const ensemble present = {.network = r->network};
    const int each = session_eval_batch(&r->s), count = enough(r, r->count, each);
    for (int longest = r->ragged ? 0 : 1; longest < 2; longest++) {
        const uint32_t *order = longest ? r->order + r->count - count : r->order;
        const batches_pass pass = {.order = order, .count = count, .batch_size = each, .labels = labels};
        TRY(infer(&present, r->batches, pass, "evaluation", look, NULL));
    }
done:
    return rc;
}

/* ---- networks on arrays ------------------------------------------------------------------------------------------- */

/* One parcel of zeros, with more pixels than are drawn. */
static int classify_parcel(furrow_model *m, int dates)
{
    int rc = OK;
    furrow_model_info about;
    furrow_model_about(m, &about);
    const int pixels = about.pixels + 1;
    float *values = memory_new((size_t)dates * (size_t)about.bands * (size_t)pixels, sizeof *values);
    float *extra = memory_new((size_t)about.extra, sizeof *extra);
    float *probabilities = memory_new((size_t)about.classes, sizeof *probabilities);
    int32_t *days = memory_new((size_t)dates, sizeof *days);
    TRY_NEW(values);
    TRY_NEW(extra);
    TRY_NEW(probabilities);
    TRY_NEW(days);
    const furrow_parcel parcel = {.values = values, .dates = dates, .pixels = pixels, .days = days, .extra = extra};
    TRY(furrow_classify_parcels(m, &parcel, 1, probabilities));
done:
    free(values);
    free(extra);
    free(probabilities);
    free(days);
    return rc;
}

static int classify_patch(const rehearsal *r, furrow_model *m, int dates)
{
    int rc = OK;
    const int height = patches_height(r->s.set.images), width = patches_width(r->s.set.images);
    const size_t pixels = (size_t)height * (size_t)width;
    furrow_model_info about;
    furrow_model_about(m, &about);
    float *values = memory_new((size_t)dates * (size_t)about.bands * pixels, sizeof *values);
    float *probabilities = memory_new((size_t)about.classes * pixels, sizeof *probabilities);
    int32_t *days = memory_new((size_t)dates, sizeof *days), *instances = memory_new(pixels, sizeof *instances);
    TRY_NEW(values);
    TRY_NEW(probabilities);
    TRY_NEW(days);
    TRY_NEW(instances);
    const furrow_patch patch = {.values = values, .dates = dates, .days = days};
    TRY(about.head ? furrow_find_parcels(m, &patch, 1, height, width, instances, NULL, NULL)
                   : furrow_classify_patches(m, &patch, 1, height, width, probabilities));
done:
    free(values);
    free(probabilities);
    free(days);
    free(instances);
    return rc;
}

/* Normalised as the pack is, and not at all: a pack's values may be for each date. */
static int run_arrays(const rehearsal *r, const char *normalisation)
{
    int rc = OK;
    cJSON *resolved = NULL;
    run_config config = {0};
    furrow_model *m = NULL;
    const int longest = samples_dates(&r->s.set, (int)r->order[r->count - 1]);
    TRY(config_resolved(&r->s.config, r->s.model, &resolved));
    TRY(config_take(resolved, r->s.config.path, NULL, 0, &config));
    TRY(library_model_new(r->s.device, &config, NULL, 1, normalisation, &m));
    TRY(r->s.set.images ? classify_patch(r, m, longest) : classify_parcel(m, longest));
done:
    furrow_model_free(m);
    return rc;
}

/* ---- all of it ---------------------------------------------------------------------------------------------------- */

static int run_all(rehearsal *r)
{
    int rc = OK;
    const char *pack = r->s.set.images ? r->s.config.images.pack : r->s.config.parcels.pack;
    TRY(loop_test_want(r->s.device));
    TRY(sort_samples(r));
    TRY(session_network(&r->s, 1, &r->network));
    TRY(session_batches(&r->s, &r->batches));
    if (r->labels) TRY(train(r));
    if (r->labels) TRY(evaluate(r, true));
    TRY(evaluate(r, false));
    TRY(run_arrays(r, pack));
    TRY(run_arrays(r, NULL));
done:
    return rc;
}

/* Labels are needed where there are any. */
static int open_set(rehearsal *r, const furrow_run_options *o)
{
    int rc = session_open(o, false, NULL, &r->s);
    if (rc || !samples_classes(&r->s.set)) return rc;
    r->labels = true;
    session_close(&r->s);
    return session_open(o, true, NULL, &r->s);
}

/* "furrow devices --build DIR CONFIG --set a=b" */
static char *command_of(const furrow_run_options *o)
{
    char *text = text_format("furrow devices --build %s %s", o->out, o->config);
    for (int i = 0; text && i < o->sets; i++) {
        char *longer = text_format("%s --set '%s'", text, o->set[i]);
        free(text);
        text = longer;
    }
    return text;
}

static int summary(const rehearsal *r, const char *folder, binaries_summary sum, char **json)
{
    cJSON *all = cJSON_CreateObject();
    cJSON_AddStringToObject(all, "folder", folder);
    cJSON_AddStringToObject(all, "device", device_about(r->s.device)->name);
    cJSON_AddNumberToObject(all, "programs", sum.programs);
    cJSON_AddNumberToObject(all, "kernels", sum.kernels);
    cJSON_AddNumberToObject(all, "bytes", (double)sum.bytes);
    cJSON_AddBoolToObject(all, "training", r->labels);
    return json_text(all, json);
}

int furrow_build_programs(const furrow_run_options *o, char **json)
{
    int rc = OK;
    rehearsal r = {0};
    binaries_summary sum;
    char *command = NULL;
    *json = NULL;
    if (!o->config || !o->out) {
        rc = fail(USAGE, "the programs of which configuration, and where to? Wanted a folder and a configuration");
        goto done;
    }
    TRY_NEW(command = command_of(o));
    TRY(folder_make(o->out));
    TRY(open_set(&r, o));
    if (!device_compiles(r.s.device)) {
        rc = fail(USAGE, "FURROW_BINARY_DIR is set: nothing can be compiled");
        goto done;
    }
    binaries_collect(r.s.device);
    TRY(run_all(&r));
    TRY(binaries_save(r.s.device, o->out, command, &sum));
    TRY(summary(&r, o->out, sum, json));
done:
    free(command);
    free(r.order);
    batches_free(r.batches);
    network_free(r.network);
    session_close(&r.s);
    return rc;
}
