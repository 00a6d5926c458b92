/* Running trained networks over samples, and scoring what they say. */
#ifndef FURROW_NETWORK_INFER_H
#define FURROW_NETWORK_INFER_H

#include "metric/metrics.h"
#include "network/batches.h"
#include "network/parcel_score.h"

/* One network, and the weights of one or several folds to run it with: their mean of log softmax is the result. */
typedef struct ensemble {
    network *network; /* not owned */
    float **values;   /* [count], of network_values; owned */
    int count;
} ensemble;
int ensemble_add(ensemble *e); /* the network's present weights */
void ensemble_free(ensemble *e);

/* What was inferred of one batch, on the host until the next one. */
typedef struct inference {
    const batch *batch;
    int rows, classes;
    const double *log_p;   /* [rows x classes]; NULL: the network has a head (paps_read) */
    const int32_t *target; /* [rows]; NULL when the pass has no labels, and with a head */
    network *network;
    const float *attention; /* of network_attention, the networks' mean; NULL: not kept */
} inference;

/* What inferences are read into; grows with the batches. Starts as zeros. */
typedef struct inference_room {
    float *logits;
    double *log_p, *row;
    int32_t *target;
    int rows;
    float *attention, *attention_sum;
    size_t attention_values;
} inference_room;
void inference_room_free(inference_room *r);

/* One batch, wherever it came from; `labels`: its targets are wanted. The result lives until the room's next one. */
int infer_batch(const ensemble *e, const batch *b, bool labels, inference_room *r, inference *out);

/* A row of log_p as probabilities, which sum to 1; false when they are not finite. */
bool probabilities_of(const double *log_p, int classes, double *p);

/* Gives every batch of the pass to `take`, in order. An ensemble without values runs with the network's present
 * weights; parcels found by several networks have no mean: with a head there is one at most. `task` names the work in the progress; NULL: none is told. INTERRUPTED when the user asked for it. */
int infer(const ensemble *e, batches *b, batches_pass pass, const char *task,
          int (*take)(void *user, const inference *i), void *user);

/* ---- scores ------------------------------------------------------------------------------------------------------ */

/* Predicted against true classes. Patches: pixels of the void class count in neither loss nor measures. */
typedef struct score {
    confusion confusion;   /* with the void class */
    confusion measured;    /* room for score_measured: what is measured late must not fail for want of memory */
    double loss;           /* mean, of score_end */
    int64_t counted;       /* rows in the loss */
    double gamma;          /* of the focal loss; 0: cross entropy */
    int ignored;           /* the void class; -1: none */
    bool percent;          /* the IoU of logs is in percent, as published for patches */
    parcel_score *parcels; /* of a network with a head, instead of all this; else NULL */
} score;

int score_new(const run_config *c, const network *w, score *out);
void score_free(score *s);
int score_take(void *user, const inference *i); /* user is the score */
void score_end(score *s);
/* Likewise from classes and targets alone; the loss is the caller's. */
void score_rows(score *s, const int32_t *predicted, const int32_t *target, int rows);

double score_accuracy(const score *s); /* percent */
double score_iou(const score *s);      /* mean, a fraction */
/* What the best epoch is chosen by: the mean IoU, or PQ; a fraction, NaN when undefined. */
double score_value(const score *s);
const char *score_value_name(const score *s); /* "mIoU", "PQ" */
/* Adds the counts (not the loss) of another score of the same kind. */
void score_add(score *to, const score *from);
/* conf_mat.npy or test_tables.npy: what is kept of a fold's test. */
const char *score_table(const run_config *c);
int score_save(const score *s, const char *path);
int score_read(score *s, const char *path); /* adds what was saved */
/* Without the void class's row and column; good until it is asked again. */
const confusion *score_measured(const score *s);

/* {PREFIX_accuracy, PREFIX_loss, PREFIX_IoU}, or {PREFIX_loss, PREFIX_center_loss, ..., PREFIX_SQ, PREFIX_RQ, PREFIX_PQ},
 * into `object`, the published names and units. */
void score_put(const score *s, const char *prefix, cJSON *object);

#endif
