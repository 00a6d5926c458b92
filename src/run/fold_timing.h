/* How long a fold's epochs took and what memory they took (Fold_k/timing.json): for people and `furrow report`. Nothing
 * that is computed depends on it. */
#ifndef FURROW_RUN_FOLD_TIMING_H
#define FURROW_RUN_FOLD_TIMING_H

#include "network/network.h"

typedef struct epoch_timing {
    int epoch;
    int trained, validated;            /* samples; validated 0: the epoch was not */
    double train_seconds, val_seconds; /* wall clock, reading of data and results included */
} epoch_timing;

/* A new document without epochs. With `path` of an earlier one, its first `epochs` epochs are taken over; one that is
 * damaged is replaced, with a warning: a run goes on without. Caller deletes. */
int fold_timing_new(const network *w, const char *path, int epochs, cJSON **out);

/* Adds an epoch, and the memory that was planned until now. */
void fold_timing_add(cJSON *timing, const network *w, int batch_size, epoch_timing t);

#endif
