/* Panoptic metrics: how well the parcels found match the true ones (Kirillov et al., Panoptic Segmentation, CVPR 2019;
 * with the void rules of the published src/panoptic/metrics.py of U-TAE+PaPs).
 *
 * A segment is what one instance covers of one class. A true and a predicted segment of the same class and patch match
 * when their IoU (intersection over union, in pixels) is over 1/2, so each has at most one match. Of one class, over all
 * patches, with TP the matches, FP and FN the predicted and the true segments without one:
 *     SQ = sum of the matches' IoU / TP (0 without a match),  RQ = TP / (TP + FP / 2 + FN / 2),  PQ = SQ x RQ.
 * A class that occurs in neither truth nor prediction has none of them: NaN. Overall, each is the mean over the classes
 * that occur, for which PQ is not SQ x RQ.
 *
 * Void, before anything is counted: true void segments leave; so do the predicted instances that overlap one with IoU
 * over 1/2; of the other predictions, the pixels on true void. Background, void and instance 0 are no segments.
 * Where an instance covers several classes, or fills a patch, the published code miscounts; this does not. */
#ifndef FURROW_METRIC_PANOPTIC_METRICS_H
#define FURROW_METRIC_PANOPTIC_METRICS_H

#include <stdint.h>

#include <cjson/cJSON.h>

typedef struct panoptic_metrics panoptic_metrics;

/* Of classes 0 to classes - 1; background and void_class are two of them, or -1: there is none. FAILED else. */
int panoptic_metrics_new(int classes, int background, int void_class, panoptic_metrics **out);
void panoptic_metrics_free(panoptic_metrics *m); /* NULL is fine */

/* The segments of one patch, height x width each: instance ids (any from 0, which is none; they need not be
 * consecutive) and classes. */
typedef struct panoptic_map {
    int height, width;
    const int32_t *instance, *class_of;
} panoptic_map;

/* Counts a patch; `where` names it in messages. FAILED, and nothing counted, when the sizes differ, an id is negative or
 * a class is none. Takes O(pixels) time and memory, however many instances there are. */
int panoptic_metrics_add(panoptic_metrics *m, const panoptic_map *truth, const panoptic_map *predicted,
                         const char *where);

typedef struct panoptic_counts {
    int64_t matched, extra, missed; /* TP, FP, FN */
    double iou;                     /* sum over the matches */
} panoptic_counts;

/* Adds what another accumulator of the same classes counted. */
void panoptic_metrics_add_counts(panoptic_metrics *m, int class_index, panoptic_counts counts);

typedef struct panoptic_quality {
    double sq, rq, pq; /* fractions; NaN where undefined */
} panoptic_quality;

int panoptic_metrics_classes(const panoptic_metrics *m); /* of panoptic_metrics_new */
panoptic_counts panoptic_metrics_counts(const panoptic_metrics *m, int class_index);
panoptic_quality panoptic_metrics_class(const panoptic_metrics *m, int class_index);
panoptic_quality panoptic_metrics_overall(const panoptic_metrics *m);

/* {"SQ", "RQ", "PQ", "note": that PQ is not SQ x RQ, "classes": {name: {"SQ", "RQ", "PQ", "TP", "FP", "FN"}}}, without
 * background and void; what is undefined is null. As everywhere in cJSON, NULL when out of memory. */
cJSON *panoptic_metrics_json(const panoptic_metrics *m, const char *const *names);

#endif
