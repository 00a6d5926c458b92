/* A ring is followed pixel by pixel, its parcel on the left: from a side of a pixel one goes on along the next pixel's
 * side, around the corner of the pixel itself, or around that of one that juts out. */
#include "data/outlines.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

enum side { TOP, LEFT, BOTTOM, RIGHT, SIDES }; /* in the order that a lone pixel's are followed */

static const int step_row[SIDES] = {0, 1, 0, -1}, step_column[SIDES] = {-1, 0, 1, 0}; /* along a side */
static const int out_row[SIDES] = {-1, 0, 1, 0}, out_column[SIDES] = {0, -1, 0, 1};   /* away from the parcel */
static const int start_row[SIDES] = {0, 0, 1, 1}, start_column[SIDES] = {1, 0, 0, 1}; /* corner it starts at */

typedef struct tracer {
    const int32_t *ids;
    int height, width;
    double tolerance;
    int32_t *part; /* [pixels] number of the connected part, from 1; 0: none */
    bool *done;    /* [pixels] the top side is part of a ring that was followed */
    int32_t *stack;
    outline_vertex *line; /* of the ring at hand */
    bool *stays;
    size_t line_count, line_capacity, stays_capacity;
    outlines *out;
    size_t polygon_capacity, ring_capacity, vertex_capacity;
} tracer;

static int32_t id_at(const tracer *t, int row, int column)
{
    const bool inside = row >= 0 && column >= 0 && row < t->height && column < t->width;
    return inside ? t->ids[row * t->width + column] : 0;
}

/* ---- parts ---------------------------------------------------------------------------------------------------------- */

/* Numbers the part that this pixel is the first of; its area. */
static int fill_part(tracer *t, int pixel, int32_t number)
{
    int top = 0, area = 0;
    const int32_t id = t->ids[pixel];
    t->stack[top++] = pixel;
    t->part[pixel] = number;
    while (top) {
        const int at = t->stack[--top], row = at / t->width, column = at % t->width;
        area++;
        for (int s = 0; s < SIDES; s++) {
            const int y = row + out_row[s], x = column + out_column[s];
            if (id_at(t, y, x) != id || t->part[y * t->width + x]) continue;
            t->part[y * t->width + x] = number;
            t->stack[top++] = y * t->width + x;
        }
    }
    return area;
}

static int polygon_add(tracer *t, int pixel)
{
    outlines *o = t->out;
    int rc = memory_grow((void **)&o->polygon, &t->polygon_capacity, o->polygons + 1, sizeof *o->polygon);
    if (rc) return rc;
    const int area = fill_part(t, pixel, (int32_t)o->polygons + 1);
    o->polygon[o->polygons++] = (outline_polygon){.id = t->ids[pixel], .area = area};
    return OK;
}

/* ---- following a ring ------------------------------------------------------------------------------------------------ */

static int line_add(tracer *t, int x, int y)
{
    int rc = memory_grow((void **)&t->line, &t->line_capacity, t->line_count + 1, sizeof *t->line);
    if (!rc) t->line[t->line_count++] = (outline_vertex){x, y};
    return rc;
}

/* All corners at which the line turns or an id ends, from the top side of this pixel on; corners where it goes straight
 * on but a third parcel begins are kept too. */
static int follow(tracer *t, int first_row, int first_column)
{
    int row = first_row, column = first_column, side = TOP, before = SIDES, rc = OK;
    const int32_t id = id_at(t, row, column);
    int32_t beyond = 0;
    t->line_count = 0;
    do {
        const int32_t other = id_at(t, row + out_row[side], column + out_column[side]);
        if (side != before || other != beyond) TRY(line_add(t, column + start_column[side], row + start_row[side]));
        before = side;
        beyond = other;
        if (side == TOP) t->done[row * t->width + column] = true;
        const int y = row + step_row[side], x = column + step_column[side];
        if (id_at(t, y, x) != id) {
            side = (side + 1) % SIDES;
        } else if (id_at(t, y + out_row[side], x + out_column[side]) == id) {
            row = y + out_row[side];
            column = x + out_column[side];
            side = (side + SIDES - 1) % SIDES;
        } else {
            row = y;
            column = x;
        }
    } while (row != first_row || column != first_column || side != TOP);
done:
    return rc;
}

