#include "metric/pseudo_nms.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"

typedef struct ranked {
    float confidence;
    int index;
} ranked;

static int more_confident_first(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    if (x->confidence != y->confidence) return x->confidence < y->confidence ? 1 : -1;
    return (x->index > y->index) - (x->index < y->index);
}

/* Pixels of the mask, and those that are still free. */
static void count_pixels(const nms_candidates *c, int i, float threshold, int width, const int32_t *instance,
                         int *total, int *fresh)
{
    const crop *b = &c->crop[i];
    const float *mask = c->mask + b->first;
    *total = *fresh = 0;
    for (int y = b->top; y < b->top + b->height; y++)
        for (int x = b->left; x < b->left + b->width; x++) {
            if (!(*mask++ > threshold)) continue;
            ++*total;
            if (!instance[y * width + x]) ++*fresh;
        }
}

static void take(const nms_candidates *c, int i, float threshold, int width, int id, int32_t *instance, int32_t *chosen)
{
    const crop *b = &c->crop[i];
    const float *mask = c->mask + b->first;
    for (int y = b->top; y < b->top + b->height; y++)
        for (int x = b->left; x < b->left + b->width; x++) {
            const int at = y * width + x;
            if (!(*mask++ > threshold) || instance[at]) continue;
            instance[at] = id;
            chosen[at] = i;
        }
}

int pseudo_nms(const nms_candidates *c, int patch, nms_options options, int height, int width, int32_t *instance,
               int32_t *chosen)
{
    int count = 0;
    ranked *order = memory_new((size_t)c->count, sizeof *order);
    if (!order) return FAILED;
    for (int i = 0; i < height * width; i++) {
        instance[i] = 0;
        chosen[i] = -1;
    }
    for (int i = 0; i < c->count; i++)
        if (c->crop[i].patch == patch) order[count++] = (ranked){c->confidence[i], i};
    qsort(order, (size_t)count, sizeof *order, more_confident_first);
    for (int rank = 0; rank < count && order[rank].confidence >= options.min_confidence; rank++) {
        int total, fresh;
        count_pixels(c, order[rank].index, options.mask_threshold, width, instance, &total, &fresh);
        if (total && (fresh == total || (float)fresh / (float)total > options.min_remain))
            take(c, order[rank].index, options.mask_threshold, width, rank + 1, instance, chosen);
    }
    free(order);
    return OK;
}
