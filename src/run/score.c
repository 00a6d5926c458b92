/* Scores of what was inferred: see infer.h. */
#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"
#include "network/infer.h"

int score_new(const run_config *c, const network *w, score *out)
{
    const int classes = model_classes(w->model);
    *out = (score){.gamma = c->train.gamma, .percent = c->kind == MODEL_DENSE && !c->head};
    int rc = config_ignored_class(c, classes, &out->ignored);
    if (rc) return rc;
    if (c->head) return parcel_score_new(classes, out->ignored, &out->parcels);
    rc = confusion_new(classes, &out->confusion);
    return rc ? rc : confusion_new(classes, &out->measured);
}

void score_free(score *s)
{
    confusion_free(&s->confusion);
    confusion_free(&s->measured);
    parcel_score_free(s->parcels);
    s->parcels = NULL;
}

int score_take(void *user, const inference *i)
{
    score *s = user;
    if (s->parcels) return parcel_score_take(s->parcels, i->network, i->batch, true);
    for (int k = 0; k < i->rows; k++) {
        const double *row = i->log_p + (size_t)k * (size_t)i->classes;
        const int label = i->target[k];
        if (label < 0) continue;
        confusion_count(&s->confusion, label, argmax(row, i->classes));
        if (label == s->ignored) continue;
        s->loss += focal_value(row[label], s->gamma);
        s->counted++;
    }
    return OK;
}

void score_rows(score *s, const int32_t *predicted, const int32_t *target, int rows)
{
    for (int k = 0; k < rows; k++)
        if (target[k] >= 0) confusion_count(&s->confusion, target[k], predicted[k]);
}

void score_end(score *s)
{
    s->loss = s->parcels ? parcel_score_loss(s->parcels, LOSS_ALL) : s->counted ? s->loss / (double)s->counted : 0;
}

const confusion *score_measured(const score *s)
{
    confusion room = s->measured; /* the same counts */
    confusion_copy(&room, &s->confusion);
    if (s->ignored >= 0) confusion_clear(&room, s->ignored);
    return &s->measured;
}

double score_accuracy(const score *s)
{
    return confusion_accuracy(score_measured(s));
}

double score_iou(const score *s)
{
    return confusion_mean_iou(score_measured(s));
}

double score_value(const score *s)
{
    return s->parcels ? panoptic_metrics_overall(s->parcels->metrics).pq : score_iou(s);
}

const char *score_value_name(const score *s)
{
    return s->parcels ? "PQ" : "mIoU";
}

void score_add(score *to, const score *from)
{
    if (to->parcels)
        parcel_score_add(to->parcels, from->parcels);
    else
        confusion_add(&to->confusion, &from->confusion);
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

const char *score_table(const run_config *c)
{
    return c->head ? "test_tables.npy" : "conf_mat.npy";
}

int score_save(const score *s, const char *path)
{
    return s->parcels ? parcel_score_save(s->parcels, path) : confusion_save(&s->confusion, path);
}

int score_read(score *s, const char *path)
{
    int rc = OK;
    confusion one = {0};
    if (s->parcels) return parcel_score_read(s->parcels, path);
    TRY(confusion_new(s->confusion.classes, &one));
    TRY(confusion_read(&one, path));
    confusion_add(&s->confusion, &one);
done:
    confusion_free(&one);
    return rc;
}

/* ---- results ----------------------------------------------------------------------------------------------------- */

static void put(cJSON *object, const char *prefix, const char *name, double value)
{
    char *key = text_format("%s_%s", prefix, name);
    json_add(object, key, metric_json(value));
    free(key);
}

void score_put(const score *s, const char *prefix, cJSON *object)
{
    if (s->parcels) {
        parcel_score_put(s->parcels, prefix, object);
        return;
    }
    put(object, prefix, "accuracy", score_accuracy(s));
    put(object, prefix, "loss", s->loss);
    put(object, prefix, "IoU", score_iou(s) * (s->percent ? 100 : 1));
}
