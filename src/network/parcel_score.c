#include "network/parcel_score.h"

#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"
#include "data/patches.h"
#include "format/npy.h"
#include "metric/metrics.h"

enum { BACKGROUND = 0 };
enum { TABLE_MATCHED, TABLE_EXTRA, TABLE_MISSED, TABLE_IOU, TABLE_COLUMNS };

/* Pixels that are void in the labels alone count as one more class where the network has none for them. */
int parcel_score_new(int classes, int void_class, parcel_score **out)
{
    int rc = OK;
    parcel_score *s = memory_new(1, sizeof *s);
    TRY_NEW(s);
    s->void_class = void_class >= 0 ? void_class : classes;
    TRY(panoptic_metrics_new(void_class >= 0 ? classes : classes + 1, BACKGROUND, s->void_class, &s->metrics));
    *out = s;
    s = NULL;
done:
    parcel_score_free(s);
    return rc;
}

void parcel_score_free(parcel_score *s)
{
    if (!s) return;
    panoptic_metrics_free(s->metrics);
    free(s->instance);
    free(s->chosen);
    free(s->class_of);
    free(s->label);
    free(s->iou);
    free(s);
}

static int reserve(parcel_score *s, size_t pixels, size_t candidates)
{
    int rc = OK;
    int32_t **const maps[] = {&s->instance, &s->chosen, &s->class_of, &s->label};
    for (int i = 0; i < 4 && pixels > s->pixels; i++) {
        free(*maps[i]);
        *maps[i] = NULL;
        TRY_NEW(*maps[i] = memory_new(pixels, sizeof(int32_t)));
    }
    s->pixels = pixels > s->pixels ? pixels : s->pixels;
    if (candidates > s->candidates) {
        free(s->iou);
        TRY_NEW(s->iou = memory_new(candidates, sizeof *s->iou));
        s->candidates = candidates;
    }
done:
    return rc;
}

/* ---- what a network found ------------------------------------------------------------------------------------------ */

int nms_options_of(const network *w, nms_options *out)
{
    const paps_config *c = model_head(w->model);
    *out = (nms_options){0, (float)c->min_remain, (float)c->mask_threshold};
    return net_parameter_read(w->net, net_parameter_find(w->net, PAPS_MIN_CONFIDENCE), &out->min_confidence);
}

int found_class(const paps_found *found, int classes, int candidate)
{
    const float *score = found->score + (size_t)candidate * (size_t)classes;
    int best = 0;
    for (int k = 1; k < classes; k++)
        if (score[k] > score[best]) best = k;
    return best;
}

/* ---- a batch ------------------------------------------------------------------------------------------------------- */

static int area_of(const void *maps, int patch, int id)
{
    const parcel_maps *m = maps;
    return m->fact[m->first[patch] + id].area;
}

static int count_patch(parcel_score *s, const network *w, const batch *b, const paps_found *found, nms_options options,
                       int patch)
{
    int rc = OK;
    const int classes = model_classes(w->model);
    const size_t plane = (size_t)found->height * (size_t)found->width;
    const nms_candidates all = {found->count, found->crop, found->confidence, found->mask};
    TRY(pseudo_nms(&all, patch, options, found->height, found->width, s->instance, s->chosen));
    for (size_t i = 0; i < plane; i++) {
        const int32_t label = b->maps->label[(size_t)patch * plane + i];
        s->class_of[i] = s->chosen[i] < 0 ? BACKGROUND : found_class(found, classes, s->chosen[i]);
        s->label[i] = label < 0 ? s->void_class : label;
    }
    const panoptic_map truth = {found->height, found->width, b->maps->instance + (size_t)patch * plane, s->label};
    const panoptic_map predicted = {found->height, found->width, s->instance, s->class_of};
    TRY(panoptic_metrics_add(s->metrics, &truth, &predicted, "a patch"));
    s->measured++;
done:
    return rc;
}

static void add_loss(parcel_score *s, enum parcel_loss l, float value, int samples)
{
    if (isnan(value)) return;
    s->loss[l] += (double)value * samples;
    s->counted[l] += samples;
}

/* The heat map's loss, and all: which a warm-up has too. */
static int take_losses(parcel_score *s, const network *w, int samples)
{
    int rc = OK;
    float all = NAN, of_heat = NAN;
    TRY(net_read(w->net, w->loss, &all));
    if (w->head_out.centre_loss) TRY(net_read(w->net, w->head_out.centre_loss, &of_heat));
    add_loss(s, LOSS_ALL, all, samples);
    add_loss(s, LOSS_CENTRE, of_heat, samples);
    s->patches += samples;
done:
    return rc;
}

