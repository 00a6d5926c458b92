/* A run over its epochs: losses and measures, and time. */
#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"
#include "report/report_chart.h"
#include "report/report_page.h"

typedef struct curve {
    const char *title, *key;
    bool iou; /* in the run's unit of mIoU */
    double scale, top;
} curve;

static const curve classifier_curves[] = {
    {"Loss", "loss", false, 1, 0}, {"Accuracy, %", "accuracy", false, 1, 100}, {"mIoU, %", "IoU", true, 1, 100}, {0}};
static const curve head_curves[] = {{"Loss", "loss", false, 1, 0},
                                    {"PQ, %", "PQ", false, 100, 100},
                                    {"SQ, %", "SQ", false, 100, 100},
                                    {"RQ, %", "RQ", false, 100, 100},
                                    {0}};

static const char *const prefixes[] = {"train", "val"};

/* Two lines a fold, training and validation: of PREFIX_KEY in the log, or in timing.json. */
static int put_chart(text_file *f, const report_run *r, const curve *of, bool timing)
{
    int rc = OK, made = 0;
    const double scale = of->iou ? report_iou_scale(r) : of->scale;
    chart c = {.title = of->title, .x_title = "epoch", .top = of->top};
    chart_line *line = memory_new((size_t)r->folds * 2, sizeof *line);
    report_curve *values = memory_new((size_t)r->folds * 2, sizeof *values);
    TRY_NEW(line);
    TRY_NEW(values);
    for (; made < r->folds * 2; made++) {
        const report_fold *fold = r->fold + made / 2;
        report_curve *v = values + made;
        char *key = text_format("%s_%s", prefixes[made % 2], of->key);
        TRY_NEW(key);
        rc = report_curve_of(timing ? cJSON_GetObjectItemCaseSensitive(fold->timing, "epochs") : fold->log, key, scale,
                             v);
        free(key);
        if (rc) goto done;
        const chart alone = {.lines = 1, .line = line + c.lines};
        line[c.lines] =
            (chart_line){made % 2 ? LINE_VALIDATION : LINE_TRAIN, fold->number, v->count, v->epoch, v->value};
        c.lines += !chart_is_empty(&alone);
    }
    c.line = line;
    if (c.lines) chart_put(f, &c);
done:
    while (values && made-- > 0) report_curve_free(values + made);
    free(values);
    free(line);
    return rc;
}

int report_put_curves(text_file *f, const report_run *r)
{
    int rc = OK;
    const curve *all = r->head ? head_curves : classifier_curves;
    text_put(f, "<div class=\"charts\">\n");
    for (int k = 0; all[k].key; k++) TRY(put_chart(f, r, all + k, false));
    text_put(f, "</div>\n");
done:
    return rc;
}

/* ---- time -------------------------------------------------------------------------------------------------------- */

bool report_is_timed(const report_run *r)
{
    for (int i = 0; i < r->folds; i++)
        if (r->fold[i].timing) return true;
    return false;
}

time_spent report_time(const report_fold *f, const char *key)
{
    const cJSON *entry;
    time_spent spent = {0, 0};
    cJSON_ArrayForEach(entry, cJSON_GetObjectItemCaseSensitive(f->timing, "epochs")) {
        const cJSON *item = cJSON_GetObjectItemCaseSensitive(entry, key);
        if (!cJSON_IsNumber(item)) continue;
        spent.seconds += item->valuedouble;
        spent.epochs++;
    }
    return spent;
}

static int rising(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The median is not moved by the epoch in which kernels were compiled. NaN: there is nothing. */
static int median_of(const report_fold *fold, const char *key, double *out)
{
    report_curve c;
    int rc = report_curve_of(cJSON_GetObjectItemCaseSensitive(fold->timing, "epochs"), key, 1, &c);
    if (rc) return rc;
    qsort(c.value, (size_t)c.count, sizeof *c.value, rising);
    *out = c.count ? (c.value[c.count / 2] + c.value[(c.count - 1) / 2]) / 2 : (double)NAN;
    report_curve_free(&c);
    return OK;
}

static int put_fold(text_file *f, const report_fold *fold)
{
    static const char *const keys[] = {"train_seconds", "train_samples_per_second", "val_seconds",
                                       "val_samples_per_second"};
    const cJSON *peak = cJSON_GetObjectItemCaseSensitive(fold->timing, "peak_bytes");
    text_put_format(f, "<tr><th>%d</th><td>%d</td>", fold->number, report_time(fold, "train_seconds").epochs);
    for (int k = 0; k < 4; k++) {
        double median;
        int rc = median_of(fold, keys[k], &median);
        if (rc) return rc;
        text_put(f, "<td>");
        if (k % 2)
            report_put_number(f, median, median < 10 ? 2 : 0, "");
        else
            report_put_duration(f, median);
        text_put(f, "</td>");
    }
    text_put(f, "<td>");
    report_put_bytes(f, cJSON_IsNumber(peak) ? peak->valuedouble : (double)NAN);
    text_put(f, "</td></tr>\n");
    return OK;
}

int report_put_times(text_file *f, const report_run *r)
{
    static const curve seconds = {"Seconds an epoch", "seconds", false, 1, 0};
    int rc = OK;
    text_put(f,
             "<div class=\"box\"><table class=\"numbers "
             "times\"><thead><tr><th>fold</th><th>epochs</th><th>train&shy;ing</th>"
             "<th>samples / s</th><th>vali&shy;dation</th><th>samples / s</th><th>memory</th></tr></thead><tbody>\n");
    for (int i = 0; i < r->folds; i++)
        if (r->fold[i].timing) TRY(put_fold(f, r->fold + i));
    text_put(f, "</tbody></table></div>\n<p class=\"note\">Of an epoch, the median; a first epoch may compile kernels. "
                "Memory: the largest step's plan, with weights and batch.</p>\n<div class=\"charts\">\n");
    TRY(put_chart(f, r, &seconds, true));
    text_put(f, "</div>\n");
done:
    return rc;
}
