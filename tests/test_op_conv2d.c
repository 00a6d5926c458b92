/* conv2d: its cases in every form, sizes and shapes at the edges, refusals. */
#include "op_test.h"

#include "op/checks.h"
#include "op/image.h"

static void test_checks(void **state)
{
    (void)state;
    int count;
    const op_check *checks = conv2d_checks(&count);
    op_test_checks(checks, count);
}

/* Every form that the device may choose, whichever it would choose itself. */
static void test_every_form(void **state)
{
    (void)state;
    if (op_test_small()) skip();
    static const char *const cpu[] = {"conv_direct=6x4", "conv_direct=8x3", "conv_direct=8x2", "conv_direct=3x4",
                                      "conv_direct=6x2", "conv =winograd",  "conv =direct"};
    static const char *const gpu[] = {"conv_direct=simt64", "conv_direct=simt32", "conv_direct=simt16",
                                      "conv_direct=simt8", "conv_direct=simt4"};
    const bool is_cpu = device_tiles(op_device) == TILE_CPU;
    const size_t forms = is_cpu ? sizeof cpu / sizeof *cpu : sizeof gpu / sizeof *gpu;
    for (size_t i = 0; i < forms; i++) {
        device *d = NULL;
        int count;
        setenv("FURROW_FORM", is_cpu ? cpu[i] : gpu[i], 1);
        assert_ok(device_open(NULL, &d));
        const op_check *checks = conv2d_checks(&count);
        for (int k = 0; k < count; k++) assert_ok(check_operation(d, checks + k, false));
        checks = conv_transpose2d_checks(&count);
        for (int k = 0; k < count; k++) assert_ok(check_operation(d, checks + k, false));
        device_close(d);
    }
    unsetenv("FURROW_FORM");
}

/* ---- refusals --------------------------------------------------------------------------------------------------- */

typedef struct refusal {
    shape x, weight, bias;
    conv_options options;
    const char *message;
} refusal;

#define SIZES(...)                                                                                                     \
    {                                                                                                                  \
        (int)(sizeof((int[]){__VA_ARGS__}) / sizeof(int)),                                                             \
        {                                                                                                              \
            __VA_ARGS__                                                                                                \
        }                                                                                                              \
    }

static void test_what_is_no_convolution_is_refused(void **state)
{
    (void)state;
    static const refusal refusals[] = {
        {SIZES(8, 4),
         SIZES(3, 4, 3, 3),
         SIZES(3),
         {3, 1, 1, PADDING_ZEROS, false, false},
         "conv2d: input 0 (x, 8 x 4) is no image: wanted frames x height x width x channels"},
        {SIZES(0, 5, 5, 4),
         SIZES(3, 4, 3, 3),
         SIZES(3),
         {3, 1, 1, PADDING_ZEROS, false, false},
         "conv2d: input 0 (x, 0 x 5 x 5 x 4) is no image: wanted frames x height x width x channels"},
        {SIZES(2, 5, 5, 4),
         SIZES(3, 4, 3, 3),
         SIZES(3),
         {3, 0, 1, PADDING_ZEROS, false, false},
         "conv2d: input 0 (x, 2 x 5 x 5 x 4) meets a kernel of 3, stride 0, padding 1: wanted at least 1, 1, 0"},
        {SIZES(2, 5, 5, 4),
         SIZES(3, 5, 3, 3),
         SIZES(3),
         {3, 1, 1, PADDING_ZEROS, false, false},
         "conv2d: input 1 (weight, 3 x 5 x 3 x 3) does not fit: wanted N x 4 x 3 x 3"},
        {SIZES(2, 5, 5, 4),
         SIZES(3, 4, 3, 1),
         SIZES(3),
         {3, 1, 1, PADDING_ZEROS, false, false},
         "conv2d: input 1 (weight, 3 x 4 x 3 x 1) does not fit: wanted N x 4 x 3 x 3"},
        {SIZES(2, 5, 5, 4),
         SIZES(3, 4, 3, 3),
         SIZES(4),
         {3, 1, 1, PADDING_ZEROS, false, false},
         "conv2d: input 2 (bias, 4) is no bias of 3 outputs"},
        {SIZES(2, 5, 2, 4),
         SIZES(3, 4, 3, 3),
         SIZES(3),
         {3, 1, 2, PADDING_REFLECT, false, false},
         "conv2d: input 0 (x, 2 x 5 x 2 x 4) cannot be padded by 2: reflection needs less than its height and width"},
        {SIZES(2, 5, 1, 4),
         SIZES(3, 4, 4, 4),
         SIZES(3),
         {4, 1, 1, PADDING_ZEROS, false, false},
         "conv2d: input 0 (x, 2 x 5 x 1 x 4) gives no output: with a padding of 1 it is smaller than the kernel of 4"},
    };
    net *n = NULL;
    assert_ok(net_new(op_device, 1, &n));
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        const refusal *r = refusals + i;
        net_begin(n, true);
        tensor *x = net_input(n, "x", ELEMENT_FLOAT, r->x, true);
        tensor *weight = net_input(n, "weight", ELEMENT_FLOAT, r->weight, false);
        tensor *bias = net_input(n, "bias", ELEMENT_FLOAT, r->bias, false);
        assert_null(conv2d(n, x, weight, bias, r->options));
        op_test_refused(n, r->message);
    }
    assert_null(conv2d(n, NULL, NULL, NULL, refusals->options));
    net_free(n);
}