/* ---- simplifying ----------------------------------------------------------------------------------------------------- */

/* Do the four pixels around a corner hold three ids or more? */
static bool is_junction(const tracer *t, outline_vertex v)
{
    const int32_t around[4] = {id_at(t, v.y - 1, v.x - 1), id_at(t, v.y - 1, v.x), id_at(t, v.y, v.x - 1),
                               id_at(t, v.y, v.x)};
    int different = 0;
    for (int i = 0; i < 4; i++) {
        bool seen = false;
        for (int k = 0; k < i; k++) seen = seen || around[k] == around[i];
        different += !seen;
    }
    return different > 2;
}

static double distance(outline_vertex v, outline_vertex a, outline_vertex b)
{
    const double x = b.x - a.x, y = b.y - a.y, length = x * x + y * y;
    if (length == 0) return hypot(v.x - a.x, v.y - a.y);
    double share = ((v.x - a.x) * x + (v.y - a.y) * y) / length;
    share = share < 0 ? 0 : share > 1 ? 1 : share;
    return hypot(v.x - a.x - share * x, v.y - a.y - share * y);
}

static bool is_before(outline_vertex a, outline_vertex b)
{
    return a.y != b.y ? a.y < b.y : a.x < b.x;
}

static outline_vertex at(const tracer *t, size_t i)
{
    return t->line[i % t->line_count];
}

/* Marks what stays between two vertices that do (from < to, of the ring walked on beyond its end): of equally far ones
 * the first in image order, so that both sides of a border choose alike. Halves without recursion. */
static void thin(tracer *t, size_t from, size_t to)
{
    while (to > from + 1) {
        size_t farthest = 0, end = from + 1;
        double most = t->tolerance;
        while (end < to && !t->stays[end % t->line_count]) end++;
        for (size_t i = from + 1; i < end; i++) {
            const double d = distance(at(t, i), at(t, from), at(t, end));
            if (d < most || (d == most && (!farthest || !is_before(at(t, i), at(t, farthest))))) continue;
            if (d <= t->tolerance) continue;
            most = d;
            farthest = i;
        }
        if (farthest)
            t->stays[farthest % t->line_count] = true;
        else
            from = end;
    }
}

static double doubled_area(const outline_vertex *v, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        const outline_vertex a = v[i], b = v[(i + 1) % count];
        sum += (double)a.x * b.y - (double)b.x * a.y;
    }
    return sum;
}

/* A vertex that stays: the first junction; without one the first in image order, and the farthest from it. */
static size_t anchors(tracer *t)
{
    size_t first = t->line_count, least = 0, farthest = 0;
    double most = -1;
    for (size_t i = 0; i < t->line_count; i++) {
        t->stays[i] = is_junction(t, t->line[i]);
        if (t->stays[i] && first == t->line_count) first = i;
        if (is_before(t->line[i], t->line[least])) least = i;
    }
    if (first < t->line_count) return first;
    for (size_t i = 0; i < t->line_count; i++) {
        const double d = hypot(t->line[i].x - t->line[least].x, t->line[i].y - t->line[least].y);
        if (d > most || (d == most && is_before(t->line[i], t->line[farthest]))) {
            most = d;
            farthest = i;
        }
    }
    t->stays[least] = t->stays[farthest] = true;
    return least;
}

/* Is this corner on a straight line? (Kept by follow() for what may begin there.) */
static bool is_straight(const tracer *t, size_t i)
{
    const outline_vertex a = at(t, i + t->line_count - 1), v = at(t, i), b = at(t, i + 1);
    return (a.x == v.x && v.x == b.x) || (a.y == v.y && v.y == b.y);
}

static int simplify(tracer *t)
{
    int rc = memory_grow((void **)&t->stays, &t->stays_capacity, t->line_count, sizeof *t->stays);
    if (rc) return rc;
    outline_vertex *kept = memory_new(t->line_count, sizeof *kept);
    size_t count = 0;
    if (!kept) return FAILED;
    if (t->tolerance > 0) {
        const size_t first = anchors(t);
        thin(t, first, first + t->line_count);
    }
    for (size_t i = 0; i < t->line_count; i++)
        if (t->tolerance > 0 ? t->stays[i] : !is_straight(t, i)) kept[count++] = t->line[i];
    const double before = doubled_area(t->line, t->line_count), after = doubled_area(kept, count);
    if (count > 2 && before * after > 0) {
        memcpy(t->line, kept, count * sizeof *kept);
        t->line_count = count;
    }
    free(kept);
    return OK;
}

