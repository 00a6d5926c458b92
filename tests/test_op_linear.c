/* linear: its cases in every form of the product, published sizes, refusals. */
#include "op_test.h"

#include <math.h>

#include "base/memory.h"
#include "base/random.h"
#include "op/checks.h"

static void test_checks(void **state)
{
    (void)state;
    int count;
    const op_check *checks = linear_checks(&count);
    op_test_checks(checks, count);
}

static void test_narrow_checks(void **state)
{
    (void)state;
    int count;
    const op_check *checks = linear_narrow_checks(&count);
    op_test_checks(checks, count);
}

/* Every form that the device may choose, whichever it would choose itself. */
static void test_every_form(void **state)
{
    (void)state;
    if (op_test_small()) skip();
    static const char *const cpu[] = {"simd6x4", "simd8x3", "simd8x2", "simd4x3", "simd6x2", "clblast"};
    static const char *const gpu[] = {"simt64", "simt32", "simt16", "clblast"};
    const bool is_cpu = device_tiles(op_device) == TILE_CPU;
    const size_t forms = is_cpu ? sizeof cpu / sizeof *cpu : sizeof gpu / sizeof *gpu;
    for (size_t i = 0; i < forms; i++) {
        char choice[64];
        device *d = NULL;
        int count;
        snprintf(choice, sizeof choice, "gemm=%s", is_cpu ? cpu[i] : gpu[i]);
        setenv("FURROW_FORM", choice, 1);
        assert_ok(device_open(NULL, &d));
        const op_check *checks = linear_checks(&count);
        for (int k = 0; k < count; k++) assert_ok(check_operation(d, checks + k, false));
        device_close(d);
    }
    unsetenv("FURROW_FORM");
}

/* ---- larger sizes, against float64 on the host ------------------------------------------------------------------- */

static float *normal_values(size_t count, uint64_t stream)
{
    float *values = memory_new(count, sizeof *values);
    assert_non_null(values);
    for (size_t i = 0; i < count; i++) values[i] = (float)random_normal(random_stream(7, RANDOM_SYNTHETIC, stream), i);
    return values;
}

static double dot(const float *a, size_t a_step, const float *b, size_t b_step, int count)
{
    double sum = 0;
    for (int i = 0; i < count; i++) sum += (double)a[(size_t)i * a_step] * (double)b[(size_t)i * b_step];
    return sum;
}

/* y, dx, dW and db at every 97th place. */
static void compare_product(const char *what, const float *got, int rows, int columns, int inner, const float *a,
                            size_t a_row, size_t a_inner, const float *b, size_t b_column, size_t b_inner,
                            const float *bias)
{
    const double limit = 2e-6 * (4 + inner / sqrt(inner) * 4);
    for (size_t at = 0; at < (size_t)rows * (size_t)columns; at += 97) {
        const size_t row = at / (size_t)columns, column = at % (size_t)columns;
        double wanted = dot(a + row * a_row, a_inner, b + column * b_column, b_inner, inner);
        if (bias) wanted += (double)bias[column];
        if (fabs(wanted - (double)got[at]) <= limit) continue;
        print_error("%s[%zu] of %d x %d x %d is %g, wanted %g\n", what, at, rows, columns, inner, (double)got[at],
                    wanted);
        assert_true(false);
    }
}

static void check_large(int rows, int inputs, int outputs)
{
    net *n = NULL;
    const size_t m = (size_t)rows, k = (size_t)inputs, o = (size_t)outputs;
    float *x_values = normal_values(m * k, 1), *w_values = normal_values(o * k, 2), *b_values = normal_values(o, 3),
          *dy_values = normal_values(m * o, 4), *got = memory_new(m * k + m * o + o * k, sizeof *got),
          *again = memory_new(o * k, sizeof *again);
    assert_true(got && again);
    assert_ok(net_new(op_device, 1, &n));
    net_begin(n, true);
    tensor *x = net_input(n, "x", ELEMENT_FLOAT, SHAPE(rows, inputs), true);
    tensor *w = net_parameter(n, "w", SHAPE(outputs, inputs), PARAMETER_TRAINED, INITIAL_ZERO, 0);
    tensor *b = net_parameter(n, "b", SHAPE(outputs), PARAMETER_TRAINED, INITIAL_ZERO, 0);
    tensor *y = linear(n, x, w, b);
    net_keep(n, y);
    assert_ok(net_plan(n, NULL));
    assert_ok(net_parameter_write(n, w, w_values));
    assert_ok(net_parameter_write(n, b, b_values));
    assert_ok(net_input_write(n, x, x_values));
    assert_ok(net_forward(n, 1));
    assert_ok(net_read(n, y, got));
    compare_product("y", got, rows, outputs, inputs, x_values, k, 1, w_values, k, 1, b_values);
    assert_ok(net_backward_from(n, y, dy_values, 1));
    assert_ok(net_read_gradient(n, x, got));
    compare_product("dx", got, rows, inputs, outputs, dy_values, o, 1, w_values, 1, k, NULL);
    assert_ok(net_read_gradient(n, w, got));
    compare_product("dw", got, outputs, inputs, rows, dy_values, 1, o, x_values, 1, k, NULL);
    assert_ok(net_backward_from(n, y, dy_values, 1));
    assert_ok(net_read_gradient(n, w, again));
    assert_memory_equal(got, again, o * k * sizeof *got); /* the same bits: sums have one order */
    const float one = 1;
    assert_ok(net_read_gradient(n, b, got));
    compare_product("db", got, outputs, 1, rows, dy_values, 1, o, &one, 0, 0, NULL);
    net_free(n);
    free(x_values);
    free(w_values);
    free(b_values);
    free(dy_values);
    free(got);
    free(again);
}

