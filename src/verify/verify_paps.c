#include "verify/verify_paps.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "metric/panoptic_metrics.h"
#include "metric/parcel_match.h"
#include "metric/pseudo_nms.h"

static const double value_limit = 1e-4, heat_doubt = 1e-5, size_doubt = 1e-4, doubtful_limit = 0.02,
                    metrics_limit = 1e-5;
enum { BACKGROUND = 0, VOID_CLASS = 19 };

/* What the file says about its centres. */
typedef struct stored {
    h5 *file;
    verify_report *report;
    int patches, height, width, count, classes;
    size_t pixels; /* of all patches */
    float *heat;
    uint8_t *mask;                     /* [pixels] a centre */
    int32_t *boxes;                    /* [count x 4] left, top, right, bottom */
    float *size, *score, *confidence;  /* [count x 2], [count x classes], [count] */
    float *values;                     /* masks, one crop after the other */
    crop *crops;                       /* of the boxes */
    int32_t *mine, *instance, *map[2]; /* [count] our index of the centre, -1: none; [pixels] */
} stored;

static void stored_free(stored *s)
{
    void *const all[] = {s->heat,   s->mask,  s->boxes, s->size,     s->score,  s->confidence,
                         s->values, s->crops, s->mine,  s->instance, s->map[0], s->map[1]};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
}

/* ---- centres ------------------------------------------------------------------------------------------------------ */

/* Is this pixel, being a centre or not, within rounding of the opposite? */
static bool is_doubtful(const stored *s, double mean, size_t pixel)
{
    const size_t plane = (size_t)s->height * (size_t)s->width;
    const float *heat = s->heat + pixel / plane * plane;
    const int at = (int)(pixel % plane), row = at / s->width, column = at % s->width;
    const double value = (double)heat[at];
    if (fabs(value - mean) <= heat_doubt) return true;
    for (int y = row - 1; y <= row + 1; y++)
        for (int x = column - 1; x <= column + 1; x++)
            if (y >= 0 && x >= 0 && y < s->height && x < s->width && (y != row || x != column) &&
                fabs((double)heat[y * s->width + x] - value) <= heat_doubt)
                return true;
    return false;
}

static double mean_of(const float *values, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++) sum += (double)values[i];
    return sum / (double)count;
}

/* Which of our centres the file's are, in s->mine; tells of those on one side alone. */
static int match_centres(stored *s, const paps_found *found, bool doubts)
{
    const double mean = doubts ? mean_of(s->heat, s->pixels) : 0;
    int ours = 0, theirs = 0, doubtful = 0, wrong = 0;
    for (size_t i = 0; i < s->pixels; i++) {
        const centre *c = ours < found->count ? &found->centre[ours] : NULL;
        const bool mine =
            c && ((size_t)c->patch * (size_t)s->height + (size_t)c->row) * (size_t)s->width + (size_t)c->column == i;
        if (mine != (s->mask[i] != 0)) ++*(doubts && is_doubtful(s, mean, i) ? &doubtful : &wrong);
        if (s->mask[i]) s->mine[theirs++] = mine ? ours : -1;
        ours += mine;
    }
    verify_tell(s->report, doubts ? "eval/center_mask" : "train/center_mask", wrong, 0);
    if (doubtful) verify_tell(s->report, "doubtful centres, share", (double)doubtful / s->count, doubtful_limit);
    return OK;
}

/* ---- values of centres -------------------------------------------------------------------------------------------- */

/* Values of the matched centres, `each` of them: largest error against limit. */
static void check_rows(const stored *s, const char *name, const float *wanted, const float *got, int each)
{
    double error = 0, largest = 0;
    for (int i = 0; i < s->count; i++)
        for (int k = 0; k < each && s->mine[i] >= 0; k++) {
            const double reference = (double)wanted[i * each + k];
            const double difference = fabs((double)got[s->mine[i] * each + k] - reference);
            if (!(difference <= error)) error = difference;
            largest = fmax(largest, fabs(reference));
        }
    verify_tell(s->report, name, error, value_limit * fmax(1, largest));
}

static bool near_half(float size)
{
    return fabs(fabs((double)size - floor((double)size)) - 0.5) <= size_doubt;
}

static bool same_box(const int32_t *box, const crop *c)
{
    return box[0] == c->left && box[1] == c->top && box[2] == c->left + c->width && box[3] == c->top + c->height;
}

