/* The configuration of a run: {"data", "model", "train", "eval", "device", ...}, read, checked, completed from the data, and
 * written back in full so that the run folder reproduces the run. */
#ifndef FURROW_NETWORK_CONFIG_H
#define FURROW_NETWORK_CONFIG_H

#include <stdint.h>

#include <cjson/cJSON.h>

#include "base/schema.h"
#include "data/patches.h"
#include "data/pixelset.h"
#include "model/model.h"

typedef struct train_options {
    char *res_dir;
    int epochs, batch_size;
    double lr, gamma;          /* gamma: parcels */
    optional_int ignore_index; /* patches: the class that counts neither in the loss nor in the measures */
    real_list class_weights;   /* the word: balanced */
    int rdm_seed;
    int kfold;
    optional_int fold; /* absent: all */
    int val_every, val_after;
    /* with a head (published names) */
    double l_center, l_size, l_shape, l_class, beta; /* coefficients of the losses; exponent of the first */
    int warmup;                                      /* epochs that train the heat map alone */
    bool supmax, autotune, val_metrics_only;
    int_list lr_milestones; /* epochs after which lr_decay multiplies the rate */
    double lr_decay;
} train_options;

typedef struct eval_options {
    optional_int batch_size; /* absent: the training's */
    char *subset;            /* "test", "validation", "train" or "all" */
} eval_options;

/* What stands beside the sections. */
typedef struct root_options {
    char *device;        /* NULL: not said */
    char *padding;       /* patches: "published" or "skip" */
    double memory_limit; /* patches: bytes, or up to 1 a share of the device's memory; 0: none */
    bool exact;          /* patches: no Winograd */
} root_options;

typedef struct run_config {
    char *path; /* the file it was read from */
    enum model_kind kind;
    bool head;                /* model.head: parcels are wanted */
    pixelset_options parcels; /* "data", the one that the kind says */
    patches_options images;
    train_options train;
    eval_options eval;
    root_options root;
    cJSON *model; /* the "model" object; complete after config_complete_model */
} run_config;

/* Reads the file, maps a published flat conf.json into furrow's form (keys without a meaning here are listed in a
 * note), applies the `sets` overrides, and checks every key but the model's, which model_new checks. */
int config_read(const char *path, const char *const *set, int sets, run_config *out);
/* The same of a document that is there already, which is taken over; `path` names it in messages. */
int config_take(cJSON *root, const char *path, const char *const *set, int sets, run_config *out);
void config_free(run_config *c);

/* What the model's configuration leaves open comes from the data. Parcels: input_dim, with_extra, extra_size,
 * len_max_seq, the first and last widths of the MLPs; patches: its bands and classes (model_size_keys). */
typedef struct data_sizes {
    int bands, extra, classes, longest; /* classes 0: unknown (no labels) */
} data_sizes;
int config_complete_model(cJSON *model, const char *where, enum model_kind kind, data_sizes sizes);

/* USAGE unless train.class_weights, where it is a list, has a number for each of `classes` and one of them is not 0. */
int config_class_weights_check(const run_config *c, int classes);

/* The class that train.ignore_index names among `classes`; -1: none. USAGE when there is no such class. */
int config_ignored_class(const run_config *c, int classes, int *out);

/* The whole configuration, resolved; `network` is the resolved model object and is copied. Caller deletes. */
int config_resolved(const run_config *c, const cJSON *network, cJSON **out);

/* A published conf.json (flat) in furrow's form; *flat tells whether `root` was one. Takes `root` over. FAILED: out of memory. */
int config_from_published(cJSON *root, const char *path, cJSON **out, bool *flat);

char *config_help(void);

#endif
