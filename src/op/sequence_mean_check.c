/* Reference and cases of sequence_mean. */
#include "net/check.h"
#include "op/checks.h"

enum { X, OFFSETS };

typedef struct sizes {
    int channels;
    int lengths[6]; /* of the sequences */
} sizes;

static void fill_offsets(const void *user, size_t count, uint64_t stream, double *values)
{
    (void)stream;
    const sizes *s = user;
    values[0] = 0;
    for (size_t i = 1; i < count; i++) values[i] = values[i - 1] + s->lengths[i - 1];
}

static int build(const op_check *c, net *n, tensor *const *in, tensor **out)
{
    (void)c;
    out[0] = sequence_mean(n, in[X], in[OFFSETS]);
    return 0;
}

static void reference(const op_check *c, bool training, double *const *in, double *const *out)
{
    (void)training;
    const sizes *s = c->user;
    for (int q = 0; q + 1 < c->input[OFFSETS].shape.size[0]; q++)
        for (int i = 0; i < s->channels; i++) {
            double sum = 0;
            for (int f = (int)in[OFFSETS][q]; f < (int)in[OFFSETS][q + 1]; f++) sum += in[X][f * s->channels + i];
            out[0][q * s->channels + i] = s->lengths[q] ? sum / s->lengths[q] : 0;
        }
}

static const sizes ragged = {19, {4, 1, 0, 9, 2}}, even = {32, {3, 3}};

static const check_input ragged_inputs[] = {
    {"x", CHECK_INPUT, {2, {16, 19}}, NULL},
    {"offsets", CHECK_INTEGER, {1, {6}}, fill_offsets},
};
static const check_input even_inputs[] = {
    {"x", CHECK_INPUT, {2, {6, 32}}, NULL},
    {"offsets", CHECK_INTEGER, {1, {3}}, fill_offsets},
};

static const op_check checks[] = {
    {.name = "sequence_mean ragged x19", .input = ragged_inputs, .inputs = 2, .build = build, .outputs = 1,
     .reference = reference, .user = &ragged},
    {.name = "sequence_mean 2x3x32", .input = even_inputs, .inputs = 2, .build = build, .outputs = 1,
     .reference = reference, .user = &even},
};

const op_check *sequence_mean_checks(int *count)
{
    *count = (int)(sizeof checks / sizeof *checks);
    return checks;
}
