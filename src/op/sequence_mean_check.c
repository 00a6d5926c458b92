/* Reference and cases of sequence_mean. */
#include "net/check.h"
#include "op/check_values.h"
#include "op/checks.h"

enum { X, OFFSETS };

static int build(const op_check *c, net *n, tensor *const *in, tensor **out)
{
    (void)c;
    out[0] = sequence_mean(n, in[X], in[OFFSETS]);
    return 0;
}

static void reference(const op_check *c, bool training, double *const *in, double *const *out)
{
    (void)training;
    const int sequences = c->input[OFFSETS].shape.size[0] - 1, channels = c->input[X].shape.size[1];
    for (int q = 0; q < sequences; q++)
        for (int i = 0; i < channels; i++) {
            const int first = (int)in[OFFSETS][q], end = (int)in[OFFSETS][q + 1];
            double sum = 0;
            for (int f = first; f < end; f++) sum += in[X][f * channels + i];
            out[0][q * channels + i] = end > first ? sum / (end - first) : 0;
        }
}

CHECK_VALUES(fill_ragged, 0, 4, 5, 5, 14, 16)
CHECK_VALUES(fill_even, 0, 3, 6)

static const check_input ragged_inputs[] = {
    {"x", CHECK_INPUT, {2, {16, 19}}, NULL},
    {"offsets", CHECK_INTEGER, {1, {6}}, fill_ragged},
};
static const check_input even_inputs[] = {
    {"x", CHECK_INPUT, {2, {6, 32}}, NULL},
    {"offsets", CHECK_INTEGER, {1, {3}}, fill_even},
};

static const op_check checks[] = {
    {.name = "sequence_mean ragged x19",
     .input = ragged_inputs,
     .inputs = 2,
     .build = build,
     .outputs = 1,
     .reference = reference},
    {.name = "sequence_mean 2x3x32",
     .input = even_inputs,
     .inputs = 2,
     .build = build,
     .outputs = 1,
     .reference = reference},
};

const op_check *sequence_mean_checks(int *count)
{
    *count = (int)(sizeof checks / sizeof *checks);
    return checks;
}
