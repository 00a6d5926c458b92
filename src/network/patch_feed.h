/* Batches of patches on the device: a thread reads them ahead, the device normalises, turns and orders their channels.
 * One feed serves a whole run, a pass at a time; its buffers only grow.
 *
 * The device's queue is in order, so a batch is uploaded behind the kernels of the batch before it, and patch_feed_next
 * waits for nothing but the upload before that: the host reads and queues a step while the device works on another. */
#ifndef FURROW_NETWORK_PATCH_FEED_H
#define FURROW_NETWORK_PATCH_FEED_H

#include "data/patches.h"
#include "model/paps.h"
#include "rt/rt.h"

typedef struct patch_feed patch_feed;

typedef struct patch_feed_pass {
    const uint32_t *order;   /* indices into the set; copied */
    int count, batch_size;   /* the last batch may be smaller */
    bool training;           /* date drop-out, random subsets of dates, turns */
    bool labels;             /* every patch of the order has them */
    bool parcels;            /* likewise */
    uint64_t seed, epoch;    /* of the draws in training */
    const float *mean, *std; /* [bands], copied: patches_normalisation */
} patch_feed_pass;

/* A batch on the device. Buffers may be larger than the batch; they, and what the pointers hold, stay as they are until
 * the next patch_feed_next or patch_feed_end. */
typedef struct patch_feed_batch {
    int patches, frames; /* patches 0: the pass is over */
    int longest;         /* dates of its longest series */
    int height, width;
    buffer *x;         /* [frames x height x width x bands] */
    buffer *offsets;   /* [patches + 1] (int) */
    buffer *positions; /* [frames] (int) day - the set's first position */
    buffer *target;    /* [patches x height x width] (int) classes, -1: void; NULL: no labels wanted */
    buffer *heatmap;   /* [patches x height x width] of centres; NULL: no parcels wanted */
    buffer *instances; /* likewise (int) the parcel of each pixel */
    /* The same on the host. */
    const parcel_maps *maps; /* NULL: no parcels wanted */
    const paps_truth *truth;
    const uint32_t *sample;      /* [patches] indices into the set */
    const int32_t *days;         /* [frames] days since the reference date */
    const int32_t *host_offsets; /* [patches + 1] */
    const int32_t *turn;         /* [patches] as load_frames takes it */
} patch_feed_batch;

int patch_feed_new(device *d, patches *set, patch_feed **out);
void patch_feed_free(patch_feed *f); /* NULL is fine; before patches_close */

int patch_feed_begin(patch_feed *f, patch_feed_pass pass);
int patch_feed_next(patch_feed *f, patch_feed_batch *out);
void patch_feed_end(patch_feed *f); /* also early, or when there is no pass */

int patch_feed_batches(const patch_feed_pass *pass); /* how many batches a pass has */

#endif
