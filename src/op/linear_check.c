/* linear in plain C, and cases for each way through its kernels: tiles, tails, partial products. */
#include "base/error.h"
#include "op/checks.h"

typedef struct sizes {
    int rows, inputs, outputs;
} sizes;

static void linear_reference(const op_check *c, bool training, double *const *in, double *const *out)
{
    const sizes *s = c->user;
    const double *x = in[0], *w = in[1], *bias = c->inputs > 2 ? in[2] : NULL;
    (void)training;
    for (int row = 0; row < s->rows; row++)
        for (int o = 0; o < s->outputs; o++) {
            double sum = bias ? bias[o] : 0;
            for (int i = 0; i < s->inputs; i++)
                sum += x[(size_t)row * (size_t)s->inputs + (size_t)i] * w[(size_t)o * (size_t)s->inputs + (size_t)i];
            out[0][(size_t)row * (size_t)s->outputs + (size_t)o] = sum;
        }
}

static int linear_build(const op_check *c, net *n, tensor *const *in, tensor **out)
{
    out[0] = linear(n, in[0], in[1], c->inputs > 2 ? in[2] : NULL);
    return OK;
}

#define SIZES(m, k, n) (&(const sizes){(m), (k), (n)})
#define INPUTS(m, k, n)                                                                                                \
    (const check_input[])                                                                                              \
    {                                                                                                                  \
        {"x", CHECK_INPUT, {2, {(m), (k)}}, NULL}, {"weight", CHECK_PARAMETER, {2, {(n), (k)}}, NULL},                 \
            {"bias", CHECK_PARAMETER, {1, {(n)}}, NULL},                                                               \
    }
#define CASE(title, m, k, n, inputs_used)                                                                              \
    {                                                                                                                  \
        .name = "linear " title, .input = INPUTS(m, k, n), .inputs = (inputs_used), .build = linear_build,             \
        .outputs = 1, .reference = linear_reference, .user = SIZES(m, k, n)                                            \
    }

/* Sizes that share programs: the self-test builds few. */
static const op_check linear_cases[] = {
    CASE("5x20 -> 18, fewer rows than a tile", 5, 20, 18, 3),
    CASE("37x35 -> 49, tails everywhere", 37, 35, 49, 2),
    CASE("1100x17 -> 9, partial products", 1100, 17, 9, 3),
};

static const op_check linear_narrow_cases[] = {
    CASE("1x1 -> 1", 1, 1, 1, 3),
    CASE("5x3 -> 2", 5, 3, 2, 3),
    CASE("37x11 -> 5", 37, 11, 5, 3),
    CASE("18x64 -> 64, whole tiles", 18, 64, 64, 3),
    CASE("1100x3 -> 9, partial products", 1100, 3, 9, 3),
};

const op_check *linear_checks(int *count)
{
    *count = (int)(sizeof linear_cases / sizeof *linear_cases);
    return linear_cases;
}

const op_check *linear_narrow_checks(int *count)
{
    *count = (int)(sizeof linear_narrow_cases / sizeof *linear_narrow_cases);
    return linear_narrow_cases;
}
