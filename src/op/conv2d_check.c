/* conv2d in plain C, and cases for each way through its kernels: tails, strides, both paddings, norms before and after. */
#include "op/checks.h"
#include "op/conv_reference.h"

static int out_size(int size, const conv_options *o)
{
    return (size + 2 * o->padding - o->kernel) / o->stride + 1;
}

/* Where place i of the padded line comes from; -1: from a zero. */
static int source(int i, int size, enum padding_mode mode)
{
    if (mode == PADDING_ZEROS) return i < 0 || i >= size ? -1 : i;
    i = i < 0 ? -i : i;
    return i >= size ? 2 * size - 2 - i : i;
}

/* One tap at one output pixel: y[o] += sum over inputs of weight[o, i, tap] x[i]. */
static void tap_products(const conv_case *k, const double *x, const double *weight, double *y)
{
    const int area = k->options.kernel * k->options.kernel;
    for (int o = 0; o < k->outputs; o++)
        for (int i = 0; i < k->inputs; i++) y[o] += weight[(o * k->inputs + i) * area] * x[i];
}

static void products(const conv_case *k, const double *x, const double *weight, double *y)
{
    const conv_options *o = &k->options;
    const int height = out_size(k->height, o), width = out_size(k->width, o);
    for (int f = 0; f < k->frames; f++)
        for (int row = 0; row < height; row++)
            for (int column = 0; column < width; column++)
                for (int tap = 0; tap < o->kernel * o->kernel; tap++) {
                    const int u = source(row * o->stride + tap / o->kernel - o->padding, k->height, o->mode);
                    const int v = source(column * o->stride + tap % o->kernel - o->padding, k->width, o->mode);
                    if (u < 0 || v < 0) continue;
                    tap_products(k, x + ((f * k->height + u) * k->width + v) * k->inputs, weight + tap,
                                 y + ((f * height + row) * width + column) * k->outputs);
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
    return conv_case_build(c, n, in, out, conv2d);
}

/* F frames of H x W pixels, K channels to N; kernel, stride, padding, mode; then fields of conv_case. */
#define CASE(title, kinds, given, F, H, W, K, N, k, s, p, padding_mode, ...)                                           \
    {                                                                                                                  \
        .name = "conv2d " title, .inputs = (given), .build = build, .outputs = 1, .reference = reference,              \
        .user =                                                                                                        \
            &(const conv_case){(F), (H), (W), (K), (N), {(k), (s), (p), (padding_mode), false, false}, __VA_ARGS__},   \
        .input = (const check_input[]){{"x", kinds##_X, {4, {(F), (H), (W), (K)}}, NULL},                              \
                                       {"weight", kinds##_WEIGHT, {4, {(N), (K), (k), (k)}}, NULL},                    \
                                       {"bias", CHECK_PARAMETER, {1, {(N)}}, NULL}},                                   \
    }

/* Which of x and the weight take a gradient. */
#define BOTH_X        CHECK_INPUT
#define BOTH_WEIGHT   CHECK_PARAMETER
#define IMAGE_X       CHECK_CONSTANT
#define IMAGE_WEIGHT  CHECK_PARAMETER
#define FROZEN_X      CHECK_INPUT
#define FROZEN_WEIGHT CHECK_CONSTANT

/* The first two, which the self-test runs, go through all there is: norms on both sides, the ring, phases of strides. */
static const op_check cases[] = {
    CASE("3x3 reflected, norms around it", BOTH, 3, 2, 5, 6, 20, 18, 3, 1, 1, PADDING_REFLECT, true, true),
    CASE("4x4 stride 2 reflected", BOTH, 3, 1, 8, 7, 5, 20, 4, 2, 1, PADDING_REFLECT, false, false),
    CASE("3x3 zeros, norms around it", BOTH, 2, 3, 5, 4, 17, 5, 3, 1, 1, PADDING_ZEROS, true, true),
    CASE("3x3 10 -> 20, the image takes no gradient", IMAGE, 3, 2, 9, 8, 10, 20, 3, 1, 1, PADDING_REFLECT, false, true),
    CASE("3x3 zeros, the weight is frozen", FROZEN, 3, 2, 6, 5, 4, 6, 3, 1, 1, PADDING_ZEROS, false, false),
    CASE("1x1", BOTH, 3, 2, 3, 5, 20, 4, 1, 1, 0, PADDING_ZEROS, true, true),
    CASE("3x3 reflected on 2x3 pixels", BOTH, 3, 2, 2, 3, 3, 4, 3, 1, 1, PADDING_REFLECT, false, false),
    CASE("5x5 padding 2 reflected on 3x3 pixels, every fold overlaps", BOTH, 2, 1, 3, 3, 2, 3, 5, 1, 2, PADDING_REFLECT,
         false, false),
    CASE("5x5 stride 3 padding 4 reflected", BOTH, 2, 1, 7, 9, 2, 3, 5, 3, 4, PADDING_REFLECT, false, false),
    CASE("2x2 stride 3, pixels between are not read", BOTH, 3, 1, 7, 8, 3, 2, 2, 3, 0, PADDING_ZEROS, false, false),
    CASE("1x1 stride 2 padding 1, padding wider than the kernel", BOTH, 2, 1, 4, 5, 2, 3, 1, 2, 1, PADDING_ZEROS, false,
         false),
    CASE("3x3 16 -> 32 on 8x8, all forms", BOTH, 3, 2, 8, 8, 16, 32, 3, 1, 1, PADDING_REFLECT, true, true),
    CASE("4x4 stride 2 16 -> 16 on 16x8, all forms", BOTH, 3, 1, 16, 8, 16, 16, 4, 2, 1, PADDING_REFLECT, true, true),
    CASE("3x3 40 -> 70, several blocks of outputs", BOTH, 3, 1, 6, 7, 40, 70, 3, 1, 1, PADDING_ZEROS, false, true),
};

const op_check *conv2d_checks(int *count)
{
    *count = (int)(sizeof cases / sizeof *cases);
    return cases;
}
