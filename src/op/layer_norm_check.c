/* Reference and cases of layer_norm. */
#include <math.h>

#include "net/check.h"
#include "op/checks.h"

enum { X, WEIGHT, BIAS, TABLE, POSITIONS };

enum { LINES = 5 }; /* of the table */

static void fill_positions(const void *user, size_t count, uint64_t stream, double *values)
{
    (void)user;
    for (size_t i = 0; i < count; i++) values[i] = (double)((i * 7 + stream) % LINES);
}

/* Far from zero: a variance that is not taken about the mean would drown. */
static void fill_far(const void *user, size_t count, uint64_t stream, double *values)
{
    check_fill_positive(user, count, stream, values);
    for (size_t i = 0; i < count; i++) values[i] += 200;
}

static int build(const op_check *c, net *n, tensor *const *in, tensor **out)
{
    const bool placed = c->inputs > TABLE;
    const position_rows positions = {placed ? in[TABLE] : NULL, placed ? in[POSITIONS] : NULL};
    out[0] = layer_norm(n, in[X], in[WEIGHT], in[BIAS], positions);
    return 0;
}

static void reference(const op_check *c, bool training, double *const *in, double *const *out)
{
    (void)training;
    const int rows = c->input[X].shape.size[0], channels = c->input[X].shape.size[1];
    for (int row = 0; row < rows; row++) {
        const double *x = in[X] + row * channels;
        double mean = 0, variance = 0;
        for (int i = 0; i < channels; i++) mean += x[i] / channels;
        for (int i = 0; i < channels; i++) variance += (x[i] - mean) * (x[i] - mean) / channels;
        for (int i = 0; i < channels; i++) {
            double place = c->inputs > TABLE ? in[TABLE][(int)in[POSITIONS][row] * channels + i] : 0;
            out[0][row * channels + i] = (x[i] - mean) / sqrt(variance + 1e-5) * in[WEIGHT][i] + in[BIAS][i] + place;
        }
    }
}

static const check_input plain_inputs[] = {
    {"x", CHECK_INPUT, {2, {21, 32}}, NULL},
    {"weight", CHECK_PARAMETER, {1, {32}}, check_fill_positive},
    {"bias", CHECK_PARAMETER, {1, {32}}, NULL},
};
static const check_input placed_inputs[] = {
    {"x", CHECK_INPUT, {2, {37, 19}}, NULL},
    {"weight", CHECK_PARAMETER, {1, {19}}, NULL},
    {"bias", CHECK_PARAMETER, {1, {19}}, NULL},
    {"table", CHECK_CONSTANT, {2, {LINES, 19}}, NULL},
    {"positions", CHECK_INTEGER, {1, {37}}, fill_positions},
};
static const check_input wide_inputs[] = {
    {"x", CHECK_INPUT, {2, {3, 150}}, fill_far},
    {"weight", CHECK_PARAMETER, {1, {150}}, NULL},
    {"bias", CHECK_PARAMETER, {1, {150}}, NULL},
};
static const check_input single_inputs[] = {
    {"x", CHECK_INPUT, {2, {1, 1}}, NULL},
    {"weight", CHECK_PARAMETER, {1, {1}}, NULL},
    {"bias", CHECK_PARAMETER, {1, {1}}, NULL},
};

static const op_check checks[] = {
    {.name = "layer_norm 37x19 with positions",
     .input = placed_inputs,
     .inputs = 5,
     .build = build,
     .outputs = 1,
     .reference = reference},
    {.name = "layer_norm 21x32",
     .input = plain_inputs,
     .inputs = 3,
     .build = build,
     .outputs = 1,
     .reference = reference},
    {.name = "layer_norm 3x150 about 200",
     .input = wide_inputs,
     .inputs = 3,
     .build = build,
     .outputs = 1,
     .reference = reference,
     .tolerance = 1e-4},
    {.name = "layer_norm 1x1",
     .input = single_inputs,
     .inputs = 3,
     .build = build,
     .outputs = 1,
     .reference = reference},
};

const op_check *layer_norm_checks(int *count)
{
    *count = (int)(sizeof checks / sizeof *checks);
    return checks;
}
