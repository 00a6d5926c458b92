/* Reference and cases of mask_cnn. */
#include <math.h>
#include <stdlib.h>

#include "op/check_values.h"
#include "op/checks.h"
#include "op/panoptic.h"

static int build(const op_check *c, net *n, tensor *const *in, tensor **out)
{
    (void)c;
    out[0] = mask_cnn(n, in[0], in[1], (mask_network){in[2], in[3], in[4], in[5], in[6], in[7], in[8], in[9]});
    return 0;
}

/* ---- reference -------------------------------------------------------------------------------------------------- */

/* y [to x height x width] = conv 3x3 of x [from x height x width], zeros around it. */
static void convolve(const double *x, int from, const double *weight, const double *bias, int to, int height, int width,
                     double *y)
{
    for (int o = 0; o < to; o++)
        for (int p = 0; p < height * width; p++) {
            double sum = bias[o];
            for (int i = 0; i < from; i++)
                for (int tap = 0; tap < 9; tap++) {
                    const int row = p / width + tap / 3 - 1, column = p % width + tap % 3 - 1;
                    if (row < 0 || row >= height || column < 0 || column >= width) continue;
                    sum += weight[(o * from + i) * 9 + tap] * x[(i * height + row) * width + column];
                }
            y[o * height * width + p] = sum;
        }
}

/* GroupNorm of one group, then ReLU. */
static void norm_relu(double *x, int channels, int pixels, const double *weight, const double *bias)
{
    const int count = channels * pixels;
    double mean = 0, variance = 0;
    for (int i = 0; i < count; i++) mean += x[i] / count;
    for (int i = 0; i < count; i++) variance += (x[i] - mean) * (x[i] - mean) / count;
    for (int i = 0; i < count; i++)
        x[i] = fmax((x[i] - mean) / sqrt(variance + 1e-5) * weight[i / pixels] + bias[i / pixels], 0);
}

static void reference(const op_check *c, bool training, double *const *in, double *const *out)
{
    const int crops = c->input[1].shape.size[0], channels = c->input[3].shape.size[0];
    const size_t values = (size_t)(c->input[0].shape.size[0] * channels);
    double *first = malloc(values * sizeof *first), *second = malloc(values * sizeof *second);
    (void)training;
    if (!first || !second) abort();
    for (int i = 0; i < crops; i++) {
        const double *t = in[1] + i * CROP_INTS;
        const int start = (int)t[1], height = (int)t[4], width = (int)t[5], pixels = height * width;
        convolve(in[0] + start, 1, in[2], in[3], channels, height, width, first);
        norm_relu(first, channels, pixels, in[4], in[5]);
        convolve(first, channels, in[6], in[7], channels, height, width, second);
        for (int k = 0; k < channels * pixels; k++) second[k] = fmax(second[k], 0);
        convolve(second, channels, in[8], in[9], 1, height, width, out[0] + start);
    }
    free(first);
    free(second);
}

/* ---- cases ------------------------------------------------------------------------------------------------------ */

/* Only first, height and width of a crop are read: the network does not ask where it lies. */
#define CROP(first, height, width) 0, first, 0, 0, height, width, 0, 0, height, width
CHECK_VALUES(fill_few, CROP(0, 3, 5), CROP(15, 0, 4), CROP(15, 1, 1), CROP(16, 6, 4))
CHECK_VALUES(fill_tall, CROP(0, 53, 3), CROP(159, 2, 7))
CHECK_VALUES(fill_large, CROP(0, 43, 67), CROP(2881, 4, 5))

/* Values far from zero, as saliencies may be. */
static void fill_shifted(const void *user, size_t count, uint64_t stream, double *values)
{
    check_fill_positive(user, count, stream, values);
    for (size_t i = 0; i < count; i++) values[i] += 20;
}

#define CASE(title, p, n, c, fill_crops, fill_x, x_kind, weight_kind)                                                  \
    {                                                                                                                  \
        .name = "mask_cnn " title,                                                                                     \
        .input = (const check_input[]){{"x", x_kind, {2, {p, 1}}, fill_x},                                             \
                                       {"crops", CHECK_INTEGER, {2, {n, CROP_INTS}}, fill_crops},                      \
                                       {"weight1", weight_kind, {4, {c, 1, 3, 3}}, NULL},                              \
                                       {"bias1", weight_kind, {1, {c}}, NULL},                                         \
                                       {"norm weight", weight_kind, {1, {c}}, NULL},                                   \
                                       {"norm bias", weight_kind, {1, {c}}, NULL},                                     \
                                       {"weight2", weight_kind, {4, {c, c, 3, 3}}, NULL},                              \
                                       {"bias2", weight_kind, {1, {c}}, NULL},                                         \
                                       {"weight3", weight_kind, {4, {1, c, 3, 3}}, NULL},                              \
                                       {"bias3", weight_kind, {1, {1}}, NULL}},                                        \
        .inputs = 10, .build = build, .outputs = 1, .reference = reference                                             \
    }

static const op_check checks[] = {
    CASE("4 crops, 16 channels", 40, 4, 16, fill_few, NULL, CHECK_INPUT, CHECK_PARAMETER),
    CASE("a crop of several tiles", 173, 2, 16, fill_tall, NULL, CHECK_INPUT, CHECK_PARAMETER),
    CASE("4 crops, 5 channels", 40, 4, 5, fill_few, NULL, CHECK_INPUT, CHECK_PARAMETER),
    CASE("tiles along both sides", 2901, 2, 5, fill_large, NULL, CHECK_INPUT, CHECK_PARAMETER),
    CASE("values around 20", 173, 2, 5, fill_tall, fill_shifted, CHECK_INPUT, CHECK_PARAMETER),
    CASE("20 channels", 40, 4, 20, fill_few, NULL, CHECK_INPUT, CHECK_PARAMETER),
    CASE("weights as they are", 40, 4, 5, fill_few, NULL, CHECK_INPUT, CHECK_CONSTANT),
    CASE("weights alone", 40, 4, 5, fill_few, NULL, CHECK_CONSTANT, CHECK_PARAMETER),
};

const op_check *mask_cnn_checks(int *count)
{
    *count = (int)(sizeof checks / sizeof *checks);
    return checks;
}
