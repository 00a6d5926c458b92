/* Reference and cases of dropout. */
#include "op/dropout.h"

#include "net/check.h"
#include "op/checks.h"

static const float half = 0.5f, tenth = 0.1f, none = 0;

static int build(const op_check *c, net *n, tensor *const *in, tensor **out)
{
    out[0] = dropout(n, in[0], *(const float *)c->user);
    return 0;
}

static void reference(const op_check *c, bool training, double *const *in, double *const *out)
{
    const float p = *(const float *)c->user;
    const int count = c->input[0].shape.size[0] * c->input[0].shape.size[1];
    const random_key key = dropout_key(CHECK_SEED, CHECK_STEP, 0);
    for (int i = 0; i < count; i++)
        out[0][i] = in[0][i] * (training && p > 0 ? dropout_factor(key, p, (uint64_t)i) : 1);
}

static const check_input odd_inputs[] = {{"x", CHECK_INPUT, {2, {23, 31}}, NULL}};
static const check_input tiny_inputs[] = {{"x", CHECK_INPUT, {2, {1, 3}}, NULL}};

static const op_check checks[] = {
    {.name = "dropout 23x31 by 0.1",
     .input = odd_inputs,
     .inputs = 1,
     .build = build,
     .outputs = 1,
     .reference = reference,
     .user = &tenth},
    {.name = "dropout 1x3 by 0.5",
     .input = tiny_inputs,
     .inputs = 1,
     .build = build,
     .outputs = 1,
     .reference = reference,
     .user = &half},
    {.name = "dropout by 0",
     .input = tiny_inputs,
     .inputs = 1,
     .build = build,
     .outputs = 1,
     .reference = reference,
     .user = &none,
     .skip_gradient = true},
};

const op_check *dropout_checks(int *count)
{
    *count = (int)(sizeof checks / sizeof *checks);
    return checks;
}
