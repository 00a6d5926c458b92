/* sequence_mean: its cases, published sizes, one long sequence, refusals. */
#include "op_test.h"

#include "op/checks.h"

static void test_checks(void **state)
{
    (void)state;
    int count;
    const op_check *checks = sequence_mean_checks(&count);
    op_test_checks(checks, count);
}

static void fill_24(const void *user, size_t count, uint64_t stream, double *values)
{
    (void)user;
    (void)stream;
    for (size_t i = 0; i < count; i++) values[i] = 24 * (double)i;
}

static void fill_5000(const void *user, size_t count, uint64_t stream, double *values)
{
    (void)user;
    (void)stream;
    for (size_t i = 0; i < count; i++) values[i] = 5000 * (double)i;
}

static void check_size(const char *name, int sequences, int frames, int channels,
                       void (*offsets)(const void *, size_t, uint64_t, double *))
{
    int count;
    const op_check *checks = sequence_mean_checks(&count);
    op_check c = op_test_case(checks, count, "sequence_mean ragged x19");
    check_input inputs[2] = {c.input[0], c.input[1]};
    inputs[0].shape = SHAPE(frames, channels);
    inputs[1].shape = SHAPE(sequences + 1);
    inputs[1].fill = offsets;
    c.name = name;
    c.input = inputs;
    assert_ok(check_operation(op_device, &c, false));
}

static void test_sizes(void **state)
{
    (void)state;
    check_size("sequence_mean 1x24x1", 1, 24, 1, fill_24);
    check_size("sequence_mean 1x5000x3", 1, 5000, 3, fill_5000);
    if (op_test_small()) skip();
    check_size("sequence_mean 128x24x128", 128, 128 * 24, 128, fill_24);
}

static void test_refusals(void **state)
{
    (void)state;
    net *n = NULL;
    assert_ok(net_new(op_device, 1, &n));
    net_begin(n, true);
    tensor *x = net_input(n, "x", ELEMENT_FLOAT, SHAPE(6, 4), true);
    tensor *reals = net_input(n, "reals", ELEMENT_FLOAT, SHAPE(3), false);
    assert_null(sequence_mean(n, x, reals));
    op_test_refused(n,
                    "sequence_mean: input 1 (reals, 3) should be 3 integers: where each sequence starts, and the end");
    net_begin(n, true);
    x = net_input(n, "x", ELEMENT_FLOAT, SHAPE(6, 4), true);
    tensor *empty = net_input(n, "empty", ELEMENT_INT, SHAPE(0), false);
    assert_null(sequence_mean(n, x, empty));
    op_test_refused(n, "sequence_mean: input 1 (empty, 0) should be sequences + 1 integers");
    net_begin(n, true);
    tensor *whole = net_input(n, "whole", ELEMENT_INT, SHAPE(6, 4), false);
    assert_null(sequence_mean(n, whole, whole));
    op_test_refused(n, "sequence_mean: input 0 (whole, 6 x 4) should be frames x channels of reals");
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
