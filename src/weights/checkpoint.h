/* Checkpoints (docs/formats.md): weights by their published names, Adam's state, and what resuming needs. Read are also
 * what others wrote: PyTorch's checkpoints and safetensors (format/tensor_file.h). */
#ifndef FURROW_WEIGHTS_CHECKPOINT_H
#define FURROW_WEIGHTS_CHECKPOINT_H

#include "network/network.h"

/* Atomic: readers see the old file or the new one. `state` is JSON of the caller's; `optimiser`: Adam's too. What was at
 * `path` is kept under the name `before`, unless that is NULL. */
int checkpoint_save(const char *path, const char *before, network *w, const cJSON *state, bool optimiser);

/* The model's configuration and the state, without loading weights; either may be NULL. Caller deletes. The model of what
 * others wrote is that of the conf.json that lies with it, *config NULL where there is none; its state has "imported", and
 * "epoch" where the file says it. */
int checkpoint_peek(const char *path, cJSON **config, cJSON **state);

enum checkpoint_use {
    CHECKPOINT_WEIGHTS, /* every parameter must be there, with its shape */
    CHECKPOINT_RESUME,  /* and Adam's state; the kernel forms recorded there are used from now on */
    CHECKPOINT_FINE_TUNE, /* the last layer (model_is_last) of another number of classes keeps its initial values (noted) */
};
int checkpoint_load(const char *path, network *w, enum checkpoint_use use);

/* Weights that may be absent, and then are 1 and 0 (L-TAE's projection norm). */
bool checkpoint_may_lack(const char *name);
/* Tables and counters that published weights carry and that follow from the positions or say nothing. */
bool checkpoint_ignores(const char *name);

/* "20 x 128", "a scalar", for messages. */
enum { SHAPE_TEXT = 192 };
void shape_text(char *out, size_t size, int rank, const size_t *sizes);
void parameter_shape_text(char *out, size_t size, const tensor *p);

#endif
