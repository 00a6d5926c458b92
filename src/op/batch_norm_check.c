/* batch_norm and linear_norm in plain C, and cases for each way through their kernels. */
#include <math.h>

#include "base/error.h"
#include "op/checks.h"

typedef struct sizes {
    int rows, inputs, channels; /* inputs: of the linear layer */
    bool relu;
} sizes;

/* y from z [rows x channels] in place; the running statistics move when training. */
static void normalise(const sizes *s, bool training, double *z, const double *weight, const double *bias,
                      double *running_mean, double *running_var)
{
    for (int c = 0; c < s->channels; c++) {
        double mean = running_mean[c], variance = running_var[c], *column = z + c;
        const size_t step = (size_t)s->channels;
        if (training) {
            mean = variance = 0;
            for (int row = 0; row < s->rows; row++) mean += column[(size_t)row * step] / s->rows;
            for (int row = 0; row < s->rows; row++)
                variance += (column[(size_t)row * step] - mean) * (column[(size_t)row * step] - mean) / s->rows;
            running_mean[c] += 0.1 * (mean - running_mean[c]);
            running_var[c] += 0.1 * (variance * s->rows / (s->rows - 1) - running_var[c]);
        }
        for (int row = 0; row < s->rows; row++) {
            double *value = column + (size_t)row * step;
            *value = (*value - mean) / sqrt(variance + 1e-5) * weight[c] + bias[c];
            if (s->relu && *value < 0) *value = 0;
        }
    }
}

/* ---- batch_norm: x, weight, bias, running mean, running variance ------------------------------------------------- */

static void batch_norm_reference(const op_check *c, bool training, double *const *in, double *const *out)
{
    const sizes *s = c->user;
    for (size_t i = 0; i < (size_t)s->rows * (size_t)s->channels; i++) out[0][i] = in[0][i];
    normalise(s, training, out[0], in[1], in[2], in[3], in[4]);
}

static int batch_norm_build(const op_check *c, net *n, tensor *const *in, tensor **out)
{
    const sizes *s = c->user;
    out[0] = batch_norm(n, in[0], (norm_parameters){in[1], in[2], in[3], in[4]}, s->relu);
    return OK;
}

/* Frozen: the same in training as in evaluation. */
static void frozen_reference(const op_check *c, bool training, double *const *in, double *const *out)
{
    (void)training;
    batch_norm_reference(c, false, in, out);
}

static int frozen_build(const op_check *c, net *n, tensor *const *in, tensor **out)
{
    const sizes *s = c->user;
    out[0] = batch_norm_frozen(n, in[0], (norm_parameters){in[1], in[2], in[3], in[4]}, s->relu);
    return OK;
}

/* ---- linear_norm: x, W, weight, bias, running mean, running variance, bias of the product ------------------------- */

static void linear_norm_reference(const op_check *c, bool training, double *const *in, double *const *out)
{
    const sizes *s = c->user;
    const double *bias = c->inputs > 6 ? in[6] : NULL;
    for (int row = 0; row < s->rows; row++)
        for (int o = 0; o < s->channels; o++) {
            double sum = bias ? bias[o] : 0;
            for (int i = 0; i < s->inputs; i++)
                sum += in[0][(size_t)row * (size_t)s->inputs + (size_t)i] *
                       in[1][(size_t)o * (size_t)s->inputs + (size_t)i];
            out[0][(size_t)row * (size_t)s->channels + (size_t)o] = sum;
        }
    normalise(s, training, out[0], in[2], in[3], in[4], in[5]);
}

static int linear_norm_build(const op_check *c, net *n, tensor *const *in, tensor **out)
{
    const sizes *s = c->user;
    out[0] = linear_norm(n, in[0], in[1], c->inputs > 6 ? in[6] : NULL, (norm_parameters){in[2], in[3], in[4], in[5]},
                         s->relu);
    return OK;
}

/* ---- cases ------------------------------------------------------------------------------------------------------ */

/* Values far from zero: what a variance in one pass would lose. */
static void fill_offset(const void *user, size_t count, uint64_t stream, double *values)
{
    check_fill_positive(user, count, stream, values);
    for (size_t i = 0; i < count; i++) values[i] = 100 + 4 * values[i];
}

