/* focal_loss: its cases, the published gradient (whose factor is held still), many rows, weights of zero, refusals. */
#include "op_test.h"

#include <math.h>

#include "base/memory.h"
#include "base/random.h"
#include "op/checks.h"

static void test_checks(void **state)
{
    (void)state;
    int count;
    const op_check *checks = focal_loss_checks(&count);
    op_test_checks(checks, count);
}

static void test_sizes(void **state)
{
    (void)state;
    if (op_test_small()) skip();
    int count;
    const op_check *checks = focal_loss_checks(&count);
    op_check c = op_test_case(checks, count, "focal_loss 67x20, gamma 0");
    check_input inputs[2] = {c.input[0], c.input[1]};
    inputs[0].shape = SHAPE(70000, 20); /* groups of more rows */
    inputs[1].shape = SHAPE(70000);
    c.name = "focal_loss 70000x20";
    c.input = inputs;
    assert_ok(check_operation(op_device, &c, false));
}

/* ---- the gradient ----------------------------------------------------------------------------------------------- */

enum { ROWS = 70, CLASSES = 19 };

typedef struct problem {
    float logits[ROWS * CLASSES];
    int32_t target[ROWS];
    float weight[CLASSES];
} problem;

static problem problem_new(void)
{
    problem p;
    for (int i = 0; i < ROWS * CLASSES; i++)
        p.logits[i] = 3 * (float)random_normal(random_stream(5, RANDOM_SYNTHETIC, 1), (uint64_t)i);
    for (int i = 0; i < ROWS; i++) p.target[i] = i * 7 % CLASSES;
    for (int i = 0; i < CLASSES; i++) p.weight[i] = 0.25f + (float)i;
    return p;
}

/* loss and dlogits on the device, for a gradient of 1 */
static void focal(const problem *p, float gamma, float *loss, float *gradient)
{
    net *n = NULL;
    assert_ok(net_new(op_device, 1, &n));
    net_begin(n, true);
    tensor *x = net_input(n, "x", ELEMENT_FLOAT, SHAPE(ROWS, CLASSES), true);
    tensor *t = net_input(n, "t", ELEMENT_INT, SHAPE(ROWS), false);
    tensor *w = net_input(n, "w", ELEMENT_FLOAT, SHAPE(CLASSES), false);
    tensor *y = focal_loss(n, x, t, w, gamma);
    net_keep(n, y);
    assert_ok(net_plan(n, NULL));
    assert_ok(net_input_write(n, x, p->logits));
    assert_ok(net_input_write(n, t, p->target));
    assert_ok(net_input_write(n, w, p->weight));
    assert_ok(net_forward(n, 1));
    assert_ok(net_backward(n, y, 1));
    assert_ok(net_read(n, y, loss));
    assert_ok(net_read_gradient(n, x, gradient));
    net_free(n);
}

/* w (1 - p_t)^gamma (p - onehot) / sum of w */
static double gradient_wanted(const problem *p, double gamma, int row, int class)
{
    const float *z = p->logits + row * CLASSES;
    double sum = 0, weights = 0;
    for (int i = 0; i < CLASSES; i++) sum += exp((double)z[i]);
    for (int i = 0; i < ROWS; i++) weights += (double)p->weight[p->target[i]];
    const int t = p->target[row];
    const double share = (double)p->weight[t] * pow(1 - exp((double)z[t]) / sum, gamma) / weights;
    return share * (exp((double)z[class]) / sum - (class == t));
}

static void test_gradient(void **state)
{
    (void)state;
    static const float gammas[] = {0, 0.5f, 1, 2, 3.7f};
    const problem p = problem_new();
    for (size_t g = 0; g < sizeof gammas / sizeof *gammas; g++) {
        float loss, *got = memory_new(ROWS * CLASSES, sizeof *got);
        assert_non_null(got);
        focal(&p, gammas[g], &loss, got);
        for (int i = 0; i < ROWS * CLASSES; i++) {
            const double wanted = gradient_wanted(&p, (double)gammas[g], i / CLASSES, i % CLASSES);
            if (fabs((double)got[i] - wanted) <= 1e-7 + 1e-5 * fabs(wanted)) continue;
            print_error("gamma %g: gradient %d is %.9g, wanted %.9g\n", (double)gammas[g], i, (double)got[i], wanted);
            assert_true(false);
        }
        free(got);
    }
}

