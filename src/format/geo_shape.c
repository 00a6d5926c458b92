#include "format/geo_shape.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cpl_error.h>
#include <gdal_alg.h>

#include "base/error.h"
#include "base/memory.h"
#include "format/geo_internal.h"

enum { STRIP_PIXELS = 4 << 20, QUARTER_SEGMENTS = 8 };

void geo_shape_free(geo_shape *s)
{
    if (!s) return;
    OGR_G_DestroyGeometry(s->geometry);
    free(s);
}

/* ---- making -------------------------------------------------------------------------------------------------------- */

int geo_shape_new(geo_shape **out)
{
    geo_shape *s = memory_new(1, sizeof *s);
    if (!s) return FAILED;
    s->geometry = OGR_G_CreateGeometry(wkbMultiPolygon);
    *out = s;
    return OK;
}

int geo_shape_add_ring(geo_shape *s, bool hole, const double (*xy)[2], size_t count)
{
    const int polygons = OGR_G_GetGeometryCount(s->geometry);
    OGRGeometryH ring = OGR_G_CreateGeometry(wkbLinearRing), polygon;
    if (hole && !polygons) panic("a hole in no polygon");
    OGR_G_SetPointCount(ring, (int)count + 1);
    for (size_t i = 0; i <= count; i++) OGR_G_SetPoint_2D(ring, (int)i, xy[i % count][0], xy[i % count][1]);
    if (hole) {
        polygon = OGR_G_GetGeometryRef(s->geometry, polygons - 1);
        return OGR_G_AddGeometryDirectly(polygon, ring) == OGRERR_NONE ? OK : geo_fail("polygon", "takes no hole");
    }
    polygon = OGR_G_CreateGeometry(wkbPolygon);
    const bool added = OGR_G_AddGeometryDirectly(polygon, ring) == OGRERR_NONE &&
                       OGR_G_AddGeometryDirectly(s->geometry, polygon) == OGRERR_NONE;
    return added ? OK : geo_fail("polygon", "takes no ring");
}

/* Of what mending gave, the polygons: points and lines where rings touched have no area. */
static OGRGeometryH polygons_of(OGRGeometryH mended)
{
    OGRGeometryH all = OGR_G_CreateGeometry(wkbMultiPolygon);
    const OGRwkbGeometryType kind = wkbFlatten(OGR_G_GetGeometryType(mended));
    if (kind == wkbPolygon) OGR_G_AddGeometry(all, mended);
    for (int i = 0; kind != wkbPolygon && i < OGR_G_GetGeometryCount(mended); i++) {
        OGRGeometryH part = OGR_G_GetGeometryRef(mended, i);
        const OGRwkbGeometryType of_part = wkbFlatten(OGR_G_GetGeometryType(part));
        for (int k = 0; of_part == wkbMultiPolygon && k < OGR_G_GetGeometryCount(part); k++)
            OGR_G_AddGeometry(all, OGR_G_GetGeometryRef(part, k));
        if (of_part == wkbPolygon) OGR_G_AddGeometry(all, part);
    }
    return all;
}

int geo_shape_close(geo_shape *s)
{
    CPLErrorReset();
    CPLPushErrorHandler(CPLQuietErrorHandler); /* GEOS says what is wrong with it; it is mended below */
    const bool valid = OGR_G_IsValid(s->geometry);
    OGRGeometryH mended = valid ? NULL : OGR_G_MakeValid(s->geometry);
    CPLPopErrorHandler();
    if (valid) return OK;
    if (!mended) return geo_fail("polygon", "cannot be made valid");
    OGR_G_DestroyGeometry(s->geometry);
    s->geometry = polygons_of(mended);
    OGR_G_DestroyGeometry(mended);
    CPLErrorReset();
    return OK;
}

/* ---- measures ------------------------------------------------------------------------------------------------------ */

double geo_shape_area(const geo_shape *s)
{
    return OGR_G_Area(s->geometry);
}

double geo_shape_perimeter(const geo_shape *s)
{
    OGRGeometryH edge = OGR_G_Boundary(s->geometry);
    double length = edge ? OGR_G_Length(edge) : 0;
    if (edge) OGR_G_DestroyGeometry(edge);
    return length;
}

int geo_shape_shrink(const geo_shape *s, double distance, geo_shape **out)
{
    geo_shape *smaller = memory_new(1, sizeof *smaller);
    if (!smaller) return FAILED;
    CPLErrorReset();
    smaller->geometry =
        distance > 0 ? OGR_G_Buffer(s->geometry, -distance, QUARTER_SEGMENTS) : OGR_G_Clone(s->geometry);
    if (!smaller->geometry) {
        free(smaller);
        return geo_fail("polygon", "cannot be shrunk");
    }
    *out = smaller;
    return OK;
}

/* ---- pixels -------------------------------------------------------------------------------------------------------- */

/* From the ground to pixels of a window. */
typedef struct to_window {
    double inverse[6];
    double left, top;
} to_window;

