/* A register's polygons with what a network said of them, for a GIS. */
#ifndef FURROW_DATA_TOOLS_LABEL_PARCELS_H
#define FURROW_DATA_TOOLS_LABEL_PARCELS_H

#include <stddef.h>

#include "data/scenes.h"

typedef struct label_parcels_options {
    scenes_options scenes;
    const char *layer, *id;                /* as geotiff_parcels_options */
    const char *names_pack, *nomenclature; /* a pack that knows what its labels stand for; NULL: none */
} label_parcels_options;

/* Writes the GeoPackage `out` (data-tools/parcel_layer.h), whole or not at all, in the images' coordinate system: of each
 * polygon that PREDICTIONS (predictions.json of `furrow predict`) knows; crop:name where names_pack has names. *written:
 * how many. */
int label_parcels(const char *scenes_folder, const char *parcels, const char *predictions,
                  const label_parcels_options *options, const char *out, size_t *written);

#endif
