/* image_norm: cases, published sizes, running statistics that stay, refusals. */
#include "op_test.h"

#include "op/checks.h"
#include "op/image.h"

static void test_checks(void **state)
{
    (void)state;
    int count;
    const op_check *checks = image_norm_checks(&count);
    op_test_checks(checks, count);
}

static void test_shapes(void **state)
{
    (void)state;
    int count;
    const op_check *checks = image_norm_shape_checks(&count);
    op_test_checks(checks, count - 1);
    if (op_test_small()) skip();
    assert_ok(check_operation(op_device, checks + count - 1, false));
}

/* Batch norm evaluating asks for no moments, and leaves those that it is given alone. */
static void test_evaluation_needs_no_moments(void **state)
{
    (void)state;
    net *n = NULL;
    float got[2], values[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    const image_moments moments = {NULL, 3};
    assert_ok(net_new(op_device, 1, &n));
    net_begin(n, false);
    tensor *z = net_input(n, "z", ELEMENT_FLOAT, SHAPE(1, 2, 2, 2), false);
    tensor *mean = net_parameter(n, "mean", SHAPE(2), PARAMETER_STATISTIC, INITIAL_ZERO, 0);
    tensor *var = net_parameter(n, "var", SHAPE(2), PARAMETER_STATISTIC, INITIAL_ONE, 0);
    z->moments = &moments;
    tensor *y = image_norm(n, z, (norm_parameters){NULL, NULL, mean, var}, (image_norm_options){NORM_BATCH, 0, false});
    assert_non_null(y);
    assert_ok(net_plan(n, NULL));
    assert_ok(net_input_write(n, z, values));
    assert_ok(net_forward(n, 1));
    assert_ok(net_parameter_read(n, mean, got));
    assert_true(got[0] == 0 && got[1] == 0);
    assert_ok(net_parameter_read(n, var, got));
    assert_true(got[0] == 1 && got[1] == 1);
    net_free(n);
}

enum { REFUSALS = 7 };

static void refused(net *n, int i)
{
    static const char *const messages[REFUSALS] = {
        "image_norm: input 0 (flat, 6 x 4) should be frames x height x width x channels of reals",
        "image_norm: input 0 (image_norm, 2 x 3 x 4 x 8) carries a norm that is not yet applied: materialise() it "
        "first",
        "image_norm: input 1 (narrow, 4) should be 8 reals: one a channel",
        "image_norm: input 0 (z, 2 x 3 x 4 x 8) should have channels that divide into 3 groups",
        "image_norm: input 3 (absent, no shape) should be there: batch norm keeps running statistics",
        "image_norm: input 0 (pixel, 1 x 1 x 1 x 8) should have 2 pixels or more: batch norm trains on their variance",
        "image_norm: input 0 is missing",
    };
    net_begin(n, true);
    tensor *z = net_input(n, "z", ELEMENT_FLOAT, SHAPE(2, 3, 4, 8), true);
    tensor *flat = net_input(n, "flat", ELEMENT_FLOAT, SHAPE(6, 4), true);
    tensor *pixel = net_input(n, "pixel", ELEMENT_FLOAT, SHAPE(1, 1, 1, 8), true);
    tensor *narrow = net_parameter(n, "narrow", SHAPE(4), PARAMETER_TRAINED, INITIAL_ONE, 0);
    tensor *mean = net_parameter(n, "mean", SHAPE(8), PARAMETER_STATISTIC, INITIAL_ZERO, 0);
    tensor *var = net_parameter(n, "var", SHAPE(8), PARAMETER_STATISTIC, INITIAL_ONE, 0);
    const norm_parameters none = {0}, running = {NULL, NULL, mean, var}, wrong = {narrow, NULL, NULL, NULL};
    const image_norm_options instance = {NORM_INSTANCE, 0, true}, batch = {NORM_BATCH, 0, true},
                             group = {NORM_GROUP, 3, true};
    tensor *pending = i == 1 ? image_norm(n, z, none, instance) : NULL;
    tensor *const x[REFUSALS] = {flat, pending, z, z, z, pixel, NULL};
    assert_null(image_norm(n, x[i],
                           i == 2   ? wrong
                           : i == 5 ? running
                                    : none,
                           i == 3   ? group
                           : i == 4 ? batch
                           : i == 5 ? batch
                                    : instance));
    op_test_refused(n, messages[i]);
}

static void test_refusals(void **state)
{
    (void)state;
    net *n = NULL;
    assert_ok(net_new(op_device, 1, &n));
    for (int i = 0; i < REFUSALS; i++) refused(n, i);
    net_free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_checks),
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_evaluation_needs_no_moments),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, op_test_open, op_test_close);
}
