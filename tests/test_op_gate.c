/* gate: its cases, far values, refusals. */
#include "op_test.h"

#include "op/check_values.h"
#include "op/checks.h"
#include "op/panoptic.h"

static void test_checks(void **state)
{
    (void)state;
    int count;
    const op_check *checks = gate_checks(&count);
    op_test_checks(checks, count);
}

/* Values where the exponential overflows or vanishes: 0 and 1, and no gradient. */
CHECK_VALUES(fill_far, -200, 200, 0, 90, -90, -1e30, 1e30)

static void test_far(void **state)
{
    (void)state;
    int count;
    const op_check *checks = gate_checks(&count);
    op_check c = op_test_case(checks, count, "gate 33x1");
    const check_input inputs[] = {{"a", CHECK_INPUT, {2, {7, 1}}, fill_far}, {"b", CHECK_INPUT, {2, {7, 1}}, NULL}};
    c.name = "gate of far values";
    c.input = inputs;
    assert_ok(check_operation(op_device, &c, true));
}

static void test_refusals(void **state)
{
    (void)state;
    static const char *const messages[] = {
        "gate: input 1 (other, 6 x 2) should be 6 x 1 reals: as large as the other",
        "gate: input 0 (whole, 6 x 1) should be rows x channels of reals",
    };
    net *n = NULL;
    assert_ok(net_new(op_device, 1, &n));
    for (int i = 0; i < (int)(sizeof messages / sizeof *messages); i++) {
        net_begin(n, true);
        tensor *a = net_input(n, "a", ELEMENT_FLOAT, SHAPE(6, 1), true);
        tensor *other = net_input(n, "other", ELEMENT_FLOAT, SHAPE(6, 2), true);
        tensor *whole = net_input(n, "whole", ELEMENT_INT, SHAPE(6, 1), false);
        assert_null(gate(n, i == 1 ? whole : a, other));
        op_test_refused(n, messages[i]);
    }
    net_free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_checks),
        cmocka_unit_test(test_far),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, op_test_open, op_test_close);
}
