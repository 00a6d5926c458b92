/* Reference and cases of series_norm. */
#include <math.h>

#include "op/check_values.h"
#include "op/checks.h"
#include "op/image.h"

enum { X, WEIGHT, BIAS, OFFSETS, INPUTS }; /* a case without offsets has one input less */

static int build(const op_check *c, net *n, tensor *const *in, tensor **out)
{
    tensor *offsets = c->inputs > OFFSETS ? in[OFFSETS] : NULL;
    out[0] = series_norm(n, in[X], offsets, in[WEIGHT], in[BIAS], *(const series_norm_options *)c->user);
    return 0;
}

/* One group of one series: value t, i of it lies at x[t step + i]; y[t channels + i]. */
static void norm(const series_norm_options *o, const double *x, int step, int dates, int length, const double *weight,
                 const double *bias, double *y, int channels)
{
    const int missing = o->dates > dates ? o->dates - dates : 0;
    const double count = (double)(dates + missing) * length;
    double mean = missing * length * (double)o->pad_value / count, variance = 0;
    for (int k = 0; k < dates * length; k++) mean += x[k / length * step + k % length] / count;
    for (int k = 0; k < dates * length; k++) variance += pow(x[k / length * step + k % length] - mean, 2) / count;
    variance += missing * length * pow((double)o->pad_value - mean, 2) / count;
    for (int k = 0; k < dates * length; k++) {
        const int t = k / length, i = k % length;
        y[t * channels + i] = (x[t * step + i] - mean) / sqrt(variance + 1e-5) * weight[i] + bias[i];
    }
}

static void reference(const op_check *c, bool training, double *const *in, double *const *out)
{
    (void)training;
    const series_norm_options *o = c->user;
    const int *size = c->input[X].shape.size, pixels = size[1] * size[2], channels = size[3];
    const int length = channels / o->groups;
    const bool cut = c->inputs > OFFSETS;
    for (int b = 0; b < (cut ? c->input[OFFSETS].shape.size[0] - 1 : size[0]); b++) {
        const int first = cut ? (int)in[OFFSETS][b] : b, dates = cut ? (int)in[OFFSETS][b + 1] - first : 1;
        for (int p = 0; p < pixels; p++)
            for (int i = 0; i < channels; i += length)
                norm(o, in[X] + (first * pixels + p) * channels + i, pixels * channels, dates, length, in[WEIGHT] + i,
                     in[BIAS] + i, out[0] + (first * pixels + p * dates) * channels + i, channels);
    }
}

CHECK_VALUES(fill_ragged, 0, 3, 4, 4, 9)
CHECK_VALUES(fill_two, 0, 2, 6)
CHECK_VALUES(fill_single, 0, 1, 2, 3)

/* Far from 0: a variance by squares would be off. */
static void fill_far(const void *user, size_t count, uint64_t stream, double *values)
{
    check_fill_positive(user, count, stream, values);
    for (size_t i = 0; i < count; i++) values[i] += 100;
}

#define CASE_INPUTS(name, frames, height, width, channels, patches, fill_offsets, fill_x)                              \
    static const check_input name[] = {                                                                                \
        {"x", CHECK_INPUT, {4, {frames, height, width, channels}}, fill_x},                                            \
        {"weight", CHECK_PARAMETER, {1, {channels}}, NULL},                                                            \
        {"bias", CHECK_PARAMETER, {1, {channels}}, NULL},                                                              \
        {"offsets", CHECK_INTEGER, {1, {(patches) + 1}}, fill_offsets},                                                \
    };

CASE_INPUTS(ragged, 9, 2, 3, 18, 4, fill_ragged, NULL)
CASE_INPUTS(wide, 6, 1, 3, 32, 2, fill_two, NULL)
CASE_INPUTS(blocks, 6, 3, 1, 80, 2, fill_two, NULL)
CASE_INPUTS(single, 3, 3, 2, 16, 3, fill_single, NULL)
CASE_INPUTS(narrow, 9, 1, 1, 5, 4, fill_ragged, fill_far)

static const series_norm_options padded = {.groups = 3, .dates = 6, .pad_value = 0.7f}, own = {.groups = 4},
                                 many = {.groups = 16, .dates = 4}, vectors = {.groups = 4}, whole = {.groups = 1};

#define CASE(title, values, count, options)                                                                            \
    {                                                                                                                  \
        .name = "series_norm " title, .input = values, .inputs = count, .build = build, .outputs = 1,                  \
        .reference = reference, .user = &options                                                                       \
    }

static const op_check checks[] = {
    CASE("ragged, 3 groups of 6, padded to 6 dates", ragged, INPUTS, padded),
    CASE("4 groups of 8", wide, INPUTS, own),
    CASE("16 groups of 5, padded to 4 dates", blocks, INPUTS, many),
    CASE("one date each, 4 groups of 4", single, INPUTS, vectors),
    CASE("without offsets, 4 groups of 4", single, OFFSETS, vectors),
    {.name = "series_norm one group of 5, far from 0",
     .input = narrow,
     .inputs = INPUTS,
     .build = build,
     .outputs = 1,
     .reference = reference,
     .user = &whole,
     .tolerance = 1e-4},
};

const op_check *series_norm_checks(int *count)
{
    *count = (int)(sizeof checks / sizeof *checks);
    return checks;
}