/* Boxes, and the masks in those that agree. */
static void check_masks(const stored *s, const paps_found *found)
{
    int doubtful = 0, wrong = 0;
    double error = 0;
    for (int i = 0; i < s->count; i++) {
        if (s->mine[i] < 0) continue;
        const crop *theirs = &s->crops[i], *ours = &found->crop[s->mine[i]];
        const bool doubt = near_half(s->size[2 * i]) || near_half(s->size[2 * i + 1]);
        if (!same_box(&s->boxes[4 * i], ours)) {
            ++*(doubt ? &doubtful : &wrong);
            continue;
        }
        for (int k = 0; k < ours->height * ours->width; k++) {
            const double difference = fabs((double)found->mask[ours->first + k] - (double)s->values[theirs->first + k]);
            if (!(difference <= error)) error = difference;
        }
    }
    verify_tell(s->report, "eval/instance_boxes", wrong, 0);
    verify_tell(s->report, "eval/instance_masks", error, value_limit);
    if (doubtful) verify_tell(s->report, "doubtful boxes, share", (double)doubtful / s->count, doubtful_limit);
}

/* ---- reading ------------------------------------------------------------------------------------------------------ */

static int read_mask(stored *s, const char *path)
{
    int rc = OK;
    TRY_NEW(s->mask = memory_new(s->pixels, 1));
    TRY(h5_read(s->file, path, NUMBER_U8, s->pixels, s->mask));
    for (size_t i = 0; i < s->pixels; i++) s->count += s->mask[i] != 0;
    TRY_NEW(s->mine = memory_new((size_t)s->count, sizeof *s->mine));
done:
    return rc;
}

static int read_reals(const stored *s, const char *path, size_t count, float **out)
{
    *out = memory_new(count, sizeof **out);
    return *out ? h5_read(s->file, path, NUMBER_F32, count, *out) : FAILED;
}

/* The file's boxes as crops, and the masks in them. */
static int read_masks(stored *s)
{
    int rc = OK, at = 0;
    size_t values = 0;
    const size_t plane = (size_t)s->height * (size_t)s->width;
    TRY_NEW(s->boxes = memory_new(4 * (size_t)s->count, sizeof *s->boxes));
    TRY_NEW(s->crops = memory_new((size_t)s->count, sizeof *s->crops));
    TRY(h5_read(s->file, "/eval/instance_boxes", NUMBER_I32, 4 * (size_t)s->count, s->boxes));
    for (size_t i = 0; i < s->pixels; i++) {
        if (!s->mask[i]) continue;
        const int32_t *b = &s->boxes[4 * at];
        if (b[0] < 0 || b[1] < 0 || b[2] < b[0] || b[3] < b[1] || b[2] > s->width || b[3] > s->height) {
            rc = fail(FAILED, "%s: /eval/instance_boxes[%d] is %d %d %d %d; wanted a box in %d x %d pixels",
                      h5_path(s->file), at, b[0], b[1], b[2], b[3], s->width, s->height);
            goto done;
        }
        s->crops[at++] = (crop){.patch = (int32_t)(i / plane),
                                .first = (int32_t)values,
                                .top = b[1],
                                .left = b[0],
                                .height = b[3] - b[1],
                                .width = b[2] - b[0]};
        values += (size_t)(b[3] - b[1]) * (size_t)(b[2] - b[0]);
    }
    TRY(read_reals(s, "/eval/instance_masks", values, &s->values));
done:
    return rc;
}

static int read_eval(stored *s)
{
    int rc = OK;
    const size_t count = (size_t)s->count;
    TRY(read_reals(s, "/eval/heatmap", s->pixels, &s->heat));
    TRY(read_reals(s, "/eval/size", 2 * count, &s->size));
    TRY(read_reals(s, "/eval/semantic", count * (size_t)s->classes, &s->score));
    TRY(read_reals(s, "/eval/confidence", count, &s->confidence));
    TRY(read_masks(s));
done:
    return rc;
}

/* ---- from masks to the panoptic prediction, and its metrics ------------------------------------------------------- */

static int best_class(const float *score, int classes)
{
    int best = 0;
    for (int k = 1; k < classes; k++)
        if (score[k] > score[best]) best = k;
    return best;
}

