/* A tile of a map of parcels: what the pseudo-NMS leaves of the candidates, numbered by falling confidence. */
#include <math.h>

#include "base/error.h"
#include "base/memory.h"
#include "data/tile_parcels.h"
#include "run/scene_tile.h"

/* Instances that have a pixel are numbered anew, without gaps; how many. -1: more than a tile can hold. */
static int number_instances(scene_tile *t, int candidates)
{
    const size_t pixels = (size_t)t->plan->side * (size_t)t->plan->side;
    int count = 0;
    for (int k = 0; k <= candidates; k++) t->number[k] = 0;
    for (size_t i = 0; i < pixels; i++) t->number[t->instance[i]] = t->instance[i] > 0;
    for (int k = 1; k <= candidates; k++) {
        if (!t->number[k]) continue;
        if (count == TILE_PARCELS_MAX) return -1;
        t->number[k] = (uint16_t)++count;
    }
    for (size_t i = 0; i < pixels; i++) t->pixel[i] = t->number[t->instance[i]];
    return count;
}

/* The confidence of the centre, and the scores' softmax. */
static int fact_take(const paps_found *found, int candidate, int classes, float *fact)
{
    const float *logit = found->score + (size_t)candidate * (size_t)classes;
    const int best = found_class(found, classes, candidate);
    double sum = 0;
    for (int k = 0; k < classes; k++) sum += exp((double)logit[k] - (double)logit[best]);
    if (!isfinite(sum) || !isfinite(found->confidence[candidate])) return scene_tile_no_number();
    fact[0] = found->confidence[candidate];
    for (int k = 0; k < classes; k++) fact[1 + k] = (float)(exp((double)logit[k] - (double)logit[best]) / sum);
    return OK;
}

/* Every parcel is counted once: by the tile whose middle has its first pixel. */
static void count_parcels(scene_tile *t, const paps_found *found, int index)
{
    const tile_plan *p = t->plan;
    const tile_span across = tile_span_of(p, p->grid.width, index % p->across);
    const tile_span down = tile_span_of(p, p->grid.height, index / p->across);
    const int classes = t->job->classes;
    for (int y = 0; y < p->side; y++)
        for (int x = 0; x < p->side; x++) {
            const int at = y * p->side + x, id = t->instance[at], X = across.start + x, Y = down.start + y;
            if (!id || !t->number[id]) continue;
            t->number[id] = 0;
            if (X >= across.from && X < across.to && Y >= down.from && Y < down.to)
                t->job->tally[found_class(found, classes, t->chosen[at])]++;
        }
}

/* Of each parcel, by the first of its pixels that comes. */
static int facts_take(scene_tile *t, const paps_found *found, int count)
{
    const size_t pixels = (size_t)t->plan->side * (size_t)t->plan->side, line = 1 + (size_t)t->job->classes;
    int rc = memory_grow((void **)&t->fact, &t->fact_capacity, (size_t)count * line, sizeof *t->fact);
    if (rc) return rc;
    for (int k = 0; k < count; k++) t->fact[(size_t)k * line] = -1;
    for (size_t i = 0; i < pixels; i++) {
        float *fact = t->pixel[i] ? t->fact + (t->pixel[i] - 1u) * line : NULL;
        if (fact && *fact < 0) TRY(fact_take(found, t->chosen[i], t->job->classes, fact));
    }
done:
    return rc;
}

static int parcels_decide(scene_tile *t, int index, const inference *i, tile_parcels *out)
{
    const tile_plan *p = t->plan;
    nms_options options;
    paps_found found;
    int rc = OK;
    TRY(paps_read(i->network->head, &found));
    TRY(nms_options_of(i->network, &options));
    const nms_candidates all = {found.count, found.crop, found.confidence, found.mask};
    TRY(pseudo_nms(&all, 0, options, p->side, p->side, t->instance, t->chosen));
    TRY(memory_grow((void **)&t->number, &t->number_capacity, (size_t)found.count + 1, sizeof *t->number));
    out->count = number_instances(t, found.count);
    if (out->count < 0)
        return fail(FAILED, "tile %d_%d: more than %d parcels; wanted smaller ones (--tile)", index / p->across,
                    index % p->across, TILE_PARCELS_MAX);
    TRY(facts_take(t, &found, out->count));
    count_parcels(t, &found, index);
done:
    return rc;
}

int scene_tile_save_parcels(scene_tile *t, int index, const inference *i)
{
    const size_t pixels = (size_t)t->plan->side * (size_t)t->plan->side;
    tile_parcels parcels = {0};
    int rc = OK;
    if (i) TRY(parcels_decide(t, index, i, &parcels));
    for (size_t k = 0; k < pixels && !i; k++) t->pixel[k] = PARCEL_UNSEEN;
    parcels.pixel = t->pixel;
    parcels.fact = t->fact;
    TRY(tile_parcels_save(t->plan, t->job->folder, index, &parcels));
done:
    return rc;
}
