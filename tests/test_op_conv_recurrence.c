/* series_steps, conv_lstm, conv_gru: their cases, larger series, refusals. */
#include "op_test.h"

#include "op/checks.h"
#include "op/image.h"

static void all_pass(const op_check *(*of)(int *count))
{
    int count;
    const op_check *checks = of(&count);
    op_test_checks(checks, count);
}

static void test_steps(void **state)
{
    (void)state;
    all_pass(series_steps_checks);
}

static void test_lstm(void **state)
{
    (void)state;
    all_pass(conv_lstm_checks);
}

static void test_gru(void **state)
{
    (void)state;
    all_pass(conv_gru_checks);
}

static tensor *parameter(net *n, const char *key, shape s)
{
    return net_parameter(n, key, s, PARAMETER_TRAINED, INITIAL_ZERO, 0);
}

static tensor *series(net *n)
{
    return net_input(n, "x", ELEMENT_FLOAT, SHAPE(6, 4, 3, 2), true);
}

static tensor *offsets(net *n, int patches)
{
    return net_input(n, "offsets", ELEMENT_INT, SHAPE(patches + 1), false);
}

static void test_refusals(void **state)
{
    (void)state;
    net *n = NULL;
    const recurrence_options o = {.kernel = 3}, even = {.kernel = 2};
    assert_ok(net_new(op_device, 1, &n));
    net_begin(n, true);
    assert_null(series_steps(n, series(n), offsets(n, 2), (series_steps_options){.steps = 2}));
    op_test_refused(n, "series_steps: input 0 (x, 6 x 4 x 3 x 2) does not fit 2 steps of 2 patches");
    net_begin(n, true);
    assert_null(
        conv_lstm(n, series(n), offsets(n, 4), parameter(n, "w", SHAPE(20, 7, 3, 3)), parameter(n, "b", SHAPE(20)), o));
    op_test_refused(n, "conv_lstm: input 0 (x, 6 x 4 x 3 x 2) is no series in steps of 4 patches");
    net_begin(n, true);
    assert_null(conv_lstm(n, series(n), offsets(n, 2), parameter(n, "w", SHAPE(20, 7, 3, 3)),
                          parameter(n, "b", SHAPE(20)), even));
    op_test_refused(n, "conv_lstm: input 0 (x, 6 x 4 x 3 x 2) meets a kernel of 2, wanted an odd one");
    net_begin(n, true);
    assert_null(conv_lstm(n, series(n), offsets(n, 2), parameter(n, "narrow", SHAPE(20, 6, 3, 3)),
                          parameter(n, "b", SHAPE(20)), o));
    op_test_refused(n, "conv_lstm: input 2 (narrow, 20 x 6 x 3 x 3) should be 20 x 7 x 3 x 3 reals: taps of the input, "
                       "then of the state");
    net_begin(n, true);
    assert_null(conv_lstm(n, series(n), offsets(n, 2), parameter(n, "odd", SHAPE(18, 7, 3, 3)),
                          parameter(n, "b", SHAPE(20)), o));
    op_test_refused(n, "conv_lstm: input 2 (odd, 18 x 7 x 3 x 3) does not fit: wanted 4 C x (K + C) x 3 x 3");
    net_begin(n, true);
    assert_null(conv_lstm(n, series(n), offsets(n, 2), parameter(n, "w", SHAPE(20, 7, 3, 3)),
                          parameter(n, "short", SHAPE(5)), o));
    op_test_refused(n, "conv_lstm: input 3 (short, 5) should be 20 reals: as many as the weight has outputs");
    net_begin(n, true);
    const conv_gru_weights unlike = {parameter(n, "gw", SHAPE(10, 7, 3, 3)), parameter(n, "gb", SHAPE(10)),
                                     parameter(n, "fw", SHAPE(4, 6, 3, 3)), parameter(n, "fb", SHAPE(4))};
    assert_null(conv_gru(n, series(n), offsets(n, 2), unlike, o));
    op_test_refused(n, "conv_gru: input 4 (fw, 4 x 6 x 3 x 3) is for a state of 4 channels, the gates' for 5");
    net_free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_lstm),
        cmocka_unit_test(test_gru),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, op_test_open, op_test_close);
}
