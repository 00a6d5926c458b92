/* Run folders (docs/formats.md), as commands read them that look at runs after the fact: no device, no pack. Nothing in
 * them is believed: errors name the file, the place and what was wanted. */
#ifndef FURROW_REPORT_RUN_FOLDER_H
#define FURROW_REPORT_RUN_FOLDER_H

#include <cjson/cJSON.h>

#include "model/model.h"

enum { RUN_FOLDS_MAX = 1000 };

typedef struct run_folder {
    const char *path; /* borrowed */
    cJSON *config;    /* conf.json */
    model *model;     /* that it describes */
} run_folder;

/* FAILED when there is no conf.json with a model in it. */
int run_folder_open(const char *path, run_folder *out);
void run_folder_close(run_folder *f);

/* The network as it is called in the benchmark's tables: "U-TAE + PaPs". A new string. */
char *run_folder_title(const run_folder *f);

/* PATH/FILE, or of a fold from 1 PATH/Fold_FOLD/FILE; a new string. */
char *run_folder_path(const run_folder *f, int fold, const char *file);

/* A JSON object there; *out is NULL when there is no such file. Caller deletes. */
int run_folder_read(const run_folder *f, int fold, const char *file, cJSON **out);

/* A member that is a number, or null, which is undefined: NaN. FAILED, naming the file by `where`, when it is neither. */
int run_measure(const cJSON *object, const char *where, const char *key, double *out);

/* Trained parameters, as the fold's model.h5 holds them; 0: it has no weights any more. */
int run_folder_parameters(const run_folder *f, int fold, double *count);

/* Mean, and deviation of a sample (n - 1), which is undefined (NaN) of one value. */
typedef struct mean_deviation {
    double mean, deviation;
} mean_deviation;
mean_deviation mean_deviation_of(const double *value, int count);

#endif
