#include "run/epoch.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/random.h"

enum { STEPS_BETWEEN_READS = 32 }; /* a read waits for the device */

typedef struct pass {
    const epoch_task *task;
    int steps, classes;
    buffer *losses;      /* [steps] on the device */
    buffer *predictions; /* [count] */
    buffer *classes_now; /* [largest batch] */
    float *loss;         /* [steps], read so far: checked */
    int *parcels;        /* [steps] */
    uint32_t *order;     /* [count] shuffled */
    int done, checked;   /* steps queued, steps whose loss was read */
    int samples;         /* parcels queued */
} pass;

static void pass_free(pass *p)
{
    buffer_free(p->losses);
    buffer_free(p->predictions);
    buffer_free(p->classes_now);
    free(p->loss);
    free(p->parcels);
    free(p->order);
}

/* The epoch's order: a function of (seed, epoch). */
static int shuffle(const epoch_task *t, uint32_t *order)
{
    random_permutation(random_stream(t->seed, RANDOM_SHUFFLE, (uint64_t)t->epoch), (size_t)t->count, order);
    for (int i = 0; i < t->count; i++) order[i] = t->train[order[i]];
    return OK;
}

static int pass_new(const epoch_task *t, pass *p)
{
    int rc = OK;
    *p = (pass){.task = t, .classes = model_classes(t->network->model)};
    TRY_NEW(p->order = memory_new((size_t)t->count, sizeof *p->order));
    TRY(shuffle(t, p->order));
    feed_pass plan = {p->order, t->count, t->batch_size, true, (uint64_t)t->epoch};
    p->steps = feed_batches(&plan);
    TRY_NEW(p->loss = memory_new((size_t)p->steps, sizeof *p->loss));
    TRY_NEW(p->parcels = memory_new((size_t)p->steps, sizeof *p->parcels));
    TRY(buffer_new(t->network->device, (size_t)p->steps * sizeof(float), &p->losses));
    TRY(buffer_new(t->network->device, (size_t)t->count * sizeof(int32_t), &p->predictions));
    TRY(buffer_new(t->network->device, ((size_t)t->batch_size + 1) * sizeof(int32_t), &p->classes_now));
    TRY(feed_begin(t->feed, plan));
done:
    return rc;
}

static int step(pass *p, const feed_batch *b)
{
    int rc = OK;
    network *w = p->task->network;
    uint64_t draw = (uint64_t)w->adam_step;
    TRY(network_use(w, true, b));
    TRY(network_forward(w, draw));
    TRY(buffer_copy(w->loss->data, 0, p->losses, (size_t)p->done * sizeof(float), sizeof(float)));
    TRY(argmax_rows(w->device, w->out.logits->data, b->parcels, p->classes, p->classes_now));
    TRY(buffer_copy(p->classes_now, 0, p->predictions, (size_t)p->samples * sizeof(int32_t),
                    (size_t)b->parcels * sizeof(int32_t)));
    TRY(network_learn(w, draw));
    p->parcels[p->done++] = b->parcels;
    p->samples += b->parcels;
done:
    return rc;
}

static int read_losses(pass *p)
{
    if (p->checked == p->done) return OK;
    int rc = OK;
    TRY(buffer_read(p->losses, (size_t)p->checked * sizeof(float), p->loss + p->checked,
                    (size_t)(p->done - p->checked) * sizeof(float)));
    for (; p->checked < p->done; p->checked++) {
        if (isfinite(p->loss[p->checked])) continue;
        rc = fail(FAILED,
                  "%s: the loss is %g at epoch %d, step %d of %d; a smaller train.lr may help, or the data hold "
                  "extreme values",
                  p->task->title, (double)p->loss[p->checked], p->task->epoch, p->checked + 1, p->steps);
        goto done;
    }
done:
    return rc;
}

static void tell(const pass *p)
{
    const epoch_task *t = p->task;
    char metric[96];
    int used = snprintf(metric, sizeof metric, "epoch %d/%d", t->epoch, t->epochs);
    double loss = p->checked ? (double)p->loss[p->checked - 1] : t->last_loss;
    if (loss >= 0) used += snprintf(metric + used, sizeof metric - (size_t)used, ", loss %.4f", loss);
    if (t->best_iou >= 0) snprintf(metric + used, sizeof metric - (size_t)used, ", best val mIoU %.4f", t->best_iou);
    size_t before = (size_t)(t->epoch - 1) * (size_t)t->count;
    log_progress(t->title, before + (size_t)p->samples, (size_t)t->epochs * (size_t)t->count, metric);
}

static int run_steps(pass *p)
{
    int rc = OK;
    feed_batch b;
    for (;;) {
        if (interrupt_requested()) {
            rc = fail(INTERRUPTED, "interrupted in epoch %d", p->task->epoch);
            goto done;
        }
        TRY(feed_next(p->task->feed, &b));
        if (!b.parcels) break;
        TRY(step(p, &b));
        if (p->done % STEPS_BETWEEN_READS == 0) TRY(read_losses(p));
        tell(p);
    }
    TRY(read_losses(p));
done:
    feed_end(p->task->feed);
    return rc;
}

static int gather(const pass *p, score *out)
{
    int rc = OK;
    int32_t *predicted = NULL;
    TRY(confusion_new(p->classes, &out->confusion));
    TRY_NEW(predicted = memory_new((size_t)p->samples, sizeof *predicted));
    TRY(buffer_read(p->predictions, 0, predicted, (size_t)p->samples * sizeof *predicted));
    for (int i = 0; i < p->samples; i++)
        confusion_count(&out->confusion, pixelset_label(p->task->set, (int)p->order[i]), predicted[i]);
    for (int i = 0; i < p->done; i++) out->loss += (double)p->loss[i] * p->parcels[i];
    out->loss /= p->samples;
done:
    free(predicted);
    return rc;
}

int epoch_train(const epoch_task *t, score *out)
{
    int rc = OK;
    pass p;
    *out = (score){0};
    TRY(pass_new(t, &p));
    TRY(run_steps(&p));
    TRY(gather(&p, out));
done:
    pass_free(&p);
    if (rc) confusion_free(&out->confusion);
    return rc;
}
