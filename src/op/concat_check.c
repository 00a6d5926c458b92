/* Reference and cases of concat. */
#include "net/check.h"
#include "op/checks.h"

static int build(const op_check *c, net *n, tensor *const *in, tensor **out)
{
    (void)c;
    out[0] = concat(n, in[0], in[1]);
    return 0;
}

static int channels_of(const check_input *input)
{
    return input->shape.size[input->shape.rank - 1];
}

static void reference(const op_check *c, bool training, double *const *in, double *const *out)
{
    (void)training;
    const int rows = c->input[0].shape.size[0], left = channels_of(&c->input[0]), right = channels_of(&c->input[1]);
    for (int r = 0; r < rows; r++) {
        double *y = out[0] + r * (left + right);
        for (int i = 0; i < left; i++) y[i] = in[0][r * left + i];
        for (int i = 0; i < right; i++) y[left + i] = in[1][r * right + i];
    }
}

static const check_input odd_inputs[] = {
    {"a", CHECK_INPUT, {2, {70, 19}}, NULL},
    {"b", CHECK_INPUT, {3, {10, 7, 3}}, NULL},
};
static const check_input single_inputs[] = {
    {"a", CHECK_INPUT, {2, {1, 16}}, NULL},
    {"b", CHECK_INPUT, {2, {1, 1}}, NULL},
};

static const op_check checks[] = {
    {.name = "concat 70x(19+3)",
     .input = odd_inputs,
     .inputs = 2,
     .build = build,
     .outputs = 1,
     .reference = reference},
    {.name = "concat 1x(16+1)",
     .input = single_inputs,
     .inputs = 2,
     .build = build,
     .outputs = 1,
     .reference = reference},
};

const op_check *concat_checks(int *count)
{
    *count = (int)(sizeof checks / sizeof *checks);
    return checks;
}
