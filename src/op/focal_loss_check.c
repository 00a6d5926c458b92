/* Reference and cases of focal_loss. With gamma > 0 the published gradient is not the slope of the loss (its factor is
 * held still): tests/test_op_focal_loss.c compares it with the formula instead. */
#include <math.h>

#include "net/check.h"
#include "op/checks.h"

enum { LOGITS, TARGET, CLASS_WEIGHT };

/* Some beyond the last class, which the device takes for it: nothing may be read outside. */
static void fill_targets(const void *user, size_t count, uint64_t stream, double *values)
{
    (void)user;
    for (size_t i = 0; i < count; i++) values[i] = (double)((i * 5 + stream) % 23);
}

/* Rows of 4: one is certain, one is far off; neither may overflow. */
static void fill_steep(const void *user, size_t count, uint64_t stream, double *values)
{
    check_fill_positive(user, count, stream, values);
    values[0] = 200;
    values[4] = -200;
}

static int build(const op_check *c, net *n, tensor *const *in, tensor **out)
{
    const float gamma = *(const float *)c->user;
    out[0] = focal_loss(n, in[LOGITS], in[TARGET], c->inputs > CLASS_WEIGHT ? in[CLASS_WEIGHT] : NULL, gamma);
    return 0;
}

/* -log softmax(z)[t] */
static double cross_entropy(const double *z, int classes, int t)
{
    double top = z[0], sum = 0;
    for (int i = 1; i < classes; i++) top = fmax(top, z[i]);
    for (int i = 0; i < classes; i++) sum += exp(z[i] - top);
    return log(sum) + top - z[t];
}

static void reference(const op_check *c, bool training, double *const *in, double *const *out)
{
    (void)training;
    const double gamma = (double)*(const float *)c->user;
    const int rows = c->input[LOGITS].shape.size[0], classes = c->input[LOGITS].shape.size[1];
    double sum = 0, count = 0;
    for (int r = 0; r < rows; r++) {
        const int t = in[TARGET][r] < classes ? (int)in[TARGET][r] : classes - 1;
        const double loss = cross_entropy(in[LOGITS] + r * classes, classes, t);
        const double w = c->inputs > CLASS_WEIGHT ? in[CLASS_WEIGHT][t] : 1;
        sum += w * pow(-expm1(-loss), gamma) * loss;
        count += w;
    }
    out[0][0] = sum / count;
}

static const float none = 0, one = 1, steep = 2.5f;

static const check_input plain_inputs[] = {
    {"logits", CHECK_INPUT, {2, {67, 20}}, NULL},
    {"target", CHECK_INTEGER, {1, {67}}, fill_targets},
};
static const check_input weighted_inputs[] = {
    {"logits", CHECK_INPUT, {2, {9, 17}}, NULL},
    {"target", CHECK_INTEGER, {1, {9}}, fill_targets},
    {"class_weight", CHECK_CONSTANT, {1, {17}}, check_fill_positive},
};
static const check_input certain_inputs[] = {
    {"logits", CHECK_INPUT, {2, {3, 4}}, fill_steep},
    {"target", CHECK_INTEGER, {1, {3}}, fill_targets},
};
static const check_input single_inputs[] = {
    {"logits", CHECK_INPUT, {2, {1, 5}}, NULL},
    {"target", CHECK_INTEGER, {1, {1}}, fill_targets},
};
static const check_input focal_inputs[] = {
    {"logits", CHECK_INPUT, {2, {150, 20}}, NULL},
    {"target", CHECK_INTEGER, {1, {150}}, fill_targets},
};
static const check_input sharp_inputs[] = {
    {"logits", CHECK_INPUT, {2, {33, 3}}, NULL},
    {"target", CHECK_INTEGER, {1, {33}}, fill_targets},
};

static const op_check checks[] = {
    {.name = "focal_loss 67x20, gamma 0",
     .input = plain_inputs,
     .inputs = 2,
     .build = build,
     .outputs = 1,
     .reference = reference,
     .user = &none},
    {.name = "focal_loss 9x17, weighted",
     .input = weighted_inputs,
     .inputs = 3,
     .build = build,
     .outputs = 1,
     .reference = reference,
     .user = &none},
    {.name = "focal_loss of certain rows",
     .input = certain_inputs,
     .inputs = 2,
     .build = build,
     .outputs = 1,
     .reference = reference,
     .user = &none},
    {.name = "focal_loss 1x5",
     .input = single_inputs,
     .inputs = 2,
     .build = build,
     .outputs = 1,
     .reference = reference,
     .user = &none},
    {.name = "focal_loss 150x20, gamma 1",
     .input = focal_inputs,
     .inputs = 2,
     .build = build,
     .outputs = 1,
     .reference = reference,
     .user = &one,
     .skip_gradient = true},
    {.name = "focal_loss 33x3, gamma 2.5",
     .input = sharp_inputs,
     .inputs = 2,
     .build = build,
     .outputs = 1,
     .reference = reference,
     .user = &steep,
     .skip_gradient = true},
};

const op_check *focal_loss_checks(int *count)
{
    *count = (int)(sizeof checks / sizeof *checks);
    return checks;
}
