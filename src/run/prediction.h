/* What predict's two forms, for parcels and for patches, share. */
#ifndef FURROW_RUN_PREDICTION_H
#define FURROW_RUN_PREDICTION_H

#include "network/infer.h"
#include "run/session.h"
#include "weights/weights.h"

typedef struct attention_log attention_log; /* run/attention_log.h */

typedef struct prediction {
    session s;
    weight_files weights;
    batches *batches;
    ensemble networks;
    int count, classes;
    char **names;   /* [classes] */
    int64_t *tally; /* [classes] parcels or pixels predicted as each */
    const char *folder;
    double tolerance;         /* of outlines, pixels */
    attention_log *attention; /* NULL: not wanted */
} prediction;

/* Runs the networks over the whole set and writes the results; `all` receives what the summary says of them. */
int predict_parcels(prediction *p, cJSON *all);
int predict_patches(prediction *p, cJSON *all);
int predict_panoptic(prediction *p, cJSON *all);                            /* patches, by a network with a head */
int predict_scenes(prediction *p, const furrow_scenes *scenes, cJSON *all); /* whole images, with a head or without */

/* Gives every sample's batch to `take`, in the set's order; labels: with the truth, where the set has any. */
int prediction_run(prediction *p, bool labels, int (*take)(void *user, const inference *i), void *user);

/* predictions.json of patches: {"classes": [{"name", "colour", COUNTED: how many}], "patches"}. */
int prediction_save_patches(const prediction *p, const char *path, const char *counted, cJSON *entries);

/* For each batch's rows: the classes' probabilities sum to 1. FAILED, naming the sample, when they are not
 * finite. p [rows x classes], from log_p. */
int prediction_probabilities(const prediction *r, const inference *i, double *p);

#endif
