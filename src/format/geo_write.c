#include "format/geo_write.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cpl_conv.h>
#include <cpl_error.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "format/geo_internal.h"

struct geo_writer {
    char *path, *temporary;
    GDALDatasetH set;
    OGRLayerH layer;
    geo_field *fields;
    int count;
};

static void writer_free(geo_writer *w)
{
    free(w->path);
    free(w->temporary);
    free(w->fields);
    free(w);
}

void geo_writer_abandon(geo_writer *w)
{
    if (!w) return;
    if (w->set) GDALClose(w->set);
    if (w->temporary) unlink(w->temporary);
    writer_free(w);
}

static int fields_make(geo_writer *w)
{
    static const OGRFieldType types[] = {[GEO_TEXT] = OFTString, [GEO_REAL] = OFTReal, [GEO_DATE] = OFTDate};
    for (int i = 0; i < w->count; i++) {
        OGRFieldDefnH field = OGR_Fld_Create(w->fields[i].name, types[w->fields[i].type]);
        const OGRErr error = OGR_L_CreateField(w->layer, field, FALSE);
        OGR_Fld_Destroy(field);
        if (error != OGRERR_NONE) return geo_fail(w->path, "a field cannot be made");
    }
    return OK;
}

static int layer_make(geo_writer *w, const char *name, const char *crs)
{
    OGRSpatialReferenceH reference = NULL;
    int rc = OK;
    if (*crs) TRY_NEW(reference = geo_reference(crs));
    w->layer = GDALDatasetCreateLayer(w->set, name, reference, wkbMultiPolygon, NULL);
    if (!w->layer) rc = geo_fail(w->path, "its layer cannot be made");
    if (!rc && GDALDatasetStartTransaction(w->set, FALSE) != OGRERR_NONE) rc = geo_fail(w->path, "cannot be written");
done:
    if (reference) OSRRelease(reference);
    return rc;
}

int geo_writer_open(const char *path, const char *layer, const char *crs, const char *date, const geo_field *fields,
                    int count, geo_writer **out)
{
    int rc = OK;
    char *now = NULL;
    geo_writer *w = memory_new(1, sizeof *w);
    TRY_NEW(w);
    TRY_NEW(w->path = text_copy(path));
    TRY_NEW(w->temporary = text_format("%s.%ld.temporary.gpkg", path, (long)getpid()));
    TRY_NEW(w->fields = memory_new((size_t)count, sizeof *w->fields));
    TRY_NEW(now = text_format("%sT00:00:00.000Z", date));
    for (int i = 0; i < count; i++) w->fields[i] = fields[i];
    w->count = count;
    geo_start();
    CPLSetConfigOption("OGR_CURRENT_DATE", now);
    CPLErrorReset();
    w->set = GDALCreate(GDALGetDriverByName("GPKG"), w->temporary, 0, 0, 0, GDT_Unknown, NULL);
    if (!w->set) {
        rc = geo_fail(path, "cannot be made");
        goto done;
    }
    TRY(layer_make(w, layer, crs));
    TRY(fields_make(w));
    *out = w;
    w = NULL;
done:
    free(now);
    geo_writer_abandon(w);
    return rc;
}

static void value_set(OGRFeatureH feature, int field, enum geo_field_type type, const geo_value *value)
{
    int year, month, day;
    if (type == GEO_REAL && !isnan(value->real)) OGR_F_SetFieldDouble(feature, field, value->real);
    if (type == GEO_TEXT && value->text) OGR_F_SetFieldString(feature, field, value->text);
    if (type == GEO_DATE && value->text && sscanf(value->text, "%d-%d-%d", &year, &month, &day) == 3)
        OGR_F_SetFieldDateTime(feature, field, year, month, day, 0, 0, 0, 0);
}

int geo_writer_add(geo_writer *w, const geo_shape *shape, const geo_value *values)
{
    OGRFeatureH feature = OGR_F_Create(OGR_L_GetLayerDefn(w->layer));
    int rc = OK;
    for (int i = 0; i < w->count; i++) value_set(feature, i, w->fields[i].type, &values[i]);
    CPLErrorReset();
    OGRGeometryH several = OGR_G_ForceToMultiPolygon(OGR_G_Clone(shape->geometry));
    if (OGR_F_SetGeometryDirectly(feature, several) != OGRERR_NONE ||
        OGR_L_CreateFeature(w->layer, feature) != OGRERR_NONE)
        rc = geo_fail(w->path, "a parcel cannot be written");
    OGR_F_Destroy(feature);
    return rc;
}

int geo_writer_finish(geo_writer *w)
{
    int rc = OK;
    CPLErrorReset();
    if (GDALDatasetCommitTransaction(w->set) != OGRERR_NONE) rc = geo_fail(w->path, "cannot be written");
    GDALClose(w->set);
    w->set = NULL;
    if (!rc && CPLGetLastErrorType() >= CE_Failure) rc = geo_fail(w->path, "cannot be written");
    if (rc)
        unlink(w->temporary);
    else
        rc = file_commit(w->temporary, w->path);
    writer_free(w);
    return rc;
}
