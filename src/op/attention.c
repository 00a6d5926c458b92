/* Attention of one query a sequence and head over the sequence's dates: TAE (Garnot et al. 2020) and L-TAE (Garnot and
 * Landrieu 2020); formulas and shapes in op.h, memory layouts in cl/attention.cl.
 *
 * Forward: u_h = Wk_h^T q_h / sqrt(d_k); scores x . u; softmax a; dropout a' = a m; y = sum of a' x.
 * Backward, per sequence and head:
 *   da = m (dy . x + dmap);  ds = a (da - sum of a da);  dx = sum over heads of a' dy + ds u;  du = sum over dates of ds x
 *   dq_h = Wk_h du_h / sqrt(d_k);  dWk_h = sum over sequences, in order, of q_h du_h^T / sqrt(d_k);  dbk = 0
 * An L-TAE's queries are the same for all sequences: u is made once a step, du is summed over all of them.
 * Saved: u and a; m is drawn again. */
#include <math.h>
#include <stdio.h>

#include "base/error.h"
#include "op/dropout.h"
#include "op/op.h"
#include "op/team.h"

enum { X, OFFSETS, QUERY, KEY_WEIGHT, KEY_BIAS, INPUTS };
enum {
    TEAM_OF = 16,
    EACH = 4,         /* as in cl/attention.cl */
    SHARED_PARTS = 16 /* of the sum over sequences of an L-TAE's du */
};

typedef struct attention_attributes {
    attention_options options;
    bool map;
} attention_attributes;

/* What the launches need, from shapes and options. */
typedef struct plan {
    int sequences, frames, channels, heads, d_k, queries;
    bool shared;
    float scale, dropout;
    int sequences_each, parts; /* of the sums over sequences that make du */
    team_form form;
    int heads_held; /* by an item of sum_queries */
    char more[48];  /* build options */
} plan;

static plan plan_of(const node *n, device *d)
{
    const attention_options o = ((const attention_attributes *)n->attributes)->options;
    plan p = {
        .sequences = sequence_count(n, OFFSETS),
        .frames = tensor_rows(n->in[X]),
        .channels = tensor_channels(n->in[X]),
        .heads = o.heads,
        .d_k = o.d_k,
        .shared = o.shared_query,
        .scale = (float)(1 / sqrt((double)o.d_k)),
        .dropout = n->training ? o.dropout : 0,
        .form = team_form_of(d, TEAM_OF, tensor_channels(n->in[X])),
    };
    p.queries = p.shared ? 1 : p.sequences;
    p.sequences_each = p.shared ? (int)team_groups(p.sequences, SHARED_PARTS) : 1;
    if (p.sequences_each < 1) p.sequences_each = 1;
    p.parts = (int)team_groups(p.sequences, p.sequences_each);
    while (p.shared && p.channels / p.heads % p.form.width) p.form.width /= 2; /* no vector in two heads' channels */
    if (p.shared) p.form.tail = false;
    p.heads_held = p.heads >= 16 ? 16 : p.heads >= 8 ? 8 : 4;
    snprintf(p.more, sizeof p.more, " -DSHARED_QUERY=%d -DHEADS_HELD=%d", p.shared, p.heads_held);
    return p;
}

/* ---- shapes ----------------------------------------------------------------------------------------------------- */

static int options_wanted(const node *n, attention_options o)
{
    if (o.heads < 1 || o.d_k < 1 || o.heads > INT32_MAX / o.d_k)
        return node_refuse(n, QUERY, "for %d heads of %d, wanted at least one of each", o.heads, o.d_k);
    if (o.shared_query && tensor_channels(n->in[X]) % o.heads)
        return node_refuse(n, X, "has channels that %d heads cannot share equally", o.heads);
    if (!dropout_legal(o.dropout))
        return node_refuse(n, X, "dropped with probability %g, wanted 0 <= p < 1", (double)o.dropout);
    return OK;
}

static int inputs_wanted(const node *n, attention_options o)
{
    int rc = OK;
    const int sequences = sequence_count(n, OFFSETS), channels = tensor_channels(n->in[X]);
    TRY(matrix_wanted(n, X, "frames x channels"));
    TRY(offsets_wanted(n, OFFSETS));
    TRY(options_wanted(n, o));
    const int width = o.heads * o.d_k;
    if (o.shared_query)
        TRY(input_wanted(n, QUERY, ELEMENT_FLOAT, SHAPE(o.heads, o.d_k), "a query a head"));
    else
        TRY(input_wanted(n, QUERY, ELEMENT_FLOAT, SHAPE(sequences, width), "a query a sequence and head"));
    TRY(input_wanted(n, KEY_WEIGHT, ELEMENT_FLOAT, SHAPE(width, channels), "keys of all heads x channels"));
    TRY(input_wanted(n, KEY_BIAS, ELEMENT_FLOAT, SHAPE(width), "keys of all heads"));
done:
    return rc;
}

enum { SAVED_PUSHED, SAVED_SOFTMAX };                               /* saved when training, else work */
enum { BACK_SCORES, BACK_PUSHED, BACK_PUSHED_TOTAL, BACK_DROPPED }; /* work_back */

