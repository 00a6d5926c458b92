/* A batch on the device, of parcels or of image patches: what a network is given. */
#ifndef FURROW_RUN_BATCH_H
#define FURROW_RUN_BATCH_H

#include "rt/rt.h"

/* Buffers may be larger than the batch; they stay as they are until the next batch is asked for. */
typedef struct batch {
    int samples, frames;    /* parcels or patches, and all their dates; samples 0: the pass is over */
    int longest;            /* dates of the longest series; 0: not said */
    int rows;               /* outputs: parcels, or the patches' pixels */
    buffer *x;              /* [frames x npixel x bands] or [frames x height x width x bands] */
    buffer *mask;           /* parcels: [frames x npixel] */
    buffer *extra;          /* parcels: [frames x E]; NULL: none */
    buffer *offsets;        /* [samples + 1] */
    buffer *positions;      /* [frames] lines of the position table */
    buffer *target;         /* [rows], negative: none; NULL: not known */
    const uint32_t *sample; /* [samples] indices into the data set */
} batch;

#endif
