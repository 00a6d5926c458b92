/* Reference and cases of pixel_set_encoder. Where a case has no one-kernel form in training, it is composed of
 * linear_norm and set_pool there, as the layer does. */
#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"
#include "net/check.h"
#include "op/checks.h"
#include "op/pixel_set.h"
#include "op/pool_reference.h"

typedef struct sizes {
    int pixels; /* first: check_fill_mask reads it */
    int frames, layers, extra;
    int widths[PIXEL_LAYERS_MAX + 1];
    pooling_list pools;
} sizes;

/* ---- building --------------------------------------------------------------------------------------------------- */

static tensor *composed(net *n, const sizes *s, tensor *x, tensor *mask, tensor *extra, const pixel_layer *layers)
{
    tensor *h = reshape(n, x, SHAPE(s->frames * s->pixels, s->widths[0]));
    for (int i = 0; i < s->layers; i++) h = linear_norm(n, h, layers[i].weight, layers[i].bias, layers[i].norm, true);
    h = set_pool(n, reshape(n, h, SHAPE(s->frames, s->pixels, s->widths[s->layers])), mask, s->pools);
    return extra ? concat(n, h, extra) : h;
}

static int build(const op_check *c, net *n, tensor *const *in, tensor **out)
{
    const sizes *s = c->user;
    pixel_layer layers[PIXEL_LAYERS_MAX];
    tensor *extra = s->extra ? in[PIXEL_LAYER + s->layers * LAYER_INPUTS] : NULL;
    for (int i = 0; i < s->layers; i++) {
        tensor *const *t = in + PIXEL_LAYER + i * LAYER_INPUTS;
        layers[i] = (pixel_layer){t[LAYER_WEIGHT],
                                  t[LAYER_BIAS],
                                  {t[LAYER_NORM_WEIGHT], t[LAYER_NORM_BIAS], t[LAYER_MEAN], t[LAYER_VARIANCE]}};
    }
    const bool legal =
        pixel_set_encoder_legal(net_device(n), net_training(n), s->pixels, s->widths, s->layers, s->pools, s->extra);
    if (!legal && !net_training(n)) return fail(FAILED, "%s: no form for evaluating", c->name);
    out[0] = legal ? pixel_set_encoder(n, in[PIXEL_X], in[PIXEL_MASK], extra, layers, s->layers, s->pools)
                   : composed(n, s, in[PIXEL_X], in[PIXEL_MASK], extra, layers);
    return OK;
}

/* ---- reference -------------------------------------------------------------------------------------------------- */

/* y [rows x outputs] = x W^T + b */
static void product(const double *x, size_t rows, int inputs, int outputs, const double *weight, const double *bias,
                    double *y)
{
    for (size_t r = 0; r < rows; r++)
        for (int o = 0; o < outputs; o++) {
            double sum = bias[o];
            for (int i = 0; i < inputs; i++) sum += x[r * (size_t)inputs + (size_t)i] * weight[o * inputs + i];
            y[r * (size_t)outputs + (size_t)o] = sum;
        }
}

/* Channel c of y [rows x channels], in place: batch norm and ReLU. Training moves the running statistics. */
static void norm_relu(double *y, size_t rows, size_t channels, size_t c, bool training, double *const *t)
{
    double mean = t[LAYER_MEAN][c], variance = t[LAYER_VARIANCE][c];
    if (training) {
        mean = variance = 0;
        for (size_t r = 0; r < rows; r++) mean += y[r * channels + c] / (double)rows;
        for (size_t r = 0; r < rows; r++) {
            const double distance = y[r * channels + c] - mean;
            variance += distance * distance / (double)rows;
        }
        t[LAYER_MEAN][c] += 0.1 * (mean - t[LAYER_MEAN][c]);
        t[LAYER_VARIANCE][c] += 0.1 * (variance * (double)rows / (double)(rows - 1) - t[LAYER_VARIANCE][c]);
    }
    for (size_t r = 0; r < rows; r++) {
        double *at = y + r * channels + c;
        const double v = (*at - mean) / sqrt(variance + 1e-5) * t[LAYER_NORM_WEIGHT][c] + t[LAYER_NORM_BIAS][c];
        *at = v > 0 ? v : 0;
    }
}

static void reference(const op_check *c, bool training, double *const *in, double *const *out)
{
    const sizes *s = c->user;
    const size_t rows = (size_t)s->frames * (size_t)s->pixels;
    const int last = s->widths[s->layers], width = s->pools.count * last + s->extra;
    double *h[PIXEL_LAYERS_MAX + 1] = {in[PIXEL_X]};
    for (int i = 0; i < s->layers; i++) {
        double *const *t = in + PIXEL_LAYER + i * LAYER_INPUTS;
        const size_t outputs = (size_t)s->widths[i + 1];
        h[i + 1] = memory_new(rows * outputs, sizeof(double));
        if (!h[i + 1]) panic("%s: %s", c->name, error_message());
        product(h[i], rows, s->widths[i], s->widths[i + 1], t[LAYER_WEIGHT], t[LAYER_BIAS], h[i + 1]);
        for (size_t o = 0; o < outputs; o++) norm_relu(h[i + 1], rows, outputs, o, training, t);
    }
    for (int f = 0; f < s->frames; f++) {
        pool_reference(h[s->layers] + (size_t)f * (size_t)s->pixels * (size_t)last, in[PIXEL_MASK] + f * s->pixels,
                       s->pixels, last, s->pools, out[0] + f * width);
        for (int e = 0; e < s->extra; e++)
            out[0][f * width + width - s->extra + e] = in[PIXEL_LAYER + s->layers * LAYER_INPUTS][f * s->extra + e];
    }
    for (int i = 1; i <= s->layers; i++) free(h[i]);
}

