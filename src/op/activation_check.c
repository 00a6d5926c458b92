/* Reference and cases of sigmoid and softplus. */
#include <math.h>

#include "op/checks.h"
#include "op/panoptic.h"

static int build_sigmoid(const op_check *c, net *n, tensor *const *in, tensor **out)
{
    (void)c;
    out[0] = sigmoid(n, in[0]);
    return 0;
}

static int build_softplus(const op_check *c, net *n, tensor *const *in, tensor **out)
{
    (void)c;
    out[0] = softplus(n, in[0]);
    return 0;
}

static void reference_sigmoid(const op_check *c, bool training, double *const *in, double *const *out)
{
    (void)training;
    for (int i = 0; i < c->input[0].shape.size[0]; i++) out[0][i] = 1 / (1 + exp(-in[0][i]));
}

static void reference_softplus(const op_check *c, bool training, double *const *in, double *const *out)
{
    (void)training;
    for (int i = 0; i < c->input[0].shape.size[0]; i++) out[0][i] = in[0][i] > 20 ? in[0][i] : log1p(exp(in[0][i]));
}

/* Some far out, where exp would overflow; softplus is x itself above 20. */
static void fill(const void *user, size_t count, uint64_t stream, double *values)
{
    (void)user;
    (void)stream;
    for (size_t i = 0; i < count; i++) values[i] = ((double)(i * 7 % 31) - 15) * (i % 5 == 4 ? 4.0 : 0.3);
}

#define CASE(title, function, count)                                                                                   \
    {                                                                                                                  \
        .name = title, .input = (const check_input[]){{"x", CHECK_INPUT, {2, {count, 1}}, fill}}, .inputs = 1,         \
        .build = build_##function, .outputs = 1, .reference = reference_##function                                     \
    }

static const op_check checks[] = {
    CASE("sigmoid 37", sigmoid, 37),
    CASE("softplus 37", softplus, 37),
    CASE("sigmoid 1", sigmoid, 1),
    CASE("softplus 2053", softplus, 2053),
};

const op_check *activation_checks(int *count)
{
    *count = (int)(sizeof checks / sizeof *checks);
    return checks;
}
