/* Rows of tiles are read twice: to see which parcels are one, and to draw instances.tif. From that image, which may be larger
 * than memory, come the outlines, window by window, and the classes, strip by strip. */
#include "data-tools/merge_parcels.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "data-tools/merge_rasters.h"
#include "data-tools/merge_styles.h"
#include "data-tools/parcel_layer.h"
#include "data/outlines.h"
#include "data/stitch.h"

enum { STRIP_ROWS = 256 };

typedef struct merge {
    const tile_plan *plan;
    const char *folder;
    double tolerance;
    stitch *stitch;
    tile_parcels *row[3]; /* [across] of each: above, the row, below */
    int32_t *ids;         /* [side or STRIP_ROWS][width of the whole] */
    merge_raster instances;
    geo_raster *drawn;        /* instances, to be read */
    uint8_t *class, *percent; /* [parcels + 1] */
    double *fact;             /* [1 + classes] */
    int32_t *window;          /* of one parcel */
    size_t window_capacity;
    double (*xy)[2]; /* of one ring */
    size_t xy_capacity;
} merge;

/* ---- rows of tiles ------------------------------------------------------------------------------------------------- */

static int row_load(const merge *m, int row, tile_parcels *out)
{
    const int across = m->plan->across;
    int rc = OK;
    for (int k = 0; k < across; k++) {
        tile_parcels_free(&out[k]);
        TRY(tile_parcels_load(m->plan, m->folder, row * across + k, &out[k]));
    }
done:
    return rc;
}

/* What was below is the row now. */
static void rows_step(merge *m)
{
    tile_parcels *first = m->row[0];
    m->row[0] = m->row[1];
    m->row[1] = m->row[2];
    m->row[2] = first;
}

static int stopped(const char *task, int done, int total)
{
    const int rc = interrupt_check();
    if (!rc) log_progress(task, (size_t)done, (size_t)total, "");
    return rc;
}

static int compare_all(merge *m)
{
    const int down = m->plan->down;
    int rc = OK;
    for (int row = 0; row < down; row++) {
        TRY(row_load(m, row, m->row[1]));
        TRY(stitch_compare(m->stitch, row, row ? m->row[0] : NULL, m->row[1]));
        rows_step(m);
        TRY(stopped("joining parcels", row + 1, down));
    }
    TRY(stitch_join(m->stitch));
done:
    return rc;
}

static int draw_all(merge *m)
{
    const tile_plan *p = m->plan;
    int rc = OK;
    TRY(row_load(m, 0, m->row[1]));
    for (int row = 0; row < p->down; row++) {
        const tile_span y = tile_span_of(p, p->grid.height, row);
        const bool last = row + 1 == p->down;
        if (!last) TRY(row_load(m, row + 1, m->row[2]));
        TRY(stitch_draw(m->stitch, row, row ? m->row[0] : NULL, m->row[1], last ? NULL : m->row[2], m->ids));
        TRY(geo_raster_write(m->instances.raster, 0, 0, y.from, p->grid.width, y.to - y.from, NUMBER_I32, m->ids));
        rows_step(m);
        TRY(stopped("drawing parcels", row + 1, p->down));
    }
    TRY(merge_raster_finish(&m->instances));
    TRY(geo_raster_open(m->instances.plain, &m->drawn));
done:
    return rc;
}

/* ---- outlines ------------------------------------------------------------------------------------------------------ */

/* The parcel with the pixels around it, its own as 1 and others, which matter where three meet, below 0. */
static int window_take(merge *m, int number, stitched_parcel *around)
{
    const geo_grid *g = &m->plan->grid;
    stitched_parcel w = *stitch_parcel(m->stitch, number);
    const int band = 0;
    int rc = OK;
    if (w.left > 0) w.left--;
    if (w.top > 0) w.top--;
    if (w.right < g->width) w.right++;
    if (w.bottom < g->height) w.bottom++;
    const size_t pixels = (size_t)(w.right - w.left) * (size_t)(w.bottom - w.top);
    if (pixels > INT32_MAX)
        return fail(FAILED, "parcel %d: its surroundings are %zu pixels, wanted at most %d", number, pixels, INT32_MAX);
    TRY(memory_grow((void **)&m->window, &m->window_capacity, pixels, sizeof *m->window));
    TRY(geo_raster_read(m->drawn, &band, 1, w.left, w.top, w.right - w.left, w.bottom - w.top, NUMBER_I32, m->window));
    for (size_t i = 0; i < pixels; i++) {
        const int32_t id = m->window[i];
        m->window[i] = id == number ? 1 : id < 0 ? INT32_MIN : -id;
    }
    *around = w;
done:
    return rc;
}

