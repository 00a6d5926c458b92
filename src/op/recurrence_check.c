/* References and cases of conv_lstm and conv_gru: plain loops over dates, pixels and taps. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "op/check_values.h"
#include "op/checks.h"
#include "op/image.h"

enum { X, OFFSETS, WEIGHT, BIAS, LSTM_INPUTS, FRESH_WEIGHT = LSTM_INPUTS, FRESH_BIAS, GRU_INPUTS };

typedef struct recurrence_case {
    int steps, patches, height, width, inputs, state;
    recurrence_options options;
    bool pending; /* x passes through a ReLU that is left to the recurrence */
} recurrence_case;

static double logistic(double x)
{
    return 1 / (1 + exp(-x));
}

static int pixels_of(const recurrence_case *k)
{
    return k->height * k->width;
}

/* x under the pending norm that the case's build puts there: an instance norm, then a ReLU. */
static void normalise(double *x, int frames, int pixels, int channels)
{
    for (int f = 0; f < frames; f++)
        for (int c = 0; c < channels; c++) {
            double *at = x + (size_t)f * (size_t)(pixels * channels) + c, mean = 0, variance = 0;
            for (int p = 0; p < pixels; p++) mean += at[p * channels] / pixels;
            for (int p = 0; p < pixels; p++) variance += pow(at[p * channels] - mean, 2) / pixels;
            for (int p = 0; p < pixels; p++) {
                const double z = (at[p * channels] - mean) / sqrt(variance + 1e-5);
                at[p * channels] = z > 0 ? z : 0;
            }
        }
}

/* One result of the convolution of [x, h], both images of one patch. */
static double product(const recurrence_case *k, const double *x, const double *h, const double *weight, int row,
                      int column)
{
    const int side = k->options.kernel, area = side * side;
    double sum = 0;
    for (int tap = 0; tap < area; tap++) {
        const int u = row + tap / side - side / 2, v = column + tap % side - side / 2;
        if (u < 0 || v < 0 || u >= k->height || v >= k->width) continue;
        const int pixel = u * k->width + v;
        for (int i = 0; i < k->inputs; i++) sum += weight[i * area + tap] * x[pixel * k->inputs + i];
        for (int i = 0; i < k->state; i++) sum += weight[(k->inputs + i) * area + tap] * h[pixel * k->state + i];
    }
    return sum;
}

/* out [pixels x results] */
static void convolve(const recurrence_case *k, const double *x, const double *h, const double *weight,
                     const double *bias, int results, double *out)
{
    const int line = (k->inputs + k->state) * k->options.kernel * k->options.kernel;
    for (int p = 0; p < pixels_of(k); p++)
        for (int o = 0; o < results; o++)
            out[p * results + o] = bias[o] + product(k, x, h, weight + o * line, p / k->width, p % k->width);
}

/* One date of one patch: h, c [pixels x state]. */
static void lstm_step(const recurrence_case *k, const double *x, double *const *in, double *h, double *c, double *room)
{
    const int n = k->state;
    convolve(k, x, h, in[WEIGHT], in[BIAS], 4 * n, room);
    for (int p = 0; p < pixels_of(k); p++)
        for (int i = 0; i < n; i++) {
            const double *g = room + p * 4 * n + i;
            double *cell = &c[p * n + i];
            *cell = logistic(g[n]) * *cell + logistic(g[0]) * tanh(g[3 * n]);
            h[p * n + i] = logistic(g[2 * n]) * tanh(*cell);
        }
}

static void gru_step(const recurrence_case *k, const double *x, double *const *in, double *h, double *opened,
                     double *room)
{
    const int n = k->state, values = pixels_of(k) * n;
    double *fresh = room + 2 * values;
    convolve(k, x, h, in[WEIGHT], in[BIAS], 2 * n, room);
    for (int i = 0; i < values; i++) opened[i] = logistic(room[i / n * 2 * n + n + i % n]) * h[i];
    convolve(k, x, opened, in[FRESH_WEIGHT], in[FRESH_BIAS], n, fresh);
    for (int i = 0; i < values; i++) {
        const double update = logistic(room[i / n * 2 * n + i % n]);
        h[i] = (1 - update) * h[i] + update * tanh(fresh[i]);
    }
}

static double *zeros(size_t count)
{
    double *values = calloc(count, sizeof *values);
    if (!values) abort();
    return values;
}

