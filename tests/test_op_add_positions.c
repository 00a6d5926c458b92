/* add_positions: its cases, more rows than a group takes, refusals. */
#include "op_test.h"

#include "op/checks.h"
#include "op/image.h"

static void test_checks(void **state)
{
    (void)state;
    int count;
    const op_check *checks = add_positions_checks(&count);
    op_test_checks(checks, count);
}

static void check_size(int rows, int channels)
{
    int count;
    const op_check *checks = add_positions_checks(&count);
    op_check c = op_test_case(checks, count, "add_positions 21x19");
    check_input inputs[3];
    for (int i = 0; i < 3; i++) inputs[i] = c.input[i];
    inputs[0].shape = SHAPE(rows, channels);
    inputs[1].shape = SHAPE(5, channels);
    inputs[2].shape = SHAPE(rows);
    c.input = inputs;
    assert_ok(check_operation(op_device, &c, false));
}

static void test_sizes(void **state)
{
    (void)state;
    check_size(1, 1);
    check_size(32, 7);
    if (op_test_small()) skip();
    check_size(1000, 256);
}

static void test_refusals(void **state)
{
    (void)state;
    net *n = NULL;
    static const char *const messages[] = {
        "add_positions: input 0 (whole, 6 x 4) should be rows x channels of reals",
        "add_positions: input 1 (narrow, 9 x 3) should be 9 x 4 reals: a line a position",
        "add_positions: input 2 (few, 5) should be 6 integers: a line of the table a row",
        "add_positions: input 1 (trained, 9 x 4) is to be trained: a position table takes no gradient",
    };
    assert_ok(net_new(op_device, 1, &n));
    for (int i = 0; i < (int)(sizeof messages / sizeof *messages); i++) {
        net_begin(n, true);
        tensor *x = net_input(n, "x", ELEMENT_FLOAT, SHAPE(6, 4), true);
        tensor *whole = net_input(n, "whole", ELEMENT_INT, SHAPE(6, 4), false);
        tensor *table = net_input(n, "table", ELEMENT_FLOAT, SHAPE(9, 4), false);
        tensor *narrow = net_input(n, "narrow", ELEMENT_FLOAT, SHAPE(9, 3), false);
        tensor *trained = net_parameter(n, "trained", SHAPE(9, 4), PARAMETER_TRAINED, INITIAL_ONE, 0);
        tensor *positions = net_input(n, "positions", ELEMENT_INT, SHAPE(6), false);
        tensor *few = net_input(n, "few", ELEMENT_INT, SHAPE(5), false);
        add_positions(n, i == 0 ? whole : x,
                      (position_rows){i == 1   ? narrow
                                      : i == 3 ? trained
                                               : table,
                                      i == 2 ? few : positions});
        op_test_refused(n, messages[i]);
    }
    net_free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_checks),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, op_test_open, op_test_close);
}
