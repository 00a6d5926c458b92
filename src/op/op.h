/* Operations: the catalogue, and what an operation is made of.
 *
 * An operation is one room: src/op/X.c (shape inference, forward and backward side by side, ending in its op_def),
 * cl/X.cl (its kernels), src/op/X_check.c (a plain C reference and the cases that the self-test and the tests run),
 * tests/test_op_X.c (edges and refusals), and its constructor's lines below. Identity is the address of the op_def.
 *
 * Activations are channels last: a matrix of rows (frames, parcels, frames x pixels) by channels. A batch is ragged:
 * parcel i owns the frames offsets[i] .. offsets[i + 1] - 1; only real frames exist.
 *
 * Constructors record a node on the net's tape and return its output. Given a NULL input, or after any earlier
 * failure, they return NULL; the net keeps the first error (net_plan returns it). Optional inputs are marked so.
 * Recording does not touch the device; net_forward and net_backward do (src/net/net.h). */
#ifndef FURROW_OP_OP_H
#define FURROW_OP_OP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rt/rt.h"

typedef struct net net;
typedef struct node node;
typedef struct tensor tensor;
typedef struct pending_norm pending_norm;   /* op/image.h */
typedef struct image_moments image_moments; /* op/image.h */

/* ---- tensors ---------------------------------------------------------------------------------------------------- */

enum { RANK_MAX = 5 /* weights of 3D convolutions */ };

typedef struct shape {
    int rank;
    int size[RANK_MAX];
} shape;

#define SHAPE(...) ((shape){(int)(sizeof((int[]){__VA_ARGS__}) / sizeof(int)), {__VA_ARGS__}})

enum element { ELEMENT_FLOAT, ELEMENT_INT }; /* 4 bytes each */

struct tensor {
    const char *name; /* a parameter's state_dict key; for messages elsewhere */
    enum element element;
    shape shape;
    buffer *data;     /* while forward or backward runs */
    buffer *gradient; /* likewise, in backward; NULL where none is wanted */
    bool wants_gradient;
    bool parameter;               /* lives in the net's flat buffers and outlives the tape */
    const pending_norm *pending;  /* the values are those of data under this norm; NULL: data */
    const image_moments *moments; /* that its producer left for a norm; NULL: none */
    struct tensor_plan *plan;     /* the net's own */
};

size_t tensor_count(const tensor *t); /* elements */
int tensor_rows(const tensor *t);     /* product of all sizes but the last */
int tensor_channels(const tensor *t); /* the last size */

/* W [N x K...] (all sizes after the first flattened) as K x round_up(N, 16), zeros in the added columns: what the
 * matrix product streams. Kept by the net for every parameter that an operation's `shape` asks it for
 * (node_needs_transposed), refreshed in one launch after the parameters change. */
buffer *parameter_transposed(const tensor *weight);
int transposed_stride(const tensor *weight); /* round_up(N, 16) */
/* Refreshes all of them: table holds, for each of `matrices`, the ints {offset in values, offset in transposed, N, K,
 * stride} (offsets in floats). One launch. */
int transpose_parameters(device *d, buffer *values, buffer *transposed, buffer *table, int matrices);

/* ---- nodes: what forward and backward see ----------------------------------------------------------------------- */

enum { NODE_INPUTS_MAX = 32, NODE_OUTPUTS_MAX = 2, NODE_BUFFERS_MAX = 16 };

/* How the tape is being run: the same for all nodes of a step. */
typedef struct run {
    device *device;
    bool training;
    uint64_t seed, step; /* dropout draws from (seed, step, node, position) */
} run;

typedef struct op_def {
    const char *name;
    int (*shape)(node *n); /* check inputs, declare outputs, saved and scratch tensors */
    int (*forward)(node *n, const run *r);
    int (*backward)(node *n, const run *r); /* NULL: not differentiable */
    /* Writes the gradient of in[i] alone, for inputs that node_late_gradient named. */
    int (*backward_late)(node *n, const run *r, int i);
} op_def;

