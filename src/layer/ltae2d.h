/* L-TAE over pixels: lightweight temporal attention at each pixel of the lowest resolution (Garnot and Landrieu, ICCV
 * 2021; L-TAE: Garnot and Landrieu, AALTD 2020). */
#ifndef FURROW_LAYER_LTAE2D_H
#define FURROW_LAYER_LTAE2D_H

#include "layer/temporal.h"

typedef struct ltae2d_config {
    int heads, d_k;
    optional_int d_model; /* absent: the input's channels, no projection */
    int_list mlp;         /* widths after the heads; the first is d_model */
    double dropout, attention_dropout;
    int period;      /* T of the sinusoids */
    int dates;       /* that the first norm takes each series to have (padding); 0: its own */
    float pad_value; /* of the missing ones */
} ltae2d_config;

/* x [frames x h x w x C], not pending; offsets [patches + 1] -> [patches x h x w x last of mlp];
 * *map [frames h w x heads], rows as pixel_sequences orders them (op/image.h). */
tensor *ltae2d(net *n, const char *prefix, tensor *x, tensor *offsets, position_range positions, const ltae2d_config *c,
               tensor **map);

#endif
