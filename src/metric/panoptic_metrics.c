/* A patch is counted in two rounds of the same kind: which predictions lie on void parcels, then what matches what. In
 * each, every pixel has at most one true and one predicted key; keys and pairs of keys are numbered by hash tables. */
#include "metric/panoptic_metrics.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/schema.h"
#include "metric/metrics.h"

/* ---- numbering keys ---------------------------------------------------------------------------------------------- */

/* Keys in the order of their first occurrence, and how often each occurred. */
typedef struct tally {
    uint64_t *key;
    int64_t *count;
    uint32_t *slot; /* 1 + the number of the key that is there; 0: none */
    size_t used, slots, key_capacity, count_capacity, slot_capacity;
} tally;

static void tally_free(tally *t)
{
    free(t->key);
    free(t->count);
    free(t->slot);
}

/* Empties it, with room for `keys` of them: at most half of the slots are ever taken. */
static int tally_reset(tally *t, size_t keys)
{
    int rc = OK;
    t->used = 0;
    t->slots = 2;
    while (t->slots < 2 * keys) t->slots *= 2;
    TRY(memory_grow((void **)&t->key, &t->key_capacity, keys, sizeof *t->key));
    TRY(memory_grow((void **)&t->count, &t->count_capacity, keys, sizeof *t->count));
    TRY(memory_grow((void **)&t->slot, &t->slot_capacity, t->slots, sizeof *t->slot));
    memset(t->slot, 0, t->slots * sizeof *t->slot);
done:
    return rc;
}

