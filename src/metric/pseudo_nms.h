/* From overlapping masks to one parcel a pixel: the published pseudo-NMS of PaPs, on the host. A patch has some hundred
 * masks of some hundred pixels: less work than a launch (docs/performance.md has its time). */
#ifndef FURROW_METRIC_PSEUDO_NMS_H
#define FURROW_METRIC_PSEUDO_NMS_H

#include "op/panoptic.h"

typedef struct nms_candidates {
    int count;
    const crop *crop;
    const float *confidence; /* [count] */
    const float *mask;       /* probabilities: those of candidate i from crop[i].first on */
} nms_candidates;

typedef struct nms_options {
    float min_confidence; /* candidates below it are left out */
    float min_remain;     /* the share of a mask, more than which must not be taken yet */
    float mask_threshold; /* a pixel belongs to a mask when its probability is over it */
} nms_options;

/* The candidates of one patch, the most confident first (of equals the first): each takes what is left of its mask.
 * instance [height x width]: its rank in this order, from 1 (those that were skipped count); 0: none. chosen, likewise:
 * the index of the candidate, -1: none. FAILED: out of memory. */
int pseudo_nms(const nms_candidates *c, int patch, nms_options options, int height, int width, int32_t *instance,
               int32_t *chosen);

#endif
