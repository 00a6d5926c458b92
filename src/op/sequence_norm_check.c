/* Reference and cases of sequence_norm. */
#include <math.h>

#include "net/check.h"
#include "op/checks.h"

typedef struct sizes {
    int channels, longest, lines; /* longest 0: neither weight nor bias; lines 0: no positions */
    bool weight, bias;
    int lengths[6];
} sizes;

static void fill_offsets(const void *user, size_t count, uint64_t stream, double *values)
{
    (void)stream;
    const sizes *s = user;
    values[0] = 0;
    for (size_t i = 1; i < count; i++) values[i] = values[i - 1] + s->lengths[i - 1];
}

static void fill_positions(const void *user, size_t count, uint64_t stream, double *values)
{
    const sizes *s = user;
    for (size_t i = 0; i < count; i++) values[i] = (double)((i * 5 + stream) % (size_t)s->lines);
}

/* The inputs of a case in the order of the operation's arguments, NULL where it has none. */
enum { X, OFFSETS, WEIGHT, BIAS, TABLE, POSITIONS, ALL };

static void slots(const sizes *s, int index[ALL])
{
    int next = 0;
    const bool has[ALL] = {true, true, s->weight, s->bias, s->lines > 0, s->lines > 0};
    for (int i = 0; i < ALL; i++) index[i] = has[i] ? next++ : -1;
}

static int build(const op_check *c, net *n, tensor *const *in, tensor **out)
{
    int index[ALL];
    tensor *all[ALL];
    slots(c->user, index);
    for (int i = 0; i < ALL; i++) all[i] = index[i] < 0 ? NULL : in[index[i]];
    out[0] = sequence_norm(n, all[X], all[OFFSETS], all[WEIGHT], all[BIAS],
                           (position_rows){all[TABLE], all[POSITIONS]});
    return 0;
}

static void moments(const double *x, int count, double *mean, double *variance)
{
    *mean = *variance = 0;
    for (int i = 0; i < count; i++) *mean += x[i] / count;
    for (int i = 0; i < count; i++) *variance += (x[i] - *mean) * (x[i] - *mean) / count;
}

static void reference(const op_check *c, bool training, double *const *in, double *const *out)
{
    (void)training;
    int index[ALL];
    const sizes *s = c->user;
    slots(s, index);
    for (int q = 0, frame = 0; q + 1 < c->input[OFFSETS].shape.size[0]; q++) {
        double mean, variance;
        moments(in[X] + frame * s->channels, s->lengths[q] * s->channels, &mean, &variance);
        for (int t = 0; t < s->lengths[q]; t++, frame++)
            for (int i = 0; i < s->channels; i++) {
                double v = (in[X][frame * s->channels + i] - mean) / sqrt(variance + 1e-5);
                if (s->weight) v *= in[index[WEIGHT]][i * s->longest + t];
                if (s->bias) v += in[index[BIAS]][i * s->longest + t];
                if (s->lines) v += in[index[TABLE]][(int)in[index[POSITIONS]][frame] * s->channels + i];
                out[0][frame * s->channels + i] = v;
            }
    }
}

static const sizes whole = {19, 6, 5, true, true, {4, 1, 6, 2, 4}}, bare = {32, 0, 0, false, false, {3, 7}},
                   scaled = {7, 4, 0, true, false, {3, 2, 3}}, shifted = {5, 2, 0, false, true, {2, 2}};

static const check_input whole_inputs[] = {
    {"x", CHECK_INPUT, {2, {17, 19}}, NULL},
    {"offsets", CHECK_INTEGER, {1, {6}}, fill_offsets},
    {"weight", CHECK_PARAMETER, {2, {19, 6}}, NULL},
    {"bias", CHECK_PARAMETER, {2, {19, 6}}, NULL},
    {"table", CHECK_CONSTANT, {2, {5, 19}}, NULL},
    {"positions", CHECK_INTEGER, {1, {17}}, fill_positions},
};
static const check_input bare_inputs[] = {
    {"x", CHECK_INPUT, {2, {10, 32}}, NULL},
    {"offsets", CHECK_INTEGER, {1, {3}}, fill_offsets},
};
static const check_input scaled_inputs[] = {
    {"x", CHECK_INPUT, {2, {8, 7}}, NULL},
    {"offsets", CHECK_INTEGER, {1, {4}}, fill_offsets},
    {"weight", CHECK_PARAMETER, {2, {7, 4}}, check_fill_positive},
};
static const check_input shifted_inputs[] = {
    {"x", CHECK_INPUT, {2, {4, 5}}, NULL},
    {"offsets", CHECK_INTEGER, {1, {3}}, fill_offsets},
    {"bias", CHECK_PARAMETER, {2, {5, 2}}, NULL},
};

static const op_check checks[] = {
    {.name = "sequence_norm ragged x19 with positions", .input = whole_inputs, .inputs = 6, .build = build,
     .outputs = 1, .reference = reference, .user = &whole},
    {.name = "sequence_norm ragged x32 without weights", .input = bare_inputs, .inputs = 2, .build = build,
     .outputs = 1, .reference = reference, .user = &bare},
    {.name = "sequence_norm shorter than its weights", .input = scaled_inputs, .inputs = 3, .build = build,
     .outputs = 1, .reference = reference, .user = &scaled},
    {.name = "sequence_norm with a bias alone", .input = shifted_inputs, .inputs = 3, .build = build,
     .outputs = 1, .reference = reference, .user = &shifted},
};

const op_check *sequence_norm_checks(int *count)
{
    *count = (int)(sizeof checks / sizeof *checks);
    return checks;
}
