/* The first half of the pixel-set encoder (Garnot, Landrieu, Giordano and Chehata, CVPR 2020) as one operation:
 *
 *   h_0 = x [frames x S x C_0];  h_i = max(batch_norm_i(h_(i-1) W_i^T + b_i), 0) [frames x S x C_i], i = 1 .. layers
 *   y[f] = the poolings of h_layers[f] over the pixels (see set_pool, op.h) side by side, then extra[f]
 *
 * x, mask [frames x S] and extra [frames x E] take no gradient. Evaluating is one launch, here; training, for two
 * layers and poolings among mean and std, is in pixel_set_training.c. */
#include "op/pixel_set.h"

#include "base/error.h"

enum { WIDTH_MAX = 256 };

bool pixel_set_encoder_legal(device *d, bool training, int pixels, const int *widths, int layers, pooling_list pools,
                             int extra)
{
    pixel_form form;
    pixel_set p = {.layers = layers, .pools = pools, .pixels = pixels, .extra = extra};
    if (layers < 1 || layers > PIXEL_LAYERS_MAX || pools.count < 1 || pools.count > 4) return false;
    if (pixels < 1 || pixels > 1 << 20 || extra < 0) return false;
    for (int i = 0; i <= layers; i++) {
        if (widths[i] < 1 || widths[i] > WIDTH_MAX) return false;
        p.widths[i] = widths[i];
    }
    if (training && layers != 2) return false;
    for (int i = 0; i < pools.count; i++) {
        if (training && pools.kind[i] != POOL_MEAN && pools.kind[i] != POOL_STD) return false;
        for (int k = 0; k < i; k++)
            if (pools.kind[k] == pools.kind[i]) return false;
    }
    return pixel_form_of(d, training, &p, &form);
}

/* ---- shapes ----------------------------------------------------------------------------------------------------- */

static bool is_real(const tensor *t, int rank)
{
    return t->element == ELEMENT_FLOAT && t->shape.rank == rank;
}

static int inputs_check(node *n, const pixel_set *p)
{
    const tensor *x = n->in[PIXEL_X], *mask = n->in[PIXEL_MASK], *extra = n->in[pixel_extra_index(p)];
    const int frames = x->shape.size[0];
    if (!is_real(mask, 2) || mask->shape.size[0] != frames || mask->shape.size[1] != p->pixels)
        return node_refuse(n, PIXEL_MASK, "should be %d x %d reals: a weight a pixel", frames, p->pixels);
    if (extra && (!is_real(extra, 2) || extra->shape.size[0] != frames))
        return node_refuse(n, pixel_extra_index(p), "should be %d x E reals", frames);
    const int constant[3] = {PIXEL_X, PIXEL_MASK, pixel_extra_index(p)};
    for (int i = 0; i < 3; i++)
        if (n->in[constant[i]] && n->in[constant[i]]->wants_gradient)
            return node_refuse(n, constant[i], "takes no gradient in this form");
    return OK;
}

/* Layer i's (0 ..) six tensors; sets its width. */
static int layer_check(node *n, pixel_set *p, int i)
{
    const int first = PIXEL_LAYER + i * LAYER_INPUTS;
    const tensor *weight = n->in[first];
    if (!is_real(weight, 2) || weight->shape.size[1] != p->widths[i])
        return node_refuse(n, first, "should be N x %d", p->widths[i]);
    p->widths[i + 1] = weight->shape.size[0];
    for (int k = LAYER_BIAS; k < LAYER_INPUTS; k++)
        if (!is_real(n->in[first + k], 1) || n->in[first + k]->shape.size[0] != p->widths[i + 1])
            return node_refuse(n, first + k, "should be %d", p->widths[i + 1]);
    return node_needs_transposed(n, first);
}