static void reference(const op_check *check, bool training, double *const *in, double *const *out)
{
    const recurrence_case *k = check->user;
    (void)training;
    const bool lstm = check->inputs == LSTM_INPUTS;
    const size_t image = (size_t)(pixels_of(k) * k->inputs), values = (size_t)(pixels_of(k) * k->state);
    const size_t all = image * (size_t)(k->steps * k->patches);
    double *x = zeros(all), *room = zeros(4 * values);
    memcpy(x, in[X], all * sizeof *x);
    if (k->pending) normalise(x, k->steps * k->patches, pixels_of(k), k->inputs);
    for (int p = 0; p < k->patches; p++) {
        const double *offsets = in[OFFSETS] + k->options.first + p;
        const int dates = (int)(offsets[1] - offsets[0]);
        double *state = zeros(values), *other = zeros(values);
        for (int t = 0; t < k->steps && (!k->options.skip || t < dates); t++) {
            const double *now = x + (size_t)(t * k->patches + p) * image;
            if (lstm)
                lstm_step(k, now, in, other, state, room);
            else
                gru_step(k, now, in, state, other, room);
        }
        memcpy(out[0] + (size_t)p * values, state, values * sizeof *state);
        free(state);
        free(other);
    }
    free(x);
    free(room);
}

static tensor *input_of(const recurrence_case *k, net *n, tensor *x)
{
    const norm_parameters plain = {NULL, NULL, NULL, NULL};
    return k->pending ? image_norm(n, x, plain, (image_norm_options){NORM_INSTANCE, 0, true}) : x;
}

static int build_lstm(const op_check *c, net *n, tensor *const *in, tensor **out)
{
    const recurrence_case *k = c->user;
    out[0] = conv_lstm(n, input_of(k, n, in[X]), in[OFFSETS], in[WEIGHT], in[BIAS], k->options);
    return 0;
}

static int build_gru(const op_check *c, net *n, tensor *const *in, tensor **out)
{
    const recurrence_case *k = c->user;
    const conv_gru_weights weights = {in[WEIGHT], in[BIAS], in[FRESH_WEIGHT], in[FRESH_BIAS]};
    out[0] = conv_gru(n, input_of(k, n, in[X]), in[OFFSETS], weights, k->options);
    return 0;
}

/* Small weights: what a recurrence amplifies, rounding is too. */
static void fill_small(const void *user, size_t count, uint64_t stream, double *values)
{
    check_fill_positive(user, count, stream, values);
    for (size_t i = 0; i < count; i++) values[i] = 0.6 * (values[i] - 1);
}

CHECK_VALUES(fill_one, 0, 3)
CHECK_VALUES(fill_two, 0, 3, 5)
CHECK_VALUES(fill_three, 0, 1, 4, 6)

/* S steps of P patches, H x W pixels, K inputs, C channels of the state. */
#define CASE_INPUTS(S, P, H, W, K, C, k, gates, fill)                                                                  \
    {"x", CHECK_INPUT, {4, {(S) * (P), (H), (W), (K)}}, NULL}, {"offsets", CHECK_INTEGER, {1, {(P) + 1}}, fill},       \
        {"weight", CHECK_PARAMETER, {4, {(gates) * (C), (K) + (C), (k), (k)}}, fill_small},                            \
    {                                                                                                                  \
        "bias", CHECK_PARAMETER, {1, {(gates) * (C)}}, NULL                                                            \
    }
#define CASE_USER(S, P, H, W, K, C, k, skips, pending)                                                                 \
    .user = &(const recurrence_case)                                                                                   \
    {                                                                                                                  \
        (S), (P), (H), (W), (K), (C), {.kernel = (k), .skip = (skips)}, (pending)                                      \
    }
#define LSTM(title, S, P, H, W, K, C, k, fill, skips, pending)                                                         \
    {                                                                                                                  \
        .name = "conv_lstm " title, .inputs = LSTM_INPUTS, .build = build_lstm, .outputs = 1, .reference = reference,  \
        CASE_USER(S, P, H, W, K, C, k, skips, pending),                                                                \
        .input = (const check_input[]){CASE_INPUTS(S, P, H, W, K, C, k, 4, fill)},                                     \
    }