static int ring_add(merge *m, const outline_vertex *v, const outline_ring *ring, bool hole,
                    const stitched_parcel *around, geo_shape *to)
{
    const double *t = m->plan->grid.transform;
    int rc = OK;
    TRY(memory_grow((void **)&m->xy, &m->xy_capacity, ring->count, sizeof *m->xy));
    for (size_t i = 0; i < ring->count; i++) {
        const double x = v[ring->first + i].x + around->left, y = v[ring->first + i].y + around->top;
        m->xy[i][0] = t[0] + t[1] * x + t[2] * y;
        m->xy[i][1] = t[3] + t[4] * x + t[5] * y;
    }
    TRY(geo_shape_add_ring(to, hole, (const double(*)[2])m->xy, ring->count));
done:
    return rc;
}

static int shape_make(merge *m, int number, geo_shape **out)
{
    stitched_parcel w = {0};
    outlines o = {0};
    geo_shape *shape = NULL;
    int rc = OK;
    TRY(window_take(m, number, &w));
    TRY(outlines_trace(m->window, w.bottom - w.top, w.right - w.left, m->tolerance, &o));
    TRY(geo_shape_new(&shape));
    for (size_t i = 0; i < o.polygons; i++)
        for (size_t k = 0; k < o.polygon[i].rings; k++)
            TRY(ring_add(m, o.vertex, &o.ring[o.polygon[i].first_ring + k], k > 0, &w, shape));
    TRY(geo_shape_close(shape));
    *out = shape;
    shape = NULL;
done:
    geo_shape_free(shape);
    outlines_free(&o);
    return rc;
}

/* ---- parcels ------------------------------------------------------------------------------------------------------- */

typedef struct class_text {
    char text[16];
} class_text;

static parcel_choice choice_of(const merge *m, int class, class_text *code)
{
    if (class < 0) return (parcel_choice){NULL, NULL, (double)NAN};
    snprintf(code->text, sizeof code->text, "%d", class);
    return (parcel_choice){code->text, m->plan->classes[class].name, m->fact[1 + class]};
}

static int parcel_write(merge *m, int number, parcel_layer *to)
{
    char id[16];
    class_text code[2];
    geo_shape *shape = NULL;
    int rc = OK, first = 0, second = -1;
    stitch_fact(m->stitch, number, m->fact);
    const double *p = m->fact + 1;
    for (int k = 1; k < m->plan->class_count; k++)
        if (p[k] > p[first]) {
            second = first;
            first = k;
        } else if (second < 0 || p[k] > p[second]) {
            second = k;
        }
    m->class[number] = (uint8_t)first;
    m->percent[number] = (uint8_t)lrint(100 * fmin(p[first], 1));
    const parcel_choice best[2] = {choice_of(m, first, &code[0]), choice_of(m, second, &code[1])};
    snprintf(id, sizeof id, "%d", number);
    TRY(shape_make(m, number, &shape));
    TRY(parcel_layer_add(to, id, best, m->fact[0], shape));
done:
    geo_shape_free(shape);
    return rc;
}

static int parcels_write(merge *m)
{
    const int count = stitch_count(m->stitch);
    parcel_layer layer = {0};
    char *path = path_join(m->folder, "parcels.gpkg"), *style = path_join(m->folder, "parcels.qml");
    int rc = OK;
    TRY_NEW(path);
    TRY_NEW(style);
    TRY_NEW(m->class = memory_new((size_t)count + 1, 1));
    TRY_NEW(m->percent = memory_new((size_t)count + 1, 1));
    TRY_NEW(m->fact = memory_new(1 + (size_t)m->plan->class_count, sizeof *m->fact));
    TRY(merge_style_parcels(m->plan, style));
    TRY(parcel_layer_open(path, m->plan->grid.crs, m->plan->last_day, true, &layer));
    for (int number = 1; number <= count; number++) {
        TRY(parcel_write(m, number, &layer));
        TRY(stopped("outlines", number, count));
    }
    TRY(parcel_layer_finish(&layer));
done:
    parcel_layer_abandon(&layer);
    free(path);
    free(style);
    return rc;
}

