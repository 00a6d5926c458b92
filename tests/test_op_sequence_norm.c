/* sequence_norm: its cases, published sizes, long sequences, refusals. */
#include "op_test.h"

#include "op/check_values.h"
#include "op/checks.h"

static void test_checks(void **state)
{
    (void)state;
    int count;
    const op_check *checks = sequence_norm_checks(&count);
    op_test_checks(checks, count);
}

static void fill_24(const void *user, size_t count, uint64_t stream, double *values)
{
    (void)user;
    (void)stream;
    for (size_t i = 0; i < count; i++) values[i] = 24 * (double)i;
}

CHECK_VALUES(fill_long, 0, 2000, 2001)

/* The case with a weight alone, at another size. */
static void check_size(const char *name, int sequences, int frames, int channels, int longest,
                       void (*offsets)(const void *, size_t, uint64_t, double *))
{
    int count;
    const op_check *checks = sequence_norm_checks(&count);
    op_check c = op_test_case(checks, count, "sequence_norm shorter than its weights");
    check_input inputs[3];
    for (int i = 0; i < 3; i++) inputs[i] = c.input[i];
    inputs[0].shape = SHAPE(frames, channels);
    inputs[1].shape = SHAPE(sequences + 1);
    inputs[1].fill = offsets;
    inputs[2].shape = SHAPE(channels, longest);
    c.name = name;
    c.input = inputs;
    assert_ok(check_operation(op_device, &c, false));
}

static void test_sizes(void **state)
{
    (void)state;
    check_size("sequence_norm 1x24x16", 1, 24, 16, 24, fill_24);
    if (op_test_small()) skip();
    check_size("sequence_norm 32x24x256", 32, 32 * 24, 256, 24, fill_24);
    check_size("sequence_norm of 2000 dates", 2, 2001, 5, 2100, fill_long);
}

static void test_refusals(void **state)
{
    (void)state;
    net *n = NULL;
    assert_ok(net_new(op_device, 1, &n));
    for (int i = 0; i < 6; i++) {
        net_begin(n, true);
        tensor *x = net_input(n, "x", ELEMENT_FLOAT, SHAPE(6, 4), true);
        tensor *whole = net_input(n, "whole", ELEMENT_INT, SHAPE(6, 4), false);
        tensor *offsets = net_input(n, "offsets", ELEMENT_INT, SHAPE(3), false);
        tensor *reals = net_input(n, "reals", ELEMENT_FLOAT, SHAPE(3), false);
        tensor *w = net_parameter(n, "w", SHAPE(4, 3), PARAMETER_TRAINED, INITIAL_ONE, 0);
        tensor *wide = net_parameter(n, "wide", SHAPE(5, 3), PARAMETER_TRAINED, INITIAL_ONE, 0);
        tensor *longer = net_parameter(n, "longer", SHAPE(4, 7), PARAMETER_TRAINED, INITIAL_ONE, 0);
        tensor *loose = net_input(n, "loose", ELEMENT_FLOAT, SHAPE(4, 3), false);
        tensor *table = net_input(n, "table", ELEMENT_FLOAT, SHAPE(9, 4), false);
        static const char *const messages[] = {
            "sequence_norm: input 0 (whole, 6 x 4) should be frames x channels of reals",
            "sequence_norm: input 1 (reals, 3) should be 3 integers: where each sequence starts, and the end",
            "sequence_norm: input 2 (wide, 5 x 3) should be 4 x 3 reals: one a channel and date",
            "sequence_norm: input 2 (w, 4 x 3) should be 4 x 7 reals: one a channel and date",
            "sequence_norm: input 2 (loose, 4 x 3) is no parameter",
            "sequence_norm: input 5 (absent, no shape) should be there: a table and positions go together",
        };
        const position_rows none = {NULL, NULL}, half = {table, NULL};
        sequence_norm(n, i == 0 ? whole : x, i == 1 ? reals : offsets,
                      i == 2   ? wide
                      : i == 4 ? loose
                               : w,
                      i == 3 ? longer : NULL, i == 5 ? half : none);
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
