/* conv3d and conv_transpose3d: their cases in every form, refusals. */
#include "op_test.h"

#include "op/checks.h"
#include "op/image.h"

static void test_checks(void **state)
{
    (void)state;
    int count;
    const op_check *checks = conv3d_checks(&count);
    op_test_checks(checks, count);
}

/* Both ways to a result, whichever the device would choose itself. */
static void test_every_form(void **state)
{
    (void)state;
    if (op_test_small() || device_tiles(op_device) != TILE_CPU) skip();
    static const char *const forms[] = {"conv =direct,conv_weights=direct", "conv =winograd,conv_weights=winograd"};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        device *d = NULL;
        int count;
        setenv("FURROW_FORM", forms[i], 1);
        assert_ok(device_open(NULL, &d));
        const op_check *checks = conv3d_checks(&count);
        for (int k = 0; k < count; k++) assert_ok(check_operation(d, checks + k, false));
        device_close(d);
    }
    unsetenv("FURROW_FORM");
}

/* Frames, and the network's own sizes: Winograd's tiles cut into groups that end between frames. */
static void test_wide(void **state)
{
    (void)state;
    if (op_test_small()) skip();
    int count;
    const op_check *checks = conv3d_checks(&count);
    op_check wide = op_test_case(checks, count, "conv3d 3x3x3 16 -> 32 on 8x8, all forms");
    check_input input[3];
    memcpy(input, wide.input, sizeof input);
    input[0].shape = SHAPE(6, 8, 8, 16);
    wide.input = input;
    assert_ok(check_operation(op_device, &wide, false));
}

/* ---- refusals --------------------------------------------------------------------------------------------------- */

typedef struct refusal {
    int x[4], weight[5];
    int kernel, stride, padding, dates, date_padding;
    enum padding_mode mode;
    bool transposed;
    const char *message;
} refusal;

static void test_what_is_no_convolution_is_refused(void **state)
{
    (void)state;
    static const refusal refusals[] = {
        {{5, 4, 4, 3},
         {2, 3, 3, 3, 3},
         3,
         1,
         1,
         2,
         1,
         PADDING_ZEROS,
         false,
         "conv3d: input 0 (x, 5 x 4 x 4 x 3) should hold series of 2 images"},
        {{6, 4, 4, 3},
         {2, 3, 3, 3, 1},
         3,
         1,
         1,
         3,
         1,
         PADDING_ZEROS,
         false,
         "conv3d: input 1 (weight, 2 x 3 x 3 x 3 x 1) does not fit: wanted N x 3 x 3 x 3 x 3"},
        {{6, 4, 4, 3},
         {2, 3, 3, 3, 3},
         3,
         1,
         1,
         3,
         1,
         PADDING_REFLECT,
         false,
         "conv3d: input 0 (x, 6 x 4 x 4 x 3) is to be padded by reflection: series are padded by zeros"},
        {{6, 4, 4, 3},
         {2, 3, 3, 3, 3},
         3,
         2,
         1,
         3,
         1,
         PADDING_ZEROS,
         false,
         "conv3d: input 0 (x, 6 x 4 x 4 x 3) meets a stride of 2: in three dimensions it is 1"},
        {{6, 4, 4, 3},
         {2, 3, 3, 3, 3},
         3,
         1,
         1,
         2,
         0,
         PADDING_ZEROS,
         false,
         "conv3d: input 0 (x, 6 x 4 x 4 x 3) gives no output: with a padding of 0 its 2 dates are fewer than the "
         "kernel of 3"},
        {{6, 4, 4, 3},
         {2, 3, 3, 3, 3},
         3,
         2,
         1,
         3,
         1,
         PADDING_ZEROS,
         true,
         "conv_transpose3d: input 1 (weight, 2 x 3 x 3 x 3 x 3) does not fit: wanted 3 x N x 3 x 3 x 3"},
        {{6, 4, 4, 3},
         {3, 2, 3, 3, 3},
         3,
         2,
         0,
         3,
         1,
         PADDING_ZEROS,
         true,
         "conv_transpose3d: input 0 (x, 6 x 4 x 4 x 3) is not made 2 times as large by a kernel of 3 and a padding of "
         "0"},
    };
    net *n = NULL;
    assert_ok(net_new(op_device, 1, &n));
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        const refusal *r = refusals + i;
        const conv_options options = {r->kernel, r->stride, r->padding, r->mode, false, false};
        net_begin(n, true);
        tensor *x = net_input(n, "x", ELEMENT_FLOAT, SHAPE(r->x[0], r->x[1], r->x[2], r->x[3]), true);
        tensor *weight = net_input(n, "weight", ELEMENT_FLOAT,
                                   SHAPE(r->weight[0], r->weight[1], r->weight[2], r->weight[3], r->weight[4]), false);
        assert_null(r->transposed ? conv_transpose3d(n, x, weight, NULL, options, r->dates)
                                  : conv3d(n, x, weight, NULL, options, r->dates, r->date_padding));
        op_test_refused(n, r->message);
    }
    assert_null(conv3d(n, NULL, NULL, NULL, (conv_options){.kernel = 3, .stride = 1}, 1, 1));
    net_free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_checks),
        cmocka_unit_test(test_every_form),
        cmocka_unit_test(test_wide),
        cmocka_unit_test(test_what_is_no_convolution_is_refused),
    };
    return cmocka_run_group_tests(tests, op_test_open, op_test_close);
}
