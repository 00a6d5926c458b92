/* A batch on the device, of parcels or of image patches: what a network is given. */
#ifndef FURROW_NETWORK_BATCH_H
#define FURROW_NETWORK_BATCH_H

#include "model/paps.h"

struct parcel_maps; /* data/patches.h */

/* Buffers may be larger than the batch; they stay as they are until the next batch is asked for. */
typedef struct batch {
    int samples, frames; /* parcels or patches, and all their dates; samples 0: the pass is over */
    int longest;         /* dates of the longest series; 0: not said */
    int rows;            /* outputs: parcels, or the patches' pixels */
    buffer *x;           /* [frames x npixel x bands] or [frames x height x width x bands] */
    buffer *mask;        /* parcels: [frames x npixel] */
    buffer *extra;       /* parcels: [frames x E]; NULL: none */
    buffer *offsets;     /* [samples + 1] */
    buffer *positions;   /* [frames] lines of the position table */
    buffer *target;      /* [rows], negative: none; NULL: not known */
    /* Patches, for a head that finds parcels; NULL: none known, or (all but `parcels`) no losses wanted. */
    const paps_truth *parcels;
    const struct parcel_maps
        *maps;                   /* the same as the data set has it, with labels and areas; reference results: NULL */
    buffer *heatmap, *instances; /* [rows] true heat; (int) the parcel of each pixel */
    const uint32_t *sample;      /* [samples] indices into the data set */
    const int32_t *days;         /* [frames] on the host: since the set's reference date; NULL: reference results */
} batch;

#endif
