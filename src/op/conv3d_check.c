/* conv3d and conv_transpose3d in plain C, and cases: ends of series, norms before and after, several series. */
#include <stdlib.h>
#include <string.h>

#include "op/checks.h"
#include "op/conv_reference.h"

typedef struct volume {
    int series, dates, height, width, inputs, outputs;
    conv_options options;
    int date_padding; /* conv3d */
    bool transposed;
    bool pending; /* x passes through an instance norm and a leaky ReLU first, which are left to the convolution */
    bool normed;  /* a norm over all channels follows, by the moments that the convolution left or by its own */
} volume;

static tensor *convolution(const volume *v, net *n, tensor *x, tensor *weight, tensor *bias)
{
    conv_options options = v->options;
    options.moments = v->normed;
    return v->transposed ? conv_transpose3d(n, x, weight, bias, options, v->dates)
                         : conv3d(n, x, weight, bias, options, v->dates, v->date_padding);
}

static int build(const op_check *c, net *n, tensor *const *in, tensor **out)
{
    const volume *v = c->user;
    const norm_parameters plain = {NULL, NULL, NULL, NULL};
    tensor *x = in[0];
    if (v->pending) x = image_norm(n, x, plain, (image_norm_options){NORM_INSTANCE, 0, LEAKY_RELU});
    tensor *y = convolution(v, n, x, in[1], c->inputs > 2 ? in[2] : NULL);
    if (v->normed) y = materialise(n, image_norm(n, y, plain, (image_norm_options){NORM_GROUP, 1, NO_RELU}));
    out[0] = y;
    return 0;
}

/* ---- reference -------------------------------------------------------------------------------------------------- */

/* A series: its three sides. */
typedef struct sides {
    int size[3];
} sides;

static sides sides_in(const volume *v)
{
    return (sides){{v->dates, v->height, v->width}};
}

static int padding_along(const volume *v, int axis)
{
    return axis || v->transposed ? v->options.padding : v->date_padding;
}

static sides sides_out(const volume *v)
{
    sides s = sides_in(v);
    for (int i = 0; i < 3; i++)
        s.size[i] =
            v->transposed ? s.size[i] * v->options.stride : s.size[i] + 2 * padding_along(v, i) - v->options.kernel + 1;
    return s;
}

static int volume_of(sides s)
{
    return s.size[0] * s.size[1] * s.size[2];
}

/* Where tap `tap` leads from place `at` of x (transposed) or of y; -1: nowhere. */
static int led_to(const volume *v, int at, int tap, sides from, sides to)
{
    const int k = v->options.kernel, taps[3] = {tap / (k * k), tap / k % k, tap % k};
    const int places[3] = {at / (from.size[1] * from.size[2]), at / from.size[2] % from.size[1], at % from.size[2]};
    int place = 0;
    for (int i = 0; i < 3; i++) {
        const int there = places[i] * v->options.stride + taps[i] - padding_along(v, i);
        if (there < 0 || there >= to.size[i]) return -1;
        place = place * to.size[i] + there;
    }
    return place;
}

/* One place of x and one of y through one tap. */
static void tap_products(const volume *v, const double *x, const double *weight, double *y)
{
    const int taps = v->options.kernel * v->options.kernel * v->options.kernel;
    for (int i = 0; i < v->inputs; i++)
        for (int o = 0; o < v->outputs; o++)
            y[o] += weight[(v->transposed ? i * v->outputs + o : o * v->inputs + i) * taps] * x[i];
}

static void products(const volume *v, const double *x, const double *weight, double *y)
{
    const sides in = sides_in(v), out = sides_out(v), from = v->transposed ? in : out, to = v->transposed ? out : in;
    const int taps = v->options.kernel * v->options.kernel * v->options.kernel;
    for (int s = 0; s < v->series; s++)
        for (int at = 0; at < volume_of(from); at++)
            for (int tap = 0; tap < taps; tap++) {
                const int there = led_to(v, at, tap, from, to);
                if (there < 0) continue;
                const int place_x = v->transposed ? at : there, place_y = v->transposed ? there : at;
                tap_products(v, x + (s * volume_of(in) + place_x) * v->inputs, weight + tap,
                             y + (s * volume_of(out) + place_y) * v->outputs);
            }
}

