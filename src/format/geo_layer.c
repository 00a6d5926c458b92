#include "format/geo_layer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cpl_error.h>

#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"
#include "format/geo_internal.h"

enum { PROBLEM_BYTES = 300, LIST_BYTES = 1000 };

struct geo_layer {
    GDALDatasetH set;
    OGRLayerH layer;
    OGRCoordinateTransformationH turn; /* NULL: shapes are in place */
    OGRFeatureH feature;
    char *path;
    char problem[PROBLEM_BYTES];
};

/* ---- opening ------------------------------------------------------------------------------------------------------- */

static int layer_choose(geo_layer *l, const char *name)
{
    const int count = GDALDatasetGetLayerCount(l->set);
    char list[LIST_BYTES] = "";
    size_t used = 0;
    l->layer = name ? GDALDatasetGetLayerByName(l->set, name) : count == 1 ? GDALDatasetGetLayer(l->set, 0) : NULL;
    if (l->layer) return OK;
    for (int i = 0; i < count && used < sizeof list; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "",
                                 OGR_L_GetName(GDALDatasetGetLayer(l->set, i)));
    if (name) return fail(USAGE, "%s: has no layer \"%s\"; it has: %s", l->path, name, list);
    return count ? fail(USAGE, "%s: has %d layers (%s): say which", l->path, count, list)
                 : fail(FAILED, "%s: has no layer", l->path);
}

static int turn_make(geo_layer *l, const char *crs)
{
    int rc = OK;
    OGRSpatialReferenceH from = OGR_L_GetSpatialRef(l->layer), to = NULL;
    if (!from || !*crs) {
        log_warning("%s: %s no coordinate system: the polygons' coordinates are taken as the images'", l->path,
                    from ? "the images have" : "has");
        return OK;
    }
    TRY_NEW(to = geo_reference(crs));
    from = OSRClone(from);
    OSRSetAxisMappingStrategy(from, OAMS_TRADITIONAL_GIS_ORDER);
    if (!OSRIsSame(from, to)) {
        CPLErrorReset();
        l->turn = OCTNewCoordinateTransformation(from, to);
        if (!l->turn) rc = geo_fail(l->path, "its coordinates cannot be turned into the images'");
    }
    OSRRelease(from);
done:
    if (to) OSRRelease(to);
    return rc;
}

int geo_layer_open(const char *path, const char *name, const char *crs, geo_layer **out)
{
    static const char *const drivers[] = {"GeoJSON", "GPKG", "ESRI Shapefile", NULL};
    int rc = OK;
    geo_layer *l = memory_new(1, sizeof *l);
    TRY_NEW(l);
    TRY_NEW(l->path = text_copy(path));
    TRY(geo_open(path, GDAL_OF_VECTOR, drivers, NULL, &l->set));
    TRY(layer_choose(l, name));
    TRY(turn_make(l, crs));
    OGR_L_ResetReading(l->layer);
    *out = l;
    l = NULL;
done:
    geo_layer_close(l);
    return rc;
}

void geo_layer_close(geo_layer *l)
{
    if (!l) return;
    if (l->feature) OGR_F_Destroy(l->feature);
    if (l->turn) OCTDestroyCoordinateTransformation(l->turn);
    if (l->set) GDALClose(l->set);
    free(l->path);
    free(l);
}

size_t geo_layer_count(const geo_layer *l)
{
    const GIntBig count = OGR_L_GetFeatureCount(l->layer, TRUE);
    return count > 0 ? (size_t)count : 0;
}

/* ---- fields -------------------------------------------------------------------------------------------------------- */

int geo_layer_find(const geo_layer *l, const char *field)
{
    return OGR_FD_GetFieldIndex(OGR_L_GetLayerDefn(l->layer), field);
}

