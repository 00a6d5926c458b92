#include "run/parcel_polygons.h"

#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/log.h"
#include "data/outlines.h"

/* From pixel corners to coordinates: origin + x column + y row. */
typedef struct affine {
    double origin[2], column[2], row[2];
    bool mirrored; /* rings change their sense */
    double area;   /* of a pixel */
    bool known;
} affine;

/* PASTIS's patches lie askew: three corners make the map, the fourth must agree within a pixel. */
static affine affine_of(const patches *s, int sample)
{
    affine a = {.column = {1, 0}, .row = {0, 1}, .mirrored = true, .area = 1};
    footprint f;
    if (!patches_footprint(s, sample, &f)) return a;
    const double(*c)[2] = (const double(*)[2])f.corner;
    for (int k = 0; k < 2; k++) {
        a.origin[k] = c[0][k];
        a.column[k] = (c[1][k] - c[0][k]) / patches_width(s);
        a.row[k] = (c[3][k] - c[0][k]) / patches_height(s);
    }
    const double determinant = a.column[0] * a.row[1] - a.column[1] * a.row[0];
    const double off = hypot(c[1][0] + c[3][0] - c[0][0] - c[2][0], c[1][1] + c[3][1] - c[0][1] - c[2][1]);
    a.area = fabs(determinant);
    a.mirrored = determinant > 0; /* rows usually lead down, columns to the right: negative */
    a.known = true;
    if (off > sqrt(a.area))
        log_warning("patch %s: its footprint is no parallelogram by %.1f pixels; wanted its corners upper left first, "
                    "clockwise",
                    patches_id(s, sample), off / sqrt(a.area));
    return a;
}

static cJSON *point(const affine *a, outline_vertex v)
{
    return cJSON_CreateDoubleArray((const double[]){a->origin[0] + v.x * a->column[0] + v.y * a->row[0],
                                                    a->origin[1] + v.x * a->column[1] + v.y * a->row[1]},
                                   2);
}

static cJSON *ring_of(const affine *a, const outline_vertex *v, size_t count)
{
    cJSON *ring = cJSON_CreateArray();
    for (size_t i = 0; i <= count; i++)
        json_append(ring, point(a, v[a->mirrored ? (2 * count - i) % count : i % count]));
    return ring;
}

static cJSON *polygon_of(const affine *a, const outlines *o, const outline_polygon *p)
{
    cJSON *polygon = cJSON_CreateArray();
    for (size_t r = p->first_ring; r < p->first_ring + p->rings; r++)
        json_append(polygon, ring_of(a, o->vertex + o->ring[r].first, o->ring[r].count));
    return polygon;
}

static cJSON *properties_of(const patches *s, int sample, int id, const parcel_result *r, const char *class_name,
                            int pixels, const affine *a)
{
    cJSON *p = cJSON_CreateObject();
    cJSON_AddStringToObject(p, "patch", patches_id(s, sample));
    cJSON_AddNumberToObject(p, "parcel", id);
    cJSON_AddStringToObject(p, "class", class_name);
    cJSON_AddNumberToObject(p, "class_index", r->class);
    cJSON_AddNumberToObject(p, "confidence", round((double)r->confidence * 1e4) / 1e4);
    cJSON_AddNumberToObject(p, "area", round(pixels * a->area * 100) / 100);
    cJSON_AddNumberToObject(p, "pixels", pixels);
    if (!a->known) cJSON_AddTrueToObject(p, "pixel_coordinates");
    return p;
}

int parcel_polygons(geojson *g, const patches *s, int sample, const int32_t *ids, const parcel_result *result,
                    const char *const *names, double tolerance)
{
    int rc = OK;
    outlines o = {0};
    const affine a = affine_of(s, sample);
    TRY(outlines_trace(ids, patches_height(s), patches_width(s), tolerance, &o));
    for (size_t i = 0, end; i < o.polygons; i = end) {
        const int id = o.polygon[i].id;
        int pixels = 0;
        cJSON *polygons = cJSON_CreateArray();
        for (end = i; end < o.polygons && o.polygon[end].id == id; end++) {
            pixels += o.polygon[end].area;
            json_append(polygons, polygon_of(&a, &o, &o.polygon[end]));
        }
        const parcel_result *r = &result[id];
        TRY(geojson_feature(g, properties_of(s, sample, id, r, names[r->class], pixels, &a), polygons));
    }
done:
    outlines_free(&o);
    return rc;
}