/* No row weighs anything: nothing is learnt, and no NaN spreads. */
static void test_nothing_weighs(void **state)
{
    (void)state;
    problem p = problem_new();
    float loss, *got = memory_new(ROWS * CLASSES, sizeof *got);
    assert_non_null(got);
    memset(p.weight, 0, sizeof p.weight);
    focal(&p, 1, &loss, got);
    assert_true(loss == 0);
    for (int i = 0; i < ROWS * CLASSES; i++) assert_true(got[i] == 0);
    free(got);
}

static void test_targets_outside(void **state)
{
    (void)state;
    problem p = problem_new(), q = p;
    float loss[2], *got[2];
    for (int i = 0; i < 2; i++) assert_non_null(got[i] = memory_new(ROWS * CLASSES, sizeof(float)));
    p.target[3] = -1000000; /* void: it teaches nothing */
    p.target[4] = INT32_MAX;
    q.target[3] = -1;
    q.target[4] = CLASSES - 1;
    focal(&p, 1, &loss[0], got[0]);
    focal(&q, 1, &loss[1], got[1]);
    assert_true(loss[0] == loss[1]);
    assert_memory_equal(got[0], got[1], ROWS * CLASSES * sizeof(float));
    for (int k = 0; k < CLASSES; k++) assert_true(got[0][3 * CLASSES + k] == 0 && got[0][4 * CLASSES + k] != 0);
    for (int i = 0; i < 2; i++) free(got[i]);
}

/* ---- refusals --------------------------------------------------------------------------------------------------- */

static void test_refusals(void **state)
{
    (void)state;
    net *n = NULL;
    assert_ok(net_new(op_device, 1, &n));
    for (int i = 0; i < 6; i++) {
        net_begin(n, true);
        tensor *x = net_input(n, "x", ELEMENT_FLOAT, SHAPE(6, 4), true);
        tensor *none = net_input(n, "none", ELEMENT_FLOAT, SHAPE(0, 4), true);
        tensor *t = net_input(n, "t", ELEMENT_INT, SHAPE(6), false);
        tensor *reals = net_input(n, "reals", ELEMENT_FLOAT, SHAPE(6), false);
        tensor *w = net_input(n, "w", ELEMENT_FLOAT, SHAPE(4), false);
        tensor *trained = net_parameter(n, "trained", SHAPE(4), PARAMETER_TRAINED, INITIAL_ONE, 0);
        static const char *const messages[] = {
            "focal_loss: input 0 (none, 0 x 4) should be rows x classes of reals, at least one of each",
            "focal_loss: input 1 (reals, 6) should be 6 integers: a class a row",
            "focal_loss: input 2 (reals, 6) should be 4 reals: one a class",
            "focal_loss: input 2 (trained, 4) is to be trained: it takes no gradient",
            "focal_loss: input 0 (x, 6 x 4) focussed with gamma -1, wanted 0 or more",
            "focal_loss: input 0 (x, 6 x 4) focussed with gamma nan, wanted 0 or more",
        };
        assert_null(focal_loss(n, i == 0 ? none : x, i == 1 ? reals : t,
                               i == 2   ? reals
                               : i == 3 ? trained
                                        : w,
                               i == 4   ? -1
                               : i == 5 ? NAN
                                        : 1));
        op_test_refused(n, messages[i]);
    }
    net_free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_checks),         cmocka_unit_test(test_sizes),           cmocka_unit_test(test_gradient),
        cmocka_unit_test(test_nothing_weighs), cmocka_unit_test(test_targets_outside), cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, op_test_open, op_test_close);
}
