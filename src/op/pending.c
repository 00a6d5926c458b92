/* What operations ask of inputs that may carry a norm which is not yet applied (image.h). */
#include "base/error.h"
#include "op/image.h"

int settled_wanted(const node *n, int i)
{
    if (n->in[i] == NULL || n->in[i]->pending == NULL) return OK;
    return node_refuse(n, i, "carries a norm that is not yet applied: materialise() it first");
}

const char *pending_options(const tensor *x)
{
    if (x->pending == NULL) return " -DPENDING=0 -DPENDING_RELU=0";
    return x->pending->relu ? " -DPENDING=1 -DPENDING_RELU=1" : " -DPENDING=1 -DPENDING_RELU=0";
}

buffer *pending_scale_shift(const tensor *x)
{
    return x->pending == NULL ? NULL : x->pending->scale_shift->data;
}

int pending_stride(const tensor *x)
{
    return x->pending != NULL && x->pending->per_frame ? 2 * tensor_channels(x) : 0;
}
