/* Whose pixel is it: parcels' runs by row, of which any window is painted. */
#ifndef FURROW_DATA_TOOLS_GEOTIFF_MAP_H
#define FURROW_DATA_TOOLS_GEOTIFF_MAP_H

#include "data-tools/geotiff_parcels.h"

typedef struct geotiff_map_run {
    int32_t first, count, parcel;
} geotiff_map_run;

typedef struct geotiff_map {
    geotiff_map_run *runs; /* of row after row */
    size_t *first;         /* [rows + 1] runs before each row */
    int rows;
} geotiff_map;

int geotiff_map_new(const geotiff_parcels *p, int rows, geotiff_map *out);
void geotiff_map_free(geotiff_map *m);

/* out [height][width]: the parcel of each pixel, -1 for none. Where parcels overlap, the first by id has the pixel. */
void geotiff_map_paint(const geotiff_map *m, int x, int y, int width, int height, int32_t *out);

#endif
