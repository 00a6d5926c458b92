/* The configuration of a run: {"data", "model", "train", "eval", "device"}, read, checked, completed from the data, and
 * written back in full so that the run folder reproduces the run. */
#ifndef FURROW_RUN_CONFIG_H
#define FURROW_RUN_CONFIG_H

#include <stdint.h>

#include <cjson/cJSON.h>

#include "base/schema.h"
#include "data/pixelset.h"

typedef struct train_options {
    char *res_dir;
    int epochs, batch_size;
    double lr, gamma;
    int rdm_seed;
    int kfold;
    optional_int fold; /* absent: all */
    int val_every, val_after;
} train_options;
extern const field train_fields[];

typedef struct eval_options {
    optional_int batch_size; /* absent: the training's */
    char *subset;            /* "test", "validation", "train" or "all" */
} eval_options;
extern const field eval_fields[];

typedef struct run_config {
    char *path; /* the file it was read from */
    pixelset_options data;
    train_options train;
    eval_options eval;
    char *device; /* NULL: not said */
    cJSON *model; /* the "model" object; complete after config_complete_model */
} run_config;

/* Reads the file, maps a published flat conf.json into furrow's form (keys without a meaning here are listed in a
 * note), applies the `sets` overrides, and checks every key but the model's, which model_new checks. */
int config_read(const char *path, const char *const *set, int sets, run_config *out);
void config_free(run_config *c);

/* What the model's configuration leaves open comes from the data: input_dim, with_extra, extra_size, len_max_seq, the
 * first and last widths of the MLPs. */
typedef struct data_sizes {
    int bands, extra, classes, longest; /* classes 0: unknown (no labels) */
} data_sizes;
int config_complete_model(cJSON *model, const char *where, data_sizes sizes);

/* The whole configuration, resolved; `network` is the resolved model object and is copied. Caller deletes. */
int config_resolved(const run_config *c, const cJSON *network, cJSON **out);

/* A published conf.json (flat) in furrow's form; *flat tells whether `root` was one. Takes `root` over. */
int config_from_published(cJSON *root, const char *path, cJSON **out, bool *flat);

char *config_help(void);

#endif