/* ---- images -------------------------------------------------------------------------------------------------------- */

/* Class and confidence of each pixel are its parcel's; without one, class 0 of no confidence. */
static int strip_write(merge *m, int top, int rows, uint8_t *classes, uint8_t *percent, merge_rasters *to)
{
    const int width = m->plan->grid.width, band = 0;
    int rc = OK;
    TRY(geo_raster_read(m->drawn, &band, 1, 0, top, width, rows, NUMBER_I32, m->ids));
    for (size_t i = 0; i < (size_t)width * (size_t)rows; i++) {
        const int32_t id = m->ids[i];
        classes[i] = id < 0 ? TILE_UNSEEN : m->class[id];
        percent[i] = id < 0 ? TILE_UNSEEN : m->percent[id];
    }
    TRY(merge_rasters_write(to, 0, top, width, rows, classes, percent));
done:
    return rc;
}

static int images_write(merge *m)
{
    const geo_grid *g = &m->plan->grid;
    const size_t strip = (size_t)STRIP_ROWS * (size_t)g->width;
    merge_rasters to = {0};
    uint8_t *classes = memory_new(strip, 1), *percent = memory_new(strip, 1);
    int rc = OK;
    TRY_NEW(classes);
    TRY_NEW(percent);
    TRY(merge_rasters_open(m->plan, m->folder, &to));
    for (int top = 0; top < g->height; top += STRIP_ROWS) {
        const int rows = g->height - top < STRIP_ROWS ? g->height - top : STRIP_ROWS;
        TRY(strip_write(m, top, rows, classes, percent, &to));
        TRY(stopped("classes", top + rows, g->height));
    }
    TRY(merge_raster_publish(&m->instances, "NEAREST"));
    TRY(merge_rasters_publish(&to));
done:
    merge_rasters_close(&to);
    free(classes);
    free(percent);
    return rc;
}

/* ---- all of it ----------------------------------------------------------------------------------------------------- */

static int room_make(merge *m)
{
    const tile_plan *p = m->plan;
    const geo_raster_plan plan = {p->grid, 1, NUMBER_I32, true, -1, NULL, 0};
    const size_t rows = p->side > STRIP_ROWS ? (size_t)p->side : STRIP_ROWS;
    int rc = OK;
    for (int k = 0; k < 3; k++) TRY_NEW(m->row[k] = memory_new((size_t)p->across, sizeof *m->row[k]));
    TRY_NEW(m->ids = memory_new(rows * (size_t)p->grid.width, sizeof *m->ids));
    TRY(stitch_new(p, &m->stitch));
    TRY(merge_raster_open(m->folder, "instances", &plan, &m->instances));
done:
    return rc;
}

static void merge_free(merge *m)
{
    for (int k = 0; k < 3; k++) {
        for (int i = 0; m->row[k] && i < m->plan->across; i++) tile_parcels_free(&m->row[k][i]);
        free(m->row[k]);
    }
    stitch_free(m->stitch);
    geo_raster_close(m->drawn);
    merge_raster_close(&m->instances);
    void *const all[] = {m->ids, m->class, m->percent, m->fact, m->window, m->xy};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
}

int merge_parcels(const tile_plan *p, const char *folder, double tolerance, int *count)
{
    merge m = {.plan = p, .folder = folder, .tolerance = tolerance};
    int rc = OK;
    TRY(room_make(&m));
    TRY(compare_all(&m));
    TRY(draw_all(&m));
    TRY(parcels_write(&m));
    TRY(images_write(&m));
    *count = stitch_count(m.stitch);
done:
    merge_free(&m);
    return rc;
}
