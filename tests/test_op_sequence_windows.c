/* sequence_windows and sequence_flat: their cases, published sizes, refusals. */
#include "op_test.h"

#include "op/checks.h"

static void test_checks(void **state)
{
    (void)state;
    int count;
    const op_check *checks = sequence_windows_checks(&count);
    op_test_checks(checks, count);
}

static void fill_24(const void *user, size_t count, uint64_t stream, double *values)
{
    (void)user;
    (void)stream;
    for (size_t i = 0; i < count; i++) values[i] = 24 * (double)i;
}

static void test_published_size(void **state)
{
    (void)state;
    int count;
    if (op_test_small()) skip();
    const op_check *checks = sequence_windows_checks(&count);
    op_check c = op_test_case(checks, count, "sequence_windows of 3, x19");
    const check_input inputs[] = {{"x", CHECK_INPUT, {2, {128 * 24, 128}}, NULL},
                                  {"offsets", CHECK_INTEGER, {1, {129}}, fill_24}};
    c.name = "sequence_windows 128x24x128";
    c.input = inputs;
    assert_ok(check_operation(op_device, &c, false));
}

static void test_refusals(void **state)
{
    (void)state;
    net *n = NULL;
    assert_ok(net_new(op_device, 1, &n));
    net_begin(n, true);
    tensor *x = net_input(n, "x", ELEMENT_FLOAT, SHAPE(6, 4), true);
    tensor *offsets = net_input(n, "offsets", ELEMENT_INT, SHAPE(3), false);
    assert_null(sequence_windows(n, x, offsets, 0));
    op_test_refused(n, "sequence_windows: input 0 (x, 6 x 4) in windows of 0 dates, wanted 1 or more, of fewer than "
                       "2^31 values");
    net_begin(n, true);
    x = net_input(n, "x", ELEMENT_FLOAT, SHAPE(6, 4), true);
    tensor *reals = net_input(n, "reals", ELEMENT_FLOAT, SHAPE(3), false);
    assert_null(sequence_flat(n, x, reals, 3));
    op_test_refused(n, "sequence_windows: input 1 (reals, 3) should be 3 integers: where each sequence starts, and the "
                       "end");
    net_free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_checks),
        cmocka_unit_test(test_published_size),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, op_test_open, op_test_close);
}
