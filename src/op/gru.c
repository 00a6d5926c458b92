/* A gated recurrent unit over the dates of each sequence (Cho et al. 2014, in torch.nn.GRU's form); see op.h.
 *
 *   r = sigmoid(x_r + s_r), z = sigmoid(x_z + s_z), n = tanh(x_n + r s_n), h' = (1 - z) n + z h, s = h W^T + b
 *
 * x, the input's part for all dates, is one matrix product of the caller's; here each date is one product, h W^T, and one
 * small kernel. Backward goes the dates back likewise: dh (+)= ds W; dW = ds^T h and db = the sums of ds are one product
 * over all dates. Saved: r, z, n, s_n and h of every frame.
 * Launches: 2 a date forward, 2 a date and 1 or 2 backward. */
#include "base/error.h"
#include "op/gemm.h"
#include "op/op.h"
#include "op/team.h"

enum { X, OFFSETS, WEIGHT, BIAS, INPUTS };
enum { GATES, HIDDEN, BEFORE };                 /* saved */
enum { STATE };                                 /* work */
enum { D_STATE, D_PRODUCT, D_HIDDEN, PARTIAL }; /* in backward */
enum { PRODUCTS = 3, TEAM_OF = 64 };

typedef struct attributes {
    int steps;
} attributes;

static int sequences_of(const node *n)
{
    return sequence_count(n, OFFSETS);
}

static int channels_of(const node *n)
{
    return n->in[WEIGHT]->shape.size[1];
}

static int weight_wanted(const node *n)
{
    const shape *s = &n->in[WEIGHT]->shape;
    if (n->in[WEIGHT]->element == ELEMENT_FLOAT && s->rank == 2 && s->size[0] == PRODUCTS * s->size[1]) return OK;
    return node_refuse(n, WEIGHT, "should be 3 C x C");
}

static int backward_declare(node *n)
{
    int rc = OK;
    const int frames = tensor_rows(n->in[X]), sequences = sequences_of(n), c = channels_of(n), lines = PRODUCTS * c;
    const size_t partial = gemm_partial_size(lines, c, frames);
    node_keep_input(n, OFFSETS);
    node_keep_input(n, WEIGHT);
    TRY(node_save(n, ELEMENT_FLOAT, SHAPE(frames, lines)));
    TRY(node_save(n, ELEMENT_FLOAT, SHAPE(frames, c)));
    TRY(node_save(n, ELEMENT_FLOAT, SHAPE(frames, c)));
    TRY(node_work_back(n, ELEMENT_FLOAT, SHAPE(sequences, lines)));
    TRY(node_work_back(n, ELEMENT_FLOAT, SHAPE(frames, lines)));
    TRY(node_work_back(n, ELEMENT_FLOAT, SHAPE(sequences, c)));
    if (partial) TRY(node_work_back(n, ELEMENT_FLOAT, SHAPE((int)(partial / (size_t)lines), lines)));
done:
    return rc;
}

static int gru_shape(node *n)
{
    int rc = OK;
    const attributes *a = n->attributes;
    TRY(weight_wanted(n));
    const int c = channels_of(n);
    TRY(offsets_wanted(n, OFFSETS));
    TRY(input_wanted(n, X, ELEMENT_FLOAT, SHAPE(tensor_rows(n->in[X]), PRODUCTS * c), "three products a frame"));
    TRY(input_wanted(n, BIAS, ELEMENT_FLOAT, SHAPE(PRODUCTS * c), "as many as the weight has lines"));
    if (a->steps < 1) return node_refuse(n, X, "in %d steps, wanted 1 or more", a->steps);
    TRY(node_needs_transposed(n, WEIGHT));
    TRY(node_output(n, ELEMENT_FLOAT, SHAPE(sequences_of(n), c)));
    TRY(node_work(n, ELEMENT_FLOAT, SHAPE(sequences_of(n), PRODUCTS * c)));
    TRY(backward_declare(n));
done:
    return rc;
}

/* ---- forward ----------------------------------------------------------------------------------------------------- */

/* s = h W^T + b */
static int state_product(node *n, const run *r)
{
    const gemm_call c = {
        .rows = sequences_of(n),
        .columns = PRODUCTS * channels_of(n),
        .inner = channels_of(n),
        .a = n->out[0]->data,
        .b = parameter_transposed(n->in[WEIGHT]),
        .c = n->work[STATE]->data,
        .b_stride = transposed_stride(n->in[WEIGHT]),
        .b_transposed = n->in[WEIGHT]->data,
        .epilogue = {.bias = n->in[BIAS]->data},
    };
    return gemm(r->device, &c);
}

