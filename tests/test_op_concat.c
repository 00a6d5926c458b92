/* concat: its cases, published sizes, refusals. */
#include "op_test.h"

#include "op/checks.h"

static void test_checks(void **state)
{
    (void)state;
    int count;
    const op_check *checks = concat_checks(&count);
    op_test_checks(checks, count);
}

static void test_sizes(void **state)
{
    (void)state;
    if (op_test_small()) skip();
    int count;
    const op_check *checks = concat_checks(&count);
    op_check c = op_test_case(checks, count, "concat 70x(19+3)");
    check_input inputs[2] = {c.input[0], c.input[1]};
    inputs[0].shape = SHAPE(3072, 128);
    inputs[1].shape = SHAPE(3072, 4);
    c.name = "concat 3072x(128+4)";
    c.input = inputs;
    assert_ok(check_operation(op_device, &c, false));
}

static void test_refusals(void **state)
{
    (void)state;
    net *n = NULL;
    assert_ok(net_new(op_device, 1, &n));
    net_begin(n, true);
    tensor *a = net_input(n, "a", ELEMENT_FLOAT, SHAPE(6, 4), true);
    tensor *b = net_input(n, "b", ELEMENT_FLOAT, SHAPE(5, 4), true);
    assert_null(concat(n, a, b));
    op_test_refused(n, "concat: input 1 (b, 5 x 4) should be 6 rows of reals, as many as the other");
    net_begin(n, true);
    a = net_input(n, "a", ELEMENT_INT, SHAPE(6, 4), false);
    assert_null(concat(n, a, a));
    op_test_refused(n, "concat: input 0 (a, 6 x 4) should be reals");
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
