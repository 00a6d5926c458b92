/* A map in the making: tiles that overlap, each of which gives its middle, as files that several processes fill.
 *
 *   OUT/tiles.json          the plan: what is mapped, by what; a run by other means is refused
 *   OUT/tiles/ROW_COLUMN.npy   uint8 2 x height x width of the middle: class (255: nothing was seen), probability in
 *                           percent (255 likewise). Whole or not there
 *
 * A map of parcels has other tiles (data/tile_parcels.h). */
#ifndef FURROW_DATA_TILES_H
#define FURROW_DATA_TILES_H

#include <stdbool.h>
#include <stdint.h>

#include "format/geo.h"

enum { TILE_UNSEEN = 255, TILE_CLASSES_MAX = 255 };

typedef struct tile_class {
    char *name;
    uint32_t colour; /* 0xRRGGBB */
} tile_class;

typedef struct tile_plan {
    geo_grid grid;
    int side, margin; /* pixels; the margin of a tile is discarded, but for the images' own edge */
    int across, down; /* tiles */
    tile_class *classes;
    int class_count;
    bool parcels;     /* that were found one by one; else a class for each pixel */
    int32_t last_day; /* of the images, since 1970-01-01 */
    uint64_t state;   /* a hash of whatever the tiles depend on */
} tile_plan;

/* side and margin are given, across and down follow. USAGE where the margins leave nothing, the images are smaller than a
 * tile, or parcels are to be joined across tiles that share nothing. */
int tiles_lay(tile_plan *p);

/* Along one axis of `length` pixels, tile k: where it starts, and what of the axis it gives: [from, to). */
typedef struct tile_span {
    int start, from, to;
} tile_span;
tile_span tile_span_of(const tile_plan *p, int length, int k);

/* Writes the plan, or checks that the one that is there is the same. FAILED where it is not. */
int tiles_begin(const tile_plan *p, const char *folder);
int tiles_open(const char *folder, tile_plan *out); /* reads a plan; trusts nothing */
void tiles_free(tile_plan *p);

/* OUT/tiles/ROW_COLUMN<ending>.npy, a new string. index: row by row, from 0. */
char *tile_path(const tile_plan *p, const char *folder, int index, const char *ending);

/* ---- a class for each pixel ---------------------------------------------------------------------------------------- */

/* Whether the tile is there and whole. */
bool tile_is_done(const tile_plan *p, const char *folder, int index);
/* values [2][height][width] of its middle. */
int tile_save(const tile_plan *p, const char *folder, int index, const uint8_t *values);
int tile_load(const tile_plan *p, const char *folder, int index, uint8_t **values);

#endif
