/* Convolutions in plain double-precision C, and what their cases are made of. */
#ifndef FURROW_OP_CONV_REFERENCE_H
#define FURROW_OP_CONV_REFERENCE_H

#include "net/check.h"
#include "op/image.h"

/* A case of conv2d or conv_transpose2d. Inputs: x, weight, then a bias where it has one. */
typedef struct conv_case {
    int frames, height, width, inputs, outputs;
    conv_options options;
    bool pending; /* x passes through an instance norm and a ReLU first, which are left to the convolution */
    bool normed;  /* a norm over all channels, by the moments that the convolution left, and materialise() follow */
} conv_case;

typedef tensor *(*conv_constructor)(net *n, tensor *x, tensor *weight, tensor *bias, conv_options options);
int conv_case_build(const op_check *c, net *n, tensor *const *in, tensor **out, conv_constructor constructor);

/* Each frame's channels, `together` at a time, to mean 0 and variance 1, then the ReLU; in place. */
void conv_reference_norm(double *z, int frames, int pixels, int channels, int together, enum relu relu);

/* Adds one convolution's products to y, which holds the bias. */
typedef void (*conv_products)(const conv_case *k, const double *x, const double *weight, double *y);
void conv_case_reference(const op_check *c, double *const *in, double *out, int out_pixels, conv_products products);

#endif