struct node {
    const op_def *def;
    net *net;
    int index;                   /* on the tape */
    tensor *in[NODE_INPUTS_MAX]; /* NULL: an optional input that is absent */
    tensor *out[NODE_OUTPUTS_MAX];
    tensor *saved[NODE_BUFFERS_MAX];     /* written in a training forward, read in backward */
    tensor *work[NODE_BUFFERS_MAX];      /* scratch during this node's forward */
    tensor *work_back[NODE_BUFFERS_MAX]; /* scratch during this node's backward */
    int inputs, outputs, saveds, works, works_back;
    bool accumulate[NODE_INPUTS_MAX]; /* backward: add to in[i]->gradient rather than overwrite it */
    bool training;                    /* the tape is recorded for training */
    void *attributes;                 /* the constructor's struct, copied */
    uint32_t keep_in, keep_out;       /* bit i: backward reads in[i]->data, out[i]->data */
    uint32_t late;                    /* bit i: see node_late_gradient */
};

/* For constructors: records a node. `attributes` (may be NULL) is copied. Required inputs come first: the first
 * `required` of `in` must not be NULL. Returns NULL, with the error kept by the net, when shape() refuses. */
node *net_record(net *n, const op_def *def, tensor *const *in, int inputs, int required, const void *attributes,
                 size_t attributes_size);

/* For constructors: is this tape recorded for training? */
bool net_training(const net *n);

/* For shape(): each returns a code. Outputs want a gradient where an input does. */
int node_output(node *n, enum element e, shape s);
int node_save(node *n, enum element e, shape s); /* saved[k], in order; only made when training */
int node_work(node *n, enum element e, shape s); /* work[k] */
/* An output that has in[i]'s bytes for data, and a gradient of its own. */
int node_output_view(node *n, int i);
/* The node's own memory, as the tape's: zeroed, freed with it. NULL: out of memory, said. */
void *node_memory(node *n, size_t bytes);
int node_work_back(node *n, enum element e, shape s); /* work_back[k]; only made when training */
void node_keep_input(node *n, int i);                 /* backward reads it */
void node_keep_output(node *n, int i);
/* in[i]'s gradient may lie where out[o]'s does: backward finds both buffers to be the same one where the plan could do
 * it (nothing else contributes to in[i]'s gradient), and works in place or leaves the bytes as they are. */
void node_share_gradient(node *n, int i, int o);
/* in[i]'s gradient is not written by backward but by backward_late, which runs just before the backward of what made
 * in[i]: a large gradient then lives shortly. What backward reads, backward_late may read too, and work_back it may
 * use; out's gradients live until then. */
