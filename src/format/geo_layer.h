/* Polygons with fields: GeoJSON, GeoPackage and shapefiles. */
#ifndef FURROW_FORMAT_GEO_LAYER_H
#define FURROW_FORMAT_GEO_LAYER_H

#include <stdbool.h>
#include <stddef.h>

#include "format/geo.h"
#include "format/geo_shape.h"

typedef struct geo_layer geo_layer;

/* name NULL: the only layer (USAGE where there are several: lists them). Shapes come in `crs`, vertex by vertex; where one
 * of the two is unknown they are taken as they are, which is a warning. */
int geo_layer_open(const char *path, const char *name, const char *crs, geo_layer **out);
void geo_layer_close(geo_layer *l); /* NULL is fine */

size_t geo_layer_count(const geo_layer *l); /* features */

/* Where the field stands, from 0; -1 where there is none. */
int geo_layer_find(const geo_layer *l, const char *field);
/* USAGE where there is none, and lists what there is. */
int geo_layer_field(const geo_layer *l, const char *field, int *index);

/* Goes to the next feature; *there is false behind the last. */
int geo_layer_next(geo_layer *l, bool *there);

/* Of the feature where it stands, until the next call: a field as text (NULL: none), its own number. */
const char *geo_layer_text(geo_layer *l, int field);
long long geo_layer_number(const geo_layer *l);

/* The feature's polygons, which go to the caller. OK with NULL and *problem saying what is wrong with them: no geometry, an
 * empty one, one that is no polygon, one that crosses itself, or one that cannot be brought into the coordinate system. */
int geo_layer_shape(geo_layer *l, geo_shape **out, const char **problem);

#endif
