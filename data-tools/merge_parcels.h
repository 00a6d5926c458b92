/* The parcels that a network found in tiles, joined and written for a GIS. */
#ifndef FURROW_DATA_TOOLS_MERGE_PARCELS_H
#define FURROW_DATA_TOOLS_MERGE_PARCELS_H

#include "data/tiles.h"

/* What merge_tiles says. All tiles must be there. *count: how many parcels. In memory are three rows of tiles, the numbers of
 * each tile's parcels, and one parcel's surroundings while its outline is followed. */
int merge_parcels(const tile_plan *p, const char *folder, double tolerance, int *count);

#endif
