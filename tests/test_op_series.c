/* What works on series of one length: series_pad, max_pool3d, date_means, series_concat. Their cases, refusals. */
#include "op_test.h"

#include <math.h>

#include "op/checks.h"
#include "op/image.h"

static void test_checks(void **state)
{
    (void)state;
    const op_check *(*const lists[])(int *count) = {series_pad_checks, max_pool3d_checks, date_means_checks};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        int count;
        const op_check *checks = lists[i](&count);
        op_test_checks(checks, count);
    }
}

/* The largest comes first where several are, and NaN is larger than all. */
static void test_equal_values(void **state)
{
    (void)state;
    enum { VALUES = 2 * 2 * 2 };
    net *n = NULL;
    float x[VALUES], gradient[VALUES], y;
    const float one = 1;
    for (int nan_at = -1; nan_at < 8; nan_at += 6) {
        for (int i = 0; i < VALUES; i++) x[i] = i == nan_at ? NAN : i < 2 ? 1.0f : 3.0f;
        assert_ok(net_new(op_device, 1, &n));
        net_begin(n, true);
        tensor *in = net_input(n, "x", ELEMENT_FLOAT, SHAPE(2, 2, 2, 1), true);
        tensor *out = max_pool3d(n, in, 2);
        net_keep(n, out);
        assert_ok(net_plan(n, NULL));
        assert_ok(net_input_write(n, in, x));
        assert_ok(net_forward(n, 1));
        assert_ok(net_backward_from(n, out, &one, 1));
        assert_ok(net_read(n, out, &y));
        assert_ok(net_read_gradient(n, in, gradient));
        const int wanted = nan_at < 0 ? 2 : nan_at;
        assert_true(nan_at < 0 ? y == 3.0f : y != y);
        for (int i = 0; i < VALUES; i++) assert_true(gradient[i] == (i == wanted ? 1.0f : 0.0f));
        net_free(n);
    }
}

/* ---- refusals --------------------------------------------------------------------------------------------------- */

static void test_refusals(void **state)
{
    (void)state;
    net *n = NULL;
    assert_ok(net_new(op_device, 1, &n));

    net_begin(n, true);
    tensor *x = net_input(n, "x", ELEMENT_FLOAT, SHAPE(6, 4, 4, 3), true);
    assert_null(max_pool3d(n, x, 4));
    op_test_refused(n, "max_pool3d: input 0 (x, 6 x 4 x 4 x 3) should hold series of 4 images, 2 or more");
    net_begin(n, true);
    assert_null(max_pool3d(n, net_input(n, "x", ELEMENT_FLOAT, SHAPE(6, 4, 1, 3), true), 2));
    op_test_refused(n, "max_pool3d: input 0 (x, 6 x 4 x 1 x 3) should be of 2 x 2 pixels or more");

    net_begin(n, true);
    x = net_input(n, "x", ELEMENT_FLOAT, SHAPE(6, 4, 4, 3), false);
    assert_null(series_pad(n, x, net_input(n, "offsets", ELEMENT_INT, SHAPE(3), false), 2, 0));
    op_test_refused(n, "series_pad: input 0 (x, 6 x 4 x 4 x 3) does not fit into 2 series of 2 dates");

    net_begin(n, true);
    x = net_input(n, "x", ELEMENT_FLOAT, SHAPE(5, 4, 4, 3), true);
    assert_null(date_means(n, x, net_input(n, "offsets", ELEMENT_INT, SHAPE(3), false), 3));
    op_test_refused(n, "date_means: input 0 (x, 5 x 4 x 4 x 3) should hold 2 series of one length");
    net_begin(n, true);
    x = net_input(n, "x", ELEMENT_FLOAT, SHAPE(6, 4, 4, 3), true);
    assert_null(date_means(n, x, net_input(n, "offsets", ELEMENT_INT, SHAPE(3), false), 2));
    op_test_refused(n, "date_means: input 0 (x, 6 x 4 x 4 x 3) meets 2 taps: wanted an odd number of them");

    static const struct {
        shape a, b;
        const char *message;
    } pairs[] = {
        {{4, {4, 2, 3, 5}},
         {4, {5, 2, 3, 5}},
         "series_concat: input 1 (b, 5 x 2 x 3 x 5) and the other should be 2 series of images each"},
        {{4, {6, 2, 3, 5}},
         {4, {4, 2, 3, 5}},
         "series_concat: input 1 (b, 4 x 2 x 3 x 5) has fewer dates than the other"},
        {{4, {4, 2, 3, 5}},
         {4, {4, 2, 2, 5}},
         "series_concat: input 1 (b, 4 x 2 x 2 x 5) should be of 2 x 3 pixels, as the other"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        net_begin(n, true);
        tensor *a = net_input(n, "a", ELEMENT_FLOAT, pairs[i].a, true);
        tensor *b = net_input(n, "b", ELEMENT_FLOAT, pairs[i].b, true);
        assert_null(series_concat(n, a, b, 2));
        op_test_refused(n, pairs[i].message);
    }
    assert_null(series_concat(n, NULL, NULL, 2));
    assert_null(max_pool3d(n, NULL, 2));
    assert_null(date_means(n, NULL, NULL, 3));
    assert_null(series_pad(n, NULL, NULL, 1, 0));
    net_free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_checks),
        cmocka_unit_test(test_equal_values),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, op_test_open, op_test_close);
}