/* ---- edges ------------------------------------------------------------------------------------------------------ */

/* Moments are there where they were asked for alone, as many as the form writes; they take no gradient. */
static void test_moments_ride_along(void **state)
{
    (void)state;
    net *n = NULL;
    assert_ok(net_new(op_device, 1, &n));
    net_begin(n, true);
    tensor *x = net_input(n, "x", ELEMENT_FLOAT, SHAPE(2, 6, 6, 3), true);
    tensor *weight = net_parameter(n, "weight", SHAPE(5, 3, 3, 3), PARAMETER_TRAINED, INITIAL_ONE, 0);
    conv_options options = {3, 1, 1, PADDING_REFLECT, false, false};
    const tensor *without = conv2d(n, x, weight, NULL, options);
    assert_non_null(without);
    assert_null(without->moments);
    options.moments = true;
    tensor *y = conv2d(n, x, weight, NULL, options);
    assert_non_null(y);
    assert_non_null(y->moments);
    const int most = y->moments->parts;
    assert_false(y->moments->records->wants_gradient);
    net_keep(n, y->moments->records);
    assert_ok(net_plan(n, NULL));
    float values[2 * 6 * 6 * 3], records[2 * 36 * 11];
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) values[i] = 1000.0f + (float)(i % 3);
    assert_ok(net_input_write(n, x, values));
    assert_ok(net_forward(n, 1));
    assert_in_range(y->moments->parts, 1, most);
    assert_true(tensor_count(y->moments->records) <= sizeof records / sizeof *records);
    assert_ok(net_read(n, y->moments->records, records));
    float pixels = 0;
    for (int part = 0; part < y->moments->parts; part++) {
        const float *record = records + (size_t)part * 11;
        pixels += record[10];
        for (int c = 0; c < 5; c++) {
            assert_true(record[c] == 27027.0f); /* every output is 9 (1000 + 1001 + 1002) */
            assert_true(record[5 + c] == 0);    /* and nothing of their size is left in the distances */
        }
    }
    assert_true(pixels == 36);
    net_free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_checks),
        cmocka_unit_test(test_every_form),
        cmocka_unit_test(test_what_is_no_convolution_is_refused),
        cmocka_unit_test(test_moments_ride_along),
    };
    return cmocka_run_group_tests(tests, op_test_open, op_test_close);
}
