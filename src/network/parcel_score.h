/* Scores of found parcels: the losses, SQ, RQ and PQ, and which confidence tells right from wrong. */
#ifndef FURROW_NETWORK_PARCEL_SCORE_H
#define FURROW_NETWORK_PARCEL_SCORE_H

#include "metric/panoptic_metrics.h"
#include "metric/parcel_match.h"
#include "metric/pseudo_nms.h"
#include "network/network.h"

enum parcel_loss { LOSS_ALL, LOSS_CENTRE, LOSS_SIZE, LOSS_SHAPE, LOSS_CLASS, PARCEL_LOSSES };

typedef struct parcel_score {
    panoptic_metrics *metrics;
    confidence_counts confidences;
    double loss[PARCEL_LOSSES];     /* sums over patches */
    int64_t counted[PARCEL_LOSSES]; /* patches: one without centres has but the first two */
    int64_t patches, measured;      /* patches taken, and those of them in the metrics */
    int void_class;
    int32_t *instance, *chosen, *class_of, *label; /* [pixels] of a patch */
    float *iou;
    size_t pixels, candidates; /* that there is room for */
} parcel_score;

int parcel_score_new(int classes, int void_class, parcel_score **out);
void parcel_score_free(parcel_score *s); /* NULL is fine */

/* After a forward pass of a batch whose parcels are known. metrics: count them, beside the losses. */
int parcel_score_take(parcel_score *s, const network *w, const batch *b, bool metrics);

double parcel_score_loss(const parcel_score *s, enum parcel_loss l); /* mean; NaN: never computed */

/* {PREFIX_loss, PREFIX_center_loss, PREFIX_size_loss, PREFIX_shape_loss, PREFIX_class_loss, PREFIX_SQ, PREFIX_RQ,
 * PREFIX_PQ}: fractions; without the last three when nothing was counted */
void parcel_score_put(const parcel_score *s, const char *prefix, cJSON *object);

/* test_tables.npy, as published: float32, a line for each class but background and void: TP, FP, FN, sum of IoU. */
int parcel_score_save(const parcel_score *s, const char *path);
int parcel_score_read(parcel_score *s, const char *path);          /* adds the counts */
void parcel_score_add(parcel_score *to, const parcel_score *from); /* the counts */

/* What a pseudo-NMS by a network's settings and its stored threshold goes by. */
int nms_options_of(const network *w, nms_options *out);

/* The class of each candidate: the highest score, the first of equals. */
int found_class(const paps_found *found, int classes, int candidate);

#endif
