/* set_pool: its cases, equal pixels, and refusals. */
#include "op_test.h"

#include <math.h>

#include "op/checks.h"

static void test_checks(void **state)
{
    (void)state;
    int count;
    const op_check *checks = set_pool_checks(&count);
    op_test_checks(checks, count);
}

/* Pixels that are all equal have std 0 and no slope: the gradient is the mean's alone, and no NaN. */
static void test_equal_pixels(void **state)
{
    (void)state;
    enum { PIXELS = 3, CHANNELS = 5 };
    net *n = NULL;
    float x[PIXELS * CHANNELS], mask[PIXELS] = {1, 1, 1}, out[2 * CHANNELS], d[2 * CHANNELS], dx[PIXELS * CHANNELS];
    for (int i = 0; i < PIXELS * CHANNELS; i++) x[i] = 0.1f * (float)(1 + i % CHANNELS);
    for (int i = 0; i < 2 * CHANNELS; i++) d[i] = 1;
    assert_ok(net_new(op_device, 1, &n));
    net_begin(n, true);
    tensor *in = net_input(n, "x", ELEMENT_FLOAT, SHAPE(1, PIXELS, CHANNELS), true);
    tensor *weights = net_input(n, "mask", ELEMENT_FLOAT, SHAPE(1, PIXELS), false);
    tensor *y = set_pool(n, in, weights, (pooling_list){2, {POOL_MEAN, POOL_STD}});
    net_keep(n, y);
    assert_ok(net_plan(n, NULL));
    assert_ok(net_input_write(n, in, x));
    assert_ok(net_input_write(n, weights, mask));
    assert_ok(net_forward(n, 1));
    assert_ok(net_read(n, y, out));
    assert_ok(net_backward_from(n, y, d, 1));
    assert_ok(net_read_gradient(n, in, dx));
    for (int c = 0; c < CHANNELS; c++) assert_true(fabsf(out[c] - x[c]) < 1e-6f && out[CHANNELS + c] < 1e-6f);
    for (int i = 0; i < PIXELS * CHANNELS; i++) assert_true(fabsf(dx[i] - 1.0f / PIXELS) < 1e-6f);
    net_free(n);
}

/* Of two largest pixels the first takes the gradient. */
static void test_first_extreme(void **state)
{
    (void)state;
    net *n = NULL;
    const float x[4] = {1, 3, 3, 1}, mask[4] = {1, 0, 0, 0}, d[2] = {5, 7}, wanted[4] = {7, 5, 0, 0};
    float dx[4];
    assert_ok(net_new(op_device, 1, &n));
    net_begin(n, true);
    tensor *in = net_input(n, "x", ELEMENT_FLOAT, SHAPE(1, 4, 1), true);
    tensor *weights = net_input(n, "mask", ELEMENT_FLOAT, SHAPE(1, 4), false);
    tensor *y = set_pool(n, in, weights, (pooling_list){2, {POOL_MAX, POOL_MIN}});
    net_keep(n, y);
    assert_ok(net_plan(n, NULL));
    assert_ok(net_input_write(n, in, x));
    assert_ok(net_input_write(n, weights, mask));
    assert_ok(net_forward(n, 1));
    assert_ok(net_backward_from(n, y, d, 1));
    assert_ok(net_read_gradient(n, in, dx));
    assert_memory_equal(dx, wanted, sizeof dx);
    net_free(n);
}

static void refused(shape x, shape mask, pooling_list pools, const char *message)
{
    net *n = NULL;
    assert_ok(net_new(op_device, 1, &n));
    net_begin(n, false);
    tensor *in = net_input(n, "x", ELEMENT_FLOAT, x, false), *m = net_input(n, "mask", ELEMENT_FLOAT, mask, false);
    assert_null(set_pool(n, in, m, pools));
    op_test_refused(n, message);
    net_free(n);
}

static void test_refusals(void **state)
{
    (void)state;
    const pooling_list mean = {1, {POOL_MEAN}};
    refused(SHAPE(2, 6), SHAPE(2, 3), mean,
            "set_pool: input 0 (x, 2 x 6) should be frames x pixels x channels of reals");
    refused(SHAPE(2, 3, 4), SHAPE(2, 4), mean,
            "set_pool: input 1 (mask, 2 x 4) should be 2 x 3 reals: a weight a pixel");
    refused(SHAPE(2, 3, 4), SHAPE(2, 3), (pooling_list){0, {POOL_MEAN}},
            "set_pool: input 0 (x, 2 x 3 x 4) needs 1 to 4 poolings, got 0");
    refused(SHAPE(2, 3, 4), SHAPE(2, 3), (pooling_list){2, {POOL_STD, POOL_STD}},
            "set_pool: input 0 (x, 2 x 3 x 4) has one pooling twice");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_checks),
        cmocka_unit_test(test_equal_pixels),
        cmocka_unit_test(test_first_extreme),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, op_test_open, op_test_close);
}