/* ---- cases ------------------------------------------------------------------------------------------------------ */

/* Values far from 0, as of bands that were not normalised. */
static void fill_far(const void *user, size_t count, uint64_t stream, double *values)
{
    check_fill_positive(user, count, stream, values);
    for (size_t i = 0; i < count; i++) values[i] = 30 + 2 * values[i];
}

#define LAYER(i, inputs, outputs)                                                                                      \
    {"weight " #i, CHECK_PARAMETER, {2, {outputs, inputs}}, NULL},                                                     \
        {"bias " #i, CHECK_PARAMETER, {1, {outputs}}, NULL},                                                           \
        {"norm weight " #i, CHECK_PARAMETER, {1, {outputs}}, NULL},                                                    \
        {"norm bias " #i, CHECK_PARAMETER, {1, {outputs}}, NULL},                                                      \
        {"running mean " #i, CHECK_STATISTIC, {1, {outputs}}, NULL},                                                   \
    {                                                                                                                  \
        "running variance " #i, CHECK_STATISTIC, {1, {outputs}}, check_fill_positive                                   \
    }
#define PIXELS(frames, pixels, channels, x_fill, mask_fill)                                                            \
    {"x", CHECK_CONSTANT, {3, {frames, pixels, channels}}, x_fill},                                                    \
    {                                                                                                                  \
        "mask", CHECK_CONSTANT, {2, {frames, pixels}}, mask_fill                                                       \
    }
#define EXTRA(frames, extra)                                                                                           \
    {                                                                                                                  \
        "extra", CHECK_CONSTANT, {2, {frames, extra}}, NULL                                                            \
    }

/* The published widths; a tail in every size; several blocks of pixels; each number of layers; each order of pooling.
 */
static const sizes published = {64, 2, 2, 4, {10, 32, 64}, {2, {POOL_MEAN, POOL_STD}}};
static const check_input published_inputs[] = {PIXELS(2, 64, 10, NULL, check_fill_mask), LAYER(1, 10, 32),
                                               LAYER(2, 32, 64), EXTRA(2, 4)};
static const sizes odd = {13, 5, 2, 3, {5, 19, 33}, {2, {POOL_STD, POOL_MEAN}}};
static const check_input odd_inputs[] = {PIXELS(5, 13, 5, fill_far, check_fill_mask), LAYER(1, 5, 19), LAYER(2, 19, 33),
                                         EXTRA(5, 3)};
static const sizes blocks = {70, 2, 2, 0, {3, 8, 6}, {1, {POOL_STD}}};
static const check_input blocks_inputs[] = {PIXELS(2, 70, 3, NULL, check_fill_positive), LAYER(1, 3, 8),
                                            LAYER(2, 8, 6)};
static const sizes mean_only = {3, 70, 2, 1, {14, 5, 18}, {1, {POOL_MEAN}}};
static const check_input mean_only_inputs[] = {PIXELS(70, 3, 14, NULL, check_fill_mask), LAYER(1, 14, 5),
                                               LAYER(2, 5, 18), EXTRA(70, 1)};
static const sizes one_layer = {11, 3, 1, 2, {4, 21}, {4, {POOL_MIN, POOL_STD, POOL_MEAN, POOL_MAX}}};
static const check_input one_layer_inputs[] = {PIXELS(3, 11, 4, NULL, check_fill_mask), LAYER(1, 4, 21), EXTRA(3, 2)};
static const sizes three_layers = {9, 4, 3, 0, {3, 17, 5, 12}, {2, {POOL_MAX, POOL_MEAN}}};
static const check_input three_layers_inputs[] = {PIXELS(4, 9, 3, NULL, check_fill_mask), LAYER(1, 3, 17),
                                                  LAYER(2, 17, 5), LAYER(3, 5, 12)};
static const sizes four_layers = {70, 2, 4, 1, {2, 6, 18, 7, 3}, {2, {POOL_MEAN, POOL_STD}}};
static const check_input four_layers_inputs[] = {PIXELS(2, 70, 2, NULL, check_fill_mask),
                                                 LAYER(1, 2, 6),
                                                 LAYER(2, 6, 18),
                                                 LAYER(3, 18, 7),
                                                 LAYER(4, 7, 3),
                                                 EXTRA(2, 1)};

#define CHECK(text, title)                                                                                             \
    {                                                                                                                  \
        .name = "pixel_set_encoder " text, .input = title##_inputs,                                                    \
        .inputs = (int)(sizeof title##_inputs / sizeof *title##_inputs), .build = build, .outputs = 1,                 \
        .reference = reference, .user = &title                                                                         \
    }

static const op_check checks[] = {
    CHECK("10-32-64 mean, std", published),     CHECK("5-19-33 std, mean, far from 0", odd),
    CHECK("3-8-6 blocks of pixels", blocks),    CHECK("14-5-18 mean, many frames", mean_only),
    CHECK("4-21 all four", one_layer),          CHECK("3-17-5-12 max, mean", three_layers),
    CHECK("2-6-18-7-3 mean, std", four_layers),
};

const op_check *pixel_set_encoder_checks(int *count)
{
    *count = (int)(sizeof checks / sizeof *checks);
    return checks;
}