static void test_published_sizes(void **state)
{
    (void)state;
    if (op_test_small()) skip();
    check_large(3072, 132, 128);
    check_large(128, 512, 128);
    check_large(128, 32, 20);
    check_large(1, 128, 64);
    check_large(2501, 67, 101);
    check_large(20000, 10, 32);
}

/* Some form of ours fits every width: on a CPU CLBlast is never the only one. */
static void test_own_form_for_every_width(void **state)
{
    (void)state;
    if (device_about(op_device)->kind != DEVICE_CPU || getenv("FURROW_TUNE")) skip();
    for (int vectors = 1; vectors <= 11; vectors += 2) {
        check_large(9, 4, 16 * vectors - 3);
        check_large(9, 4, 16 * vectors);
    }
    char *forms = tune_export(op_device);
    assert_non_null(forms);
    assert_null(strstr(forms, "clblast"));
    free(forms);
}

static void test_empty_batch_is_refused(void **state)
{
    (void)state;
    net *n = NULL;
    assert_ok(net_new(op_device, 1, &n));
    net_begin(n, true);
    tensor *x = net_input(n, "x", ELEMENT_FLOAT, SHAPE(0, 4), false);
    linear(n, x, net_parameter(n, "w", SHAPE(3, 4), PARAMETER_TRAINED, INITIAL_ONE, 0), NULL);
    op_test_refused(n, "linear: input 0 (x, 0 x 4) holds no real values");
    net_free(n);
}

static void test_wrong_shapes_are_refused(void **state)
{
    (void)state;
    net *n = NULL;
    assert_ok(net_new(op_device, 1, &n));
    net_begin(n, true);
    tensor *x = net_input(n, "x", ELEMENT_FLOAT, SHAPE(7, 4), false);
    tensor *w = net_parameter(n, "w", SHAPE(3, 5), PARAMETER_TRAINED, INITIAL_ONE, 0);
    tensor *b = net_parameter(n, "b", SHAPE(4), PARAMETER_TRAINED, INITIAL_ONE, 0);
    tensor *fits = net_parameter(n, "fits", SHAPE(3, 4), PARAMETER_TRAINED, INITIAL_ONE, 0);
    linear(n, x, w, NULL);
    op_test_refused(n, "linear: input 1 (w, 3 x 5) does not fit an input of 4 channels: wanted N x 4");
    net_begin(n, true);
    x = net_input(n, "x", ELEMENT_FLOAT, SHAPE(7, 4), false);
    linear(n, x, fits, b);
    op_test_refused(n, "linear: input 2 (b, 4) is no bias of 3 outputs");
    net_begin(n, true);
    x = net_input(n, "x", ELEMENT_FLOAT, SHAPE(7, 4), false);
    linear(n, x, net_input(n, "v", ELEMENT_FLOAT, SHAPE(3, 4), false), NULL);
    op_test_refused(n, "linear: input 1 (v, 3 x 4) is no parameter");
    net_begin(n, true);
    x = net_input(n, "x", ELEMENT_INT, SHAPE(7, 4), false);
    linear(n, x, fits, NULL);
    op_test_refused(n, "linear: input 0 (x, 7 x 4) holds no real values");
    net_free(n);
}

/* A conv1d weight [N x K x 1] is a linear layer's; a missing x gives nothing. */
static void test_odd_but_right(void **state)
{
    (void)state;
    net *n = NULL;
    assert_ok(net_new(op_device, 1, &n));
    net_begin(n, false);
    tensor *x = net_input(n, "x", ELEMENT_FLOAT, SHAPE(2, 3, 4), false);
    tensor *y = linear(n, x, net_parameter(n, "w", SHAPE(5, 4, 1), PARAMETER_TRAINED, INITIAL_ONE, 0), NULL);
    assert_non_null(y);
    assert_int_equal(tensor_rows(y), 6);
    assert_int_equal(tensor_channels(y), 5);
    assert_ok(net_plan(n, NULL));
    assert_null(linear(n, NULL, NULL, NULL));
    net_free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_checks),
        cmocka_unit_test(test_narrow_checks),
        cmocka_unit_test(test_every_form),
        cmocka_unit_test(test_published_sizes),
        cmocka_unit_test(test_own_form_for_every_width),
        cmocka_unit_test(test_empty_batch_is_refused),
        cmocka_unit_test(test_wrong_shapes_are_refused),
        cmocka_unit_test(test_odd_but_right),
    };
    return cmocka_run_group_tests(tests, op_test_open, op_test_close);
}
