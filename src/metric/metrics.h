/* Measures of a classification, computed from its confusion matrix as the published learning/metrics.py does:
 * rows are true classes, columns predicted ones. An undefined measure (0 / 0) is NaN here and null in JSON. */
#ifndef FURROW_METRIC_METRICS_H
#define FURROW_METRIC_METRICS_H

#include <stdbool.h>
#include <stdint.h>

#include <cjson/cJSON.h>

typedef struct confusion {
    int classes;
    int64_t *count; /* [classes x classes], row = truth */
} confusion;

int confusion_new(int classes, confusion *out);
void confusion_free(confusion *c);
void confusion_count(confusion *c, int truth, int predicted); /* both in 0 .. classes - 1 */
void confusion_add(confusion *to, const confusion *from);     /* of as many classes */
void confusion_copy(confusion *to, const confusion *from);    /* likewise */
void confusion_clear(confusion *c, int class_index);          /* its row and column to 0: a void class */
/* The run folder's conf_mat.npy: int64, rows true, columns predicted. Reading wants exactly this many classes. */
int confusion_save(const confusion *c, const char *path);
int confusion_read(confusion *c, const char *path);
int64_t confusion_total(const confusion *c);

double confusion_accuracy(const confusion *c); /* percent */
/* Mean of the IoU of the classes that occur in truth or prediction (a fraction; the published mIou). */
double confusion_mean_iou(const confusion *c);
/* A mean IoU for people, as published: parcels' "0.4977", patches' (`percent`) "49.77 %". Writes to text, returns it. */
enum { IOU_TEXT = 24 };
const char *iou_text(double fraction, bool percent, char text[IOU_TEXT]);

typedef struct class_metrics {
    double iou, precision, recall, f1; /* fractions */
} class_metrics;
class_metrics confusion_class(const confusion *c, int class_index);

/* {"micro_IoU", "micro_Precision", ..., "MACRO_IoU", ..., "Accuracy"}: the published overall.json, where Accuracy is
 * a fraction. As everywhere in cJSON, NULL when out of memory. */
cJSON *confusion_overall(const confusion *c);
/* {name: {"IoU", "Precision", "Recall", "F1-score", "samples"}, ...} */
cJSON *confusion_per_class(const confusion *c, const char *const *names);
cJSON *confusion_rows(const confusion *c); /* [[...], ...] */

double metric_undefined(void); /* NaN */
/* A number, or null where it is not finite. */
cJSON *metric_json(double value);

/* log softmax of one row of `classes` logits, in double, into `out`. */
void log_softmax(const float *logits, int classes, double *out);
int argmax(const double *values, int count); /* the lowest index on ties */
/* (1 - p)^gamma (-log p), the published FocalLoss of one sample; log_p is log softmax at the target. */
double focal_value(double log_p, double gamma);

#endif
