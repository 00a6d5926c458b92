/* What the geo_* files share of GDAL. */
#ifndef FURROW_FORMAT_GEO_INTERNAL_H
#define FURROW_FORMAT_GEO_INTERNAL_H

#include <gdal.h>
#include <ogr_api.h>
#include <ogr_srs_api.h>

#include "format/geo.h"

struct geo_shape {
    OGRGeometryH geometry;
};

void geo_start(void); /* before any other call of GDAL; does its work once */

/* Sets the message: `path`, what could not be done, and GDAL's last words. */
int geo_fail(const char *path, const char *what);

/* FAILED where the path is no file or folder of this machine. */
int geo_path_check(const char *path);

/* Opens with the allowed drivers alone. flags: GDAL_OF_RASTER or GDAL_OF_VECTOR. */
int geo_open(const char *path, unsigned flags, const char *const *drivers, const char *const *options,
             GDALDatasetH *out);

/* From WKT, x before y; NULL with the message set where it means nothing. */
OGRSpatialReferenceH geo_reference(const char *wkt);

#endif
