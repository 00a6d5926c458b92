#include "run/infer.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"

/* One batch's logits are appended to the device's store; the host reads them all at the end, so it never waits. */
static int pass_over(network *w, feed *f, feed_pass pass, const char *task, buffer *store)
{
    int rc = OK;
    size_t done = 0, row = (size_t)model_classes(w->model) * sizeof(float);
    feed_batch b;
    TRY(feed_begin(f, pass));
    for (;;) {
        if (interrupt_requested()) {
            rc = fail(INTERRUPTED, "interrupted");
            goto done;
        }
        TRY(feed_next(f, &b));
        if (!b.parcels) break;
        TRY(network_use(w, false, &b));
        TRY(network_forward(w, 0));
        TRY(buffer_copy(w->out.logits->data, 0, store, done * row, (size_t)b.parcels * row));
        done += (size_t)b.parcels;
        if (task) log_progress(task, done, (size_t)pass.count, "");
    }
done:
    feed_end(f);
    return rc;
}

int infer_add(network *w, feed *f, const uint32_t *order, int count, int batch_size, const char *task, double *sum)
{
    int rc = OK, classes = model_classes(w->model);
    size_t cells = (size_t)count * (size_t)classes;
    buffer *store = NULL;
    float *logits = NULL;
    double *row = NULL;
    TRY(buffer_new(w->device, cells * sizeof(float), &store));
    TRY_NEW(logits = memory_new(cells, sizeof *logits));
    TRY_NEW(row = memory_new((size_t)classes, sizeof *row));
    TRY(pass_over(w, f, (feed_pass){.order = order, .count = count, .batch_size = batch_size}, task, store));
    if (cells) TRY(buffer_read(store, 0, logits, cells * sizeof(float)));
    for (int i = 0; i < count; i++) {
        size_t at = (size_t)i * (size_t)classes;
        log_softmax(logits + at, classes, row);
        for (int k = 0; k < classes; k++) sum[at + (size_t)k] += row[k];
    }
done:
    buffer_free(store);
    free(logits);
    free(row);
    return rc;
}

int score_samples(const pixelset *s, const uint32_t *order, int count, int classes, const double *log_p, double gamma,
                  score *out)
{
    *out = (score){0};
    int rc = confusion_new(classes, &out->confusion);
    if (rc) return rc;
    for (int i = 0; i < count; i++) {
        const double *row = log_p + (size_t)i * (size_t)classes;
        int label = pixelset_label(s, (int)order[i]);
        confusion_count(&out->confusion, label, argmax(row, classes));
        out->loss += focal_value(row[label], gamma);
    }
    out->loss = count ? out->loss / count : 0;
    return OK;
}

static void put(cJSON *object, const char *prefix, const char *name, double value)
{
    char *key = text_format("%s_%s", prefix, name);
    if (key) cJSON_AddItemToObject(object, key, metric_json(value));
    free(key);
}

void score_put(const score *s, const char *prefix, cJSON *object)
{
    put(object, prefix, "accuracy", confusion_accuracy(&s->confusion));
    put(object, prefix, "loss", s->loss);
    put(object, prefix, "IoU", confusion_mean_iou(&s->confusion));
}
