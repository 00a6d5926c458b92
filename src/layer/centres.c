#include "layer/centres.h"

#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"

enum { BOX_SIDE_MAX = 1 << 20 /* of a box; far beyond any image, and safe to add to a coordinate */ };

void centre_list_free(centre_list *l)
{
    free(l->item);
    *l = (centre_list){0};
}

static int add(centre_list *l, int patch, int row, int column)
{
    void *items = l->item;
    if (memory_grow(&items, &l->capacity, (size_t)l->count + 1, sizeof *l->item)) return FAILED;
    l->item = items;
    l->item[l->count++] = (centre){patch, row, column};
    return OK;
}

static bool is_maximum(const float *heat, int height, int width, int row, int column)
{
    const float value = heat[row * width + column];
    for (int y = row > 0 ? row - 1 : 0; y <= row + 1 && y < height; y++)
        for (int x = column > 0 ? column - 1 : 0; x <= column + 1 && x < width; x++)
            if (heat[y * width + x] > value) return false;
    return true;
}

int centres_of_maxima(const float *heat, int patches, int height, int width, centre_list *out)
{
    const size_t plane = (size_t)height * (size_t)width, all = plane * (size_t)patches;
    double sum = 0;
    for (size_t i = 0; i < all; i++) sum += (double)heat[i];
    const double mean = sum / (double)all;
    out->count = 0;
    for (int p = 0; p < patches; p++, heat += plane)
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width; x++)
                if ((double)heat[y * width + x] > mean && is_maximum(heat, height, width, y, x) && add(out, p, y, x))
                    return FAILED;
    return OK;
}

/* best [zones]: the hottest pixel of each zone, -1: the zone has none */
static int hottest(const float *heat, const int32_t *zone, int pixels, int zones, int patch, int32_t *best)
{
    for (int i = 0; i < zones; i++) best[i] = -1;
    for (int i = 0; i < pixels; i++) {
        if (zone[i] < 0 || zone[i] >= zones)
            return fail(FAILED, "patch %d of the batch: pixel %d is in zone %d, wanted 0 to %d", patch, i, zone[i],
                        zones - 1);
        int32_t *so_far = &best[zone[i]];
        if (*so_far < 0 || heat[i] > heat[*so_far]) *so_far = i;
    }
    return OK;
}

static int compare_pixels(const void *a, const void *b)
{
    const int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

int centres_of_zones(const float *heat, const int32_t *zone, const int32_t *first, int patches, int height, int width,
                     centre_list *out)
{
    int rc = OK;
    const int plane = height * width;
    int32_t *best = NULL;
    int most = 1;
    for (int p = 0; p < patches; p++) most = first[p + 1] - first[p] > most ? first[p + 1] - first[p] : most;
    TRY_NEW(best = memory_new((size_t)most, sizeof *best));
    out->count = 0;
    for (int p = 0; p < patches; p++, heat += plane, zone += plane) {
        const int zones = first[p + 1] - first[p] > 1 ? first[p + 1] - first[p] : 1;
        TRY(hottest(heat, zone, plane, zones, p, best));
        best[0] = -1;
        qsort(best, (size_t)zones, sizeof *best, compare_pixels);
        for (int i = 0; i < zones; i++)
            if (best[i] >= 0) TRY(add(out, p, best[i] / width, best[i] % width));
    }
done:
    free(best);
    return rc;
}

/* ---- boxes -------------------------------------------------------------------------------------------------------- */

static int box_side(float size)
{
    if (!(size >= 1)) return 1; /* also what is no number */
    return size < BOX_SIDE_MAX ? (int)rintf(size) : BOX_SIDE_MAX;
}

/* The part of start .. start + side - 1 that lies in 0 .. limit - 1. */
static void clamp(int start, int side, int limit, int32_t *from, int32_t *length)
{
    const int begin = start > 0 ? start : 0, end = start + side < limit ? start + side : limit;
    *from = begin;
    *length = end - begin;
}

int crops_of_sizes(const centre_list *l, const float *size, int height, int width, crop *crops, int *values)
{
    int64_t total = 0;
    for (int i = 0; i < l->count; i++) {
        const centre *c = &l->item[i];
        crop *b = &crops[i];
        const int tall = box_side(size[2 * i]), wide = box_side(size[2 * i + 1]);
        *b = (crop){.patch = c->patch, .first = (int32_t)total, .box_height = tall, .box_width = wide};
        b->box_top = c->row - tall / 2;
        b->box_left = c->column - wide / 2;
        clamp(b->box_top, tall, height, &b->top, &b->height);
        clamp(b->box_left, wide, width, &b->left, &b->width);
        total += (int64_t)b->height * b->width;
        if (total > INT32_MAX)
            return fail(FAILED, "the masks of %d centres have more than %d pixels: use a smaller batch", l->count,
                        INT32_MAX);
    }
    *values = (int)total;
    return OK;
}
