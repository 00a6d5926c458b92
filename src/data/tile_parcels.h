/* What a tile of a map of parcels holds (data/tiles.h), as two files that belong together:
 *
 *   OUT/tiles/ROW_COLUMN_parcels.npy   float32 parcels x (1 + classes): how sure it is that there is this parcel, then the
 *                                      probability of each class
 *   OUT/tiles/ROW_COLUMN.npy           uint16 side x side, of the whole tile: the pixel's parcel, a line of that table from
 *                                      1; 0: none; 65535 all over: nothing was seen. Written last: the tile is done
 *
 * The margins are kept: by what they show of a parcel it is found again in the tile beside it (data/stitch.h). */
#ifndef FURROW_DATA_TILE_PARCELS_H
#define FURROW_DATA_TILE_PARCELS_H

#include "data/tiles.h"

enum { PARCEL_UNSEEN = 65535, TILE_PARCELS_MAX = PARCEL_UNSEEN - 1 };

typedef struct tile_parcels {
    int count;
    uint16_t *pixel; /* [side][side] */
    float *fact;     /* [count][1 + classes]; NULL: none */
} tile_parcels;

/* Of a tile of either kind, as the plan says. */
bool tile_is_made(const tile_plan *p, const char *folder, int index);

bool tile_parcels_are_done(const tile_plan *p, const char *folder, int index);
int tile_parcels_save(const tile_plan *p, const char *folder, int index, const tile_parcels *t);
/* Every number is checked: FAILED, naming the file and the value. */
int tile_parcels_load(const tile_plan *p, const char *folder, int index, tile_parcels *out);
void tile_parcels_free(tile_parcels *t);

#endif
