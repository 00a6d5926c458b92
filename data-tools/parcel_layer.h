/* The layer of parcels that is written for a GIS, in one form for polygons that were given and for parcels that were found:
 *
 *   id, crop:code, crop:name       fiboa's names, here and below, where it has one
 *   confidence                     the class's probability
 *   second_code, second_name, second_confidence
 *   area (ha), perimeter (m)       of the polygon
 *   last_image                     date of the last image
 *   centre_confidence              of parcels that were found: how sure it is that there is one */
#ifndef FURROW_DATA_TOOLS_PARCEL_LAYER_H
#define FURROW_DATA_TOOLS_PARCEL_LAYER_H

#include "base/date.h"
#include "format/geo_write.h"

typedef struct parcel_choice {
    const char *code, *name; /* code NULL: there is none; name NULL: nobody knows */
    double probability;
} parcel_choice;

typedef struct parcel_layer {
    geo_writer *writer;
    date_text last_image;
} parcel_layer;

/* A GeoPackage, whole or not at all. crs: WKT. found: the parcels were found by a network. */
int parcel_layer_open(const char *path, const char *crs, int32_t last_image, bool found, parcel_layer *out);
int parcel_layer_add(parcel_layer *l, const char *id, const parcel_choice best[2], double centre_confidence,
                     const geo_shape *shape);
int parcel_layer_finish(parcel_layer *l);
void parcel_layer_abandon(parcel_layer *l); /* fine after parcel_layer_finish */

#endif
