/* Convolutions as launches: what their nodes (conv_node.h) are made of. Forms: direct (cl/conv_direct.cl, any kernel,
 * stride and size), Winograd (cl/conv_winograd*.cl, where it is legal); tune_choose picks by measuring. */
#ifndef FURROW_OP_CONV_H
#define FURROW_OP_CONV_H

#include "op/image.h"

/* How the weights of a call lie in memory, and so what is computed with them. */
enum conv_weights {
    CONV_WEIGHTS,           /* [outputs x inputs x kernel x kernel] */
    CONV_WEIGHTS_TRANSPOSED /* [inputs x outputs x kernel x kernel], taps reversed: the data gradient of the above */
};

/* Which frames of x an output's frame meets, for convolutions that run along the dates too: a tap along them is a
 * neighbouring frame, whose channels count as further inputs. Images lie series after series. Output t of a series meets
 * the frames t step + first, ... of its series in x, `taps` of them; one outside of the series is zeros. It lies at frame
 * t y_step + y_first of its series in y, whose series have y_dates y_step frames. Of the weight's `weight_taps` along the
 * dates, tap i meets weight_first + i weight_step. taps 0: images by themselves. */
typedef struct conv_dates {
    int taps;
    int x_dates, y_dates; /* frames of a series of x; outputs of a series in this call */
    int step, first;
    int y_step, y_first;
    int weight_taps, weight_first, weight_step;
} conv_dates;
/* The same; for images by themselves, series of one frame. */
conv_dates conv_dates_given(conv_dates dates);

/* y [frames x out_height x out_width x outputs] (+)= sum over taps and inputs of weight x(frame, row stride + tap -
 * padding) + bias. For a strided data gradient (and a transposed convolution), `dilation` > 1: x stands on a grid of
 * that step with zeros between, i.e. the transposed convolution of that stride; stride is then 1, mode zeros. */
typedef struct conv_call {
    int frames, height, width, inputs;  /* frames of y; the rest of x */
    int out_height, out_width, outputs; /* of y */
    conv_dates dates;
    int kernel, stride, dilation, padding; /* dilation 1: an ordinary convolution; padding on the dilated grid */
    enum padding_mode mode;
    enum conv_weights weights;
    buffer *x, *weight, *bias, *y; /* bias NULL: none */
    const char *pending;           /* pending_options of x; "" counts as none */
    buffer *scale_shift;           /* of x, NULL: none */
    int scale_stride;              /* pending_stride */
    buffer *moments;               /* records of y (image.h), NULL: not wanted */
    bool accumulate;               /* y += */
    bool exact;                    /* direct form: exact to the last bits, at a price (conv_direct.clh) */
    buffer *packed;                /* the weights as the form wants them: conv_packed_floats */
    bool packed_before;            /* by an earlier call of this shape: they are there */
} conv_call;

/* The direct form. */
int conv_direct(device *d, const conv_call *c);
size_t conv_direct_packed(const device *d, const conv_call *c); /* floats of `packed` */
int conv_direct_parts(const device *d, const conv_call *c);     /* records of moments a frame; 0: too large for d */

/* A part of the output, and where it goes: output (i, j) of frame f to pixel f y_frame + y_origin + i y_row + j y_column
 * of y (steps may be negative). It reads as if c's output began there: paddings of its own. Of the kernel's taps (as the
 * sum sees them: transposed weights reversed) only those from `first` to before `end`: the others must be known to meet
 * nothing but zeros. */
typedef struct conv_window {
    int height, width;
    int padding_y, padding_x;
    int first_y, end_y, first_x, end_x;
    int y_frame, y_origin, y_row, y_column;
} conv_window;
conv_window conv_whole(const conv_call *c);
int conv_depth(const conv_call *c); /* what a tap of the kernel sums over: the inputs of all taps along the dates */
/* The direct form on these windows, one launch after the other; an empty window is left out. */
int conv_direct_windows(device *d, const conv_call *c, const conv_window *windows, int count);

/* For races: c on a few frames, without moments, writing to *scratch (made at first use, freed by the caller) where c
 * adds to y. And the key of c's shape. */
int conv_trial(device *d, const conv_call *c, buffer **scratch, conv_call *out);
void conv_key(const conv_call *c, const char *what, char *key, size_t size);

/* Winograd's F(4x4,3x3) for 3x3 of stride 1, and four phases of F(4,2) for 4x4 of stride 2 (Winograd 1980; Lavin and
 * Gray 2016). Legal: sizes that the tiles divide, local memory that is enough, a CPU's cache for local memory. */
bool conv_winograd_legal(const device *d, const conv_call *c);
int conv_winograd(device *d, const conv_call *c);
size_t conv_winograd_packed(const device *d, const conv_call *c);
int conv_winograd_parts(const device *d, const conv_call *c);

/* dweight [outputs x inputs x kernel x kernel] (+)= sum over frames and pixels of dy x, and dbias [outputs] (NULL: not
 * wanted) (+)= sum of dy, for an ordinary convolution (dilation 1) of x with output gradient dy; x may be pending. A
 * transposed convolution's weight [K x N x ..] is that of the ordinary one which leads from its y to its x: the caller
 * gives its dy as x, its x as dy (pending_is_dy), no dbias and no swap. */
typedef struct conv_weight_call {
    int frames, height, width, inputs; /* frames of dy */
    int out_height, out_width, outputs;
    conv_dates dates; /* along them too: dweight [outputs x inputs x taps x kernel x kernel]; y_step is 1 */
    int kernel, stride, padding;
    enum padding_mode mode;
    buffer *x, *dy, *dweight, *dbias;
    const char *pending; /* of x */
    buffer *scale_shift;
    int scale_stride;
    bool pending_is_dy; /* the pending norm belongs to dy instead of x */
    bool swap;          /* write dweight as [inputs x outputs x kernel x kernel], taps as they are */
    bool exact;
    bool accumulate_weight, accumulate_bias;
    buffer *partial; /* conv_weight_partial floats: fixed partial sums, added up in order */
} conv_weight_call;
int conv_weight_gradient(device *d, const conv_weight_call *c);
size_t conv_weight_partial(const device *d, const conv_weight_call *c);

/* What padding by reflection adds to a data gradient that was computed with zero padding: the gradient of the ring
 * around the image, folded back onto the pixels that it mirrors: y +=. c: the call of that data gradient; padding: the
 * forward's. At most 8 launches, in a fixed order. */
int conv_reflect_fold(device *d, const conv_call *c, int padding);

/* ---- for the operations ----------------------------------------------------------------------------------------- */

/* c in the form that is fastest for its shape; `exact`: the direct one. *parts (NULL: not wanted): records of moments a
 * frame that this form writes, at most conv_parts_most (0: too large for d, with the error said). `packed` holds
 * conv_packed floats. */
int conv_convolve(device *d, const conv_call *c, bool exact, int *parts);
size_t conv_packed(const device *d, const conv_call *c, bool exact);
int conv_parts_most(const device *d, const conv_call *c, bool exact);

/* dbias [channels] (+)= the sum of dy [pixels x channels]; partial: conv_bias_partial floats. */
int conv_bias_gradient(device *d, int pixels, int channels, buffer *dy, buffer *dbias, bool accumulate,
                       buffer *partial);
size_t conv_bias_partial(int channels);

#endif
