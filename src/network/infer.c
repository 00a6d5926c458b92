#include "network/infer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"

/* ---- ensembles --------------------------------------------------------------------------------------------------- */

int ensemble_add(ensemble *e)
{
    int rc = OK;
    float *values = NULL;
    float **longer = memory_new((size_t)e->count + 1, sizeof *longer);
    TRY_NEW(longer);
    TRY(network_values(e->network, &values));
    if (e->count) memcpy(longer, e->values, (size_t)e->count * sizeof *longer);
    longer[e->count++] = values;
    free(e->values);
    e->values = longer;
    longer = NULL;
done:
    free(longer);
    return rc;
}

void ensemble_free(ensemble *e)
{
    for (int k = 0; k < e->count; k++) free(e->values[k]);
    free(e->values);
    e->values = NULL;
    e->count = 0;
}

/* ---- one batch --------------------------------------------------------------------------------------------------- */

static void room_release_rows(inference_room *r)
{
    free(r->logits);
    free(r->log_p);
    free(r->row);
    free(r->target);
    r->logits = NULL;
    r->log_p = r->row = NULL;
    r->target = NULL;
    r->rows = 0;
}

static void room_release_attention(inference_room *r)
{
    free(r->attention);
    free(r->attention_sum);
    r->attention = r->attention_sum = NULL;
    r->attention_values = 0;
}

void inference_room_free(inference_room *r)
{
    room_release_rows(r);
    room_release_attention(r);
}

static int room_reserve(inference_room *r, int rows, int classes)
{
    int rc = OK;
    if (rows <= r->rows) return OK;
    const size_t cells = (size_t)rows * (size_t)classes;
    room_release_rows(r);
    TRY_NEW(r->logits = memory_new(cells, sizeof *r->logits));
    TRY_NEW(r->log_p = memory_new(cells, sizeof *r->log_p));
    TRY_NEW(r->row = memory_new((size_t)classes, sizeof *r->row));
    TRY_NEW(r->target = memory_new((size_t)rows, sizeof *r->target));
    r->rows = rows;
done:
    return rc;
}

/* Where weights of dates are kept: `share` of this network's, added up from the first network on. */
static int add_attention(network *w, inference_room *r, bool first, float share)
{
    int rc = OK;
    const tensor *t = w->keep_attention ? network_attention(w) : NULL;
    if (!t) return OK;
    const size_t values = tensor_count(t);
    if (values > r->attention_values) {
        room_release_attention(r);
        TRY_NEW(r->attention = memory_new(values, sizeof *r->attention));
        TRY_NEW(r->attention_sum = memory_new(values, sizeof *r->attention_sum));
        r->attention_values = values;
    }
    if (first) memset(r->attention_sum, 0, values * sizeof *r->attention_sum);
    TRY(net_read(w->net, t, r->attention));
    for (size_t i = 0; i < values; i++) r->attention_sum[i] += share * r->attention[i];
done:
    return rc;
}

/* Adds this network's log softmax, `share` of it, to log_p. */
static int add_network(network *w, const batch *b, inference_room *r, double share)
{
    int rc = OK;
    const int classes = model_classes(w->model);
    TRY(network_use(w, false, b));
    TRY(network_forward(w, 0));
    TRY(buffer_read(w->logits->data, 0, r->logits, (size_t)b->rows * (size_t)classes * sizeof(float)));
    for (int i = 0; i < b->rows; i++) {
        const size_t at = (size_t)i * (size_t)classes;
        log_softmax(r->logits + at, classes, r->row);
        for (int k = 0; k < classes; k++) r->log_p[at + (size_t)k] += share * r->row[k];
    }
done:
    return rc;
}

/* What was found stays on the network (paps_read). */
static int infer_head(const ensemble *e, const batch *b, inference_room *r, inference *out)
{
    int rc = OK;
    if (e->count > 1) {
        rc = fail(USAGE, "parcels found by %d networks have no mean; wanted the weights of one: --fold K", e->count);
        goto done;
    }
    TRY(network_use(e->network, false, b));
    TRY(network_forward(e->network, 0));
    TRY(add_attention(e->network, r, true, 1));
    *out = (inference){.batch = b,
                       .rows = b->rows,
                       .classes = model_classes(e->network->model),
                       .network = e->network,
                       .attention = r->attention_sum};
done:
    return rc;
}

int infer_batch(const ensemble *e, const batch *b, bool labels, inference_room *r, inference *out)
{
    int rc = OK;
    const int classes = model_classes(e->network->model), networks = e->count ? e->count : 1;
    if (e->network->head) return infer_head(e, b, r, out);
    TRY(room_reserve(r, b->rows, classes));
    memset(r->log_p, 0, (size_t)b->rows * (size_t)classes * sizeof *r->log_p);
    for (int k = 0; k < networks; k++) {
        if (e->count > 1) TRY(network_set_values(e->network, e->values[k]));
        TRY(add_network(e->network, b, r, 1.0 / networks));
        TRY(add_attention(e->network, r, k == 0, 1.0f / (float)networks));
    }
    labels = labels && b->target;
    if (labels) TRY(buffer_read(b->target, 0, r->target, (size_t)b->rows * sizeof *r->target));
    *out = (inference){b, b->rows, classes, r->log_p, labels ? r->target : NULL, e->network, r->attention_sum};
done:
    return rc;
}

bool probabilities_of(const double *log_p, int classes, double *p)
{
    double sum = 0;
    for (int c = 0; c < classes; c++) sum += p[c] = exp(log_p[c]);
    if (!isfinite(sum) || !(sum > 0)) return false;
    for (int c = 0; c < classes; c++) p[c] /= sum;
    return true;
}

int infer(const ensemble *e, batches *f, batches_pass pass, const char *task,
          int (*take)(void *user, const inference *i), void *user)
{
    int rc = OK;
    size_t done = 0;
    inference_room r = {0};
    batch b;
    inference i;
    TRY(batches_begin(f, pass));
    for (;;) {
        if (interrupt_requested()) {
            rc = fail(INTERRUPTED, "interrupted");
            goto done;
        }
        TRY(batches_next(f, &b));
        if (!b.samples) break;
        TRY(infer_batch(e, &b, pass.labels, &r, &i));
        TRY(take(user, &i));
        done += (size_t)b.samples;
        if (task) log_progress(task, done, (size_t)pass.count, "");
    }
done:
    batches_end(f);
    inference_room_free(&r);
    return rc;
}
