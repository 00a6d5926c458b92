/* What stands beside a map so that QGIS and GDAL show its classes by name and colour. Each appears whole or not at all. */
#ifndef FURROW_DATA_TOOLS_MERGE_STYLES_H
#define FURROW_DATA_TOOLS_MERGE_STYLES_H

#include "data/tiles.h"

int merge_style_classes(const tile_plan *p, const char *path);
int merge_style_confidence(const char *path);
int merge_style_parcels(const tile_plan *p, const char *path); /* of the layer's field crop:code */

/* GDAL keeps names of classes beside the file (.aux.xml). */
int merge_names(const tile_plan *p, const char *path);

#endif
