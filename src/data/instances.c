#include "data/instances.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"

/* A box moved by (1 - m) / (1 + m) of its side along one axis still overlaps the true one by the share m (intersection
 * over union): as far as three sigmas reach. */
static const double least_overlap = 0.7;

/* exp(-d) is 0 from here on, in whatever order values are rounded: ln 2^-1075 is -745.13. */
static const double farthest = 745.2;

typedef struct box { /* a parcel's bounding box, inclusive */
    int first_row, last_row, first_column, last_column;
    uint8_t label;
    bool seen, mixed;
} box;

/* ---- which parcels there are --------------------------------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

static bool starts_run(const int32_t *parcels, size_t i)
{
    return parcels[i] > 0 && (i == 0 || parcels[i] != parcels[i - 1]);
}

/* The ids that occur, sorted: only where a row's value changes can a new one begin. */
static int ids_list(const int32_t *parcels, size_t pixels, int32_t **out, size_t *count)
{
    size_t runs = 0, kept = 0;
    for (size_t i = 0; i < pixels; i++) runs += starts_run(parcels, i);
    int32_t *ids = memory_new(runs, sizeof *ids);
    if (!ids) return FAILED;
    runs = 0;
    for (size_t i = 0; i < pixels; i++)
        if (starts_run(parcels, i)) ids[runs++] = parcels[i];
    qsort(ids, runs, sizeof *ids, by_value);
    for (size_t i = 0; i < runs; i++)
        if (!kept || ids[i] != ids[kept - 1]) ids[kept++] = ids[i];
    *out = ids;
    *count = kept;
    return OK;
}

static void box_extend(box *b, int row, int column, uint8_t label)
{
    if (!b->seen) *b = (box){row, row, column, column, label, true, false};
    b->last_row = row; /* pixels come row by row */
    if (column < b->first_column) b->first_column = column;
    if (column > b->last_column) b->last_column = column;
    if (label != b->label) b->mixed = true;
}

/* Each parcel's box, and in s->instance each pixel's parcel, counted from 1. */
static void boxes_find(const instance_source *source, const int32_t *ids, instance_set *s, box *boxes)
{
    size_t i = 0, parcel = 0; /* parcel: of the run that pixel i is in, from 1 */
    for (int row = 0; row < source->height; row++)
        for (int column = 0; column < source->width; column++, i++) {
            if (source->parcels[i] <= 0) continue;
            if (starts_run(source->parcels, i)) {
                const int32_t *found = bsearch(&source->parcels[i], ids, s->parcels, sizeof *ids, by_value);
                parcel = (size_t)(found - ids) + 1;
            }
            s->instance[i] = (int32_t)parcel;
            box_extend(&boxes[parcel - 1], row, column, source->labels ? source->labels[i] : 1);
        }
}

/* ---- which of them count ------------------------------------------------------------------------------------------- */

static bool is_among(const int32_t *ids, size_t count, int32_t id)
{
    for (size_t i = 0; i < count; i++)
        if (ids[i] == id) return true;
    return false;
}

static void parcels_number(const instance_source *source, const int32_t *ids, const box *boxes, instance_set *s)
{
    const size_t pixels = (size_t)source->height * (size_t)source->width;
    for (size_t k = 0; k < s->parcels; k++) {
        instance_parcel *p = &s->parcel[k];
        p->id = ids[k];
        if (is_among(source->without, source->withouts, p->id)) {
            s->without++;
        } else if (!boxes[k].label) {
            s->background++;
        } else {
            p->instance = (int)++s->instances;
            s->mixed += boxes[k].mixed;
        }
    }
    for (size_t i = 0; i < pixels; i++)
        if (s->instance[i]) s->instance[i] = s->parcel[s->instance[i] - 1].instance;
}

/* ---- the heat map -------------------------------------------------------------------------------------------------- */

