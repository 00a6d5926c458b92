/* The images that a map becomes, in the making: classes.tif and confidence.tif, with their styles. */
#ifndef FURROW_DATA_TOOLS_MERGE_RASTERS_H
#define FURROW_DATA_TOOLS_MERGE_RASTERS_H

#include "data/tiles.h"
#include "format/geo_raster.h"

/* An image that is written in any order under a temporary name, and then published as a cloud-optimised one. */
typedef struct merge_raster {
    char *plain, *path;
    geo_raster *raster;
} merge_raster;

int merge_raster_open(const char *folder, const char *name, const geo_raster_plan *plan, merge_raster *out);
int merge_raster_finish(merge_raster *r); /* writing is over: it can be opened by `plain` */
int merge_raster_publish(const merge_raster *r, const char *resampling);
void merge_raster_close(merge_raster *r); /* takes what is temporary away */

typedef struct merge_rasters {
    const tile_plan *plan;
    const char *folder;
    merge_raster classes, confidence;
} merge_rasters;

int merge_rasters_open(const tile_plan *p, const char *folder, merge_rasters *out);
/* [height][width] of both; 255: nothing was seen */
int merge_rasters_write(merge_rasters *r, int x, int y, int width, int height, const uint8_t *classes,
                        const uint8_t *percent);
int merge_rasters_publish(merge_rasters *r);
void merge_rasters_close(merge_rasters *r);

#endif