static void reference(const op_check *c, bool training, double *const *in, double *const *out)
{
    const volume *v = c->user;
    const sides y = sides_out(v);
    const size_t values = (size_t)(v->series * volume_of(sides_in(v)) * v->inputs);
    double *x = malloc(values * sizeof *x);
    (void)training;
    if (!x) abort();
    memcpy(x, in[0], values * sizeof *x);
    if (v->pending) conv_reference_norm(x, v->series * v->dates, v->height * v->width, v->inputs, 1, LEAKY_RELU);
    for (int i = 0; i < v->series * volume_of(y) * v->outputs; i++)
        out[0][i] = c->inputs > 2 ? in[2][i % v->outputs] : 0;
    products(v, x, in[1], out[0]);
    if (v->normed)
        conv_reference_norm(out[0], v->series * y.size[0], y.size[1] * y.size[2], v->outputs, v->outputs, NO_RELU);
    free(x);
}

/* ---- cases ------------------------------------------------------------------------------------------------------ */

/* S series of T dates of H x W pixels, K channels to N; kernel, stride, padding; then fields of volume. */
#define CASE(title, given, S, T, H, W, K, N, k, s, p, first, second, ...)                                              \
    {                                                                                                                  \
        .name = title, .inputs = (given), .build = build, .outputs = 1, .reference = reference,                        \
        .user =                                                                                                        \
            &(const volume){(S), (T), (H), (W), (K), (N), {(k), (s), (p), PADDING_ZEROS, false, false}, __VA_ARGS__},  \
        .input = (const check_input[]){{"x", CHECK_INPUT, {4, {(S) * (T), (H), (W), (K)}}, NULL},                      \
                                       {"weight", CHECK_PARAMETER, {5, {(first), (second), (k), (k), (k)}}, NULL},     \
                                       {"bias", CHECK_PARAMETER, {1, {(N)}}, NULL}},                                   \
    }
#define CONV(title, given, S, T, H, W, K, N, k, p, ...)                                                                \
    CASE("conv3d " title, given, S, T, H, W, K, N, k, 1, p, N, K, __VA_ARGS__)
#define TRANSPOSED(title, given, S, T, H, W, K, N, k, s, p, ...)                                                       \
    CASE("conv_transpose3d " title, given, S, T, H, W, K, N, k, s, p, K, N, 0, true, __VA_ARGS__)

static const op_check cases[] = {
    CONV("3x3x3, norms around it", 3, 2, 3, 5, 4, 6, 5, 3, 1, 1, false, true, true),
    TRANSPOSED("3x3x3 stride 2, norms around it", 3, 2, 2, 3, 4, 6, 5, 3, 2, 1, true, true),
    CONV("3x3x3 10 -> 20, one series", 3, 1, 4, 6, 5, 10, 20, 3, 1, 1, false, false, true),
    CONV("3x3x3 of single dates", 3, 3, 1, 4, 3, 3, 4, 3, 1, 1, false, true, false),
    CONV("3x3x3 of three dates to one", 3, 2, 3, 4, 5, 4, 6, 3, 1, 0, false, true, false),
    CONV("5x5x5 padding 1, along dates 2, no bias", 2, 1, 3, 5, 6, 2, 3, 5, 1, 2, false, false, false),
    CONV("1x1x1", 3, 2, 2, 3, 3, 5, 4, 1, 0, 0, false, false, false),
    CONV("3x3x3 16 -> 32 on 8x8, all forms", 3, 2, 3, 8, 8, 16, 32, 3, 1, 1, false, true, true),
    CONV("3x3x3 16 -> 32 on 4x8, 7 dates side by side", 3, 2, 7, 4, 8, 16, 32, 3, 1, 1, false, true, true),
    CONV("3x3x3 16 -> 16 on 8x4, 13 dates in runs", 3, 1, 13, 8, 4, 16, 16, 3, 1, 1, false, true, false),
    CONV("3x3x3 20 -> 36, several blocks of outputs", 3, 1, 2, 4, 4, 20, 36, 3, 1, 1, false, true, false),
    TRANSPOSED("2x2x2 stride 2, one tap a date", 3, 2, 2, 3, 3, 3, 4, 2, 2, 0, true, false),
    TRANSPOSED("4x4x4 stride 2 16 -> 16 on 8x4", 3, 1, 2, 8, 4, 16, 16, 4, 2, 1, false, true),
    TRANSPOSED("5x5x5 stride 3, no bias", 2, 1, 2, 2, 3, 2, 3, 5, 3, 1, true, false),
    TRANSPOSED("3x3x3 stride 1", 3, 2, 2, 3, 4, 4, 3, 3, 1, 1, false, false),
};

const op_check *conv3d_checks(int *count)
{
    *count = (int)(sizeof cases / sizeof *cases);
    return cases;
}