int parcel_score_take(parcel_score *s, const network *w, const batch *b, bool metrics)
{
    int rc = OK;
    paps_found found;
    nms_options options;
    TRY(take_losses(s, w, b->samples));
    if (w->heatmap_only) goto done;
    TRY(paps_read(w->head, &found));
    add_loss(s, LOSS_SIZE, found.size_loss, b->samples);
    add_loss(s, LOSS_SHAPE, found.shape_loss, b->samples);
    add_loss(s, LOSS_CLASS, found.class_loss, b->samples);
    if (!metrics) goto done;
    TRY(reserve(s, (size_t)found.height * (size_t)found.width, (size_t)found.count));
    parcel_ious(&found, b->maps->instance, area_of, b->maps, s->iou);
    confidence_count(&s->confidences, found.confidence, s->iou, found.count);
    TRY(nms_options_of(w, &options));
    for (int p = 0; p < b->samples; p++) TRY(count_patch(s, w, b, &found, options, p));
done:
    return rc;
}

/* ---- results ------------------------------------------------------------------------------------------------------- */

double parcel_score_loss(const parcel_score *s, enum parcel_loss l)
{
    return s->counted[l] ? s->loss[l] / (double)s->counted[l] : metric_undefined();
}

static void put(cJSON *object, const char *prefix, const char *name, double value)
{
    char *key = text_format("%s_%s", prefix, name);
    json_add(object, key, metric_json(value));
    free(key);
}

void parcel_score_put(const parcel_score *s, const char *prefix, cJSON *object)
{
    static const char *const names[PARCEL_LOSSES] = {"loss", "center_loss", "size_loss", "shape_loss", "class_loss"};
    for (int l = 0; l < PARCEL_LOSSES; l++) put(object, prefix, names[l], parcel_score_loss(s, (enum parcel_loss)l));
    if (!s->measured) return;
    const panoptic_quality q = panoptic_metrics_overall(s->metrics);
    put(object, prefix, "SQ", q.sq);
    put(object, prefix, "RQ", q.rq);
    put(object, prefix, "PQ", q.pq);
}

/* Classes that have a line in the table. */
static bool has_line(const parcel_score *s, int k)
{
    return k != BACKGROUND && k != s->void_class;
}

static int lines(const parcel_score *s)
{
    int count = 0;
    for (int k = 0; k < panoptic_metrics_classes(s->metrics); k++) count += has_line(s, k);
    return count;
}

int parcel_score_save(const parcel_score *s, const char *path)
{
    int rc = OK;
    const size_t size[2] = {(size_t)lines(s), TABLE_COLUMNS};
    float *table = memory_new(size[0] * TABLE_COLUMNS, sizeof *table), *line = table;
    TRY_NEW(table);
    for (int k = 0; k < panoptic_metrics_classes(s->metrics); k++) {
        const panoptic_counts c = panoptic_metrics_counts(s->metrics, k);
        if (!has_line(s, k)) continue;
        line[TABLE_MATCHED] = (float)c.matched;
        line[TABLE_EXTRA] = (float)c.extra;
        line[TABLE_MISSED] = (float)c.missed;
        line[TABLE_IOU] = (float)c.iou;
        line += TABLE_COLUMNS;
    }
    TRY(npy_save(path, NUMBER_F32, 2, size, table));
done:
    free(table);
    return rc;
}

static bool is_count(float value)
{
    return value >= 0 && value < 1e15f;
}

int parcel_score_read(parcel_score *s, const char *path)
{
    int rc = OK;
    npy_header h;
    void *values = NULL;
    const size_t rows = (size_t)lines(s);
    TRY(npy_read(path, rows * TABLE_COLUMNS * sizeof(float), &h, &values));
    if (h.type != NUMBER_F32 || h.rank != 2 || h.shape[0] != rows || h.shape[1] != TABLE_COLUMNS) {
        rc = fail(FAILED, "%s: holds no table of %zu x %d float32", path, rows, (int)TABLE_COLUMNS);
        goto done;
    }
    const float *line = values;
    for (int k = 0; k < panoptic_metrics_classes(s->metrics); k++) {
        if (!has_line(s, k)) continue;
        for (int c = 0; c < TABLE_COLUMNS; c++)
            if (!is_count(line[c])) {
                rc = fail(FAILED, "%s: column %d of class %d is %g; wanted a count", path, c, k, (double)line[c]);
                goto done;
            }
        panoptic_metrics_add_counts(s->metrics, k,
                                    (panoptic_counts){(int64_t)line[TABLE_MATCHED], (int64_t)line[TABLE_EXTRA],
                                                      (int64_t)line[TABLE_MISSED], (double)line[TABLE_IOU]});
        line += TABLE_COLUMNS;
    }
    s->measured++;
done:
    free(values);
    return rc;
}

void parcel_score_add(parcel_score *to, const parcel_score *from)
{
    for (int k = 0; k < panoptic_metrics_classes(to->metrics); k++)
        panoptic_metrics_add_counts(to->metrics, k, panoptic_metrics_counts(from->metrics, k));
    to->measured += from->measured;
}
