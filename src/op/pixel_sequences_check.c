/* Reference and cases of pixel_sequences. Its integers are seen through what reads them: rows through the lines of a
 * table that are added to x, sequences through the means of these sums. */
#include "op/check_values.h"
#include "op/checks.h"
#include "op/image.h"

enum { X, OFFSETS, POSITIONS, TABLE, INPUTS };
enum { LINES = 7 };

static int build(const op_check *c, net *n, tensor *const *in, tensor **out)
{
    tensor *sequences, *rows;
    pixel_sequences(n, in[OFFSETS], in[POSITIONS], *(const int *)c->user, &sequences, &rows);
    out[0] = add_positions(n, in[X], (position_rows){in[TABLE], rows});
    out[1] = sequence_mean(n, out[0], sequences);
    return 0;
}

static void reference(const op_check *c, bool training, double *const *in, double *const *out)
{
    (void)training;
    const int pixels = *(const int *)c->user, channels = c->input[X].shape.size[1];
    for (int s = 0; s < (c->input[OFFSETS].shape.size[0] - 1) * pixels; s++) {
        const int b = s / pixels, first = (int)in[OFFSETS][b], dates = (int)in[OFFSETS][b + 1] - first;
        for (int i = 0; i < channels; i++) {
            double sum = 0;
            for (int t = 0; t < dates; t++) {
                const int at = (first * pixels + s % pixels * dates + t) * channels + i;
                sum += out[0][at] = in[X][at] + in[TABLE][(int)in[POSITIONS][first + t] * channels + i];
            }
            out[1][s * channels + i] = dates ? sum / dates : 0;
        }
    }
}

static const int six = 6, eleven = 11;

CHECK_VALUES(fill_ragged, 0, 3, 4, 4, 6)
CHECK_VALUES(fill_positions, 0, 4, 6, 2, 1, 5)
CHECK_VALUES(fill_one, 0, 1)

static const check_input ragged[] = {
    {"x", CHECK_INPUT, {2, {36, 3}}, NULL},
    {"offsets", CHECK_INTEGER, {1, {5}}, fill_ragged},
    {"positions", CHECK_INTEGER, {1, {6}}, fill_positions},
    {"table", CHECK_CONSTANT, {2, {LINES, 3}}, NULL},
};
static const check_input single[] = {
    {"x", CHECK_INPUT, {2, {11, 16}}, NULL},
    {"offsets", CHECK_INTEGER, {1, {2}}, fill_one},
    {"positions", CHECK_INTEGER, {1, {1}}, fill_positions},
    {"table", CHECK_CONSTANT, {2, {LINES, 16}}, NULL},
};

static const op_check checks[] = {
    {.name = "pixel_sequences of 6 pixels, ragged",
     .input = ragged,
     .inputs = INPUTS,
     .build = build,
     .outputs = 2,
     .reference = reference,
     .user = &six},
    {.name = "pixel_sequences of 11 pixels, one date",
     .input = single,
     .inputs = INPUTS,
     .build = build,
     .outputs = 2,
     .reference = reference,
     .user = &eleven},
};

const op_check *pixel_sequences_checks(int *count)
{
    *count = (int)(sizeof checks / sizeof *checks);
    return checks;
}
