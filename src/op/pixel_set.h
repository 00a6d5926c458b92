/* What the files of the pixel-set encoder share: its inputs, and the form that its kernels are built in. */
#ifndef FURROW_OP_PIXEL_SET_H
#define FURROW_OP_PIXEL_SET_H

#include "op/op.h"

/* The node's inputs: x, mask, then for each layer its six tensors, then `extra`, which may be absent. */
enum { PIXEL_X, PIXEL_MASK, PIXEL_LAYER };
enum { LAYER_WEIGHT, LAYER_BIAS, LAYER_NORM_WEIGHT, LAYER_NORM_BIAS, LAYER_MEAN, LAYER_VARIANCE, LAYER_INPUTS };

/* The node's attributes. */
typedef struct pixel_set {
    int layers;
    int widths[PIXEL_LAYERS_MAX + 1]; /* C0 .. */
    pooling_list pools;
    int pixels, extra, width; /* S, E, and of an output row */
} pixel_set;

/* How the kernels are built for a device (cl/pixel_mlp.clh), and how frames are shared out. */
typedef struct pixel_form {
    int vector, lanes, rows; /* VW, LANES, ROWS */
    int channel_lanes;       /* items a group of the kernels with one item a channel */
} pixel_form;

/* false: the arrays would not fit. */
bool pixel_form_of(const device *d, bool training, const pixel_set *p, pixel_form *out);

/* The -D macros, longest 512 characters. */
enum { PIXEL_OPTIONS_MAX = 512 };
void pixel_options(const pixel_set *p, const pixel_form *f, char options[PIXEL_OPTIONS_MAX]);

/* A group's frames, so that no more than a fixed number of groups (and so of partial sums) come out. */
int pixel_share(const device *d, int frames);
size_t pixel_groups(int frames, int share);

static inline int pixel_row(int channels) /* ROW of pixel_mlp.clh */
{
    return (channels + 15) / 16 * 16;
}

static inline int pixel_extra_index(const pixel_set *p)
{
    return PIXEL_LAYER + p->layers * LAYER_INPUTS;
}

/* src/op/pixel_set_training.c: two layers, poolings among mean and std. */
int pixel_set_training_shape(node *n);
int pixel_set_training_forward(node *n, const run *r);
int pixel_set_training_backward(node *n, const run *r);

#endif
