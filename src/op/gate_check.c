/* Reference and cases of gate. */
#include <math.h>

#include "op/checks.h"
#include "op/panoptic.h"

static int build(const op_check *c, net *n, tensor *const *in, tensor **out)
{
    out[0] = gate(n, in[0], in[c->inputs - 1]);
    return 0;
}

static void reference(const op_check *c, bool training, double *const *in, double *const *out)
{
    const shape s = c->input[0].shape;
    (void)training;
    for (int i = 0; i < s.size[0] * s.size[1]; i++)
        out[0][i] = 1 / (1 + exp(-in[0][i])) / (1 + exp(-in[c->inputs - 1][i]));
}

#define CASE(title, count, rows, columns)                                                                              \
    {                                                                                                                  \
        .name = "gate " title,                                                                                         \
        .input = (const check_input[]){{"a", CHECK_INPUT, {2, {rows, columns}}, NULL},                                 \
                                       {"b", CHECK_INPUT, {2, {rows, columns}}, NULL}},                                \
        .inputs = (count), .build = build, .outputs = 1, .reference = reference                                        \
    }

static const op_check checks[] = {
    CASE("33x1", 2, 33, 1),
    CASE("67x31", 2, 67, 31),
    CASE("by itself", 1, 37, 1),
    CASE("1x1", 2, 1, 1),
};

const op_check *gate_checks(int *count)
{
    *count = (int)(sizeof checks / sizeof *checks);
    return checks;
}