#define SIZES(m, k, n, with_relu) (&(const sizes){(m), (k), (n), (with_relu)})
#define NORM_INPUTS(n)                                                                                                 \
    {"norm.weight", CHECK_PARAMETER, {1, {(n)}}, check_fill_positive},                                                 \
        {"norm.bias", CHECK_PARAMETER, {1, {(n)}}, NULL}, {"norm.running_mean", CHECK_STATISTIC, {1, {(n)}}, NULL},    \
    {                                                                                                                  \
        "norm.running_var", CHECK_STATISTIC, {1, {(n)}}, check_fill_positive                                           \
    }
#define BATCH_NORM(title, m, n, with_relu, fill, worse)                                                                \
    {                                                                                                                  \
        .name = "batch_norm " title,                                                                                   \
        .input = (const check_input[]){{"x", CHECK_INPUT, {2, {(m), (n)}}, (fill)}, NORM_INPUTS(n)}, .inputs = 5,      \
        .build = batch_norm_build, .outputs = 1, .reference = batch_norm_reference, .user = SIZES(m, 0, n, with_relu), \
        .gradient_tolerance = 2e-3 * (worse), .tolerance = 2e-5 * (worse)                                              \
    }
#define FROZEN(title, m, n, with_relu)                                                                                 \
    {                                                                                                                  \
        .name = "batch_norm_frozen " title,                                                                            \
        .input = (const check_input[]){{"x", CHECK_INPUT, {2, {(m), (n)}}, NULL}, NORM_INPUTS(n)}, .inputs = 5,        \
        .build = frozen_build, .outputs = 1, .reference = frozen_reference, .user = SIZES(m, 0, n, with_relu)          \
    }
#define LINEAR_NORM(title, m, k, n, with_relu, inputs_used)                                                            \
    {                                                                                                                  \
        .name = "linear_norm " title,                                                                                  \
        .input = (const check_input[]){{"x", CHECK_INPUT, {2, {(m), (k)}}, NULL},                                      \
                                       {"weight", CHECK_PARAMETER, {2, {(n), (k)}}, NULL},                             \
                                       NORM_INPUTS(n),                                                                 \
                                       {"bias", CHECK_PARAMETER, {1, {(n)}}, NULL}},                                   \
        .inputs = (inputs_used), .build = linear_norm_build, .outputs = 1, .reference = linear_norm_reference,         \
        .user = SIZES(m, k, n, with_relu)                                                                              \
    }

/* Sizes that share programs: the self-test builds few. */
static const op_check batch_norm_cases[] = {
    BATCH_NORM("23x19, a sliding vector", 23, 19, true, NULL, 1),
    BATCH_NORM("41x32 far from zero", 41, 32, false, fill_offset, 10),
    BATCH_NORM("531x19, many rows", 531, 19, true, NULL, 1),
    FROZEN("1x19", 1, 19, true),
    FROZEN("531x19", 531, 19, false),
};

static const op_check linear_norm_cases[] = {
    LINEAR_NORM("3x18 -> 17, fewer rows than a tile", 3, 18, 17, true, 7),
    LINEAR_NORM("21x19 -> 20, tails everywhere", 21, 19, 20, true, 7),
    LINEAR_NORM("19x37 -> 64, columns for the whole batch", 19, 37, 64, true, 7),
    LINEAR_NORM("27x16 -> 32, no bias, no ReLU", 27, 16, 32, false, 6),
    /* No ReLU: among so many values one would sit at its kink, where a slope says nothing. */
    LINEAR_NORM("547x18 -> 17, many rows", 547, 18, 17, false, 7),
};

static const op_check norm_narrow_cases[] = {
    BATCH_NORM("2x1", 2, 1, false, NULL, 1),       BATCH_NORM("31x48, three vectors", 31, 48, true, NULL, 1),
    BATCH_NORM("531x5", 531, 5, true, NULL, 1),    LINEAR_NORM("3x2 -> 1", 3, 2, 1, true, 7),
    LINEAR_NORM("21x9 -> 12", 21, 9, 12, true, 7), LINEAR_NORM("547x10 -> 3", 547, 10, 3, false, 6),
};

const op_check *batch_norm_checks(int *count)
{
    *count = (int)(sizeof batch_norm_cases / sizeof *batch_norm_cases);
    return batch_norm_cases;
}

const op_check *linear_norm_checks(int *count)
{
    *count = (int)(sizeof linear_norm_cases / sizeof *linear_norm_cases);
    return linear_norm_cases;
}

const op_check *norm_narrow_checks(int *count)
{
    *count = (int)(sizeof norm_narrow_cases / sizeof *norm_narrow_cases);
    return norm_narrow_cases;
}
