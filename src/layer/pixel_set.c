#include "layer/pixel_set.h"

#include <string.h>

#include "base/error.h"
#include "layer/mlp.h"

int pooling_parse(const char *text, const char *where, pooling_list *out)
{
    static const char *const names[] = {"mean", "std", "max", "min"};
    *out = (pooling_list){0};
    for (const char *at = text;; at++) {
        size_t length = strcspn(at, "_");
        int found = -1;
        for (int i = 0; i < 4; i++)
            if (strlen(names[i]) == length && !strncmp(names[i], at, length)) found = i;
        for (int i = 0; i < out->count && found >= 0; i++)
            if ((int)out->kind[i] == found) found = -1;
        if (found < 0)
            return fail(USAGE, "%s.pooling is \"%s\", wanted mean, std, max, min, each at most once, joined by _",
                        where, text);
        out->kind[out->count++] = (enum pooling)found;
        at += length;
        if (!*at) return OK;
    }
}

/* MLP1's layers: PREFIX.mlp1.I.lin and PREFIX.mlp1.I.bn */
static void pixel_layers(net *n, const char *prefix, const int_list *widths, pixel_layer *layers)
{
    for (int i = 0; i + 1 < widths->count; i++) {
        const char *lin = scope(n, "%s.mlp1.%d.lin", prefix, i);
        int outputs = widths->value[i + 1];
        layers[i].weight = linear_weight(n, lin, outputs, widths->value[i]);
        layers[i].bias = linear_bias(n, lin, outputs);
        layers[i].norm = batch_norm_parameters(n, scope(n, "%s.mlp1.%d.bn", prefix, i), outputs);
    }
}

/* The same from general operations: for widths and poolings that the one-kernel form does not know. */
static tensor *composed(net *n, tensor *x, tensor *mask, tensor *extra, const pixel_layer *layers, int count,
                        pooling_list pools)
{
    int frames = x->shape.size[0], pixels = x->shape.size[1];
    tensor *h = reshape(n, x, SHAPE(frames * pixels, x->shape.size[2]));
    for (int i = 0; i < count; i++) h = linear_norm(n, h, layers[i].weight, layers[i].bias, layers[i].norm, true);
    if (!h) return NULL;
    tensor *pooled = set_pool(n, reshape(n, h, SHAPE(frames, pixels, tensor_channels(h))), mask, pools);
    return extra ? concat(n, pooled, extra) : pooled;
}

tensor *pixel_set(net *n, const char *prefix, tensor *x, tensor *mask, tensor *extra, const pixel_set_config *c)
{
    pixel_layer layers[INT_LIST_MAX] = {0};
    int count = c->mlp1.count - 1, extras = extra ? tensor_channels(extra) : 0;
    if (!x || !mask) return NULL;
    pixel_layers(n, prefix, &c->mlp1, layers);
    bool fused = count <= PIXEL_LAYERS_MAX && pixel_set_encoder_legal(net_device(n), net_training(n), x->shape.size[1],
                                                                      c->mlp1.value, count, c->pools, extras);
    tensor *pooled = fused ? pixel_set_encoder(n, x, mask, extra, layers, count, c->pools)
                           : composed(n, x, mask, extra, layers, count, c->pools);
    return mlp(n, scope(n, "%s.mlp2", prefix), pooled, &c->mlp2, false);
}
