/* Reference and cases of sequence_windows and sequence_flat. */
#include "net/check.h"
#include "op/check_values.h"
#include "op/checks.h"

enum { X, OFFSETS, INPUTS };

typedef struct window_case {
    int width;
    bool every_date;
} window_case;

static int build(const op_check *c, net *n, tensor *const *in, tensor **out)
{
    const window_case *k = c->user;
    out[0] = k->every_date ? sequence_windows(n, in[X], in[OFFSETS], k->width)
                           : sequence_flat(n, in[X], in[OFFSETS], k->width);
    return 0;
}

/* One row: the window from frame `start` on, of a sequence of frames first .. end - 1. */
static void window(const double *x, int start, int first, int end, int channels, int width, double *row)
{
    for (int i = 0; i < channels; i++)
        for (int k = 0; k < width; k++)
            row[i * width + k] = start + k >= first && start + k < end ? x[(start + k) * channels + i] : 0;
}

static void reference(const op_check *c, bool training, double *const *in, double *const *out)
{
    const window_case *k = c->user;
    (void)training;
    const int sequences = c->input[OFFSETS].shape.size[0] - 1, channels = c->input[X].shape.size[1];
    for (int q = 0; q < sequences; q++) {
        const int first = (int)in[OFFSETS][q], end = (int)in[OFFSETS][q + 1];
        if (!k->every_date) window(in[X], first, first, end, channels, k->width, out[0] + q * channels * k->width);
        for (int f = first; k->every_date && f < end; f++)
            window(in[X], f - k->width / 2, first, end, channels, k->width, out[0] + f * channels * k->width);
    }
}

CHECK_VALUES(fill_ragged, 0, 4, 5, 5, 12)

#define CASE(title, channels, dates, every)                                                                            \
    {                                                                                                                  \
        .name = title, .inputs = INPUTS, .build = build, .outputs = 1, .reference = reference,                         \
        .user = &(const window_case){dates, every},                                                                    \
        .input = (const check_input[]){{"x", CHECK_INPUT, {2, {12, (channels)}}, NULL},                                \
                                       {"offsets", CHECK_INTEGER, {1, {5}}, fill_ragged}},                             \
    }

static const op_check checks[] = {
    CASE("sequence_windows of 3, x19", 19, 3, true),  CASE("sequence_flat of 7, x19", 19, 7, false),
    CASE("sequence_windows of 1, x4", 4, 1, true),    CASE("sequence_windows of 4, x1", 1, 4, true),
    CASE("sequence_flat of 5, x3, cut", 3, 5, false),
};

const op_check *sequence_windows_checks(int *count)
{
    *count = (int)(sizeof checks / sizeof *checks);
    return checks;
}