/* Ours from the file's masks, into s->instance (ids) and s->map[0] (candidates). */
static int run_nms(stored *s, const network *w)
{
    int rc = OK;
    const paps_config *c = model_head(w->model);
    const nms_candidates all = {s->count, s->crops, s->confidence, s->values};
    const size_t plane = (size_t)s->height * (size_t)s->width;
    float confidence;
    TRY(net_parameter_read(w->net, net_parameter_find(w->net, PAPS_MIN_CONFIDENCE), &confidence));
    const nms_options options = {confidence, (float)c->min_remain, (float)c->mask_threshold};
    TRY_NEW(s->instance = memory_new(s->pixels, sizeof *s->instance));
    TRY_NEW(s->map[0] = memory_new(s->pixels, sizeof *s->map[0]));
    TRY_NEW(s->map[1] = memory_new(s->pixels, sizeof *s->map[1]));
    for (int p = 0; p < s->patches; p++)
        TRY(pseudo_nms(&all, p, options, s->height, s->width, s->instance + (size_t)p * plane,
                       s->map[0] + (size_t)p * plane));
done:
    return rc;
}

/* Each pixel's instance, and the scores that its candidate gives it. */
static int check_panoptic(stored *s)
{
    int rc = OK;
    int wrong_instances = 0, wrong_scores = 0;
    const size_t plane = (size_t)s->height * (size_t)s->width, classes = (size_t)s->classes;
    float *instance = NULL, *score = NULL;
    TRY(read_reals(s, "/eval/pano_instance", s->pixels, &instance));
    TRY(read_reals(s, "/eval/pano_semantic", s->pixels * classes, &score));
    for (size_t i = 0; i < s->pixels; i++) {
        const int chosen = s->map[0][i];
        wrong_instances += (float)s->instance[i] != instance[i];
        for (size_t k = 0; k < classes; k++) {
            const float got = chosen < 0 ? 0 : s->score[(size_t)chosen * classes + k];
            wrong_scores += got != score[(i / plane * classes + k) * plane + i % plane];
        }
        s->map[1][i] = chosen < 0 ? BACKGROUND : best_class(s->score + (size_t)chosen * classes, s->classes);
    }
    verify_tell(s->report, "eval/pano_instance", wrong_instances, 0);
    verify_tell(s->report, "eval/pano_semantic", wrong_scores, 0);
done:
    free(instance);
    free(score);
    return rc;
}

static double distance(double got, double wanted)
{
    return isnan(got) && isnan(wanted) ? 0 : fabs(got - wanted);
}

static int check_metrics(stored *s, const reference_truth *t)
{
    int rc = OK;
    panoptic_metrics *m = NULL;
    float overall[3], *table = NULL;
    double error = 0;
    const int rows = s->classes - 2;
    TRY(panoptic_metrics_new(s->classes, BACKGROUND, VOID_CLASS, &m));
    for (int p = 0; p < s->patches; p++) {
        const size_t at = (size_t)p * (size_t)s->height * (size_t)s->width;
        const panoptic_map truth = {s->height, s->width, t->instance + at, t->label + at};
        const panoptic_map predicted = {s->height, s->width, s->instance + at, s->map[1] + at};
        TRY(panoptic_metrics_add(m, &truth, &predicted, h5_path(s->file)));
    }
    TRY(h5_read(s->file, "/eval/metrics_sq_rq_pq", NUMBER_F32, 3, overall));
    TRY(read_reals(s, "/eval/metrics_table", 4 * (size_t)rows, &table));
    const panoptic_quality q = panoptic_metrics_overall(m);
    error = fmax(distance(q.sq, (double)overall[0]),
                 fmax(distance(q.rq, (double)overall[1]), distance(q.pq, (double)overall[2])));
    verify_tell(s->report, "eval/metrics_sq_rq_pq", error, metrics_limit);
    error = 0;
    for (int k = 0; k < rows; k++) { /* classes but background, the first, and void, the last */
        const panoptic_counts c = panoptic_metrics_counts(m, k + 1);
        const double got[4] = {(double)c.matched, (double)c.extra, (double)c.missed, c.iou};
        for (int j = 0; j < 4; j++) error = fmax(error, distance(got[j], (double)table[4 * k + j]));
    }
    verify_tell(s->report, "eval/metrics_table", error, metrics_limit);
done:
    free(table);
    panoptic_metrics_free(m);
    return rc;
}