/* ---- all of it ------------------------------------------------------------------------------------------------------- */

/* A ring as it was followed, and whose it is. */
typedef struct found_ring {
    outline_ring ring;
    int32_t part;
    bool hole;
} found_ring;

static int keep_ring(tracer *t, bool hole, int32_t part, found_ring **found, size_t *count, size_t *capacity)
{
    int rc = OK;
    outlines *o = t->out;
    TRY(memory_grow((void **)found, capacity, *count + 1, sizeof **found));
    TRY(memory_grow((void **)&o->vertex, &t->vertex_capacity, o->vertices + t->line_count, sizeof *o->vertex));
    memcpy(o->vertex + o->vertices, t->line, t->line_count * sizeof *t->line);
    (*found)[(*count)++] = (found_ring){{o->vertices, t->line_count}, part, hole};
    o->vertices += t->line_count;
done:
    return rc;
}

static int by_part(const void *a, const void *b)
{
    const found_ring *x = a, *y = b;
    if (x->part != y->part) return x->part < y->part ? -1 : 1;
    if (x->hole != y->hole) return x->hole ? 1 : -1;
    return (x->ring.first > y->ring.first) - (x->ring.first < y->ring.first);
}

/* Rings polygon by polygon, the outer one first. */
static int order_rings(tracer *t, found_ring *found, size_t count)
{
    outlines *o = t->out;
    if (count) qsort(found, count, sizeof *found, by_part);
    o->ring = memory_new(count, sizeof *o->ring);
    if (!o->ring) return FAILED;
    for (size_t i = 0; i < count; i++) {
        outline_polygon *p = &o->polygon[found[i].part - 1];
        if (!p->rings) p->first_ring = i;
        p->rings++;
        o->ring[i] = found[i].ring;
    }
    o->rings = count;
    return OK;
}

static int by_id(const void *a, const void *b)
{
    const outline_polygon *x = a, *y = b;
    if (x->id != y->id) return x->id < y->id ? -1 : 1;
    return (x->first_ring > y->first_ring) - (x->first_ring < y->first_ring);
}

static int trace_all(tracer *t)
{
    int rc = OK;
    found_ring *found = NULL;
    size_t count = 0, capacity = 0;
    for (int i = 0; i < t->height * t->width; i++)
        if (t->ids[i] > 0 && !t->part[i]) TRY(polygon_add(t, i));
    for (int i = 0; i < t->height * t->width; i++) {
        const int row = i / t->width, column = i % t->width;
        if (t->ids[i] <= 0 || t->done[i] || id_at(t, row - 1, column) == t->ids[i]) continue;
        TRY(follow(t, row, column));
        const bool hole = doubled_area(t->line, t->line_count) > 0; /* y points down: outer rings are negative */
        TRY(simplify(t));
        TRY(keep_ring(t, hole, t->part[i], &found, &count, &capacity));
    }
    TRY(order_rings(t, found, count));
    if (t->out->polygons) qsort(t->out->polygon, t->out->polygons, sizeof *t->out->polygon, by_id);
done:
    free(found);
    return rc;
}

int outlines_trace(const int32_t *ids, int height, int width, double tolerance, outlines *out)
{
    int rc = OK;
    const size_t pixels = (size_t)height * (size_t)width;
    tracer t = {.ids = ids, .height = height, .width = width, .tolerance = tolerance, .out = out};
    *out = (outlines){0};
    TRY_NEW(t.part = memory_new(pixels, sizeof *t.part));
    TRY_NEW(t.done = memory_new(pixels, sizeof *t.done));
    TRY_NEW(t.stack = memory_new(pixels, sizeof *t.stack));
    TRY(trace_all(&t));
done:
    free(t.part);
    free(t.done);
    free(t.stack);
    free(t.line);
    free(t.stays);
    if (rc) outlines_free(out);
    return rc;
}

void outlines_free(outlines *o)
{
    free(o->polygon);
    free(o->ring);
    free(o->vertex);
    *o = (outlines){0};
}
