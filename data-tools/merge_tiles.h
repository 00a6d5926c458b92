/* The tiles of a map become images, and parcels, for a GIS. */
#ifndef FURROW_DATA_TOOLS_MERGE_TILES_H
#define FURROW_DATA_TOOLS_MERGE_TILES_H

#include <stdbool.h>

typedef struct merge_result {
    int width, height, tiles, classes;
    bool has_parcels; /* the tiles hold parcels that were found one by one */
    int parcels;
} merge_result;

/* From FOLDER's tiles (data/tiles.h), each of them appearing whole or not at all:
 *
 *   classes.tif      cloud-optimised GeoTIFF, uint8: the class of each pixel, 255 no data; palette, overviews by majority
 *   confidence.tif   the same: its probability in percent
 *   classes.qml, confidence.qml   styles that QGIS finds by their names; classes.tif.aux.xml: the classes' names, for GDAL
 *
 * Of parcels, joined across the tiles' edges (data/stitch.h), also
 *
 *   parcels.gpkg     their outlines (data-tools/parcel_layer.h), ids as in instances.tif; parcels.qml: its style
 *   instances.tif    cloud-optimised GeoTIFF, int32: the parcel of each pixel, 0: none, -1 no data
 *
 * tolerance: as outlines_trace. USAGE where there are no parcels to simplify. FAILED, with their number and the first ones,
 * where tiles are missing. result may be NULL. */
int merge_tiles(const char *folder, double tolerance, merge_result *result);

#endif
