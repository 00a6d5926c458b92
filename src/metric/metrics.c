#include "metric/metrics.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/schema.h"
#include "format/npy.h"

int confusion_new(int classes, confusion *out)
{
    size_t cells;
    if (classes < 1 || !size_multiply((size_t)classes, (size_t)classes, &cells))
        return fail(FAILED, "a confusion matrix of %d classes was asked for", classes);
    out->count = memory_new(cells, sizeof *out->count);
    out->classes = classes;
    return out->count ? OK : FAILED;
}

void confusion_free(confusion *c)
{
    free(c->count);
    *c = (confusion){0};
}

static int64_t *cell(const confusion *c, int truth, int predicted)
{
    return &c->count[(size_t)truth * (size_t)c->classes + (size_t)predicted];
}

void confusion_count(confusion *c, int truth, int predicted)
{
    if (truth < 0 || truth >= c->classes || predicted < 0 || predicted >= c->classes)
        panic("confusion_count: truth %d, predicted %d of %d classes", truth, predicted, c->classes);
    ++*cell(c, truth, predicted);
}

void confusion_add(confusion *to, const confusion *from)
{
    if (to->classes != from->classes) panic("confusion_add: %d and %d classes", to->classes, from->classes);
    for (int i = 0; i < to->classes; i++)
        for (int j = 0; j < to->classes; j++) *cell(to, i, j) += *cell(from, i, j);
}

void confusion_copy(confusion *to, const confusion *from)
{
    if (to->classes != from->classes) panic("confusion_copy: %d and %d classes", to->classes, from->classes);
    for (int i = 0; i < to->classes; i++)
        for (int j = 0; j < to->classes; j++) *cell(to, i, j) = *cell(from, i, j);
}

void confusion_clear(confusion *c, int class_index)
{
    for (int i = 0; i < c->classes; i++) *cell(c, i, class_index) = *cell(c, class_index, i) = 0;
}

int confusion_save(const confusion *c, const char *path)
{
    const size_t shape[2] = {(size_t)c->classes, (size_t)c->classes};
    return npy_save(path, NUMBER_I64, 2, shape, c->count);
}

int confusion_read(confusion *c, const char *path)
{
    int rc = OK;
    npy_header h;
    void *values = NULL;
    const size_t side = (size_t)c->classes, bytes = side * side * sizeof *c->count;
    TRY(npy_read(path, bytes, &h, &values));
    if (h.type != NUMBER_I64 || h.rank != 2 || h.shape[0] != side || h.shape[1] != side) {
        rc = fail(FAILED, "%s: holds no table of %zu x %zu int64", path, side, side);
        goto done;
    }
    memcpy(c->count, values, bytes);
done:
    free(values);
    return rc;
}

double metric_undefined(void)
{
    return (double)NAN;
}

/* What one class's measures are made of: hits, false positives, false negatives. */
typedef struct tally {
    double hit, extra, missed;
} tally;

static tally class_tally(const confusion *c, int k)
{
    tally t = {.hit = (double)*cell(c, k, k)};
    for (int i = 0; i < c->classes; i++) {
        if (i == k) continue;
        t.extra += (double)*cell(c, i, k);
        t.missed += (double)*cell(c, k, i);
    }
    return t;
}

static tally total_tally(const confusion *c)
{
    tally sum = {0};
    for (int k = 0; k < c->classes; k++) {
        tally t = class_tally(c, k);
        sum.hit += t.hit;
        sum.extra += t.extra;
        sum.missed += t.missed;
    }
    return sum;
}

static double ratio(double part, double whole)
{
    return whole > 0 ? part / whole : (double)NAN;
}

static class_metrics tally_metrics(tally t)
{
    return (class_metrics){
        .iou = ratio(t.hit, t.hit + t.extra + t.missed),
        .precision = ratio(t.hit, t.hit + t.extra),
        .recall = ratio(t.hit, t.hit + t.missed),
        .f1 = ratio(2 * t.hit, 2 * t.hit + t.extra + t.missed),
    };
}

class_metrics confusion_class(const confusion *c, int class_index)
{
    return tally_metrics(class_tally(c, class_index));
}

