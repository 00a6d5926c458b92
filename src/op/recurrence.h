/* What convolutional recurrent cells (ConvLSTM, ConvGRU) share. Their gates come from a convolution of [x, h], the input
 * and the state; it is done in two: x for all dates in one launch, h a date at a time. So is the weight's gradient, over
 * all dates at once for either part.
 *
 * Series are in steps: [steps x patches x height x width x channels], patch fastest of the first two (series_steps). */
#ifndef FURROW_OP_RECURRENCE_H
#define FURROW_OP_RECURRENCE_H

#include "op/conv.h"
#include "op/team.h"

typedef struct joint_conv {
    int steps, patches, height, width;
    int inputs, state,
        outputs; /* channels of x, h and the result; weight [outputs x (inputs + state) x kernel x kernel] */
    int kernel;  /* odd, padded with zeros to the same size */
    bool exact;
} joint_conv;

int joint_frames(const joint_conv *j); /* steps x patches */
int joint_rows(const joint_conv *j);   /* pixels of one step */

/* The calls, without buffers. All dates of x -> gates, one date of h -> its part, and their data gradients. */
conv_call joint_input(const joint_conv *j);
conv_call joint_state(const joint_conv *j);
conv_call joint_input_gradient(const joint_conv *j);
conv_call joint_state_gradient(const joint_conv *j);
/* The weight gradients, over all dates: of x, or of h before each step. */
conv_weight_call joint_input_weights(const joint_conv *j);
conv_weight_call joint_state_weights(const joint_conv *j);

/* Floats of a part of the weight, and of scratch that is enough for each forward (or backward) call's needs. */
size_t joint_input_floats(const joint_conv *j);
size_t joint_state_floats(const joint_conv *j);
size_t joint_packed(const device *d, const joint_conv *j);
size_t joint_packed_back(const device *d, const joint_conv *j);
int joint_fits(const device *d, const joint_conv *j); /* FAILED: a tile of such a kernel is too large for d */

/* weight -> its two parts; and the parts' gradients (+)-> the weight's. */
int joint_split(device *d, const joint_conv *j, buffer *weight, buffer *of_input, buffer *of_state);
int joint_merge(device *d, const joint_conv *j, buffer *of_input, buffer *of_state, buffer *weight, bool accumulate);

/* ---- for the nodes ----------------------------------------------------------------------------------------------- */

/* Input x is a series in steps, in[offsets] its patches; `weight` and `bias` (always there) follow each other and give
 * `gates` results a channel of the state. */
int joint_wanted(const node *n, int x, int offsets, int weight, const recurrence_options *o, int gates);
/* That, as sizes. */
joint_conv joint_of(const node *n, int x, int offsets, int weight, const recurrence_options *o);
/* For kernels: the offsets of the patches where series end by themselves, else NULL. */
buffer *recurrence_lengths(const node *n, int offsets, const recurrence_options *o);

/* A tensor of so many floats, in lines of 64. */
int joint_scratch(node *n, int (*declare)(node *n, enum element e, shape s), size_t floats);

/* Kernels on rows of `channels`, the pixels of a step: the form, and groups of ROWS_EACH rows. */
enum { RECURRENCE_ROWS = 32 };
int recurrence_kernel(device *d, const char *program, const char *name, int channels, team_form *f, kernel **out);

#endif
