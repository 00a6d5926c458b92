/* conv_transpose2d: its cases, refusals. Its forms are conv2d's: test_op_conv2d runs them all. */
#include "op_test.h"

#include "op/checks.h"
#include "op/image.h"

static void test_checks(void **state)
{
    (void)state;
    int count;
    const op_check *checks = conv_transpose2d_checks(&count);
    op_test_checks(checks, count);
}

static void refused(net *n, shape x, shape weight, conv_options options, const char *message)
{
    net_begin(n, true);
    tensor *image = net_input(n, "x", ELEMENT_FLOAT, x, true);
    tensor *w = net_input(n, "weight", ELEMENT_FLOAT, weight, false);
    tensor *bias = net_input(n, "bias", ELEMENT_FLOAT, SHAPE(3), false);
    assert_null(conv_transpose2d(n, image, w, bias, options));
    op_test_refused(n, message);
}

static void test_what_is_no_convolution_is_refused(void **state)
{
    (void)state;
    net *n = NULL;
    conv_options o = {4, 2, 1, PADDING_ZEROS, false, false};
    assert_ok(net_new(op_device, 1, &n));
    refused(n, SHAPE(2, 3, 4), SHAPE(4, 3, 4, 4), o,
            "conv_transpose2d: input 0 (x, 2 x 3 x 4) is no image: wanted frames x height x width x channels");
    refused(n, SHAPE(2, 3, 3, 4), SHAPE(3, 4, 4, 4), o,
            "conv_transpose2d: input 1 (weight, 3 x 4 x 4 x 4) does not fit: wanted 4 x N x 4 x 4");
    refused(n, SHAPE(2, 3, 3, 4), SHAPE(4, 2, 4, 4), o, "conv_transpose2d: input 2 (bias, 3) is no bias of 2 outputs");
    o.padding = 4;
    refused(n, SHAPE(2, 3, 3, 4), SHAPE(4, 3, 4, 4), o,
            "conv_transpose2d: input 0 (x, 2 x 3 x 3 x 4) gives no output with a kernel of 4, stride 2, padding 4");
    o.padding = 1;
    o.mode = PADDING_REFLECT;
    refused(n, SHAPE(2, 3, 3, 4), SHAPE(4, 3, 4, 4), o,
            "conv_transpose2d: input 0 (x, 2 x 3 x 3 x 4) is to be padded by reflection: a transposed convolution pads "
            "with zeros");
    assert_null(conv_transpose2d(n, NULL, NULL, NULL, o));
    net_free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_checks),
        cmocka_unit_test(test_what_is_no_convolution_is_refused),
    };
    return cmocka_run_group_tests(tests, op_test_open, op_test_close);
}
