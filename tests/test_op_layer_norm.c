/* layer_norm: its cases, published sizes, many rows, refusals. */
#include "op_test.h"

#include "op/checks.h"

static void test_checks(void **state)
{
    (void)state;
    int count;
    const op_check *checks = layer_norm_checks(&count);
    op_test_checks(checks, count);
}

/* A case at another size. */
static void check_size(const char *name, int rows, int channels)
{
    int count;
    const op_check *checks = layer_norm_checks(&count);
    op_check c = op_test_case(checks, count, "layer_norm 21x32");
    check_input inputs[3];
    for (int i = 0; i < 3; i++) inputs[i] = c.input[i];
    inputs[0].shape = SHAPE(rows, channels);
    inputs[1].shape = inputs[2].shape = SHAPE(channels);
    c.name = name;
    c.input = inputs;
    assert_ok(check_operation(op_device, &c, false));
}

static void test_sizes(void **state)
{
    (void)state;
    check_size("layer_norm 1x256", 1, 256);
    check_size("layer_norm 17x1000", 17, 1000);
    if (op_test_small()) skip();
    check_size("layer_norm 3072x128", 3072, 128);
    check_size("layer_norm 20000x3, groups of more rows", 20000, 3);
}

static void test_refusals(void **state)
{
    (void)state;
    net *n = NULL;
    assert_ok(net_new(op_device, 1, &n));
    for (int i = 0; i < 5; i++) {
        net_begin(n, true);
        tensor *x = net_input(n, "x", ELEMENT_FLOAT, SHAPE(6, 4), true);
        tensor *whole = net_input(n, "whole", ELEMENT_INT, SHAPE(6, 4), false);
        tensor *four = net_input(n, "four", ELEMENT_FLOAT, SHAPE(4), false);
        tensor *five = net_input(n, "five", ELEMENT_FLOAT, SHAPE(5), false);
        tensor *table = net_input(n, "table", ELEMENT_FLOAT, SHAPE(9, 4), false);
        tensor *rows = net_input(n, "rows", ELEMENT_INT, SHAPE(5), false);
        static const char *const messages[] = {
            "layer_norm: input 0 (whole, 6 x 4) should be rows x channels of reals",
            "layer_norm: input 1 (five, 5) should be 4 reals: one a channel",
            "layer_norm: input 2 (five, 5) should be 4 reals: one a channel",
            "layer_norm: input 4 (rows, 5) should be 6 integers: a line of the table a row",
            "layer_norm: input 3 (absent, no shape) should be there: a table and positions go together",
        };
        const position_rows none = {NULL, NULL}, wrong = {table, rows}, half = {NULL, rows};
        layer_norm(n, i == 0 ? whole : x, i == 1 ? five : four, i == 2 ? five : four,
                   i == 3   ? wrong
                   : i == 4 ? half
                            : none);
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