static int pixel_set_shape(node *n)
{
    int rc = OK;
    pixel_set *p = n->attributes;
    const tensor *x = n->in[PIXEL_X], *extra = n->in[pixel_extra_index(p)];
    if (!is_real(x, 3)) return node_refuse(n, PIXEL_X, "should be frames x pixels x channels of reals");
    p->pixels = x->shape.size[1];
    p->widths[0] = x->shape.size[2];
    TRY(inputs_check(n, p));
    for (int i = 0; i < p->layers; i++) TRY(layer_check(n, p, i));
    p->extra = extra ? extra->shape.size[1] : 0;
    if (!pixel_set_encoder_legal(node_device(n), n->training, p->pixels, p->widths, p->layers, p->pools, p->extra))
        return node_refuse(n, PIXEL_X, "has no one-kernel form with these layers and poolings");
    p->width = p->pools.count * p->widths[p->layers] + p->extra;
    TRY(node_output(n, ELEMENT_FLOAT, SHAPE(x->shape.size[0], p->width)));
    if (n->training) TRY(pixel_set_training_shape(n));
done:
    return rc;
}

/* ---- evaluating ------------------------------------------------------------------------------------------------- */

static cost cost_of(const pixel_set *p, int frames)
{
    double products = 0, last = p->widths[p->layers], pixels = (double)frames * p->pixels;
    for (int i = 0; i < p->layers; i++) products += (double)p->widths[i] * p->widths[i + 1];
    return (cost){pixels * (2 * products + 8 * last), 4 * pixels * (p->widths[0] + 1) + 4.0 * frames * p->width};
}

static int evaluate(node *n, const run *r)
{
    int rc = OK;
    const pixel_set *p = n->attributes;
    const int frames = n->in[PIXEL_X]->shape.size[0], share = pixel_share(r->device, frames);
    const tensor *extra = n->in[pixel_extra_index(p)];
    pixel_form f;
    kernel *k = NULL;
    char options[PIXEL_OPTIONS_MAX];
    argument a[6 + PIXEL_LAYERS_MAX * LAYER_INPUTS] = {arg_buffer(n->in[PIXEL_X]->data),
                                                       arg_buffer(n->in[PIXEL_MASK]->data),
                                                       arg_buffer(extra ? extra->data : NULL),
                                                       arg_buffer(n->out[0]->data),
                                                       arg_int(frames),
                                                       arg_int(share)};
    int count = 6;
    for (int i = 0; i < p->layers; i++)
        for (int j = 0; j < LAYER_INPUTS; j++) {
            tensor *t = n->in[PIXEL_LAYER + i * LAYER_INPUTS + j];
            a[count++] = arg_buffer(j == LAYER_WEIGHT ? parameter_transposed(t) : t->data);
        }
    if (!pixel_form_of(r->device, false, p, &f)) panic("pixel_set_encoder: recorded though it has no form");
    pixel_options(p, &f, options);
    TRY(kernel_get(r->device, "pixel_set_encoder", options, "pixel_set_encoder", &k));
    TRY(launch(k, (const size_t[3]){pixel_groups(frames, share), 1, 1}, (const size_t[3]){(size_t)f.lanes, 1, 1},
               cost_of(p, frames), a, count));
done:
    return rc;
}

static int pixel_set_forward(node *n, const run *r)
{
    return r->training ? pixel_set_training_forward(n, r) : evaluate(n, r);
}

static const op_def pixel_set_encoder_def = {"pixel_set_encoder", pixel_set_shape, pixel_set_forward,
                                             pixel_set_training_backward, NULL};

tensor *pixel_set_encoder(net *n, tensor *x, tensor *mask, tensor *extra, const pixel_layer *layers, int count,
                          pooling_list pools)
{
    pixel_set p = {.layers = count, .pools = pools};
    tensor *in[PIXEL_LAYER + PIXEL_LAYERS_MAX * LAYER_INPUTS + 1] = {x, mask};
    if (count < 1 || count > PIXEL_LAYERS_MAX) panic("pixel_set_encoder: %d layers", count);
    int inputs = PIXEL_LAYER;
    for (int i = 0; i < count; i++) {
        const pixel_layer *l = layers + i;
        tensor *const six[LAYER_INPUTS] = {
            l->weight, l->bias, l->norm.weight, l->norm.bias, l->norm.running_mean, l->norm.running_var};
        for (int j = 0; j < LAYER_INPUTS; j++) in[inputs++] = six[j];
    }
    in[inputs] = extra;
    node *recorded = net_record(n, &pixel_set_encoder_def, in, inputs + 1, inputs, &p, sizeof p);
    return recorded ? recorded->out[0] : NULL;
}
