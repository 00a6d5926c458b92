/* What a network says of a tile of whole images, decided and saved: a class for each pixel, or the parcels found. */
#ifndef FURROW_RUN_SCENE_TILE_H
#define FURROW_RUN_SCENE_TILE_H

#include "data/tiles.h"
#include "run/prediction.h"

typedef struct scene_tile {
    /* Its tally counts what the tiles' middles hold: pixels, or parcels whose first pixel lies there. */
    prediction *job;
    const tile_plan *plan;
    uint8_t *classes;           /* [2][rows][columns] of the middle */
    int32_t *instance, *chosen; /* [side][side]; with a head these two and the next */
    uint16_t *pixel;
    uint16_t *number; /* [candidates + 1] of an instance that has a pixel */
    float *fact;
    size_t number_capacity, fact_capacity;
} scene_tile;

/* plan must live as long. */
int scene_tile_new(prediction *job, const tile_plan *plan, scene_tile *out);
void scene_tile_free(scene_tile *t);

/* i: of the tile, whole; NULL: nothing of it was seen at any date. */
int scene_tile_save(scene_tile *t, int index, const inference *i);

/* Of a map of parcels; data/tile_parcels.h. */
int scene_tile_save_parcels(scene_tile *t, int index, const inference *i);

int scene_tile_no_number(void); /* FAILED: the network's output is none */

#endif