#define GRU(title, S, P, H, W, K, C, k, fill, skips, pending)                                                          \
    {                                                                                                                  \
        .name = "conv_gru " title, .inputs = GRU_INPUTS, .build = build_gru, .outputs = 1, .reference = reference,     \
        CASE_USER(S, P, H, W, K, C, k, skips, pending),                                                                \
        .input = (const check_input[]){CASE_INPUTS(S, P, H, W, K, C, k, 2, fill),                                      \
                                       {"fresh_weight", CHECK_PARAMETER, {4, {(C), (K) + (C), (k), (k)}}, fill_small}, \
                                       {"fresh_bias", CHECK_PARAMETER, {1, {(C)}}, NULL}},                             \
    }

/* The last two of three patches, whose series have 1, 3 and 2 dates. */
static const recurrence_case some_patches = {3,    2, 3, 2, 2, 4, {.kernel = 3, .first = 1, .patches = 2, .skip = true},
                                             false};
static const check_input some_lstm[] = {{"x", CHECK_INPUT, {4, {6, 3, 2, 2}}, NULL},
                                        {"offsets", CHECK_INTEGER, {1, {4}}, fill_three},
                                        {"weight", CHECK_PARAMETER, {4, {16, 6, 3, 3}}, fill_small},
                                        {"bias", CHECK_PARAMETER, {1, {16}}, NULL}};
static const check_input some_gru[] = {{"x", CHECK_INPUT, {4, {6, 3, 2, 2}}, NULL},
                                       {"offsets", CHECK_INTEGER, {1, {4}}, fill_three},
                                       {"weight", CHECK_PARAMETER, {4, {8, 6, 3, 3}}, fill_small},
                                       {"bias", CHECK_PARAMETER, {1, {8}}, NULL},
                                       {"fresh_weight", CHECK_PARAMETER, {4, {4, 6, 3, 3}}, fill_small},
                                       {"fresh_bias", CHECK_PARAMETER, {1, {4}}, NULL}};

static const op_check lstm_checks[] = {
    LSTM("3x3, ragged, skipping", 3, 3, 4, 3, 2, 5, 3, fill_three, true, false),
    LSTM("3x3, ragged, going on, pending", 3, 2, 3, 4, 3, 6, 3, fill_two, false, true),
    LSTM("1x1, one patch", 3, 1, 2, 3, 4, 8, 1, fill_one, false, false),
    LSTM("3x3, a state of 15 carried as 16", 3, 2, 3, 2, 3, 15, 3, fill_two, true, false),
    LSTM("5x5 on 3x2 pixels", 3, 1, 3, 2, 1, 1, 5, fill_one, false, false),
    LSTM("3x3 16 on 8x8, all forms", 3, 1, 8, 8, 16, 16, 3, fill_one, false, false),
    {.name = "conv_lstm 3x3, some patches",
     .inputs = LSTM_INPUTS,
     .input = some_lstm,
     .build = build_lstm,
     .outputs = 1,
     .reference = reference,
     .user = &some_patches},
    LSTM("one step", 1, 2, 3, 2, 3, 4, 3, fill_two, false, false),
};

static const op_check gru_cases[] = {
    GRU("3x3, ragged, skipping", 3, 3, 4, 3, 2, 5, 3, fill_three, true, false),
    GRU("3x3, ragged, going on, pending", 3, 2, 3, 4, 3, 6, 3, fill_two, false, true),
    GRU("3x3, a state of 15 carried as 16", 3, 2, 3, 2, 3, 15, 3, fill_two, true, false),
    GRU("1x1, one patch", 3, 1, 2, 3, 4, 8, 1, fill_one, false, false),
    GRU("3x3 16 on 8x8, all forms", 3, 1, 8, 8, 16, 16, 3, fill_one, false, false),
    {.name = "conv_gru 3x3, some patches",
     .inputs = GRU_INPUTS,
     .input = some_gru,
     .build = build_gru,
     .outputs = 1,
     .reference = reference,
     .user = &some_patches},
    GRU("one step", 1, 2, 3, 2, 3, 4, 3, fill_two, false, false),
};

const op_check *conv_lstm_checks(int *count)
{
    *count = (int)(sizeof lstm_checks / sizeof *lstm_checks);
    return lstm_checks;
}

const op_check *conv_gru_checks(int *count)
{
    *count = (int)(sizeof gru_cases / sizeof *gru_cases);
    return gru_cases;
}