/* The finaliser of splitmix64: ids that are multiples of a power of two spread too. */
static uint64_t mixed(uint64_t key)
{
    key = (key ^ key >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    key = (key ^ key >> 27) * UINT64_C(0x94d049bb133111eb);
    return key ^ key >> 31;
}

/* Counts one occurrence of the key; gives its number. */
static uint32_t tally_add(tally *t, uint64_t key)
{
    size_t at = (size_t)mixed(key) & (t->slots - 1);
    while (t->slot[at] && t->key[t->slot[at] - 1] != key) at = (at + 1) & (t->slots - 1);
    if (!t->slot[at]) {
        t->key[t->used] = key;
        t->count[t->used] = 0;
        t->slot[at] = (uint32_t)++t->used;
    }
    const uint32_t number = t->slot[at] - 1;
    t->count[number]++;
    return number;
}

/* ---- the accumulator --------------------------------------------------------------------------------------------- */

static const uint64_t no_key = UINT64_MAX;

/* Truth or prediction, while a patch is counted. */
typedef struct side {
    uint64_t *key;    /* [pixels] the segment, or no_key */
    uint32_t *number; /* [pixels] its number in `segments`; unset where there is no key */
    size_t key_capacity, number_capacity;
    tally segments; /* its counts are areas */
} side;

struct panoptic_metrics {
    int classes, background, void_class;
    panoptic_counts *of; /* [classes] */
    side truth, predicted;
    tally pairs;   /* true number << 32 | predicted number; its counts are intersections */
    bool *ignored; /* [pixels] of the prediction */
    bool *dropped; /* [pixels] by number of a predicted instance */
    size_t ignored_capacity, dropped_capacity;
};

int panoptic_metrics_new(int classes, int background, int void_class, panoptic_metrics **out)
{
    int rc = OK;
    panoptic_metrics *m = NULL;
    if (classes < 1 || background < -1 || background >= classes || void_class < -1 || void_class >= classes ||
        (background >= 0 && background == void_class))
        return fail(FAILED, "panoptic metrics of %d classes with background %d and void %d were asked for", classes,
                    background, void_class);
    TRY_NEW(m = memory_new(1, sizeof *m));
    *m = (panoptic_metrics){.classes = classes, .background = background, .void_class = void_class};
    TRY_NEW(m->of = memory_new((size_t)classes, sizeof *m->of));
    *out = m;
    m = NULL;
done:
    panoptic_metrics_free(m);
    return rc;
}

static void side_free(side *s)
{
    free(s->key);
    free(s->number);
    tally_free(&s->segments);
}

void panoptic_metrics_free(panoptic_metrics *m)
{
    if (!m) return;
    free(m->of);
    side_free(&m->truth);
    side_free(&m->predicted);
    tally_free(&m->pairs);
    free(m->ignored);
    free(m->dropped);
    free(m);
}

/* ---- one patch --------------------------------------------------------------------------------------------------- */

static int map_check(const panoptic_map *map, size_t pixels, int classes, const char *what, const char *where)
{
    for (size_t p = 0; p < pixels; p++) {
        const size_t row = p / (size_t)map->width, column = p % (size_t)map->width;
        if (map->instance[p] < 0)
            return fail(FAILED, "%s: the %s instance at row %zu, column %zu is %d; wanted an id, or 0 for none", where,
                        what, row, column, (int)map->instance[p]);
        if (map->class_of[p] < 0 || map->class_of[p] >= classes)
            return fail(FAILED, "%s: the %s class at row %zu, column %zu is %d; wanted 0 to %d", where, what, row,
                        column, (int)map->class_of[p], classes - 1);
    }
    return OK;
}

static int patch_check(const panoptic_metrics *m, const panoptic_map *truth, const panoptic_map *predicted,
                       const char *where, size_t *pixels)
{
    enum { PIXELS_MAX = 1 << 28 }; /* numbers and slots fit 32 bits */
    if (truth->height != predicted->height || truth->width != predicted->width)
        return fail(FAILED, "%s: the truth has %d x %d pixels, the prediction %d x %d", where, truth->height,
                    truth->width, predicted->height, predicted->width);
    if (truth->height < 1 || truth->width < 1 || !size_multiply((size_t)truth->height, (size_t)truth->width, pixels) ||
        *pixels > PIXELS_MAX)
        return fail(FAILED, "%s: a patch of %d x %d pixels; wanted 1 to %d", where, truth->height, truth->width,
                    (int)PIXELS_MAX);
    const int rc = map_check(truth, *pixels, m->classes, "true", where);
    return rc ? rc : map_check(predicted, *pixels, m->classes, "predicted", where);
}

static int side_reset(side *s, size_t pixels)
{
    int rc = OK;
    TRY(memory_grow((void **)&s->key, &s->key_capacity, pixels, sizeof *s->key));
    TRY(memory_grow((void **)&s->number, &s->number_capacity, pixels, sizeof *s->number));
    TRY(tally_reset(&s->segments, pixels));
done:
    return rc;
}

static int round_reset(panoptic_metrics *m, size_t pixels)
{
    int rc = OK;
    TRY(side_reset(&m->truth, pixels));
    TRY(side_reset(&m->predicted, pixels));
    TRY(tally_reset(&m->pairs, pixels));
done:
    return rc;
}

static uint64_t joined(uint32_t high, uint32_t low)
{
    return (uint64_t)high << 32 | low;
}

static bool is_counted(const panoptic_metrics *m, int class_index)
{
    return class_index != m->background && class_index != m->void_class;
}

static int class_of_key(uint64_t key)
{
    return (int)(key & UINT32_MAX);
}

/* Numbers the keys of both sides; counts areas and intersections. */
static void count_overlaps(panoptic_metrics *m, size_t pixels)
{
    side *t = &m->truth, *q = &m->predicted;
    for (size_t p = 0; p < pixels; p++) {
        if (t->key[p] != no_key) t->number[p] = tally_add(&t->segments, t->key[p]);
        if (q->key[p] != no_key) q->number[p] = tally_add(&q->segments, q->key[p]);
        if (t->key[p] != no_key && q->key[p] != no_key) tally_add(&m->pairs, joined(t->number[p], q->number[p]));
    }
}

typedef struct overlap {
    uint32_t truth, predicted; /* numbers */
    int64_t intersection, both;
} overlap;

static overlap overlap_at(const panoptic_metrics *m, size_t pair)
{
    overlap o = {.truth = (uint32_t)(m->pairs.key[pair] >> 32), .predicted = (uint32_t)m->pairs.key[pair]};
    o.intersection = m->pairs.count[pair];
    o.both = m->truth.segments.count[o.truth] + m->predicted.segments.count[o.predicted] - o.intersection;
    return o;
}

static bool is_match(overlap o)
{
    return 2 * o.intersection > o.both;
}

/* Says which pixels of the prediction leave: those on void, and whole instances that overlap a void parcel. */
static int ignore_void(panoptic_metrics *m, const panoptic_map *truth, const panoptic_map *predicted, size_t pixels)
{
    int rc = OK;
    TRY(memory_grow((void **)&m->ignored, &m->ignored_capacity, pixels, sizeof *m->ignored));
    TRY(memory_grow((void **)&m->dropped, &m->dropped_capacity, pixels, sizeof *m->dropped));
    TRY(round_reset(m, pixels));
    for (size_t p = 0; p < pixels; p++) {
        m->ignored[p] = truth->class_of[p] == m->void_class;
        m->truth.key[p] = m->ignored[p] && truth->instance[p] ? joined((uint32_t)truth->instance[p], 0) : no_key;
        m->predicted.key[p] = predicted->instance[p] ? joined((uint32_t)predicted->instance[p], 0) : no_key;
    }
    count_overlaps(m, pixels);
    memset(m->dropped, 0, pixels * sizeof *m->dropped);
    for (size_t i = 0; i < m->pairs.used; i++) {
        const overlap o = overlap_at(m, i);
        if (is_match(o)) m->dropped[o.predicted] = true;
    }
    for (size_t p = 0; p < pixels; p++)
        if (m->predicted.key[p] != no_key && m->dropped[m->predicted.number[p]]) m->ignored[p] = true;
done:
    return rc;
}

static uint64_t segment_key(const panoptic_metrics *m, const panoptic_map *map, size_t p)
{
    if (!map->instance[p] || !is_counted(m, map->class_of[p])) return no_key;
    return joined((uint32_t)map->instance[p], (uint32_t)map->class_of[p]);
}

static int match_segments(panoptic_metrics *m, const panoptic_map *truth, const panoptic_map *predicted, size_t pixels)
{
    const int rc = round_reset(m, pixels);
    if (rc) return rc;
    for (size_t p = 0; p < pixels; p++) {
        m->truth.key[p] = segment_key(m, truth, p);
        m->predicted.key[p] = m->ignored[p] ? no_key : segment_key(m, predicted, p);
    }
    count_overlaps(m, pixels);
    const tally *t = &m->truth.segments, *q = &m->predicted.segments;
    for (size_t i = 0; i < t->used; i++) m->of[class_of_key(t->key[i])].missed++;
    for (size_t i = 0; i < q->used; i++) m->of[class_of_key(q->key[i])].extra++;
    for (size_t i = 0; i < m->pairs.used; i++) {
        const overlap o = overlap_at(m, i);
        const int class_index = class_of_key(t->key[o.truth]);
        if (!is_match(o) || class_of_key(q->key[o.predicted]) != class_index) continue;
        panoptic_counts *c = &m->of[class_index];
        c->matched++;
        c->missed--;
        c->extra--;
        c->iou += (double)o.intersection / (double)o.both;
    }
    return OK;
}

int panoptic_metrics_add(panoptic_metrics *m, const panoptic_map *truth, const panoptic_map *predicted,
                         const char *where)
{
    int rc = OK;
    size_t pixels;
    TRY(patch_check(m, truth, predicted, where, &pixels));
    TRY(ignore_void(m, truth, predicted, pixels));
    TRY(match_segments(m, truth, predicted, pixels));
done:
    return rc;
}

/* ---- results ----------------------------------------------------------------------------------------------------- */

static panoptic_counts *counts_of(const panoptic_metrics *m, int class_index)
{
    if (class_index < 0 || class_index >= m->classes)
        panic("panoptic metrics: class %d of %d", class_index, m->classes);
    return &m->of[class_index];
}

int panoptic_metrics_classes(const panoptic_metrics *m)
{
    return m->classes;
}

panoptic_counts panoptic_metrics_counts(const panoptic_metrics *m, int class_index)
{
    return *counts_of(m, class_index);
}

void panoptic_metrics_add_counts(panoptic_metrics *m, int class_index, panoptic_counts counts)
{
    panoptic_counts *c = counts_of(m, class_index);
    c->matched += counts.matched;
    c->extra += counts.extra;
    c->missed += counts.missed;
    c->iou += counts.iou;
}

panoptic_quality panoptic_metrics_class(const panoptic_metrics *m, int class_index)
{
    const panoptic_counts c = panoptic_metrics_counts(m, class_index);
    const double undefined = metric_undefined(), matched = (double)c.matched;
    if (c.matched + c.extra + c.missed == 0) return (panoptic_quality){undefined, undefined, undefined};
    const double sq = c.matched ? c.iou / matched : 0;
    const double rq = matched / (matched + 0.5 * (double)c.extra + 0.5 * (double)c.missed);
    return (panoptic_quality){sq, rq, sq * rq};
}

panoptic_quality panoptic_metrics_overall(const panoptic_metrics *m)
{
    panoptic_quality sum = {0};
    int defined = 0;
    for (int k = 0; k < m->classes; k++) {
        const panoptic_quality q = panoptic_metrics_class(m, k);
        if (isnan(q.pq)) continue;
        sum.sq += q.sq;
        sum.rq += q.rq;
        sum.pq += q.pq;
        defined++;
    }
    const double share = defined ? 1.0 / defined : metric_undefined();
    return (panoptic_quality){sum.sq * share, sum.rq * share, sum.pq * share};
}

static void put_quality(cJSON *object, panoptic_quality q)
{
    json_add(object, "SQ", metric_json(q.sq));
    json_add(object, "RQ", metric_json(q.rq));
    json_add(object, "PQ", metric_json(q.pq));
}

cJSON *panoptic_metrics_json(const panoptic_metrics *m, const char *const *names)
{
    cJSON *object = cJSON_CreateObject();
    put_quality(object, panoptic_metrics_overall(m));
    cJSON_AddStringToObject(object, "note", "means over the classes that occur: PQ here is not SQ x RQ");
    cJSON *classes = cJSON_AddObjectToObject(object, "classes");
    for (int k = 0; k < m->classes; k++) {
        if (!is_counted(m, k)) continue;
        cJSON *one = cJSON_AddObjectToObject(classes, names[k]);
        put_quality(one, panoptic_metrics_class(m, k));
        cJSON_AddNumberToObject(one, "TP", (double)m->of[k].matched);
        cJSON_AddNumberToObject(one, "FP", (double)m->of[k].extra);
        cJSON_AddNumberToObject(one, "FN", (double)m->of[k].missed);
    }
    return object;
}