static int to_window_apply(void *user, int backwards, int count, double *x, double *y, double *z, int *success)
{
    const to_window *w = user;
    const double *t = w->inverse;
    (void)z;
    for (int i = 0; i < count; i++) {
        const double X = x[i], Y = y[i];
        success[i] = !backwards;
        x[i] = t[0] + t[1] * X + t[2] * Y - w->left;
        y[i] = t[3] + t[4] * X + t[5] * Y - w->top;
    }
    return !backwards;
}

typedef struct window {
    int left, top, right, bottom; /* pixels; the last ones are outside */
} window;

static int clamp_floor(double x, int most)
{
    return x < 0 ? 0 : x > most ? most : (int)x;
}

/* The pixels around the shape, a margin of one included, within the grid; empty where it lies elsewhere. */
static window window_of(const geo_shape *s, const geo_grid *g, const double *inverse)
{
    OGREnvelope e;
    double least_x = INFINITY, least_y = INFINITY, most_x = -INFINITY, most_y = -INFINITY;
    OGR_G_GetEnvelope(s->geometry, &e);
    for (int k = 0; k < 4; k++) {
        const double X = k & 1 ? e.MaxX : e.MinX, Y = k & 2 ? e.MaxY : e.MinY;
        const double x = inverse[0] + inverse[1] * X + inverse[2] * Y, y = inverse[3] + inverse[4] * X + inverse[5] * Y;
        least_x = fmin(least_x, x);
        least_y = fmin(least_y, y);
        most_x = fmax(most_x, x);
        most_y = fmax(most_y, y);
    }
    return (window){clamp_floor(floor(least_x) - 1, g->width), clamp_floor(floor(least_y) - 1, g->height),
                    clamp_floor(ceil(most_x) + 1, g->width), clamp_floor(ceil(most_y) + 1, g->height)};
}

static int row_runs(const unsigned char *pixels, int width, int row, int left, geo_runs *runs, uint64_t *total)
{
    for (int x = 0; x < width;) {
        if (!pixels[x]) {
            x++;
            continue;
        }
        const int first = x;
        while (x < width && pixels[x]) x++;
        void *items = runs->items;
        const int rc = memory_grow(&items, &runs->capacity, runs->count + 1, sizeof *runs->items);
        if (rc) return rc;
        runs->items = items;
        runs->items[runs->count++] = (geo_run){row, left + first, x - first};
        *total += (uint64_t)(x - first);
    }
    return OK;
}

/* Some rows of the window. */
static int strip_runs(const geo_shape *s, const to_window *w, int width, int height, bool touched, geo_runs *runs,
                      uint64_t *total)
{
    static const char *const all_touched[] = {"ALL_TOUCHED=TRUE", NULL};
    const int band = 1;
    const double one = 1;
    int rc = OK;
    unsigned char *pixels = memory_new((size_t)width * (size_t)height, 1);
    GDALDatasetH canvas = NULL;
    TRY_NEW(pixels);
    CPLErrorReset();
    canvas = GDALCreate(GDALGetDriverByName("MEM"), "", width, height, 1, GDT_Byte, NULL);
    if (!canvas ||
        GDALRasterizeGeometries(canvas, 1, &band, 1, &s->geometry, to_window_apply, (void *)(uintptr_t)w, &one,
                                touched ? (void *)(uintptr_t)all_touched : NULL, NULL, NULL) != CE_None ||
        GDALDatasetRasterIO(canvas, GF_Read, 0, 0, width, height, pixels, width, height, GDT_Byte, 1, NULL, 0, 0, 0) !=
            CE_None) {
        rc = geo_fail("polygon", "cannot be drawn");
        goto done;
    }
    for (int y = 0; y < height; y++)
        TRY(row_runs(pixels + (size_t)y * (size_t)width, width, (int)w->top + y, (int)w->left, runs, total));
done:
    if (canvas) GDALClose(canvas);
    free(pixels);
    return rc;
}

int geo_shape_runs(const geo_shape *s, const geo_grid *grid, bool touched, geo_runs *runs, uint64_t *pixels)
{
    to_window w;
    double transform[6];
    uint64_t total = 0;
    int rc = OK;
    memcpy(transform, grid->transform, sizeof transform);
    if (!GDALInvGeoTransform(transform, w.inverse)) return fail(FAILED, "the grid's geotransform has no inverse");
    const window around = window_of(s, grid, w.inverse);
    const int width = around.right - around.left, rows = width > 0 ? STRIP_PIXELS / width + 1 : 1;
    for (int top = around.top; top < around.bottom && width > 0; top += rows) {
        w.left = around.left;
        w.top = top;
        TRY(strip_runs(s, &w, width, around.bottom - top < rows ? around.bottom - top : rows, touched, runs, &total));
    }
    if (pixels) *pixels = total;
done:
    return rc;
}

void geo_runs_free(geo_runs *runs)
{
    free(runs->items);
    *runs = (geo_runs){0};
}
