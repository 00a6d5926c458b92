#include "model/paps_layers.h"

#include "layer/mlp.h"

enum { MASK_WIDTH = 16 /* channels of mask_cnn, published */ };

/* A linear layer, and batch norm with ReLU behind it. */
typedef struct stage {
    int at; /* in the published Sequential */
    int outputs;
    bool normed;
} stage;

/* Batch statistics need two rows: a single centre is normed by the running ones. */
static tensor *stage_apply(net *n, tensor *x, tensor *weight, tensor *bias, const norm_parameters *norm)
{
    if (!x) return NULL;
    if (!norm) return linear(n, x, weight, bias);
    if (net_training(n) && tensor_rows(x) == 1) return batch_norm_frozen(n, linear(n, x, weight, bias), *norm, true);
    return linear_norm(n, x, weight, bias, *norm, true);
}

/* x [rows x inputs] through the stages; x NULL: makes their parameters alone. */
static tensor *chain(net *n, const char *prefix, tensor *x, int inputs, const stage *stages, int count)
{
    for (int i = 0; i < count; i++) {
        const stage *l = &stages[i];
        const char *key = scope(n, "%s.%d", prefix, l->at);
        tensor *weight = linear_weight(n, key, l->outputs, inputs), *bias = linear_bias(n, key, l->outputs);
        norm_parameters norm;
        if (l->normed) norm = batch_norm_parameters(n, scope(n, "%s.%d", prefix, l->at + 1), l->outputs);
        x = stage_apply(n, x, weight, bias, l->normed ? &norm : NULL);
        inputs = l->outputs;
    }
    return x;
}

tensor *paps_size_mlp(net *n, tensor *x, int stack)
{
    const stage stages[] = {{0, stack / 2, true}, {3, stack / 4, true}, {6, 2, false}};
    return chain(n, "size_mlp", x, stack, stages, 3);
}

tensor *paps_class_mlp(net *n, tensor *x, int stack, int classes)
{
    /* without norm or ReLU behind its second layer, as published */
    const stage stages[] = {{0, stack / 2, true}, {3, stack / 4, false}, {4, classes, false}};
    return chain(n, "class_mlp", x, stack, stages, 3);
}

tensor *paps_shape_mlp(net *n, tensor *x, int stack, int side)
{
    const stage stages[] = {{0, stack / 2, true}, {3, side * side, false}};
    return chain(n, "shape_mlp", x, stack, stages, 2);
}

static tensor *mask_parameter(net *n, const char *key, shape s, enum initial initial)
{
    return net_parameter(n, key, s, PARAMETER_TRAINED, initial, 1);
}

mask_network paps_mask_parameters(net *n)
{
    const shape c = SHAPE(MASK_WIDTH);
    return (mask_network){
        .weight1 = mask_parameter(n, "mask_cnn.0.weight", SHAPE(MASK_WIDTH, 1, 3, 3), INITIAL_XAVIER_NORMAL),
        .bias1 = mask_parameter(n, "mask_cnn.0.bias", c, INITIAL_NORMAL),
        .norm_weight = mask_parameter(n, "mask_cnn.1.weight", c, INITIAL_ONE),
        .norm_bias = mask_parameter(n, "mask_cnn.1.bias", c, INITIAL_ZERO),
        .weight2 = mask_parameter(n, "mask_cnn.3.weight", SHAPE(MASK_WIDTH, MASK_WIDTH, 3, 3), INITIAL_XAVIER_NORMAL),
        .bias2 = mask_parameter(n, "mask_cnn.3.bias", c, INITIAL_NORMAL),
        .weight3 = mask_parameter(n, "mask_cnn.5.weight", SHAPE(1, MASK_WIDTH, 3, 3), INITIAL_XAVIER_NORMAL),
        .bias3 = mask_parameter(n, "mask_cnn.5.bias", SHAPE(1), INITIAL_NORMAL),
    };
}

void paps_parameters(net *n, const paps_config *c, int stack)
{
    paps_size_mlp(n, NULL, stack);
    paps_class_mlp(n, NULL, stack, c->num_classes);
    paps_shape_mlp(n, NULL, stack, c->shape_size);
    if (c->mask_conv) paps_mask_parameters(n);
    net_parameter(n, PAPS_MIN_CONFIDENCE, SHAPE(1), PARAMETER_STATISTIC, INITIAL_VALUE, c->min_confidence);
}