static int attention_buffers(node *n, const plan *p)
{
    int rc = OK;
    const shape pushed = SHAPE(p->queries, p->heads, p->channels), dates = SHAPE(p->frames, p->heads);
    int (*kept)(node *, enum element, shape) = n->training ? node_save : node_work;
    TRY(kept(n, ELEMENT_FLOAT, pushed));
    TRY(kept(n, ELEMENT_FLOAT, dates));
    if (p->dropout > 0) TRY(node_work(n, ELEMENT_FLOAT, dates));
    TRY(node_work_back(n, ELEMENT_FLOAT, dates));
    TRY(node_work_back(n, ELEMENT_FLOAT, SHAPE(p->parts, p->heads, p->channels)));
    TRY(node_work_back(n, ELEMENT_FLOAT, p->shared ? pushed : SHAPE(1)));
    if (p->dropout > 0) TRY(node_work_back(n, ELEMENT_FLOAT, dates));
done:
    return rc;
}

static int attention_shape(node *n)
{
    int rc = OK;
    const attention_attributes *a = n->attributes;
    TRY(inputs_wanted(n, a->options));
    const plan p = plan_of(n, node_device(n));
    for (int i = X; i <= KEY_WEIGHT; i++) node_keep_input(n, i);
    TRY(node_output(n, ELEMENT_FLOAT, SHAPE(p.sequences, p.shared ? p.channels : p.heads * p.channels)));
    if (a->map) TRY(node_output(n, ELEMENT_FLOAT, SHAPE(p.frames, p.heads)));
    TRY(attention_buffers(n, &p));
done:
    return rc;
}

/* ---- forward ---------------------------------------------------------------------------------------------------- */

static cost products(const plan *p, double multiplications, double floats)
{
    return (cost){2 * multiplications, 4 * (floats + (double)p->heads * p->d_k * p->channels)};
}

static int push_queries(node *n, const run *r, const plan *p, buffer *pushed)
{
    int rc = OK;
    kernel *k = NULL;
    const double rows = (double)p->queries * p->heads;
    TRY(team_kernel(r->device, p->form, "attention", p->more, "push_queries", &k));
    TRY(LAUNCH(k, team_groups(p->queries, EACH), (size_t)p->heads,
               team_groups(p->channels, p->form.width * p->form.lanes), (size_t)p->form.lanes,
               products(p, rows * p->d_k * p->channels, rows * p->channels), arg_buffer(n->in[QUERY]->data),
               arg_buffer(n->in[KEY_WEIGHT]->data), arg_buffer(pushed), arg_int(p->queries), arg_int(p->d_k),
               arg_int(p->channels), arg_float(p->scale)));
done:
    return rc;
}

static int attention_forward(node *n, const run *r)
{
    int rc = OK;
    kernel *k = NULL;
    const plan p = plan_of(n, r->device);
    tensor *const *kept = n->training ? n->saved : n->work;
    const bool drops = p.dropout > 0;
    const random_key key = dropout_key(r->seed, r->step, n->index);
    const double values = (double)p.frames * p.channels;
    TRY(push_queries(n, r, &p, kept[SAVED_PUSHED]->data));
    TRY(team_kernel(r->device, p.form, "attention", p.more, "attend", &k));
    TRY(LAUNCH(k, (size_t)p.sequences, 1, 1, (size_t)p.form.lanes, products(&p, 2 * values * p.heads, values),
               arg_buffer(n->in[X]->data), arg_buffer(n->in[OFFSETS]->data), arg_buffer(kept[SAVED_PUSHED]->data),
               arg_buffer(kept[SAVED_SOFTMAX]->data), arg_buffer(drops ? n->work[0]->data : NULL),
               arg_buffer(n->out[0]->data), arg_buffer(n->outputs > 1 ? n->out[1]->data : NULL), arg_int(p.channels),
               arg_int(p.heads), arg_uint(key.word[0]), arg_uint(key.word[1]), arg_uint(dropout_limit(p.dropout)),
               arg_float(1 / (1 - p.dropout))));
done:
    return rc;
}

/* ---- backward --------------------------------------------------------------------------------------------------- */

static int scores_backward(node *n, const run *r, const plan *p)
{
    int rc = OK;
    kernel *k = NULL;
    const bool drops = p->dropout > 0;
    const random_key key = dropout_key(r->seed, r->step, n->index);
    const double values = (double)p->frames * p->channels;
    TRY(team_kernel(r->device, p->form, "attention", p->more, "attend_backward", &k));
    TRY(LAUNCH(k, (size_t)p->sequences, 1, 1, (size_t)p->form.lanes, products(p, 3 * values * p->heads, 2 * values),
               arg_buffer(n->in[X]->data), arg_buffer(n->in[OFFSETS]->data), arg_buffer(n->saved[SAVED_PUSHED]->data),
               arg_buffer(n->saved[SAVED_SOFTMAX]->data), arg_buffer(n->out[0]->gradient),
               arg_buffer(n->outputs > 1 ? n->out[1]->gradient : NULL),
               arg_buffer(n->in[X]->wants_gradient ? n->in[X]->gradient : NULL),
               arg_buffer(n->work_back[BACK_SCORES]->data), arg_buffer(drops ? n->work_back[BACK_DROPPED]->data : NULL),
               arg_int(p->channels), arg_int(p->heads), arg_uint(key.word[0]), arg_uint(key.word[1]),
               arg_uint(dropout_limit(p->dropout)), arg_float(1 / (1 - p->dropout)), arg_int(n->accumulate[X])));
done:
    return rc;
}