/* One axis of a Gaussian: terms[i] = (i - centre)^2 / 2 sigma^2 for i below size. Returns the centre. */
static int axis_terms(int first, int last, int size, double *terms)
{
    int low = first > 0 ? first - 1 : 0, high = last < size - 1 ? last + 1 : size - 1;
    int side = high - low, centre = low + side / 2;
    double sigma = (1 - least_overlap) / (1 + least_overlap) * side / 3, spread = 2 * (sigma * sigma);
    for (int i = 0; i < size; i++) {
        double away = i - centre;
        terms[i] = away * away / spread;
    }
    return centre;
}

/* Distances are compared before anything is raised: exp() falls, so only a new least one can give a larger value. It is
 * the values that decide, though: two distances with the same exp() are equal, and the earlier parcel stays. */
static double row_heat(const double *across, double down, int width, int32_t instance, double *nearest, double *heat,
                       int32_t *zone)
{
    double reach = 0; /* the largest of what is nearest in this row */
    for (int x = 0; x < width; x++) {
        double distance = across[x] + down;
        if (distance < nearest[x]) {
            double value = exp(-distance);
            nearest[x] = distance;
            if (value > heat[x]) {
                heat[x] = value;
                zone[x] = instance;
            }
        }
        if (nearest[x] > reach) reach = nearest[x];
    }
    return reach;
}

static int heat_make(const instance_source *source, const box *boxes, instance_set *s)
{
    const size_t width = (size_t)source->width, height = (size_t)source->height;
    double *across = memory_new(width, sizeof *across), *down = memory_new(height, sizeof *down);
    double *nearest = memory_new(width * height, sizeof *nearest), *reach = memory_new(height, sizeof *reach);
    int rc = across && down && nearest && reach ? OK : FAILED;
    for (size_t i = 0; !rc && i < width * height; i++) {
        nearest[i] = farthest;
        s->zone[i] = s->instances > 0;
    }
    for (size_t y = 0; !rc && y < height; y++) reach[y] = farthest;
    for (size_t k = 0; !rc && k < s->parcels; k++) {
        instance_parcel *p = &s->parcel[k];
        p->column = axis_terms(boxes[k].first_column, boxes[k].last_column, source->width, across);
        p->row = axis_terms(boxes[k].first_row, boxes[k].last_row, source->height, down);
        for (size_t y = 0; p->instance && y < height; y++)
            if (down[y] < reach[y]) /* else no pixel of the row can come nearer */
                reach[y] = row_heat(across, down[y], source->width, p->instance, nearest + y * width,
                                    s->heat + y * width, s->zone + y * width);
    }
    free(across);
    free(down);
    free(nearest);
    free(reach);
    return rc;
}

int instances_make(const instance_source *source, instance_set *out)
{
    int32_t *ids = NULL;
    box *boxes = NULL;
    int rc = OK;
    *out = (instance_set){0};
    if (source->height < 2 || source->width < 2)
        return fail(FAILED, "a patch of %d x %d pixels, wanted at least 2 x 2", source->height, source->width);
    const size_t pixels = (size_t)source->height * (size_t)source->width;
    TRY_NEW(out->instance = memory_new(pixels, sizeof *out->instance));
    TRY_NEW(out->heat = memory_new(pixels, sizeof *out->heat));
    TRY_NEW(out->zone = memory_new(pixels, sizeof *out->zone));
    TRY(ids_list(source->parcels, pixels, &ids, &out->parcels));
    TRY_NEW(out->parcel = memory_new(out->parcels, sizeof *out->parcel));
    TRY_NEW(boxes = memory_new(out->parcels, sizeof *boxes));
    boxes_find(source, ids, out, boxes);
    parcels_number(source, ids, boxes, out);
    TRY(heat_make(source, boxes, out));
done:
    free(ids);
    free(boxes);
    if (rc) instances_free(out);
    return rc;
}

void instances_free(instance_set *s)
{
    free(s->parcel);
    free(s->instance);
    free(s->heat);
    free(s->zone);
    *s = (instance_set){0};
}
