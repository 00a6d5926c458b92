/* Reference and cases of gru. */
#include <math.h>

#include "net/check.h"
#include "op/check_values.h"
#include "op/checks.h"

enum { X, OFFSETS, WEIGHT, BIAS, INPUTS };

static double logistic(double x)
{
    return 1 / (1 + exp(-x));
}

/* One date's step of one sequence: h [channels], `sum` as many. */
static void step(const double *x, const double *weight, const double *bias, int channels, double *h, double *next)
{
    for (int c = 0; c < channels; c++) {
        double s[3];
        for (int g = 0; g < 3; g++) {
            s[g] = bias[g * channels + c];
            for (int k = 0; k < channels; k++) s[g] += weight[(g * channels + c) * channels + k] * h[k];
        }
        const double r = logistic(x[c] + s[0]), z = logistic(x[channels + c] + s[1]);
        next[c] = (1 - z) * tanh(x[2 * channels + c] + r * s[2]) + z * h[c];
    }
    for (int c = 0; c < channels; c++) h[c] = next[c];
}

static void reference(const op_check *c, bool training, double *const *in, double *const *out)
{
    enum { CHANNELS_MAX = 64 };
    double next[CHANNELS_MAX];
    (void)training;
    const int sequences = c->input[OFFSETS].shape.size[0] - 1, channels = c->input[WEIGHT].shape.size[1];
    for (int q = 0; q < sequences; q++) {
        double *h = out[0] + q * channels;
        for (int i = 0; i < channels; i++) h[i] = 0;
        for (int f = (int)in[OFFSETS][q]; f < (int)in[OFFSETS][q + 1]; f++)
            step(in[X] + f * 3 * channels, in[WEIGHT], in[BIAS], channels, h, next);
    }
}

/* The most dates of a sequence of the case. */
typedef struct gru_case {
    int steps;
} gru_case;

static int build(const op_check *c, net *n, tensor *const *in, tensor **out)
{
    const gru_case *k = c->user;
    out[0] = gru(n, in[X], in[OFFSETS], in[WEIGHT], in[BIAS], k->steps);
    return 0;
}

CHECK_VALUES(fill_ragged, 0, 4, 5, 5, 12)
CHECK_VALUES(fill_even, 0, 3, 6)

#define CASE(title, frames, sequences, channels, fill, most)                                                           \
    {                                                                                                                  \
        .name = "gru " title, .inputs = INPUTS, .build = build, .outputs = 1, .reference = reference,                  \
        .user = &(const gru_case){most},                                                                               \
        .input = (const check_input[]){{"x", CHECK_INPUT, {2, {(frames), 3 * (channels)}}, NULL},                      \
                                       {"offsets", CHECK_INTEGER, {1, {(sequences) + 1}}, fill},                       \
                                       {"weight", CHECK_PARAMETER, {2, {3 * (channels), (channels)}}, NULL},           \
                                       {"bias", CHECK_PARAMETER, {1, {3 * (channels)}}, NULL}},                        \
    }

static const op_check checks[] = {
    CASE("ragged x19", 12, 4, 19, fill_ragged, 7),
    CASE("2x3x32", 6, 2, 32, fill_even, 3),
    CASE("2x3x1", 6, 2, 1, fill_even, 3),
};

const op_check *gru_checks(int *count)
{
    *count = (int)(sizeof checks / sizeof *checks);
    return checks;
}
