#include "layer/unet.h"

#include <string.h>

#include "op/image.h"

tensor *unet_encode(net *n, tensor *x, const int_list *widths, const conv_settings *first, const conv_settings *s,
                    tensor **skip)
{
    if (!x) return NULL;
    const int chain[] = {tensor_channels(x), widths->value[0], widths->value[0]};
    x = conv_layer(n, "in_conv.conv", x, chain, 3, first, true);
    for (int i = 0; i + 1 < widths->count; i++) {
        skip[i] = x;
        x = down_block(n, scope(n, "down_blocks.%d", i), x, widths->value[i + 1], s);
    }
    return materialise(n, x);
}

static void chain_of(int inputs, const int_list *widths, int chain[INT_LIST_MAX + 1])
{
    chain[0] = inputs;
    memcpy(chain + 1, widths->value, (size_t)widths->count * sizeof(int));
}

tensor *unet_classify(net *n, tensor *x, const int_list *widths, const conv_settings *s)
{
    int chain[INT_LIST_MAX + 1];
    if (!x) return NULL;
    chain_of(tensor_channels(x), widths, chain);
    return materialise(n, conv_layer(n, "out_conv.conv", x, chain, widths->count + 1, s, false));
}

void unet_classify_parameters(net *n, int inputs, const int_list *widths, const conv_settings *s)
{
    int chain[INT_LIST_MAX + 1];
    chain_of(inputs, widths, chain);
    conv_layer_parameters(n, "out_conv.conv", chain, widths->count + 1, s);
}
