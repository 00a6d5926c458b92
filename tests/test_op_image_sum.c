/* materialise, image_add, image_concat and frames_join: cases, published sizes, where gradients lie, refusals. */
#include "op_test.h"

#include "op/checks.h"
#include "op/image.h"

static void test_checks(void **state)
{
    (void)state;
    int count;
    const op_check *checks = image_sum_checks(&count);
    op_test_checks(checks, count);
}

static void check_size(const char *base, const char *name, shape s)
{
    int count;
    const op_check *checks = image_sum_checks(&count);
    op_check c = op_test_case(checks, count, base);
    check_input inputs[2] = {c.input[0], c.input[1]};
    inputs[0].shape = inputs[1].shape = s;
    c.name = name;
    c.input = inputs;
    assert_ok(check_operation(op_device, &c, false));
}

static void test_sizes(void **state)
{
    (void)state;
    check_size("image_add, both pending", "image_add 1x1x2x1", SHAPE(1, 1, 2, 1));
    if (op_test_small()) skip();
    /* No ReLU: among so many values one would sit at its kink, where a slope says nothing. */
    check_size("image_add, the first pending", "image_add 2x128x128x64", SHAPE(2, 128, 128, 64));
    check_size("image_concat, none pending", "image_concat 1x64x64x(64+64)", SHAPE(1, 64, 64, 64));
}

/* An unpended image is its own: no node, no copy. And where nothing else adds to a gradient, it stays where it is. */
static void test_nothing_moves(void **state)
{
    (void)state;
    net *n = NULL;
    const image_norm_options options = {NORM_INSTANCE, 0, true};
    assert_ok(net_new(op_device, 1, &n));
    net_begin(n, true);
    tensor *a = net_input(n, "a", ELEMENT_FLOAT, SHAPE(2, 3, 4, 8), true);
    tensor *b = net_input(n, "b", ELEMENT_FLOAT, SHAPE(2, 3, 4, 8), true);
    assert_ptr_equal(materialise(n, a), a);
    tensor *z = image_add(n, a, b), *y = image_norm(n, z, (norm_parameters){0}, options);
    tensor *settled = materialise(n, y), *sum = image_add(n, a, settled);
    assert_non_null(sum);
    assert_ok(net_plan(n, NULL));
    assert_ptr_equal(y->data, z->data);
    assert_ptr_equal(settled->gradient, sum->gradient);
    assert_ptr_equal(y->gradient, sum->gradient);
    assert_ptr_equal(z->gradient, sum->gradient);
    assert_ptr_not_equal(a->gradient, sum->gradient);
    net_free(n);
}

enum { REFUSALS = 8 };

static void refused(net *n, int i)
{
    static const char *const messages[REFUSALS] = {
        "image_add: input 0 (flat, 6 x 4) should be frames x height x width x channels of reals",
        "image_add: input 1 (other, 2 x 3 x 4 x 5) should be 2 x 3 x 4 x 8 reals: as large as the other",
        "image_concat: input 0 (whole, 2 x 3 x 4 x 8) should be frames x height x width x channels of reals",
        "image_concat: input 1 (longer, 3 x 3 x 4 x 8) should be 2 x 3 x 4 x 8 reals: as many frames and pixels as the "
        "other",
        "frames_join: input 1 (other, 2 x 3 x 4 x 5) should be 2 x 3 x 4 x 8 reals: frames as large as the first "
        "input's",
        "frames_join: input 1 (image_norm, 2 x 3 x 4 x 8) carries a norm that is not yet applied: materialise() it "
        "first",
        "frames_join: input 0 (absent, no shape) should be there: one part or more",
        "frames_join: input 1 is missing",
    };
    net_begin(n, true);
    tensor *a = net_input(n, "a", ELEMENT_FLOAT, SHAPE(2, 3, 4, 8), true);
    tensor *other = net_input(n, "other", ELEMENT_FLOAT, SHAPE(2, 3, 4, 5), true);
    tensor *longer = net_input(n, "longer", ELEMENT_FLOAT, SHAPE(3, 3, 4, 8), true);
    tensor *flat = net_input(n, "flat", ELEMENT_FLOAT, SHAPE(6, 4), true);
    tensor *whole = net_input(n, "whole", ELEMENT_INT, SHAPE(2, 3, 4, 8), false);
    tensor *pending = image_norm(n, a, (norm_parameters){0}, (image_norm_options){NORM_INSTANCE, 0, true});
    tensor *const parts[] = {a, i == 4 ? other : i == 5 ? pending : NULL};
    tensor *result = i == 0   ? image_add(n, flat, flat)
                     : i == 1 ? image_add(n, a, other)
                     : i == 2 ? image_concat(n, whole, a)
                     : i == 3 ? image_concat(n, a, longer)
                              : frames_join(n, parts, i == 6 ? 0 : 2);
    assert_null(result);
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
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_nothing_moves),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, op_test_open, op_test_close);
}