static cost step_cost(const node *n, double flops, double floats)
{
    const double channels = (double)sequences_of(n) * channels_of(n);
    return (cost){flops * channels, 4 * floats * channels};
}

static int gru_forward(node *n, const run *r)
{
    int rc = OK;
    kernel *k = NULL;
    const attributes *a = n->attributes;
    const team_form f = team_form_of(r->device, TEAM_OF, channels_of(n));
    const bool saves = n->saveds > 0;
    TRY(team_kernel(r->device, f, "gru", "", "gru_step", &k));
    TRY(buffer_fill(n->out[0]->data, 0, 0, tensor_count(n->out[0]) * sizeof(float)));
    for (int step = 0; step < a->steps; step++) {
        TRY(state_product(n, r));
        TRY(LAUNCH(k, (size_t)sequences_of(n), 1, 1, (size_t)f.lanes, step_cost(n, 60, saves ? 13 : 8),
                   arg_buffer(n->in[X]->data), arg_buffer(n->work[STATE]->data), arg_buffer(n->in[OFFSETS]->data),
                   arg_int(step), arg_buffer(n->out[0]->data), arg_int(channels_of(n)),
                   arg_buffer(saves ? n->saved[GATES]->data : NULL), arg_buffer(saves ? n->saved[HIDDEN]->data : NULL),
                   arg_buffer(saves ? n->saved[BEFORE]->data : NULL)));
    }
done:
    return rc;
}

/* ---- backward ---------------------------------------------------------------------------------------------------- */

/* dh += ds W */
static int state_product_backward(node *n, const run *r)
{
    const gemm_call c = {
        .rows = sequences_of(n),
        .columns = channels_of(n),
        .inner = PRODUCTS * channels_of(n),
        .a = n->work_back[D_STATE]->data,
        .b = n->in[WEIGHT]->data,
        .c = n->work_back[D_HIDDEN]->data,
        .b_stride = channels_of(n),
        .accumulate = true,
    };
    return gemm(r->device, &c);
}

static int weight_gradient(node *n, const run *r)
{
    const int lines = PRODUCTS * channels_of(n), frames = tensor_rows(n->in[X]);
    buffer *ds = n->work_back[D_PRODUCT]->data, *bias = n->in[BIAS]->gradient;
    const gemm_transposed_call c = {
        .rows = lines,
        .columns = channels_of(n),
        .inner = frames,
        .a = ds,
        .b = n->saved[BEFORE]->data,
        .c = n->in[WEIGHT]->gradient,
        .sums = bias,
        .accumulate = n->accumulate[WEIGHT],
        .accumulate_sums = n->accumulate[BIAS],
        .partial = n->works_back > PARTIAL ? n->work_back[PARTIAL]->data : NULL,
    };
    if (c.c) return gemm_transposed(r->device, &c);
    return bias ? gemm_sum_columns(r->device, frames, lines, ds, bias, n->accumulate[BIAS]) : OK;
}

static int gru_backward(node *n, const run *r)
{
    int rc = OK;
    kernel *k = NULL;
    const attributes *a = n->attributes;
    const team_form f = team_form_of(r->device, TEAM_OF, channels_of(n));
    buffer *dx = n->in[X]->gradient, *dh = n->work_back[D_HIDDEN]->data;
    TRY(team_kernel(r->device, f, "gru", "", "gru_step_backward", &k));
    TRY(buffer_copy(n->out[0]->gradient, 0, dh, 0, tensor_count(n->out[0]) * sizeof(float)));
    for (int step = a->steps - 1; step >= 0; step--) {
        TRY(LAUNCH(k, (size_t)sequences_of(n), 1, 1, (size_t)f.lanes, step_cost(n, 20, 17),
                   arg_buffer(n->saved[GATES]->data), arg_buffer(n->saved[HIDDEN]->data),
                   arg_buffer(n->saved[BEFORE]->data), arg_buffer(n->in[OFFSETS]->data), arg_int(step), arg_buffer(dh),
                   arg_int(channels_of(n)), arg_buffer(dx), arg_int(n->accumulate[X]),
                   arg_buffer(n->work_back[D_PRODUCT]->data), arg_buffer(n->work_back[D_STATE]->data)));
        if (step > 0) TRY(state_product_backward(n, r));
    }
    TRY(weight_gradient(n, r));
done:
    return rc;
}

static const op_def gru_def = {"gru", gru_shape, gru_forward, gru_backward, NULL};

tensor *gru(net *n, tensor *x, tensor *offsets, tensor *weight, tensor *bias, int steps)
{
    tensor *const in[INPUTS] = {x, offsets, weight, bias};
    const attributes a = {steps};
    node *added = net_record(n, &gru_def, in, INPUTS, INPUTS, &a, sizeof a);
    return added ? added->out[0] : NULL;
}
