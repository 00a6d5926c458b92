/* What convolutional recurrent cells (ConvLSTM, ConvGRU) share. Their gates come from a convolution of [x, h], the input
 * and the state; it is done in two: x for all dates in one launch, h a date at a time. So is the weight's gradient, over
 * all dates at once for either part.
 *
 * Series are in steps: [steps x patches x height x width x channels], patch fastest of the first two (series_steps).
 *
 * A state of channels that fit no vector is carried with a few more, of zero weight and bias: their gates are those of
 * zero, and they stay zero themselves, forward and back. */
#ifndef FURROW_OP_RECURRENCE_H
#define FURROW_OP_RECURRENCE_H

#include "op/conv.h"
#include "op/team.h"

typedef struct joint_conv {
    int steps, patches, height, width;
    int inputs;   /* channels of x */
    int channels; /* of h: weight [gates channels x (inputs + channels) x kernel x kernel] */
    int gates;    /* results a channel of h */
    int state;    /* channels, rounded up: of all tensors in between */
    int outputs;  /* gates x state */
    int kernel;   /* odd, padded with zeros to the same size */
    bool exact;
} joint_conv;

int joint_frames(const joint_conv *j); /* steps x patches */
int joint_rows(const joint_conv *j);   /* pixels of one step */

/* ---- for shape() ------------------------------------------------------------------------------------------------- */

/* Input x is a series in steps, in[offsets] its patches; `weight` and its bias (always there) follow each other. */
int joint_wanted(const node *n, int x, int offsets, int weight, const recurrence_options *o, int gates);
/* That, as sizes. */
joint_conv joint_of(const node *n, int x, int offsets, int weight, const recurrence_options *o, int gates);
int joint_fits(const device *d, const joint_conv *j);         /* FAILED: a tile of such a kernel is too large for d */
shape joint_shape(const joint_conv *j, int frames, int each); /* images of `each` values a channel of the state */

/* A weight and bias as the convolutions of a pass take them, and scratch of theirs: JOINT_PARTS work tensors. */
typedef struct joint_parts {
    joint_conv of;
    buffer *input, *state, *bias, *scratch;
} joint_parts;
enum { JOINT_PARTS = 4 };
int joint_parts_declare(node *n, const joint_conv *j, bool back);

/* ---- for the passes ---------------------------------------------------------------------------------------------- */

/* Cuts in[weight] and its bias into `scratch` (the JOINT_PARTS tensors). */
int joint_split(const node *n, device *d, joint_conv j, int weight, tensor *const *scratch, joint_parts *out);

/* All dates of x -> y [frames x .. x outputs]. */
int joint_input(const node *n, device *d, const joint_parts *p, int x, buffer *y);
/* One date of h [patches x .. x state] -> y [patches x .. x outputs]. again: not the pass's first such call. */
int joint_state(device *d, const joint_parts *p, buffer *h, buffer *y, bool again);
/* Its data gradient: dh (+)= */
int joint_state_gradient(device *d, const joint_parts *p, buffer *dy, buffer *dh, bool accumulate, bool again);
/* Over all dates: x's gradient (+)=, where it is wanted; the weight's and the bias's, for which the parts' memory is used.
 * states [frames x .. x state]: h before each step. */
int joint_input_gradient(const node *n, device *d, const joint_parts *p, int x, buffer *dy, bool accumulate);
int joint_weight_gradient(const node *n, device *d, const joint_parts *p, int x, int weight, buffer *dy,
                          buffer *states);

/* A state between its own channels and the carried ones: `carried` may be `own` itself where they are as many. */
int joint_carry(device *d, const joint_conv *j, buffer *own, buffer *carried);
int joint_uncarry(device *d, const joint_conv *j, buffer *carried, buffer *own);

/* Of the kernels of a step that are pointwise: the offsets in[offsets] where series end by themselves, else NULL; which of
 * the offsets' patches is the node's first; `flops` and `values` (of 4 bytes) a channel of the state. */
argument recurrence_lengths(const node *n, int offsets);
argument recurrence_first(const node *n);
cost joint_step_cost(const joint_conv *j, double flops, double values);

/* Kernels on rows of `channels`, the pixels of a step: the form, and groups of RECURRENCE_ROWS rows. */
enum { RECURRENCE_ROWS = 32 };
int recurrence_kernel(device *d, const char *program, const char *name, int channels, team_form *f, kernel **out);

#endif
