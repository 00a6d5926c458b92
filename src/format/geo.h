/* Geography through GDAL: what its parts (geo_raster.h, geo_layer.h, geo_shape.h) share. The geo_* files are the only
 * users of GDAL's headers.
 *
 * Files are not believed: drivers are allowed by name (GTiff and JP2OpenJPEG for images; GeoJSON, GPKG and ESRI Shapefile
 * for polygons), plug-ins are not loaded, names that are no file of this machine (network and virtual file systems) are
 * refused, and sizes are bounded. One object is used by one thread at a time. What fails gives FAILED with the file's
 * name.
 *
 * Where furrow was built without GDAL, every function that can fail fails and says so. */
#ifndef FURROW_FORMAT_GEO_H
#define FURROW_FORMAT_GEO_H

#include <stdbool.h>

/* NULL, or what is missing: "this furrow was built without GDAL: ...". */
const char *geo_missing(void);

/* Pixels on the ground. Map coordinates of pixel coordinates (x right, y down, 0 at the outer corner of the first pixel):
 * X = t[0] + t[1] x + t[2] y, Y = t[3] + t[4] x + t[5] y. */
typedef struct geo_grid {
    int width, height; /* pixels; 1 to 1,000,000 */
    double transform[6];
    const char *crs; /* WKT of the coordinate system; "": unknown */
} geo_grid;

/* The same coordinate system, whatever its words; an unknown one is the same as an unknown one only. */
bool geo_crs_same(const char *a, const char *b);
int geo_crs_epsg(const char *crs);           /* 0: none is known */
bool geo_crs_is_geographic(const char *crs); /* degrees */
int geo_crs_of_epsg(int code, char **wkt);   /* a new string */

/* The grids' corners lie within a hundredth of a pixel of each other: as large on the ground, at the same place. */
bool geo_grid_covers_same(const geo_grid *a, const geo_grid *b);

#endif
