/* How well the masks found fit the parcels that their centres stand for, and the confidence from which on they do. */
#ifndef FURROW_METRIC_PARCEL_MATCH_H
#define FURROW_METRIC_PARCEL_MATCH_H

#include "model/paps.h"

enum { MATCH_THRESHOLDS = 100 };
static const float match_threshold = 0.4f; /* of a mask's probabilities; published: not the configured one */

/* iou [found->count]: of each mask with the whole of the parcel in whose zone its centre lies (found->parcel); negative:
 * there is no such parcel. instance [patches x height x width]: the true parcels' ids; area of parcel id of patch p:
 * area(user, p, id). */
void parcel_ious(const paps_found *found, const int32_t *instance, int (*area)(const void *user, int patch, int id),
                 const void *user, float *iou);

/* What a threshold t would do, for t = 0, 0.01, .. 0.99. */
typedef struct confidence_counts {
    int64_t right[MATCH_THRESHOLDS];  /* confidence > t, IoU > 1/2 */
    int64_t wrong[MATCH_THRESHOLDS];  /* confidence > t, else */
    int64_t missed[MATCH_THRESHOLDS]; /* confidence < t, IoU > 1/2 */
} confidence_counts;

/* Those whose IoU is known. */
void confidence_count(confidence_counts *c, const float *confidence, const float *iou, int count);

/* The threshold with the best F1 = right / (right + (wrong + missed) / 2), the first of equals; 0, and *f1 0, where
 * nothing fits (published tune_threshold; over the whole validation set rather than its last batch). */
double confidence_best(const confidence_counts *c, double *f1);

#endif