int geo_layer_field(const geo_layer *l, const char *field, int *index)
{
    OGRFeatureDefnH definition = OGR_L_GetLayerDefn(l->layer);
    char list[LIST_BYTES] = "";
    size_t used = 0;
    *index = geo_layer_find(l, field);
    if (*index >= 0) return OK;
    for (int i = 0; i < OGR_FD_GetFieldCount(definition) && used < sizeof list; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "",
                                 OGR_Fld_GetNameRef(OGR_FD_GetFieldDefn(definition, i)));
    return fail(USAGE, "%s: has no field \"%s\"; it has: %s", l->path, field, list);
}

int geo_layer_next(geo_layer *l, bool *there)
{
    if (l->feature) OGR_F_Destroy(l->feature);
    CPLErrorReset();
    l->feature = OGR_L_GetNextFeature(l->layer);
    *there = l->feature != NULL;
    if (!l->feature && CPLGetLastErrorType() >= CE_Failure) return geo_fail(l->path, "cannot be read to its end");
    return OK;
}

const char *geo_layer_text(geo_layer *l, int field)
{
    return OGR_F_IsFieldSetAndNotNull(l->feature, field) ? OGR_F_GetFieldAsString(l->feature, field) : NULL;
}

long long geo_layer_number(const geo_layer *l)
{
    return (long long)OGR_F_GetFID(l->feature);
}

/* ---- shapes -------------------------------------------------------------------------------------------------------- */

static bool is_finite(OGRGeometryH g)
{
    OGREnvelope e;
    OGR_G_GetEnvelope(g, &e);
    return isfinite(e.MinX) && isfinite(e.MinY) && isfinite(e.MaxX) && isfinite(e.MaxY);
}

/* GEOS says why in a warning, which is for here and not for the log. */
static const char *validity_problem(geo_layer *l, OGRGeometryH g)
{
    CPLPushErrorHandler(CPLQuietErrorHandler);
    CPLErrorReset();
    const bool valid = OGR_G_IsValid(g);
    if (!valid) {
        const char *reason = CPLGetLastErrorMsg();
        snprintf(l->problem, sizeof l->problem, "%s", *reason ? reason : "crosses itself");
    }
    CPLErrorReset();
    CPLPopErrorHandler();
    return valid ? NULL : l->problem;
}

/* What is wrong with it, after it has been brought into place; NULL: nothing. */
static const char *geometry_problem(geo_layer *l, OGRGeometryH g)
{
    const OGRwkbGeometryType kind = wkbFlatten(OGR_G_GetGeometryType(g));
    if (kind != wkbPolygon && kind != wkbMultiPolygon) {
        snprintf(l->problem, sizeof l->problem, "is a %s, no polygon", OGR_G_GetGeometryName(g));
        return l->problem;
    }
    if (OGR_G_IsEmpty(g)) return "is empty";
    OGR_G_FlattenTo2D(g);
    if (!is_finite(g)) return "has coordinates that are not finite";
    if (l->turn) {
        CPLErrorReset();
        CPLPushErrorHandler(CPLQuietErrorHandler);
        const bool turned = OGR_G_Transform(g, l->turn) == OGRERR_NONE && is_finite(g);
        CPLPopErrorHandler();
        if (!turned) return "cannot be brought into the images' coordinate system";
    }
    return validity_problem(l, g);
}

int geo_layer_shape(geo_layer *l, geo_shape **out, const char **problem)
{
    OGRGeometryH whole = OGR_F_GetGeometryRef(l->feature), g = NULL;
    *out = NULL;
    *problem = whole ? NULL : "has no geometry";
    if (!whole) return OK;
    g = OGR_G_GetLinearGeometry(whole, 0, NULL);
    *problem = g ? geometry_problem(l, g) : "has a geometry of an unknown kind";
    if (!*problem) *out = memory_new(1, sizeof **out);
    if (*out)
        (*out)->geometry = g;
    else if (g)
        OGR_G_DestroyGeometry(g);
    return *out || *problem ? OK : FAILED;
}