int64_t confusion_total(const confusion *c)
{
    int64_t total = 0;
    for (int i = 0; i < c->classes; i++)
        for (int j = 0; j < c->classes; j++) total += *cell(c, i, j);
    return total;
}

double confusion_accuracy(const confusion *c)
{
    return 100 * ratio(total_tally(c).hit, (double)confusion_total(c));
}

/* Mean over the classes where the measure is defined: what pandas' mean does in the published code. */
static class_metrics macro_metrics(const confusion *c)
{
    double sum[4] = {0};
    int defined[4] = {0};
    for (int k = 0; k < c->classes; k++) {
        class_metrics m = confusion_class(c, k);
        const double value[4] = {m.iou, m.precision, m.recall, m.f1};
        for (int i = 0; i < 4; i++) {
            if (isnan(value[i])) continue;
            sum[i] += value[i];
            defined[i]++;
        }
    }
    return (class_metrics){ratio(sum[0], defined[0]), ratio(sum[1], defined[1]), ratio(sum[2], defined[2]),
                           ratio(sum[3], defined[3])};
}

double confusion_mean_iou(const confusion *c)
{
    return macro_metrics(c).iou;
}

/* ---- as JSON ---------------------------------------------------------------------------------------------------- */

cJSON *metric_json(double value)
{
    return isfinite(value) ? cJSON_CreateNumber(value) : cJSON_CreateNull();
}

static void put(cJSON *object, const char *prefix, const char *name, double value)
{
    char *key = text_format("%s%s", prefix, name);
    json_add(object, key, metric_json(value));
    free(key);
}

static void put_metrics(cJSON *object, const char *prefix, class_metrics m)
{
    put(object, prefix, "IoU", m.iou);
    put(object, prefix, "Precision", m.precision);
    put(object, prefix, "Recall", m.recall);
    put(object, prefix, "F1-score", m.f1);
}

cJSON *confusion_overall(const confusion *c)
{
    cJSON *object = cJSON_CreateObject();
    put_metrics(object, "micro_", tally_metrics(total_tally(c)));
    put_metrics(object, "MACRO_", macro_metrics(c));
    put(object, "", "Accuracy", confusion_accuracy(c) / 100);
    return object;
}

cJSON *confusion_per_class(const confusion *c, const char *const *names)
{
    cJSON *object = cJSON_CreateObject();
    for (int k = 0; k < c->classes; k++) {
        cJSON *one = cJSON_AddObjectToObject(object, names[k]);
        tally t = class_tally(c, k);
        put_metrics(one, "", tally_metrics(t));
        put(one, "", "samples", t.hit + t.missed);
    }
    return object;
}

cJSON *confusion_rows(const confusion *c)
{
    cJSON *rows = cJSON_CreateArray();
    for (int i = 0; i < c->classes; i++) {
        cJSON *row = cJSON_CreateArray();
        for (int j = 0; j < c->classes; j++) json_append(row, cJSON_CreateNumber((double)*cell(c, i, j)));
        json_append(rows, row);
    }
    return rows;
}

const char *iou_text(double fraction, bool percent, char text[IOU_TEXT])
{
    if (percent)
        snprintf(text, IOU_TEXT, "%.2f %%", 100 * fraction);
    else
        snprintf(text, IOU_TEXT, "%.4f", fraction);
    return text;
}

/* ---- one sample ------------------------------------------------------------------------------------------------- */

void log_softmax(const float *logits, int classes, double *out)
{
    double largest = -INFINITY, sum = 0;
    for (int k = 0; k < classes; k++) largest = fmax(largest, (double)logits[k]);
    for (int k = 0; k < classes; k++) sum += exp((double)logits[k] - largest);
    for (int k = 0; k < classes; k++) out[k] = (double)logits[k] - largest - log(sum);
}

int argmax(const double *values, int count)
{
    int best = 0;
    for (int k = 1; k < count; k++)
        if (values[k] > values[best]) best = k;
    return best;
}

double focal_value(double log_p, double gamma)
{
    return -pow(fmax(1 - exp(log_p), 0), gamma) * log_p;
}
