/* mask_cnn: its cases, a batch of many crops, the same twice, refusals. */
#include "op_test.h"

#include "base/random.h"
#include "op/checks.h"
#include "op/panoptic.h"

static void test_checks(void **state)
{
    (void)state;
    int count;
    const op_check *checks = mask_cnn_checks(&count);
    op_test_checks(checks, count);
}

/* ---- many crops ------------------------------------------------------------------------------------------------- */

enum { CROPS = 300, LARGEST = 12, INPUTS = 10 };

/* Crops of up to LARGEST a side, some empty, one of 80 x 80 among them; returns their values. */
static int crops_of(crop *list)
{
    const random_key key = random_stream(6, RANDOM_SYNTHETIC, 0);
    int first = 0;
    for (int i = 0; i < CROPS; i++) {
        const int height = (int)(random_uniform(key, 2 * (uint64_t)i) * (LARGEST + 1));
        const int width = (int)(random_uniform(key, 2 * (uint64_t)i + 1) * (LARGEST + 1));
        list[i] = (crop){.first = first, .height = i == 7 ? 80 : height, .width = i == 7 ? 80 : width};
        first += list[i].height * list[i].width;
    }
    return first;
}

static void fill_crops(const void *user, size_t count, uint64_t stream, double *values)
{
    crop list[CROPS];
    int32_t table[CROPS * CROP_INTS];
    (void)user;
    (void)stream;
    crops_of(list);
    memcpy(table, list, sizeof table);
    for (size_t i = 0; i < count; i++) values[i] = table[i];
}

/* Among so many values some sit at a ReLU's kink, where a slope says nothing: the gradient is bound loosely. */
static void test_many(void **state)
{
    (void)state;
    if (op_test_small()) skip();
    int count;
    const op_check *checks = mask_cnn_checks(&count);
    op_check c = op_test_case(checks, count, "mask_cnn 4 crops, 16 channels");
    check_input inputs[INPUTS];
    crop list[CROPS];
    for (int i = 0; i < INPUTS; i++) inputs[i] = c.input[i];
    inputs[0].shape = SHAPE(crops_of(list), 1);
    inputs[1].shape = SHAPE(CROPS, CROP_INTS);
    inputs[1].fill = fill_crops;
    c.name = "mask_cnn of 300 crops";
    c.input = inputs;
    c.gradient_tolerance = 1e-2;
    assert_ok(check_operation(op_device, &c, false));
}

/* ---- one batch on the tape -------------------------------------------------------------------------------------- */

static const shape parameter_shapes[8] = {{4, {4, 1, 3, 3}}, {1, {4}}, {1, {4}},          {1, {4}},
                                          {4, {4, 4, 3, 3}}, {1, {4}}, {4, {1, 4, 3, 3}}, {1, {1}}};

static mask_network network_of(net *n)
{
    static const char *const names[8] = {"weight1", "bias1", "norm weight", "norm bias",
                                         "weight2", "bias2", "weight3",     "bias3"};
    tensor *p[8];
    for (int i = 0; i < 8; i++)
        p[i] = net_parameter(n, names[i], parameter_shapes[i], PARAMETER_TRAINED, INITIAL_NORMAL, 0.3);
    return (mask_network){p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7]};
}

/* Output, then the gradients of x and of the second layer's weights. */
static void run_once(net *n, int values, const crop *list, const float *x, float *result)
{
    net_begin(n, true);
    tensor *in = net_input(n, "x", ELEMENT_FLOAT, SHAPE(values, 1), true);
    tensor *crops = net_input(n, "crops", ELEMENT_INT, SHAPE(CROPS, CROP_INTS), false);
    const mask_network p = network_of(n);
    tensor *y = mask_cnn(n, in, crops, p);
    net_keep(n, y);
    assert_ok(net_plan(n, NULL));
    assert_ok(net_input_write(n, in, x));
    assert_ok(net_input_write(n, crops, list));
    assert_ok(net_forward(n, 1));
    assert_ok(net_read(n, y, result));
    assert_ok(net_backward_from(n, y, x, 1));
    assert_ok(net_read_gradient(n, in, result + values));
    assert_ok(net_read_gradient(n, p.weight2, result + 2 * values));
}

static void test_same_twice(void **state)
{
    (void)state;
    if (op_test_small()) skip();
    net *n = NULL;
    crop list[CROPS];
    const random_key key = random_stream(7, RANDOM_SYNTHETIC, 0);
    const int values = crops_of(list), floats = 2 * values + 4 * 4 * 9;
    float *x = malloc((size_t)values * sizeof *x), *once = malloc((size_t)floats * sizeof *once);
    float *twice = malloc((size_t)floats * sizeof *twice);
    assert_true(x && once && twice);
    for (int i = 0; i < values; i++) x[i] = (float)random_normal(key, (uint64_t)i);
    assert_ok(net_new(op_device, 1, &n));
    run_once(n, values, list, x, once);
    run_once(n, values, list, x, twice);
    assert_memory_equal(once, twice, (size_t)floats * sizeof *once);
    net_free(n);
    free(x);
    free(once);
    free(twice);
}

/* ---- refusals --------------------------------------------------------------------------------------------------- */

static void test_refusals(void **state)
{
    (void)state;
    static const char *const messages[] = {
        "mask_cnn: input 1 (no crops, 0 x 10) has no crop: such a batch has no masks",
        "mask_cnn: input 0 (no values, 0 x 1) has no value: such a batch has no masks",
        "mask_cnn: input 1 (reals, 3 x 10) should be 3 x 10 integers: a line for each crop",
        "mask_cnn: input 0 (wide, 20 x 2) should be 20 x 1 reals: a value for each pixel of the crops",
        "mask_cnn: input 3 (weight1, 4 x 1 x 3 x 3) should be 1 to 1024 reals: one a channel",
        "mask_cnn: input 6 (weight3, 1 x 4 x 3 x 3) should be 4 x 4 x 3 x 3 reals: 3 x 3 taps from each channel to "
        "each",
        "mask_cnn: input 9 (bias2, 4) should be 1 reals: one",
    };
    net *n = NULL;
    assert_ok(net_new(op_device, 1, &n));
    for (int i = 0; i < (int)(sizeof messages / sizeof *messages); i++) {
        net_begin(n, true);
        tensor *no_crops = net_input(n, "no crops", ELEMENT_INT, SHAPE(0, CROP_INTS), false);
        tensor *no_values = net_input(n, "no values", ELEMENT_FLOAT, SHAPE(0, 1), true);
        tensor *reals = net_input(n, "reals", ELEMENT_FLOAT, SHAPE(3, CROP_INTS), false);
        tensor *wide = net_input(n, "wide", ELEMENT_FLOAT, SHAPE(20, 2), true);
        tensor *x = net_input(n, "x", ELEMENT_FLOAT, SHAPE(20, 1), true);
        tensor *crops = net_input(n, "crops", ELEMENT_INT, SHAPE(3, CROP_INTS), false);
        mask_network p = network_of(n);
        if (i == 4) p.bias1 = p.weight1;
        if (i == 5) p.weight2 = p.weight3;
        if (i == 6) p.bias3 = p.bias2;
        assert_null(mask_cnn(n, i == 1 ? no_values : i == 3 ? wide : x, i == 0 ? no_crops : i == 2 ? reals : crops, p));
        op_test_refused(n, messages[i]);
    }
    net_free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_checks),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_same_twice),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, op_test_open, op_test_close);
}
