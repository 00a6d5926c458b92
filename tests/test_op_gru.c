/* gru: its cases, published sizes, gates far out, refusals. */
#include "op_test.h"

#include <math.h>

#include "base/random.h"
#include "op/checks.h"

static void test_checks(void **state)
{
    (void)state;
    int count;
    const op_check *checks = gru_checks(&count);
    op_test_checks(checks, count);
}

/* A zero weight leaves x alone to drive one date: h = (1 - z) n is known in closed form. */
static void one_date(net *n, const float x[3], float *h)
{
    const int32_t offsets[2] = {0, 1};
    const float zero[3] = {0};
    net_begin(n, false);
    tensor *in = net_input(n, "x", ELEMENT_FLOAT, SHAPE(1, 3), false);
    tensor *starts = net_input(n, "offsets", ELEMENT_INT, SHAPE(2), false);
    tensor *weight = net_parameter(n, "weight", SHAPE(3, 1), PARAMETER_TRAINED, INITIAL_ZERO, 0);
    tensor *bias = net_parameter(n, "bias", SHAPE(3), PARAMETER_TRAINED, INITIAL_ZERO, 0);
    tensor *out = gru(n, in, starts, weight, bias, 1);
    net_keep(n, out);
    assert_ok(net_plan(n, NULL));
    assert_ok(net_parameter_write(n, weight, zero));
    assert_ok(net_input_write(n, in, x));
    assert_ok(net_input_write(n, starts, offsets));
    assert_ok(net_forward(n, 0));
    assert_ok(net_read(n, out, h));
}

/* Gates that saturate neither overflow nor lose NaN, and small ones keep their digits. */
static void test_gates_far_out(void **state)
{
    (void)state;
    static const float values[] = {0,   1e-6f, -1e-3f, 0.3f,  0.625f,   -0.7f,    3,
                                   -20, 80,    -1000,  1e30f, INFINITY, -INFINITY};
    net *n = NULL;
    assert_ok(net_new(op_device, 1, &n));
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        for (size_t j = 0; j < sizeof values / sizeof *values; j++) {
            const double z = 1 / (1 + exp(-(double)values[i])), fresh = tanh((double)values[j]);
            const float x[3] = {1, values[i], values[j]};
            float h;
            one_date(n, x, &h);
            const double wanted = (1 - z) * fresh, error = fabs((double)h - wanted);
            if (!(error <= 2e-7 + 4e-7 * fabs(wanted)))
                print_error("%g %g: %g, wanted %g\n", (double)x[1], (double)x[2], (double)h, wanted);
            assert_true(error <= 2e-7 + 4e-7 * fabs(wanted));
        }
    for (int i = 1; i < 3; i++) {
        float x[3] = {0, 0, 0}, h;
        x[i] = NAN;
        one_date(n, x, &h);
        assert_true(isnan(h));
    }
    net_free(n);
}

static void fill_24(const void *user, size_t count, uint64_t stream, double *values)
{
    (void)user;
    (void)stream;
    for (size_t i = 0; i < count; i++) values[i] = 24 * (double)i;
}

/* Small weights: a recurrence that amplifies what it is given would amplify rounding. */
static void fill_small(const void *user, size_t count, uint64_t stream, double *values)
{
    (void)user;
    for (size_t i = 0; i < count; i++) values[i] = 0.15 * random_normal(random_stream(1, RANDOM_SYNTHETIC, stream), i);
}

/* As gru_check.c has it: how many steps. */
static const int published_steps = 24;

static void test_published_size(void **state)
{
    (void)state;
    int count;
    if (op_test_small()) skip();
    const op_check *checks = gru_checks(&count);
    op_check c = op_test_case(checks, count, "gru ragged x19");
    const check_input inputs[] = {{"x", CHECK_INPUT, {2, {32 * 24, 3 * 40}}, NULL},
                                  {"offsets", CHECK_INTEGER, {1, {33}}, fill_24},
                                  {"weight", CHECK_PARAMETER, {2, {3 * 40, 40}}, fill_small},
                                  {"bias", CHECK_PARAMETER, {1, {3 * 40}}, NULL}};
    c.name = "gru 32x24x40";
    c.input = inputs;
    c.user = &published_steps;
    assert_ok(check_operation(op_device, &c, false));
}

static void test_refusals(void **state)
{
    (void)state;
    net *n = NULL;
    assert_ok(net_new(op_device, 1, &n));
    for (int i = 0; i < 4; i++) {
        static const char *const messages[] = {
            "gru: input 2 (square, 4 x 4) should be 3 C x C",
            "gru: input 0 (x, 6 x 11) should be 6 x 12 reals: three products a frame",
            "gru: input 3 (short, 4) should be 12 reals: as many as the weight has lines",
            "gru: input 0 (x, 6 x 12) in 0 steps, wanted 1 or more",
        };
        net_begin(n, true);
        tensor *x = net_input(n, "x", ELEMENT_FLOAT, SHAPE(6, i == 1 ? 11 : 12), true);
        tensor *offsets = net_input(n, "offsets", ELEMENT_INT, SHAPE(3), false);
        tensor *square = net_parameter(n, "square", SHAPE(4, 4), PARAMETER_TRAINED, INITIAL_ZERO, 0);
        tensor *weight = net_parameter(n, "weight", SHAPE(12, 4), PARAMETER_TRAINED, INITIAL_ZERO, 0);
        tensor *few = net_parameter(n, "short", SHAPE(4), PARAMETER_TRAINED, INITIAL_ZERO, 0);
        tensor *bias = net_parameter(n, "bias", SHAPE(12), PARAMETER_TRAINED, INITIAL_ZERO, 0);
        assert_null(gru(n, x, offsets, i == 0 ? square : weight, i == 2 ? few : bias, i == 3 ? 0 : 3));
        op_test_refused(n, messages[i]);
    }
    net_free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_checks),
        cmocka_unit_test(test_gates_far_out),
        cmocka_unit_test(test_published_size),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, op_test_open, op_test_close);
}