void node_late_gradient(node *n, int i);
int node_needs_transposed(node *n, int i); /* in[i] must be a parameter */
device *node_device(const node *n);
/* "linear decoder.0.weight: in[1] is 20 x 64, wanted N x 128" : refuses with FAILED, naming operation and input. */
int node_refuse(const node *n, int input, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* ---- the catalogue ---------------------------------------------------------------------------------------------- */

/* Batch normalisation's four vectors of C (Ioffe and Szegedy 2015; eps 1e-5, momentum 0.1, running variance unbiased,
 * as torch.nn.BatchNorm1d). The running ones take no gradient; a training forward updates them. */
typedef struct norm_parameters {
    tensor *weight, *bias, *running_mean, *running_var;
} norm_parameters;

/* y = x W^T + b.  x [.. x K], weight [N x K ..] (a conv1d weight [N x K x 1] is one), bias [N] optional -> [rows x N] */
tensor *linear(net *n, tensor *x, tensor *weight, tensor *bias);

/* y = relu?(batch_norm(x W^T + b)): one layer of every published MLP, the norm and the ReLU in the product's epilogue
 * when evaluating. Batch statistics over all rows when training (rows >= 2). */
tensor *linear_norm(net *n, tensor *x, tensor *weight, tensor *bias, norm_parameters norm, bool relu);

/* y = relu?(batch_norm(x)), x [rows x C] */
tensor *batch_norm(net *n, tensor *x, norm_parameters norm, bool relu);
/* The same by the running statistics, when training too, and leaves those as they are. */
tensor *batch_norm_frozen(net *n, tensor *x, norm_parameters norm, bool relu);

/* A sinusoid table and each row's line in it: positions [rows] (int) in 0 .. lines - 1, table [lines x C]. */
typedef struct position_rows {
    tensor *table, *positions; /* both NULL: none */
} position_rows;

/* y = layer_norm(x) over the channels (eps 1e-5) [+ table[position of the row]]; weight, bias [C] */
tensor *layer_norm(net *n, tensor *x, tensor *weight, tensor *bias, position_rows positions);

/* L-TAE's norm: over all values of a sequence (its dates x channels); weight and bias [C x T] per channel and date
 * (date t of a sequence uses column t; a sequence longer than T is refused by the caller), both optional (1 and 0);
 * [+ table[position]]. x [frames x C], offsets [sequences + 1] (int). */
tensor *sequence_norm(net *n, tensor *x, tensor *offsets, tensor *weight, tensor *bias, position_rows positions);

/* y [sequences x C] = mean of each sequence's frames; x [frames x C] */
tensor *sequence_mean(net *n, tensor *x, tensor *offsets);

/* Dates side by side, what a sequence does not have being zero: y[row, c width + k] = x[frame, c], x [frames x C].
 *   sequence_windows: a row a frame, k from -(width / 2) on: a convolution over dates is `linear` behind it;
 *   sequence_flat:    a row a sequence, k its dates from the first on (later ones than `dates` are left out). */
tensor *sequence_windows(net *n, tensor *x, tensor *offsets, int width);
tensor *sequence_flat(net *n, tensor *x, tensor *offsets, int dates);

/* A gated recurrent unit over each sequence's frames (Cho et al. 2014, as torch.nn.GRU has it), from zero; the last state:
 *   r = sigmoid(x_r + s_r), z = sigmoid(x_z + s_z), n = tanh(x_n + r s_n), h' = (1 - z) n + z h, s = h W^T + b
 * x [frames x 3 C]: the input's part of the three, weight [3 C x C], bias [3 C]; steps: the dates of the longest sequence,
 * or more -> [sequences x C] */
tensor *gru(net *n, tensor *x, tensor *offsets, tensor *weight, tensor *bias, int steps);

/* Attention of one query a sequence and head over the sequence's dates:
 *   score[f, h] = (Wk_h x_f + bk_h) . q_h / sqrt(d_k);  a = softmax over the sequence's dates, then dropout;
 *   TAE   (shared_query false): query [sequences x H d_k]; y[s, h C ..] = sum_f a[f, h] x_f          -> [sequences x H C]
 *   L-TAE (shared_query true):  query [H x d_k];           y[s, h C/H ..] = sum_f a[f, h] x_f[h C/H ..] -> [sequences x C]
 * x [frames x C], key_weight [H d_k x C], key_bias [H d_k]. The key projection is pushed onto the query, so no
 * frames x d_k product exists; the key bias adds the same to every score of a softmax: its gradient is zero.
 * *map (may be NULL) receives the attention after dropout [frames x H]; it takes a gradient. */
typedef struct attention_options {
    int heads, d_k;
    bool shared_query;
    float dropout; /* of the attention; published: 0.1 */
} attention_options;
tensor *attention(net *n, tensor *x, tensor *offsets, tensor *query, tensor *key_weight, tensor *key_bias,
                  attention_options options, tensor **map);

/* y = x, each element zeroed with probability p and the rest divided by 1 - p, when training; the identity otherwise */
tensor *dropout(net *n, tensor *x, float p);

/* [rows x (C1 + C2)] */
tensor *concat(net *n, tensor *a, tensor *b);

/* Pooling over a set of pixels (PSE, Garnot et al. 2020). x [frames x S x C], mask [frames x S] (0 or 1, any weights)
 * -> [frames x pools C], the chosen poolings side by side in the order given. mean and std are masked (std divides by
 * n - 1, n = 1 counting as 2, and is sqrt(var + 1e-31)); max and min see every pixel, masked or not. */
enum pooling { POOL_MEAN, POOL_STD, POOL_MAX, POOL_MIN };
typedef struct pooling_list {
    int count;
    enum pooling kind[4];
} pooling_list;
tensor *set_pool(net *n, tensor *x, tensor *mask, pooling_list pools);

/* The whole first half of the pixel-set encoder as one operation: an MLP on every pixel (linear, batch norm, ReLU a
 * layer), pooling over the pixels, and `extra` [frames x E] (optional) put behind:
 *   x [frames x S x C], mask [frames x S] -> [frames x (pools C_last + E)]
 * One kernel when evaluating; in training it recomputes from x instead of storing, and x takes no gradient.
 * pixel_set_encoder_legal says whether this form exists for these widths, poolings and device (else the layer builds
 * it from linear_norm and set_pool). */
enum { PIXEL_LAYERS_MAX = 4 };
typedef struct pixel_layer {
    tensor *weight, *bias;
    norm_parameters norm;
} pixel_layer;
bool pixel_set_encoder_legal(device *d, bool training, int pixels, const int *widths, int layers, pooling_list pools,
                             int extra);
tensor *pixel_set_encoder(net *n, tensor *x, tensor *mask, tensor *extra, const pixel_layer *layers, int count,
                          pooling_list pools);

/* Mean over rows of w_t (1 - p_t)^gamma (-log p_t), p = softmax(logits), t the target; the factor (1 - p_t)^gamma is
 * not differentiated (the published FocalLoss). gamma 0: cross entropy. logits [rows x C], target [rows] (int, in
 * 0..C-1; negative: void, of weight 0), class_weight [C] optional (then the mean is weighted, as
 * torch.nn.CrossEntropyLoss). -> [1] */
tensor *focal_loss(net *n, tensor *logits, tensor *target, tensor *class_weight, float gamma);

/* ---- outside the tape ------------------------------------------------------------------------------------------- */

/* Adam with PyTorch's defaults (Kingma and Ba 2015), one launch over flat buffers of `count` floats; step counts from 1:
 * m = b1 m + (1-b1) g, v = b2 v + (1-b2) g^2, w -= lr (m / (1-b1^step)) / (sqrt(v / (1-b2^step)) + eps). */
typedef struct adam_options {
    float learning_rate, beta1, beta2, epsilon;
} adam_options;
int adam_step(device *d, buffer *weights, buffer *gradients, buffer *exp_avg, buffer *exp_avg_sq, size_t count,
              adam_options options, int64_t step);

/* Raw parcels -> the network's input, on the device: for parcel i of the batch, npixel of its S_i pixels drawn without
 * replacement by (seed, epoch, id) (S_i < npixel: all of them, then the first repeated with mask 0; none: zeros, mask
 * 1 on the first), the same pixels at every date; (value - mean) / std; jitter (when sigma > 0): gaussian, clipped at
 * +- clip, drawn for every value by (seed, epoch, id, date, pixel slot, band).
 * raw: the parcels' T x S x C values one after the other. Output x [frames x npixel x C], mask [frames x npixel]. */
enum raw_type { RAW_U8, RAW_I16, RAW_U16, RAW_F32, RAW_F16 /* frames only */ };
typedef struct sample_parcel { /* one a parcel of the batch; device layout, 32 bytes */
    uint64_t raw_start;        /* in values, into raw */
    uint32_t pixels, dates;    /* S_i, T_i */
    uint32_t first_frame;      /* of the batch */
    uint32_t norm_row;         /* row of the normalisation of its first date, when it is per date */
    uint32_t stream[2];        /* Philox key of (seed, RANDOM_PIXELS/JITTER, epoch, parcel) */
} sample_parcel;
typedef struct sample_options {
    enum raw_type type;
    int bands, npixel;
    bool norm_per_date;              /* mean, std: [T x C], else [C] */
    float jitter_sigma, jitter_clip; /* sigma 0: none */
} sample_options;
/* parcels: `count` sample_parcel on the device; frame_parcel [frames] (int): the parcel of each frame. */
int sample_pixels(device *d, buffer *raw, buffer *parcels, int count, buffer *frame_parcel, int frames, buffer *mean,
                  buffer *std, sample_options options, buffer *x, buffer *mask);

/* The bytes that a device reads in `rows` predicted classes: argmax over the channels, lowest index on ties. */
int argmax_rows(device *d, buffer *logits, int rows, int channels, buffer *classes);

#endif
