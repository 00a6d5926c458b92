/* What a report says of one run, read from its folder and from a folder of `predict`; nothing in them is believed. */
#ifndef FURROW_REPORT_REPORT_RUN_H
#define FURROW_REPORT_REPORT_RUN_H

#include "metric/metrics.h"
#include "report/run_folder.h"

typedef struct report_fold {
    int number;
    cJSON *log, *metrics, *timing; /* each NULL where there is none */
} report_fold;

typedef struct report_run {
    run_folder folder;
    char *title; /* the network's */
    bool percent, head;
    double parameters; /* 0: unknown */
    report_fold *fold; /* those that have a log or metrics */
    int folds;
    cJSON *overall;      /* overall.json; NULL: there is none */
    confusion confusion; /* of all folds that have one; classes 0: of none */
    const char *maps;    /* folder of `predict`; NULL: none */
    char **map;          /* names of its pictures */
    size_t maps_count;
    bool attention; /* it has an attention.svg */
} report_run;

/* maps: may be NULL. */
int report_run_read(const char *path, const char *maps, report_run *out);
void report_run_free(report_run *r);

/* What was measured at some of a fold's epochs; an undefined value is NaN. Freed with report_curve_free. */
typedef struct report_curve {
    int count;
    double *epoch, *value; /* [count], the epochs rising */
} report_curve;
void report_curve_free(report_curve *c);

/* Of an object {epoch: {..., key: value}}: the log, or timing.json's "epochs"; NULL has no epochs. */
int report_curve_of(const cJSON *epochs, const char *key, double scale, report_curve *out);

/* Mean and deviation over the folds that were tested; NaN, NaN where none was. */
mean_deviation report_tested(const report_run *r, const char *key, double scale);

/* The classes' measures in overall.json, {name: {...}}: "classes" of a head, else "per_class". NULL: none. */
const cJSON *report_classes(const report_run *r);

/* What the log and the metrics have to be multiplied by for percent: mIoU of parcels, and SQ, RQ, PQ, are fractions. */
double report_iou_scale(const report_run *r);

#endif
