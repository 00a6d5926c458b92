/* dropout: its cases, how often it drops, other steps and nodes draw otherwise, when it is no operation, refusals. */
#include "op_test.h"

#include <math.h>

#include "base/memory.h"
#include "op/checks.h"

static void test_checks(void **state)
{
    (void)state;
    int count;
    const op_check *checks = dropout_checks(&count);
    op_test_checks(checks, count);
}

enum { ROWS = 400, CHANNELS = 251, COUNT = ROWS * CHANNELS };

/* Two dropouts of ones on one tape, at a step. */
static void draw(uint64_t seed, uint64_t step, float p, float *first, float *second)
{
    net *n = NULL;
    float *ones = memory_new(COUNT, sizeof *ones);
    assert_non_null(ones);
    for (int i = 0; i < COUNT; i++) ones[i] = 1;
    assert_ok(net_new(op_device, seed, &n));
    net_begin(n, true);
    tensor *x = net_input(n, "x", ELEMENT_FLOAT, SHAPE(ROWS, CHANNELS), true);
    tensor *a = dropout(n, x, p), *b = dropout(n, x, p);
    net_keep(n, a);
    net_keep(n, b);
    assert_ok(net_plan(n, NULL));
    assert_ok(net_input_write(n, x, ones));
    assert_ok(net_forward(n, step));
    assert_ok(net_read(n, a, first));
    assert_ok(net_read(n, b, second));
    net_free(n);
    free(ones);
}

static int differences(const float *a, const float *b)
{
    int different = 0;
    for (int i = 0; i < COUNT; i++) different += a[i] != b[i];
    return different;
}

static void test_draws(void **state)
{
    (void)state;
    float *draws[6];
    for (int i = 0; i < 6; i++) assert_non_null(draws[i] = memory_new(COUNT, sizeof(float)));
    draw(1, 1, 0.25f, draws[0], draws[1]);
    draw(1, 2, 0.25f, draws[2], draws[3]);
    draw(1, 1, 0.25f, draws[4], draws[5]);
    int dropped = 0;
    for (int i = 0; i < COUNT; i++) {
        if (draws[0][i] != 0) assert_true(fabsf(draws[0][i] - 1 / 0.75f) <= 1e-6f);
        dropped += draws[0][i] == 0;
    }
    assert_in_range(dropped, COUNT / 4 - 700, COUNT / 4 + 700); /* 5 deviations */
    assert_int_equal(differences(draws[0], draws[4]), 0);
    assert_int_equal(differences(draws[1], draws[5]), 0);
    const int expected = COUNT * 3 / 8; /* 2 x 0.25 x 0.75 */
    assert_in_range(differences(draws[0], draws[1]), expected - 800, expected + 800);
    assert_in_range(differences(draws[0], draws[2]), expected - 800, expected + 800);
    for (int i = 0; i < 6; i++) free(draws[i]);
}

static void test_identity(void **state)
{
    (void)state;
    net *n = NULL;
    assert_ok(net_new(op_device, 1, &n));
    net_begin(n, true);
    tensor *x = net_input(n, "x", ELEMENT_FLOAT, SHAPE(6, 4), true);
    assert_ptr_equal(dropout(n, x, 0), x);
    assert_ptr_not_equal(dropout(n, x, 0.1f), x);
    assert_null(dropout(n, NULL, 0));
    net_begin(n, false);
    x = net_input(n, "x", ELEMENT_FLOAT, SHAPE(6, 4), true);
    assert_ptr_equal(dropout(n, x, 0.5f), x);
    assert_ok(net_plan(n, NULL));
    net_free(n);
}

static void test_refusals(void **state)
{
    (void)state;
    net *n = NULL;
    assert_ok(net_new(op_device, 1, &n));
    net_begin(n, false);
    tensor *x = net_input(n, "x", ELEMENT_FLOAT, SHAPE(6, 4), true);
    assert_null(dropout(n, x, 1));
    op_test_refused(n, "dropout: input 0 (x, 6 x 4) dropped with probability 1, wanted 0 <= p < 1");
    net_begin(n, true);
    x = net_input(n, "x", ELEMENT_FLOAT, SHAPE(6, 4), true);
    assert_null(dropout(n, x, -0.5f));
    op_test_refused(n, "dropout: input 0 (x, 6 x 4) dropped with probability -0.5, wanted 0 <= p < 1");
    net_begin(n, true);
    x = net_input(n, "x", ELEMENT_INT, SHAPE(6, 4), false);
    assert_null(dropout(n, x, 0.5f));
    op_test_refused(n, "dropout: input 0 (x, 6 x 4) should be reals");
    net_free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_checks),
        cmocka_unit_test(test_draws),
        cmocka_unit_test(test_identity),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, op_test_open, op_test_close);
}