/* *du: the gradient of the pushed queries [queries x heads x channels] */
static int pushed_backward(node *n, const run *r, const plan *p, buffer **du)
{
    int rc = OK;
    kernel *k = NULL;
    buffer *part = n->work_back[BACK_PUSHED]->data, *total = n->work_back[BACK_PUSHED_TOTAL]->data;
    const double values = (double)p->frames * p->channels;
    const int count = p->heads * p->channels;
    TRY(team_kernel(r->device, p->form, "attention", p->more, "sum_queries", &k));
    TRY(LAUNCH(k, (size_t)p->parts, team_groups(p->heads, p->heads_held),
               team_groups(p->channels, p->form.width * p->form.lanes), (size_t)p->form.lanes,
               products(p, values * p->heads, values), arg_buffer(n->in[X]->data), arg_buffer(n->in[OFFSETS]->data),
               arg_buffer(n->work_back[BACK_SCORES]->data), arg_buffer(part), arg_int(p->sequences),
               arg_int(p->channels), arg_int(p->heads), arg_int(p->sequences_each)));
    if (p->shared) TRY(sum_parts(r->device, part, p->parts, count, 0, count, total, false));
    *du = p->shared ? total : part;
done:
    return rc;
}

static int query_backward(node *n, const run *r, const plan *p, buffer *du)
{
    int rc = OK;
    kernel *k = NULL;
    const double rows = (double)p->queries * p->heads;
    TRY(team_kernel(r->device, p->form, "attention", p->more, "query_gradient", &k));
    TRY(LAUNCH(k, team_groups(p->queries, EACH), (size_t)p->heads, 1, (size_t)p->form.lanes,
               products(p, rows * p->d_k * p->channels, rows * p->channels), arg_buffer(du),
               arg_buffer(n->in[KEY_WEIGHT]->data), arg_buffer(n->in[QUERY]->gradient), arg_int(p->queries),
               arg_int(p->d_k), arg_int(p->channels), arg_float(p->scale), arg_int(n->accumulate[QUERY])));
done:
    return rc;
}

static int key_weight_backward(node *n, const run *r, const plan *p, buffer *du)
{
    int rc = OK;
    kernel *k = NULL;
    const double rows = (double)p->queries * p->heads;
    TRY(team_kernel(r->device, p->form, "attention", p->more, "key_gradient", &k));
    TRY(LAUNCH(k, (size_t)p->heads, team_groups(p->d_k, EACH), team_groups(p->channels, p->form.width * p->form.lanes),
               (size_t)p->form.lanes, products(p, rows * p->d_k * p->channels, rows * p->channels),
               arg_buffer(n->in[QUERY]->data), arg_buffer(du), arg_buffer(n->in[KEY_WEIGHT]->gradient),
               arg_int(p->queries), arg_int(p->d_k), arg_int(p->channels), arg_float(p->scale),
               arg_int(n->accumulate[KEY_WEIGHT])));
done:
    return rc;
}

static int attention_backward(node *n, const run *r)
{
    int rc = OK;
    buffer *du = NULL;
    const plan p = plan_of(n, r->device);
    const tensor *bias = n->in[KEY_BIAS];
    TRY(scores_backward(n, r, &p));
    if (n->in[QUERY]->wants_gradient || n->in[KEY_WEIGHT]->wants_gradient) TRY(pushed_backward(n, r, &p, &du));
    if (n->in[QUERY]->wants_gradient) TRY(query_backward(n, r, &p, du));
    if (n->in[KEY_WEIGHT]->wants_gradient) TRY(key_weight_backward(n, r, &p, du));
    if (bias && bias->wants_gradient && !n->accumulate[KEY_BIAS])
        TRY(buffer_fill(bias->gradient, 0, 0, tensor_count(bias) * sizeof(float)));
done:
    return rc;
}

static const op_def attention_def = {"attention", attention_shape, attention_forward, attention_backward, NULL};

tensor *attention(net *n, tensor *x, tensor *offsets, tensor *query, tensor *key_weight, tensor *key_bias,
                  attention_options options, tensor **map)
{
    const attention_attributes attributes = {options, map != NULL};
    tensor *const in[INPUTS] = {x, offsets, query, key_weight, key_bias};
    node *recorded = net_record(n, &attention_def, in, INPUTS, KEY_WEIGHT + 1, &attributes, sizeof attributes);
    if (map) *map = recorded ? recorded->out[1] : NULL;
    return recorded ? recorded->out[0] : NULL;
}
