/* Operations on images: the catalogue of op.h, continued.
 *
 * Images are channels last: [frames x height x width x channels]. A batch is ragged as everywhere: patch i owns the
 * frames offsets[i] .. offsets[i + 1] - 1; a frame that the published code pads does not exist.
 *
 * Norms cost no pass over memory. A convolution leaves, beside its output z, the moments that the norm behind it needs
 * (z->moments); image_norm turns these into a scale and a shift and returns a *pending* tensor: its data are z's own
 * bytes, its value is relu?(scale z + shift), and whoever reads it applies that while loading (cl/pending.clh). Its
 * gradient is the gradient of that value, as of any tensor; image_norm's backward makes z's from it, in place where
 * nothing else reads z. Operations that take pending inputs say so; others refuse them: materialise() first. */
#ifndef FURROW_OP_IMAGE_H
#define FURROW_OP_IMAGE_H

#include "op/op.h"

/* ---- what rides along with a tensor ----------------------------------------------------------------------------- */

/* Moments of z, for the norm behind it. A record per part of a frame: mean[C], M2[C] (the sum of squared distances from
 * that mean) and the part's number of pixels: 2 C + 1 floats. */
typedef struct image_moments {
    tensor *records; /* [frames x parts x (2 C + 1)] */
    int parts;       /* of a frame; settled by its producer's forward, which picks the form: until then the most */
} image_moments;

/* What follows a norm. LEAKY_RELU: a value below zero is multiplied by 0.01 (torch.nn.LeakyReLU; Maas et al. 2013). */
enum relu { NO_RELU, RELU, LEAKY_RELU };
float relu_slope(enum relu relu); /* by what a value below zero is multiplied: 1, 0, 0.01 */

/* A norm that is not yet applied. */
typedef struct pending_norm {
    tensor *scale_shift; /* [frames or 1 x 2 x C]: scale, then shift */
    bool per_frame;      /* a line for each frame; else one for all */
    enum relu relu;
} pending_norm;

/* For shape(): refuses input i when it is pending. */
int settled_wanted(const node *n, int i);
/* Build options that cl/pending.clh reads for input x: " -DPENDING=0|1 -DPENDING_RELU=0|1|2". */
const char *pending_options(const tensor *x);
/* The scale and shift of x, NULL when it has none; and by how many floats a frame's are apart (0: the same for all). */
buffer *pending_scale_shift(const tensor *x);
int pending_stride(const tensor *x);

/* ---- convolutions ----------------------------------------------------------------------------------------------- */

enum padding_mode { PADDING_ZEROS, PADDING_REFLECT /* without repeating the edge; less than the image's side */ };

typedef struct conv_options {
    int kernel, stride, padding;
    enum padding_mode mode;
    bool moments; /* leave moments for a norm: z->moments */
    bool exact;   /* direct forms only, no Winograd, and sums exact to the last bits */
} conv_options;

/* Cross-correlation as torch.nn.Conv2d. x [F x H x W x K] (may be pending), weight [N x K x kernel x kernel], bias [N]
 * optional -> [F x OH x OW x N], OH = (H + 2 padding - kernel) / stride + 1, rounded down. */
tensor *conv2d(net *n, tensor *x, tensor *weight, tensor *bias, conv_options options);

/* As torch.nn.ConvTranspose2d (zero padding). x [F x H x W x K] (may be pending), weight [K x N x kernel x kernel], bias
 * [N] optional -> [F x OH x OW x N], OH = (H - 1) stride - 2 padding + kernel. */
tensor *conv_transpose2d(net *n, tensor *x, tensor *weight, tensor *bias, conv_options options);

/* As torch.nn.Conv3d of stride 1 (zero padding), dates being the third dimension: x holds series after series of `dates`
 * images each [series dates x H x W x K] (may be pending), weight [N x K x kernel x kernel x kernel], bias [N] optional
 * -> [series OT x OH x OW x N], OT = dates + 2 date_padding - kernel + 1; options.padding is that of height and width. */
tensor *conv3d(net *n, tensor *x, tensor *weight, tensor *bias, conv_options options, int dates, int date_padding);

/* As torch.nn.ConvTranspose3d (zero padding) with the output_padding that makes each of the three sides options.stride
 * times as long: 0 <= stride + 2 padding - kernel < stride <= kernel. x as above, weight [K x N x kernel x kernel x
 * kernel] -> [series (stride dates) x stride H x stride W x N]. It leaves no moments. */
tensor *conv_transpose3d(net *n, tensor *x, tensor *weight, tensor *bias, conv_options options, int dates);

/* ---- norms and sums --------------------------------------------------------------------------------------------- */

