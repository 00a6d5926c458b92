/* Found parcels as polygons with their properties, for a GIS. */
#ifndef FURROW_RUN_PARCEL_POLYGONS_H
#define FURROW_RUN_PARCEL_POLYGONS_H

#include "data/patches.h"
#include "format/geojson.h"

/* What is known of instance k of a patch; entry 0 is unused. */
typedef struct parcel_result {
    int class;
    float confidence;
} parcel_result;

/* Adds a feature for every instance of `ids` [height x width] of a sample: properties patch, parcel (the id), class,
 * class_index, confidence, area (of the coordinate system's unit squared) and pixels; without a footprint in pixels,
 * y downward, and "pixel_coordinates": true. tolerance: as outlines_trace. names [classes]. */
int parcel_polygons(geojson *g, const patches *s, int sample, const int32_t *ids, const parcel_result *result,
                    const char *const *names, double tolerance);

#endif
