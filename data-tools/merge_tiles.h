/* The tiles of a map become images for a GIS. */
#ifndef FURROW_DATA_TOOLS_MERGE_TILES_H
#define FURROW_DATA_TOOLS_MERGE_TILES_H

typedef struct merge_result {
    int width, height, tiles, classes;
} merge_result;

/* From FOLDER's tiles (data/tiles.h), each of them appearing whole or not at all:
 *
 *   classes.tif      cloud-optimised GeoTIFF, uint8: the class of each pixel, 255 no data; palette, overviews by majority
 *   confidence.tif   the same: its probability in percent
 *   classes.qml, confidence.qml   styles that QGIS finds by their names; classes.tif.aux.xml: the classes' names, for GDAL
 *
 * FAILED, with their number and the first ones, where tiles are missing. result may be NULL. */
int merge_tiles(const char *folder, merge_result *result);

#endif