enum image_norm_kind {
    NORM_BATCH,   /* over frames and pixels, a channel at a time; running statistics (Ioffe and Szegedy 2015) */
    NORM_GROUP,   /* over pixels and the channels of a group, a frame at a time (Wu and He 2018) */
    NORM_INSTANCE /* a group is one channel */
};
typedef struct image_norm_options {
    enum image_norm_kind kind;
    int groups; /* NORM_GROUP */
    enum relu relu;
} image_norm_options;

/* relu?(norm(z)), pending; eps 1e-5. z [F x H x W x C], not pending; its moments are used where it has them, else
 * gathered by a launch of its own. weight, bias [C] optional (1 and 0); running_mean, running_var [C]: NORM_BATCH. */
tensor *image_norm(net *n, tensor *z, norm_parameters norm, image_norm_options options);

tensor *materialise(net *n, tensor *x);             /* x itself when it is not pending */
tensor *image_add(net *n, tensor *a, tensor *b);    /* a + b, either may be pending */
tensor *image_concat(net *n, tensor *a, tensor *b); /* channels of a, then of b; either may be pending */
/* Any number of images side by side, up to 32. */
tensor *image_concat_all(net *n, tensor *const *part, int count);
tensor *frames_join(net *n, tensor *const *part, int count); /* frames one after the other, not pending; count <= 32 */

/* y[f, p, c] = the largest value of x[f, .., c], at every pixel; x not pending. The gradient is the first such pixel's. */
tensor *image_maximum(net *n, tensor *x);

/* Images as step^2 interlaced smaller ones, each with `margin` pixels around it: phase (a, b) of frame f, which is image
 * f step^2 + a step + b, has pixel (a + step (u - margin), b + step (v - margin)) at (u, v), x continued by reflection to
 * as far as margin step pixels, zero beyond. A convolution of k x k taps on them, unpadded, is that of dilation `step` on
 * x when margin = (k - 1) / 2. x [F x H x W x C], not pending -> [F step^2 x ceil(H / step) + 2 margin x .. x C]. */
tensor *image_phases(net *n, tensor *x, int step, int margin);
/* And back, without margins: x [F step^2 x ceil(height / step) x .. x C], not pending -> [F x height x width x C]. */
tensor *image_unphases(net *n, tensor *x, int step, int height, int width);

/* ---- time ------------------------------------------------------------------------------------------------------- */

/* Which sequences pixels form: of `pixels` pixels a frame, pixel p of patch b has the dates of b. Row r of a tensor in
 * sequence order belongs to (patch, pixel, date): offsets[b] * pixels + p * dates of b + date.
 * offsets [patches + 1], positions [frames] (int) -> *sequences [patches pixels + 1], *rows [frames pixels] (int): the
 * positions of all rows. */
void pixel_sequences(net *n, tensor *offsets, tensor *positions, int pixels, tensor **sequences, tensor **rows);

/* GroupNorm over (channels of a group) x (dates) of each pixel's series, eps 1e-5, and the change to sequence order:
 * x [F x H x W x C] (not pending), weight, bias [C] -> [F H W x C] with rows as pixel_sequences says.
 * dates: how many dates each series is taken to have, the missing ones being pad_value everywhere (the published code
 * pads to the batch's longest); 0: its own. offsets NULL: every frame is a patch, which gives the group norm of each
 * pixel's vector. */
typedef struct series_norm_options {
    int groups, dates;
    float pad_value;
} series_norm_options;
tensor *series_norm(net *n, tensor *x, tensor *offsets, tensor *weight, tensor *bias, series_norm_options options);

/* y = x + table[position of the row], x [rows x C] */
tensor *add_positions(net *n, tensor *x, position_rows positions);

/* U-TAE's temporal aggregation (Garnot and Landrieu 2021): y[b] = sum over b's dates of weight x, for each pixel.
 *   AGGREGATE_GROUP: channel c of C is weighted by head c heads / C (C divides by heads), map resampled bilinearly to
 *     the image (align_corners false), or by averages over cells where the map is the finer one;
 *   AGGREGATE_MEAN_HEAD: all channels by the mean of the heads;  AGGREGATE_MEAN: 1 / dates, no map.
 * part[i] [F_i x H x W x C] (may be pending): the batch's frames in order, cut into `count` <= 24 parts.
 * map [F h w x heads] in the order of pixel_sequences, h x w its size; NULL for AGGREGATE_MEAN.
 * -> [patches x H x W x C]. The gradient of the parts is written late (op.h): just before it is wanted. */
enum aggregate_mode { AGGREGATE_GROUP, AGGREGATE_MEAN_HEAD, AGGREGATE_MEAN };
typedef struct aggregate_options {
    enum aggregate_mode mode;
    int map_height, map_width;
} aggregate_options;
tensor *temporal_aggregate(net *n, tensor *const *part, int count, tensor *offsets, tensor *map,
                           aggregate_options options);

