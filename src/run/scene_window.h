/* What of whole images is in memory while they are mapped: a window of some tiles of a row at all dates, and of one of
 * these tiles what the network is given. */
#ifndef FURROW_RUN_SCENE_WINDOW_H
#define FURROW_RUN_SCENE_WINDOW_H

#include "data/scenes.h"
#include "data/tiles.h"
#include "network/batch.h"

/* How values become a network's: (value - mean) / std of each band, days counted from one. */
typedef struct scene_scale {
    const float *mean, *std; /* [bands]; std 0 counts as 1 */
    int32_t first_day;       /* that position 0 stands for, since 1970-01-01 */
} scene_scale;

typedef struct scene_window {
    scenes *scenes;
    const tile_plan *plan;
    scene_scale scale;
    int tiles;        /* of a row, that a window holds at most */
    int left, width;  /* of the window, in pixels of the images */
    void *values;     /* [dates][bands][side][width] */
    uint8_t *missing; /* [dates][side][width]; NULL: there are no gaps */
    float *x;         /* [dates][side][side][bands] of a tile, normalised */
    int32_t *positions;
    buffer *x_buffer, *offsets_buffer, *positions_buffer;
} scene_window;

/* scenes, plan and the scale's arrays must live as long. */
int scene_window_new(device *d, scenes *s, const tile_plan *p, scene_scale scale, scene_window *out);
void scene_window_free(scene_window *w);

/* `count` tiles of row `row`, from tile `first` on. INTERRUPTED when the user asked for it. */
int scene_window_read(scene_window *w, int row, int first, int count);

/* A tile of the window that was read as a batch of one, of the dates at which anything of it was seen. samples 0: there is
 * none. It stays until the next one. */
int scene_window_batch(scene_window *w, int column, batch *out);

#endif
