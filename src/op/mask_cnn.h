/* The mask network's parts: how its tiles are laid out, and its two directions (mask_cnn.c, mask_cnn_gradient.c). */
#ifndef FURROW_OP_MASK_CNN_H
#define FURROW_OP_MASK_CNN_H

#include "op/panoptic.h"

enum mask_input {
    MASK_X,
    MASK_CROPS,
    MASK_WEIGHT1,
    MASK_BIAS1,
    MASK_NORM_WEIGHT,
    MASK_NORM_BIAS,
    MASK_WEIGHT2,
    MASK_BIAS2,
    MASK_WEIGHT3,
    MASK_BIAS3,
    MASK_INPUTS
};

enum { MASK_TAPS = 9, MASK_PARTS = 4 /* groups that share a crop, at most */ };

typedef struct mask_plan {
    int crops, values, channels;
    int padded;           /* channels, to whole vectors */
    int width, px, lanes; /* the macros VW, PX and LANES */
    int side;             /* of the part of a crop that is staged at once */
    int packed, record;   /* floats of the packed parameters, of a group's sums (cl/mask_cnn.clh, _gradient.cl) */
    int groups;           /* of the gradient's kernels, a record each */
    cost layers[3];       /* of each, forward, all values */
} mask_plan;

mask_plan mask_plan_of(const node *n, const device *d);
int mask_kernel(device *d, const mask_plan *p, const char *program, const char *name, kernel **out);

/* Bytes of local memory: maps of values, maps of channels, floats besides. */
size_t mask_scratch(const mask_plan *p, int value_maps, int channel_maps, int floats);

/* The parameters in the kernels' order. One launch. */
int mask_pack(const node *n, device *d, const mask_plan *p, buffer *packed);

int mask_cnn_backward(node *n, const run *r);

#endif