/* Series in steps, for recurrences: [steps x patches x H x W x C] as one list of frames, date t of patch p at t patches + p,
 * pad_value where a series is over. reverse: the last date first; padding_first: what is missing comes before it (as
 * the published code turns padded batches round), else behind.
 * x [F x H x W x C], not pending; steps: the dates of the longest series, or more. */
typedef struct series_steps_options {
    int steps;
    int first, patches; /* of the batch's; 0 patches: all */
    bool reverse, padding_first;
    float pad_value;
} series_steps_options;
tensor *series_steps(net *n, tensor *x, tensor *offsets, series_steps_options options);

/* Convolutional recurrences over series in steps, from zero; convolutions of an odd kernel keep the size, with zeros around
 * it; [x, h] is the input's channels, then the state's.
 *   conv_lstm (Shi et al. 2015, without peepholes): i, f, o = sigmoid, g = tanh of 4 C results of the convolution of
 *     [x, h], in this order;  c' = f c + i g;  h' = o tanh(c') -> the last *cell* state, which the published code takes;
 *   conv_gru (Ballas et al. 2016): z, r = sigmoid of 2 C results of the convolution of [x, h];  n = tanh of the C results
 *     of that of [x, r h];  h' = (1 - z) h + z n -> the last h.
 * x [steps patches x H x W x K] (may be pending), offsets [patches + 1], weights [4 C (2 C, C) x (K + C) x kernel x
 * kernel], biases -> [patches x H x W x C].
 * skip: a patch's state stays as it is behind its last date; else it goes on over what series_steps puts there. Patches do not
 * meet: a large batch may be run some patches at a time. */
typedef struct recurrence_options {
    int kernel;
    int first, patches; /* x is of so many of the batch's patches, from the first on; 0: all */
    bool skip;
    bool exact; /* as of conv_options */
} recurrence_options;
tensor *conv_lstm(net *n, tensor *x, tensor *offsets, tensor *weight, tensor *bias, recurrence_options options);
typedef struct conv_gru_weights {
    tensor *gates_weight, *gates_bias, *fresh_weight, *fresh_bias;
} conv_gru_weights;
tensor *conv_gru(net *n, tensor *x, tensor *offsets, conv_gru_weights weights, recurrence_options options);

/* ---- series of one length --------------------------------------------------------------------------------------- */

/* Ragged series filled up to `dates` each by images of one value: x [F x H x W x C] (not pending), offsets [series + 1]
 * (int) -> [series dates x H x W x C]. No series may be longer. Not differentiated: it stands before a network. */
tensor *series_pad(net *n, tensor *x, tensor *offsets, int dates, float value);

/* As torch.nn.MaxPool3d(2): the largest of 2 x 2 x 2 neighbours in dates, rows and columns; what is left over at an end
 * counts nowhere. x [series dates x H x W x C] (may be pending) -> [series (dates / 2) x H / 2 x W / 2 x C]. The gradient
 * goes to the first of those that are largest. */
tensor *max_pool3d(net *n, tensor *x, int dates);

/* Channels of a, then those of the first dates of b: a [series A x H x W x ..], b [series B x H x W x ..], B >= A, either
 * may be pending -> [series A x H x W x ..]. */
tensor *series_concat(net *n, tensor *a, tensor *b, int series);

/* What the mean over the dates of a convolution along the dates (`taps` of them, odd, zero padding) is a convolution of:
 * y[s, j] = 1 / n sum over t < n of x[s, t + j - taps / 2], n being series s' dates of offsets or, if fewer, those of x.
 * x [series dates x H x W x C] (may be pending), offsets [series + 1] (int) -> [series taps x H x W x C]. */
tensor *date_means(net *n, tensor *x, tensor *offsets, int taps);

/* ---- outside the tape ------------------------------------------------------------------------------------------- */

/* Raw frames -> the network's input, on the device: (value - mean) / std, channels last, each patch flipped and turned.
 * raw: [frames x C x H x W] of `type`; stored frames are as in the data set. turn [patches] (int): bit 0 flips the
 * columns, then bits 1-2 turn counter-clockwise by quarters (quarters of odd number need H = W).
 * frame_patch [frames] (int). mean, std [C]. Output x [frames x H x W x C]. */
typedef struct frame_options {
    enum raw_type type; /* RAW_F16 too */
    int frames, bands, height, width;
} frame_options;
int load_frames(device *d, buffer *raw, buffer *frame_patch, buffer *turn, buffer *mean, buffer *std,
                frame_options options, buffer *x);
/* The same turns on label images: raw [patches x H x W] (u8), class_map [256] (int, negative: `void_class`)
 * -> target [patches x H x W] (int). */
int load_labels(device *d, buffer *raw, buffer *turn, buffer *class_map, int patches, int height, int width,
                buffer *target);

#endif
