/* conv_transpose2d in plain C, and cases for strides below, at and above the kernel, and norms before and after. */
#include "op/checks.h"
#include "op/conv_reference.h"

static int out_size(int size, const conv_options *o)
{
    return (size - 1) * o->stride - 2 * o->padding + o->kernel;
}

/* One pixel of x through one tap: y[o] += sum over inputs of weight[i, o, tap] x[i]. */
static void tap_products(const conv_case *k, const double *x, const double *weight, double *y)
{
    const int area = k->options.kernel * k->options.kernel;
    for (int i = 0; i < k->inputs; i++)
        for (int o = 0; o < k->outputs; o++) y[o] += weight[(i * k->outputs + o) * area] * x[i];
}

/* Every pixel of x is spread over the outputs that its taps reach. */
static void products(const conv_case *k, const double *x, const double *weight, double *y)
{
    const conv_options *o = &k->options;
    const int height = out_size(k->height, o), width = out_size(k->width, o);
    for (int f = 0; f < k->frames; f++)
        for (int row = 0; row < k->height; row++)
            for (int column = 0; column < k->width; column++)
                for (int tap = 0; tap < o->kernel * o->kernel; tap++) {
                    const int u = row * o->stride + tap / o->kernel - o->padding;
                    const int v = column * o->stride + tap % o->kernel - o->padding;
                    if (u < 0 || v < 0 || u >= height || v >= width) continue;
                    tap_products(k, x + ((f * k->height + row) * k->width + column) * k->inputs, weight + tap,
                                 y + ((f * height + u) * width + v) * k->outputs);
                }
}

static void reference(const op_check *c, bool training, double *const *in, double *const *out)
{
    const conv_case *k = c->user;
    (void)training;
    conv_case_reference(c, in, out[0], out_size(k->height, &k->options) * out_size(k->width, &k->options), products);
}

static int build(const op_check *c, net *n, tensor *const *in, tensor **out)
{
    return conv_case_build(c, n, in, out, conv_transpose2d);
}

/* F frames of H x W pixels, K channels to N; kernel, stride, padding; then fields of conv_case. */
#define CASE(title, weight_kind, given, F, H, W, K, N, k, s, p, ...)                                                   \
    {                                                                                                                  \
        .name = "conv_transpose2d " title, .inputs = (given), .build = build, .outputs = 1, .reference = reference,    \
        .user =                                                                                                        \
            &(const conv_case){(F), (H), (W), (K), (N), {(k), (s), (p), PADDING_ZEROS, false, false}, __VA_ARGS__},    \
        .input = (const check_input[]){{"x", CHECK_INPUT, {4, {(F), (H), (W), (K)}}, NULL},                            \
                                       {"weight", weight_kind, {4, {(K), (N), (k), (k)}}, NULL},                       \
                                       {"bias", CHECK_PARAMETER, {1, {(N)}}, NULL}},                                   \
    }

static const op_check cases[] = {
    CASE("4x4 stride 2, norms around it", CHECK_PARAMETER, 3, 2, 3, 4, 20, 18, 4, 2, 1, true, true),
    CASE("4x4 stride 2 without a bias", CHECK_PARAMETER, 2, 1, 3, 2, 5, 4, 4, 2, 1, false, false),
    CASE("3x3 stride 1", CHECK_PARAMETER, 3, 2, 3, 4, 4, 6, 3, 1, 1, false, false),
    CASE("2x2 stride 3, outputs that no tap reaches", CHECK_PARAMETER, 3, 1, 3, 4, 3, 2, 2, 3, 0, false, true),
    CASE("5x5 stride 3 padding 2", CHECK_PARAMETER, 3, 1, 3, 4, 3, 2, 5, 3, 2, true, false),
    CASE("3x3 stride 2, the weight is frozen", CHECK_CONSTANT, 3, 1, 4, 3, 3, 2, 3, 2, 1, false, false),
    CASE("4x4 stride 2 16 -> 32 on 8x4, all forms", CHECK_PARAMETER, 3, 2, 8, 4, 16, 32, 4, 2, 1, true, true),
};

const op_check *conv_transpose2d_checks(int *count)
{
    *count = (int)(sizeof cases / sizeof *cases);
    return cases;
}
