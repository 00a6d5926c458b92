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
    buffer *predictions; /* [capacity] rows not yet read */
    buffer *targets;     /* [capacity] */
    buffer *classes_now; /* [largest batch] */
    int capacity, rows;
    float *loss;                             /* [steps], read so far: checked */
    int *step_samples;                       /* [steps] */
    int32_t *predictions_read, *target_read; /* [capacity] */
    uint32_t *order;                         /* [count] shuffled */
    int done, checked;                       /* steps queued, steps whose loss was read */
    int samples;                             /* queued */
    score *score;
} pass;

static void pass_free(pass *p)
{
    buffer_free(p->losses);
    buffer_free(p->predictions);
    buffer_free(p->targets);
    buffer_free(p->classes_now);
    free(p->loss);
    free(p->step_samples);
    free(p->predictions_read);
    free(p->target_read);
    free(p->order);
}

/* The epoch's order: a function of (seed, epoch). */
static int shuffle(const epoch_task *t, uint32_t *order)
{
    random_permutation(random_stream(t->seed, RANDOM_SHUFFLE, (uint64_t)t->epoch), (size_t)t->count, order);
    for (int i = 0; i < t->count; i++) order[i] = t->train[order[i]];
    return OK;
}

/* Rows of the largest batch (a parcel that is left over joins the batch before), as often as they are read. */
static int rows_reserve(const epoch_task *t, pass *p)
{
    int rc = OK;
    const network *w = t->network;
    const bool images = model_kind_of(w->model) == MODEL_DENSE;
    const int each = images ? w->input.height * w->input.width : 1;
    const int most = (t->config->train.batch_size + (images ? 0 : 1)) * each;
    if (w->head) return OK; /* scored step by step */
    p->capacity = images ? most : most * STEPS_BETWEEN_READS;
    const size_t bytes = (size_t)p->capacity * sizeof(int32_t);
    TRY_NEW(p->predictions_read = memory_new((size_t)p->capacity, sizeof(int32_t)));
    TRY_NEW(p->target_read = memory_new((size_t)p->capacity, sizeof(int32_t)));
    TRY(buffer_new(w->device, bytes, &p->predictions));
    TRY(buffer_new(w->device, bytes, &p->targets));
    TRY(buffer_new(w->device, (size_t)most * sizeof(int32_t), &p->classes_now));
done:
    return rc;
}

static int pass_new(const epoch_task *t, score *out, pass *p)
{
    int rc = OK;
    *p = (pass){.task = t, .classes = model_classes(t->network->model), .score = out};
    TRY_NEW(p->order = memory_new((size_t)t->count, sizeof *p->order));
    TRY(shuffle(t, p->order));
    const batches_pass plan = {p->order, t->count, t->config->train.batch_size, true, true, (uint64_t)t->epoch};
    p->steps = batches_count(t->batches, &plan);
    TRY_NEW(p->loss = memory_new((size_t)p->steps, sizeof *p->loss));
    TRY_NEW(p->step_samples = memory_new((size_t)p->steps, sizeof *p->step_samples));
    TRY(buffer_new(t->network->device, (size_t)p->steps * sizeof(float), &p->losses));
    TRY(rows_reserve(t, p));
    TRY(batches_begin(t->batches, plan));
done:
    return rc;
}

/* Keeps the rows' classes on the device for read_back. */
static int keep_rows(pass *p, const batch *b)
{
    int rc = OK;
    const network *w = p->task->network;
    const size_t bytes = (size_t)b->rows * sizeof(int32_t), at = (size_t)p->rows * sizeof(int32_t);
    TRY(argmax_rows(w->device, w->logits->data, b->rows, p->classes, p->classes_now));
    TRY(buffer_copy(p->classes_now, 0, p->predictions, at, bytes));
    TRY(buffer_copy(b->target, 0, p->targets, at, bytes));
    p->rows += b->rows;
done:
    return rc;
}

static int step(pass *p, const batch *b)
{
    int rc = OK;
    network *w = p->task->network;
    const uint64_t draw = (uint64_t)w->adam_step;
    TRY(network_use(w, true, b));
    TRY(network_forward(w, draw));
    TRY(buffer_copy(w->loss->data, 0, p->losses, (size_t)p->done * sizeof(float), sizeof(float)));
    TRY(w->head ? parcel_score_take(p->score->parcels, w, b, !p->task->config->train.val_metrics_only)
                : keep_rows(p, b));
    TRY(network_learn(w, draw));
    p->step_samples[p->done++] = b->samples;
    p->samples += b->samples;
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

/* What has gathered on the device since the last time. */
static int read_back(pass *p)
{
    int rc = OK;
    TRY(read_losses(p));
    if (!p->rows) goto done;
    TRY(buffer_read(p->predictions, 0, p->predictions_read, (size_t)p->rows * sizeof(int32_t)));
    TRY(buffer_read(p->targets, 0, p->target_read, (size_t)p->rows * sizeof(int32_t)));
    score_rows(p->score, p->predictions_read, p->target_read, p->rows);
    p->rows = 0;
done:
    return rc;
}

static void tell(const pass *p)
{
    const epoch_task *t = p->task;
    char metric[96], best[IOU_TEXT];
    int used = snprintf(metric, sizeof metric, "epoch %d/%d", t->epoch, t->epochs);
    double loss = p->checked ? (double)p->loss[p->checked - 1] : t->last_loss;
    if (loss >= 0) used += snprintf(metric + used, sizeof metric - (size_t)used, ", loss %.4f", loss);
    if (t->best >= 0)
        snprintf(metric + used, sizeof metric - (size_t)used, ", best val %s %s", score_value_name(p->score),
                 iou_text(t->best, p->score->percent, best));
    size_t before = (size_t)(t->epoch - 1) * (size_t)t->count;
    log_progress(t->title, before + (size_t)p->samples, (size_t)t->epochs * (size_t)t->count, metric);
}

/* Is there no room for the rows of one more batch? */
static bool is_full(const pass *p, const batch *b)
{
    return p->done % STEPS_BETWEEN_READS == 0 || p->rows + b->rows > p->capacity;
}

static int run_steps(pass *p)
{
    int rc = OK;
    batch b;
    for (;;) {
        if (interrupt_requested()) {
            rc = fail(INTERRUPTED, "interrupted in epoch %d", p->task->epoch);
            goto done;
        }
        TRY(batches_next(p->task->batches, &b));
        if (!b.samples) break;
        TRY(step(p, &b));
        if (is_full(p, &b)) TRY(read_back(p));
        tell(p);
    }
    TRY(read_back(p));
    for (int i = 0; i < p->done; i++) p->score->loss += (double)p->loss[i] * p->step_samples[i];
    p->score->loss /= p->samples;
done:
    batches_end(p->task->batches);
    return rc;
}

int epoch_train(const epoch_task *t, score *out)
{
    int rc = OK;
    pass p = {0};
    TRY(score_new(t->config, t->network, out));
    TRY(pass_new(t, out, &p));
    TRY(run_steps(&p));
done:
    pass_free(&p);
    if (rc) score_free(out);
    return rc;
}
