/* What operations ask of inputs that may carry a norm which is not yet applied (image.h). */
#include "base/error.h"
#include "op/image.h"

int settled_wanted(const node *n, int i)
{
    if (n->in[i] == NULL || n->in[i]->pending == NULL) return OK;
    return node_refuse(n, i, "carries a norm that is not yet applied: materialise() it first");
}

float relu_slope(enum relu relu)
{
    static const float slopes[] = {[NO_RELU] = 1, [RELU] = 0, [LEAKY_RELU] = 0.01f};
    return slopes[relu];
}

const char *pending_options(const tensor *x)
{
    static const char *const options[] = {[NO_RELU] = " -DPENDING=1 -DPENDING_RELU=0",
                                          [RELU] = " -DPENDING=1 -DPENDING_RELU=1",
                                          [LEAKY_RELU] = " -DPENDING=1 -DPENDING_RELU=2"};
    return x->pending == NULL ? " -DPENDING=0 -DPENDING_RELU=0" : options[x->pending->relu];
}

buffer *pending_scale_shift(const tensor *x)
{
    return x->pending == NULL ? NULL : x->pending->scale_shift->data;
}

int pending_stride(const tensor *x)
{
    return x->pending != NULL && x->pending->per_frame ? 2 * tensor_channels(x) : 0;
}
