/* Parcels across the edges of tiles: which parcels of neighbouring tiles are one and the same, and whose each pixel of the
 * whole is.
 *
 * Two tiles that share pixels (side by side, one above the other, diagonally) may have found the same parcel. In what they
 * share, their two pictures of it are compared: of an intersection of at least a third of the union, they are a pair. Pairs
 * are joined the most alike first, but never such that two parcels of one tile would become one: what any tile tells
 * apart stays apart.
 *
 * A pixel is decided by the tile in whose middle it lies (tile_span). Where that tile has nothing, a neighbour's parcel
 * takes the pixel, if the deciding tile has not found that parcel at all and the neighbour has it in its own middle too:
 * one that a single tile has found reaches beyond that tile's middle, rather than ending at a seam.
 *
 * Memory: some rows of tiles, and of each tile's parcel its numbers. Nothing depends on the order in which tiles were made. */
#ifndef FURROW_DATA_STITCH_H
#define FURROW_DATA_STITCH_H

#include "data/tile_parcels.h"

typedef struct stitch stitch;

/* p must live as long. */
int stitch_new(const tile_plan *p, stitch **out);
void stitch_free(stitch *s); /* NULL is fine */

/* First, of every row of tiles from the top: row [across], and the one above it (of the first: NULL). FAILED: more than
 * 2^31 - 1 parcels. */
int stitch_compare(stitch *s, int index, const tile_parcels *above, const tile_parcels *row);

/* Then once. */
int stitch_join(stitch *s);

/* Then again of every row, between its neighbours (NULL: there is none): the row's middles, ids [rows][width of the
 * whole]: the parcel's number, from 1 in the order of their first pixels, row by row; 0: none; -1: nothing was seen. */
int stitch_draw(stitch *s, int index, const tile_parcels *above, const tile_parcels *row, const tile_parcels *below,
                int32_t *ids);

/* At last, what was drawn. */
typedef struct stitched_parcel {
    int32_t left, top, right, bottom; /* pixels; the last ones are outside */
    int64_t pixels;
    int32_t member; /* one of the tiles' parcels that it consists of */
} stitched_parcel;

int stitch_count(const stitch *s);
const stitched_parcel *stitch_parcel(const stitch *s, int number); /* from 1 */

/* fact [1 + classes] as a tile's: the mean of its parts, weighed by the pixels that each of them gives. */
void stitch_fact(const stitch *s, int number, double *fact);

#endif
