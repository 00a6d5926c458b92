/* Reference and cases of add_positions. */
#include "op/check_values.h"
#include "op/checks.h"
#include "op/image.h"

enum { X, TABLE, POSITIONS, INPUTS };
enum { LINES = 5 };

static void fill_lines(const void *user, size_t count, uint64_t stream, double *values)
{
    (void)user;
    for (size_t i = 0; i < count; i++) values[i] = (double)((i * 7 + stream) % LINES);
}

static int build(const op_check *c, net *n, tensor *const *in, tensor **out)
{
    (void)c;
    out[0] = add_positions(n, in[X], (position_rows){in[TABLE], in[POSITIONS]});
    return 0;
}

static void reference(const op_check *c, bool training, double *const *in, double *const *out)
{
    (void)training;
    const int rows = c->input[X].shape.size[0], channels = c->input[X].shape.size[1];
    for (int i = 0; i < rows * channels; i++)
        out[0][i] = in[X][i] + in[TABLE][(int)in[POSITIONS][i / channels] * channels + i % channels];
}

/* x is used twice, so that its gradient cannot lie in y's place. */
static int build_twice(const op_check *c, net *n, tensor *const *in, tensor **out)
{
    (void)c;
    tensor *hidden = add_positions(n, in[X], (position_rows){in[TABLE], in[POSITIONS]});
    out[0] = concat(n, add_positions(n, hidden, (position_rows){in[TABLE], in[POSITIONS]}), hidden);
    return 0;
}

static void reference_twice(const op_check *c, bool training, double *const *in, double *const *out)
{
    (void)training;
    const int rows = c->input[X].shape.size[0], channels = c->input[X].shape.size[1];
    for (int i = 0; i < rows * channels; i++) {
        const int row = i / channels, channel = i % channels;
        const double line = in[TABLE][(int)in[POSITIONS][row] * channels + channel];
        out[0][(2 * row) * channels + channel] = in[X][i] + 2 * line;
        out[0][(2 * row + 1) * channels + channel] = in[X][i] + line;
    }
}

static const check_input odd[] = {
    {"x", CHECK_INPUT, {2, {21, 19}}, NULL},
    {"table", CHECK_CONSTANT, {2, {LINES, 19}}, NULL},
    {"positions", CHECK_INTEGER, {1, {21}}, fill_lines},
};
static const check_input wide[] = {
    {"x", CHECK_INPUT, {2, {9, 32}}, NULL},
    {"table", CHECK_CONSTANT, {2, {LINES, 32}}, NULL},
    {"positions", CHECK_INTEGER, {1, {9}}, fill_lines},
};

static const op_check checks[] = {
    {.name = "add_positions 21x19",
     .input = odd,
     .inputs = INPUTS,
     .build = build,
     .outputs = 1,
     .reference = reference},
    {.name = "add_positions 9x32, used twice",
     .input = wide,
     .inputs = INPUTS,
     .build = build_twice,
     .outputs = 1,
     .reference = reference_twice},
};

const op_check *add_positions_checks(int *count)
{
    *count = (int)(sizeof checks / sizeof *checks);
    return checks;
}
