/* The pixel-set encoder (Garnot et al., Satellite Image Time Series Classification with Pixel-Set Encoders and
 * Temporal Self-Attention, CVPR 2020): an MLP on each pixel of a date, pooling over the pixels, a second MLP. */
#ifndef FURROW_LAYER_PIXEL_SET_H
#define FURROW_LAYER_PIXEL_SET_H

#include "base/schema.h"
#include "net/net.h"

typedef struct pixel_set_config {
    int_list mlp1, mlp2; /* mlp1[0] bands; mlp2[0] = pools x last of mlp1 + extra size */
    pooling_list pools;
} pixel_set_config;

/* "mean_std_max_min", any of them once, in any order. */
int pooling_parse(const char *text, const char *where, pooling_list *out);

/* x [frames x pixels x bands], mask [frames x pixels], extra [frames x E] or NULL -> [frames x last of mlp2] */
tensor *pixel_set(net *n, const char *prefix, tensor *x, tensor *mask, tensor *extra, const pixel_set_config *c);

#endif
