/* One pass of training. The host never waits for a step: losses and predictions gather on the device and are read
 * every so many steps, to catch a loss that is not a number and to tell the progress, and at the end. */
#ifndef FURROW_RUN_EPOCH_H
#define FURROW_RUN_EPOCH_H

#include "network/infer.h"

typedef struct epoch_task {
    network *network;
    batches *batches;
    const run_config *config;
    const uint32_t *train; /* the fold's training samples */
    int count;
    int epoch, epochs; /* from 1 */
    uint64_t seed;     /* of the shuffling */
    const char *title; /* "fold 1 of 5", for progress and messages */
    double best;       /* score_value so far, for the progress; negative: none */
    double last_loss;  /* of the epoch before, for the progress; negative: none */
} epoch_task;

/* `out`: confusion of the predictions made while learning, mean loss; freed with score_free. FAILED, naming epoch and step, when a loss is not
 * finite; INTERRUPTED between two steps. */
int epoch_train(const epoch_task *t, score *out);

#endif
