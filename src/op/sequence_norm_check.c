/* Reference and cases of sequence_norm. */
#include <math.h>

#include "net/check.h"
#include "op/check_values.h"
#include "op/checks.h"

/* Which of the operation's arguments a case has, in their order. */
typedef struct parts {
    bool weight, bias, positions;
} parts;

enum { X, OFFSETS, WEIGHT, BIAS, TABLE, POSITIONS, ALL };
enum { LINES = 5 }; /* of the table */

/* index[argument]: of the case's input, or -1. */
static void slots(const parts *p, int index[ALL])
{
    int next = 0;
    const bool has[ALL] = {true, true, p->weight, p->bias, p->positions, p->positions};
    for (int i = 0; i < ALL; i++) index[i] = has[i] ? next++ : -1;
}

static void fill_positions(const void *user, size_t count, uint64_t stream, double *values)
{
    (void)user;
    for (size_t i = 0; i < count; i++) values[i] = (double)((i * 5 + stream) % LINES);
}

static int build(const op_check *c, net *n, tensor *const *in, tensor **out)
{
    int index[ALL];
    tensor *all[ALL];
    slots(c->user, index);
    for (int i = 0; i < ALL; i++) all[i] = index[i] < 0 ? NULL : in[index[i]];
    out[0] =
        sequence_norm(n, all[X], all[OFFSETS], all[WEIGHT], all[BIAS], (position_rows){all[TABLE], all[POSITIONS]});
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
    const parts *p = c->user;
    const int sequences = c->input[OFFSETS].shape.size[0] - 1, channels = c->input[X].shape.size[1];
    const int longest = p->weight || p->bias ? c->input[WEIGHT].shape.size[1] : 0;
    slots(p, index);
    for (int q = 0; q < sequences; q++) {
        const int first = (int)in[OFFSETS][q], dates = (int)in[OFFSETS][q + 1] - first;
        double mean, variance;
        moments(in[X] + first * channels, dates * channels, &mean, &variance);
        for (int i = 0; i < dates * channels; i++) {
            const int t = i / channels, channel = i % channels, frame = first + t;
            double v = (in[X][frame * channels + channel] - mean) / sqrt(variance + 1e-5);
            if (p->weight) v *= in[index[WEIGHT]][channel * longest + t];
            if (p->bias) v += in[index[BIAS]][channel * longest + t];
            if (p->positions) v += in[index[TABLE]][(int)in[index[POSITIONS]][frame] * channels + channel];
            out[0][frame * channels + channel] = v;
        }
    }
}

static const parts whole = {true, true, true}, bare = {false, false, false}, scaled = {true, false, false},
                   shifted = {false, true, false};

CHECK_VALUES(fill_whole, 0, 4, 5, 11, 13, 17)
CHECK_VALUES(fill_bare, 0, 3, 10)
CHECK_VALUES(fill_scaled, 0, 3, 5, 8)
CHECK_VALUES(fill_shifted, 0, 2, 4)

static const check_input whole_inputs[] = {
    {"x", CHECK_INPUT, {2, {17, 19}}, NULL},           {"offsets", CHECK_INTEGER, {1, {6}}, fill_whole},
    {"weight", CHECK_PARAMETER, {2, {19, 6}}, NULL},   {"bias", CHECK_PARAMETER, {2, {19, 6}}, NULL},
    {"table", CHECK_CONSTANT, {2, {LINES, 19}}, NULL}, {"positions", CHECK_INTEGER, {1, {17}}, fill_positions},
};
static const check_input bare_inputs[] = {
    {"x", CHECK_INPUT, {2, {10, 32}}, NULL},
    {"offsets", CHECK_INTEGER, {1, {3}}, fill_bare},
};
static const check_input scaled_inputs[] = {
    {"x", CHECK_INPUT, {2, {8, 7}}, NULL},
    {"offsets", CHECK_INTEGER, {1, {4}}, fill_scaled},
    {"weight", CHECK_PARAMETER, {2, {7, 4}}, check_fill_positive},
};
static const check_input shifted_inputs[] = {
    {"x", CHECK_INPUT, {2, {4, 5}}, NULL},
    {"offsets", CHECK_INTEGER, {1, {3}}, fill_shifted},
    {"bias", CHECK_PARAMETER, {2, {5, 2}}, NULL},
};

static const op_check checks[] = {
    {.name = "sequence_norm ragged x19 with positions",
     .input = whole_inputs,
     .inputs = 6,
     .build = build,
     .outputs = 1,
     .reference = reference,
     .user = &whole},
    {.name = "sequence_norm ragged x32 without weights",
     .input = bare_inputs,
     .inputs = 2,
     .build = build,
     .outputs = 1,
     .reference = reference,
     .user = &bare},
    {.name = "sequence_norm shorter than its weights",
     .input = scaled_inputs,
     .inputs = 3,
     .build = build,
     .outputs = 1,
     .reference = reference,
     .user = &scaled},
    {.name = "sequence_norm with a bias alone",
     .input = shifted_inputs,
     .inputs = 3,
     .build = build,
     .outputs = 1,
     .reference = reference,
     .user = &shifted},
};

const op_check *sequence_norm_checks(int *count)
{
    *count = (int)(sizeof checks / sizeof *checks);
    return checks;
}
