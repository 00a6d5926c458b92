/* Running a trained network over parcels, and scoring what it says. */
#ifndef FURROW_RUN_INFER_H
#define FURROW_RUN_INFER_H

#include "run/metrics.h"
#include "run/network.h"

/* Adds log softmax of the network's outputs for `count` samples, in their order, to sum [count x classes]: several
 * folds' networks added one after the other and divided by their number give the published average.
 * `task` names the work in the progress; NULL: none is told. INTERRUPTED when the user asked for it. */
int infer_add(network *w, feed *f, const uint32_t *order, int count, int batch_size, const char *task, double *sum);

typedef struct score {
    confusion confusion;
    double loss; /* mean focal loss over the samples */
} score;

/* Compares with the set's labels; log_p [count x classes]. `out` is freed with confusion_free(&out->confusion). */
int score_samples(const pixelset *s, const uint32_t *order, int count, int classes, const double *log_p, double gamma,
                  score *out);

/* {PREFIX_accuracy, PREFIX_loss, PREFIX_IoU} into `object`, the published names. */
void score_put(const score *s, const char *prefix, cJSON *object);

#endif
