/* linear_norm and batch_norm: their cases, sizes at which the ways through them change, refusals. */
#include "op_test.h"

#include <math.h>

#include "base/memory.h"
#include "base/random.h"
#include "op/checks.h"

static void test_batch_norm_checks(void **state)
{
    (void)state;
    int count;
    const op_check *checks = batch_norm_checks(&count);
    op_test_checks(checks, count);
}

static void test_narrow_checks(void **state)
{
    (void)state;
    int count;
    const op_check *checks = norm_narrow_checks(&count);
    op_test_checks(checks, count);
}

static void test_linear_norm_checks(void **state)
{
    (void)state;
    int count;
    const op_check *checks = linear_norm_checks(&count);
    op_test_checks(checks, count);
}

/* ---- larger sizes: linear_norm is batch_norm of linear, itself checked ---------------------------------------- */

typedef struct layer {
    tensor *x, *w, *b, *y;
    norm_parameters norm;
} layer;

static layer layer_record(net *n, int rows, int inputs, int outputs, bool in_one)
{
    layer l = {.x = net_input(n, "x", ELEMENT_FLOAT, SHAPE(rows, inputs), true)};
    l.w = net_parameter(n, "w", SHAPE(outputs, inputs), PARAMETER_TRAINED, INITIAL_XAVIER_NORMAL, 0);
    l.b = net_parameter(n, "b", SHAPE(outputs), PARAMETER_TRAINED, INITIAL_NORMAL, 1);
    l.norm = (norm_parameters){
        net_parameter(n, "norm.weight", SHAPE(outputs), PARAMETER_TRAINED, INITIAL_NORMAL, 1),
        net_parameter(n, "norm.bias", SHAPE(outputs), PARAMETER_TRAINED, INITIAL_NORMAL, 1),
        net_parameter(n, "norm.running_mean", SHAPE(outputs), PARAMETER_STATISTIC, INITIAL_ZERO, 0),
        net_parameter(n, "norm.running_var", SHAPE(outputs), PARAMETER_STATISTIC, INITIAL_ONE, 0),
    };
    l.y = in_one ? linear_norm(n, l.x, l.w, l.b, l.norm, true) : batch_norm(n, linear(n, l.x, l.w, l.b), l.norm, true);
    net_keep(n, l.y);
    return l;
}

static float *values_new(size_t count, uint64_t stream)
{
    float *values = memory_new(count, sizeof *values);
    assert_non_null(values);
    for (size_t i = 0; stream && i < count; i++)
        values[i] = (float)random_normal(random_stream(7, RANDOM_SYNTHETIC, stream), i);
    return values;
}

/* By norms: a ReLU at its kink may fall either way. */
static void assert_near(const char *what, const float *a, const float *b, size_t count, double tolerance)
{
    double difference = 0, norm = 0;
    for (size_t i = 0; i < count; i++) {
        difference += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
        norm += (double)b[i] * (double)b[i];
    }
    if (sqrt(difference) <= tolerance * sqrt(norm) + 1e-6) return;
    print_error("%s differs by %g of %g\n", what, sqrt(difference), sqrt(norm));
    assert_true(false);
}

enum { RESULTS = 8 };

/* y, the running statistics, and the gradients of x, w, norm.weight and norm.bias; then y evaluating. */
static void results(int rows, int inputs, int outputs, bool in_one, float *out[RESULTS])
{
    net *n = NULL;
    const size_t m = (size_t)rows, k = (size_t)inputs, o = (size_t)outputs;
    float *x = values_new(m * k, 1), *dy = values_new(m * o, 2);
    assert_ok(net_new(op_device, 3, &n));
    net_begin(n, true);
    layer l = layer_record(n, rows, inputs, outputs, in_one);
    assert_ok(net_plan(n, NULL));
    assert_ok(net_input_write(n, l.x, x));
    assert_ok(net_forward(n, 1));
    assert_ok(net_read(n, l.y, out[0] = values_new(m * o, 0)));
    assert_ok(net_parameter_read(n, l.norm.running_mean, out[1] = values_new(o, 0)));
    assert_ok(net_parameter_read(n, l.norm.running_var, out[2] = values_new(o, 0)));
    assert_ok(net_backward_from(n, l.y, dy, 1));
    assert_ok(net_read_gradient(n, l.x, out[3] = values_new(m * k, 0)));
    assert_ok(net_read_gradient(n, l.w, out[4] = values_new(o * k, 0)));
    assert_ok(net_read_gradient(n, l.norm.weight, out[5] = values_new(o, 0)));
    assert_ok(net_read_gradient(n, l.norm.bias, out[6] = values_new(o, 0)));
    net_begin(n, false);
    l = layer_record(n, rows, inputs, outputs, in_one);
    assert_ok(net_plan(n, NULL));
    assert_ok(net_input_write(n, l.x, x));
    assert_ok(net_forward(n, 1));
    assert_ok(net_read(n, l.y, out[7] = values_new(m * o, 0)));
    net_free(n);
    free(x);
    free(dy);
}