/* ---- the two ------------------------------------------------------------------------------------------------------ */

static stored stored_of(h5 *file, const network *w, const paps_found *found, verify_report *r)
{
    return (stored){.file = file,
                    .report = r,
                    .patches = found->patches,
                    .height = found->height,
                    .width = found->width,
                    .classes = model_classes(w->model),
                    .pixels = (size_t)found->patches * (size_t)found->height * (size_t)found->width};
}

int verify_paps_eval(h5 *file, network *w, const reference_truth *t, verify_report *r)
{
    int rc = OK;
    paps_found found;
    TRY(paps_read(w->head, &found));
    stored s = stored_of(file, w, &found, r);
    rc = read_mask(&s, "/eval/center_mask");
    if (!rc) rc = read_eval(&s);
    if (!rc) rc = match_centres(&s, &found, true);
    if (!rc) {
        check_rows(&s, "eval/size", s.size, found.size, 2);
        check_rows(&s, "eval/semantic", s.score, found.score, s.classes);
        check_rows(&s, "eval/confidence", s.confidence, found.confidence, 1);
        check_masks(&s, &found);
        rc = run_nms(&s, w);
    }
    if (!rc) rc = check_panoptic(&s);
    if (!rc) rc = check_metrics(&s, t);
    stored_free(&s);
done:
    return rc;
}

/* The published loss goes through patches, then parcels by id, then centres. */
static const paps_found *sorting;
static int by_parcel(const void *a, const void *b)
{
    const int x = *(const int *)a, y = *(const int *)b;
    const centre *p = &sorting->centre[x], *q = &sorting->centre[y];
    if (p->patch != q->patch) return p->patch < q->patch ? -1 : 1;
    if (sorting->parcel[x] != sorting->parcel[y]) return sorting->parcel[x] < sorting->parcel[y] ? -1 : 1;
    return (x > y) - (x < y);
}

static int check_matches(stored *s, const paps_found *found, const reference_truth *t)
{
    int rc = OK;
    float *wanted = NULL, *iou = NULL, *confidences = NULL;
    double error = 0, confidence_error = 0;
    int *order = memory_new((size_t)found->count, sizeof *order);
    TRY_NEW(order);
    TRY_NEW(iou = memory_new((size_t)found->count, sizeof *iou));
    TRY(read_reals(s, "/train/achieved_ious", (size_t)found->count, &wanted));
    TRY(read_reals(s, "/train/predicted_confidences", (size_t)found->count, &confidences));
    parcel_ious(found, t->instance, reference_truth_area, t, iou);
    for (int i = 0; i < found->count; i++) order[i] = i;
    sorting = found;
    qsort(order, (size_t)found->count, sizeof *order, by_parcel);
    for (int i = 0; i < found->count; i++) {
        error = fmax(error, fabs((double)iou[order[i]] - (double)wanted[i]));
        confidence_error = fmax(confidence_error, fabs((double)found->confidence[order[i]] - (double)confidences[i]));
    }
    verify_tell(s->report, "train/predicted_confidences", confidence_error, value_limit);
    verify_tell(s->report, "train/achieved_ious", error, value_limit);
done:
    free(order);
    free(iou);
    free(wanted);
    free(confidences);
    return rc;
}

int verify_paps_train(h5 *file, network *w, const reference_truth *t, double loss_limit, verify_report *r)
{
    static const char *const names[] = {"train/loss_center", "train/loss_size", "train/loss_shape", "train/loss_class"};
    int rc = OK;
    float wanted[4], centre_loss;
    paps_found found;
    TRY(paps_read(w->head, &found));
    stored s = stored_of(file, w, &found, r);
    TRY(net_read(w->net, w->head_out.centre_loss, &centre_loss));
    TRY(h5_read(file, "/train/loss_center_size_shape_class", NUMBER_F32, 4, wanted));
    const float got[4] = {centre_loss, found.size_loss, found.shape_loss, found.class_loss};
    for (int i = 0; i < 4; i++)
        verify_tell(r, names[i], fabs((double)got[i] - (double)wanted[i]) / fmax(fabs((double)wanted[i]), 1e-12),
                    loss_limit);
    rc = read_mask(&s, "/train/center_mask");
    if (!rc) rc = match_centres(&s, &found, false);
    if (!rc) rc = check_matches(&s, &found, t);
    stored_free(&s);
done:
    return rc;
}
