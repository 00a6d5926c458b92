/* Checkpoints (docs/formats.md): weights by their published names, Adam's state, and what resuming needs. */
#ifndef FURROW_RUN_CHECKPOINT_H
#define FURROW_RUN_CHECKPOINT_H

#include "run/network.h"

/* Atomic: readers see the old file or the new one. `state` is JSON of the caller's; `optimiser`: Adam's too. What was at
 * `path` is kept under the name `before`, unless that is NULL. */
int checkpoint_save(const char *path, const char *before, network *w, const cJSON *state, bool optimiser);

/* The model's configuration and the state, without loading weights; either may be NULL. Caller deletes. */
int checkpoint_peek(const char *path, cJSON **config, cJSON **state);

enum checkpoint_use {
    CHECKPOINT_WEIGHTS,   /* every parameter must be there, with its shape */
    CHECKPOINT_RESUME,    /* and Adam's state; the kernel forms recorded there are used from now on */
    CHECKPOINT_FINE_TUNE, /* a classifier's last layer for another number of classes keeps its initial values (noted) */
};
int checkpoint_load(const char *path, network *w, enum checkpoint_use use);

#endif
