/* A GeoJSON feature collection, written feature by feature to a temporary name, synced and renamed at its end. */
#ifndef FURROW_FORMAT_GEOJSON_H
#define FURROW_FORMAT_GEOJSON_H

#include <stdbool.h>

#include <cjson/cJSON.h>

typedef struct geojson geojson;

/* crs: an EPSG code, written as GeoJSON 2008 names it (RFC 7946 knows WGS 84 alone; QGIS and GDAL read either); 0 and
 * 4326: none. */
int geojson_open(const char *path, int crs, geojson **out);

/* polygons: [[ring, hole, ...], ...], a ring [[x, y], ...] with its first point repeated at the end. Both are taken
 * over; NULL (out of memory) is refused. */
int geojson_feature(geojson *g, cJSON *properties, cJSON *polygons);

int geojson_finish(geojson *g);   /* closes, syncs and renames; frees */
void geojson_abandon(geojson *g); /* removes what was written; frees. NULL is fine */

#endif