static void check_large(int rows, int inputs, int outputs)
{
    static const char *const names[RESULTS] = {"y",  "running mean", "running variance", "dx",
                                               "dw", "norm dweight", "norm dbias",       "y evaluating"};
    const size_t m = (size_t)rows, k = (size_t)inputs, o = (size_t)outputs;
    const size_t counts[RESULTS] = {m * o, o, o, m * k, o * k, o, o, m * o};
    float *one[RESULTS], *two[RESULTS];
    results(rows, inputs, outputs, true, one);
    results(rows, inputs, outputs, false, two);
    for (int i = 0; i < RESULTS; i++) {
        assert_near(names[i], one[i], two[i], counts[i], 1e-4);
        free(one[i]);
        free(two[i]);
    }
}

static void test_published_sizes(void **state)
{
    (void)state;
    if (op_test_small()) skip();
    check_large(3072, 132, 128);
    check_large(128, 512, 128);
    check_large(128, 128, 64);
    check_large(128, 64, 32);
    check_large(512, 33, 40);
    check_large(513, 33, 40);
    check_large(20000, 10, 32);
}

/* ---- refusals --------------------------------------------------------------------------------------------------- */

static void test_refusals(void **state)
{
    (void)state;
    net *n = NULL;
    assert_ok(net_new(op_device, 1, &n));
    net_begin(n, true);
    layer_record(n, 1, 5, 6, true);
    op_test_refused(n, "linear_norm: input 1 (w, 6 x 5) batch norm needs at least 2 rows when training");
    net_begin(n, false);
    layer_record(n, 1, 5, 6, true);
    assert_ok(net_plan(n, NULL));
    net_begin(n, true);
    layer l = layer_record(n, 3, 5, 6, true);
    batch_norm(n, net_input(n, "v", ELEMENT_FLOAT, SHAPE(1, 6), false), l.norm, false);
    op_test_refused(n, "batch_norm: input 1 (norm.weight, 6) batch norm needs at least 2 rows when training");
    net_begin(n, true);
    l = layer_record(n, 3, 5, 6, true);
    batch_norm(n, net_input(n, "v", ELEMENT_FLOAT, SHAPE(3, 7), false), l.norm, false);
    op_test_refused(n, "batch_norm: input 1 (norm.weight, 6) is no vector of 7 channels");
    net_begin(n, true);
    l = layer_record(n, 3, 5, 6, true);
    batch_norm(n, net_input(n, "v", ELEMENT_INT, SHAPE(3, 6), false), l.norm, false);
    op_test_refused(n, "batch_norm: input 0 (v, 3 x 6) holds no real values");
    net_begin(n, true);
    l = layer_record(n, 3, 5, 6, true);
    linear_norm(n, net_input(n, "v", ELEMENT_FLOAT, SHAPE(3, 4), false), l.w, l.b, l.norm, false);
    op_test_refused(n, "linear_norm: input 1 (w, 6 x 5) does not fit an input of 4 channels: wanted N x 4");
    net_begin(n, true);
    l = layer_record(n, 3, 5, 6, true);
    l.norm.bias = net_parameter(n, "odd", SHAPE(7), PARAMETER_TRAINED, INITIAL_ZERO, 0);
    linear_norm(n, l.x, l.w, l.b, l.norm, false);
    op_test_refused(n, "linear_norm: input 3 (odd, 7) is no vector of 6 outputs");
    net_free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_batch_norm_checks), cmocka_unit_test(test_linear_norm_checks),
        cmocka_unit_test(test_narrow_checks),     cmocka_unit_test(test_published_sizes),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, op_test_open, op_test_close);
}
