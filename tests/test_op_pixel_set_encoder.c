/* pixel_set_encoder: its cases, what is legal, determinism, pixels that are all equal, refusals. */
#include "op_test.h"

#include <math.h>

#include "base/memory.h"
#include "base/random.h"
#include "op/checks.h"

static void test_checks(void **state)
{
    (void)state;
    int count;
    const op_check *checks = pixel_set_encoder_checks(&count);
    op_test_checks(checks, count);
}

static void test_legal(void **state)
{
    (void)state;
    const int published[3] = {10, 32, 64}, deep[5] = {10, 16, 32, 32, 64}, vast[3] = {10, 32, 4096};
    const pooling_list both = {2, {POOL_MEAN, POOL_STD}}, extreme = {2, {POOL_MEAN, POOL_MAX}},
                       twice = {2, {POOL_STD, POOL_STD}};
    assert_true(pixel_set_encoder_legal(op_device, false, 64, published, 2, both, 4));
    assert_true(pixel_set_encoder_legal(op_device, true, 64, published, 2, both, 4));
    assert_true(pixel_set_encoder_legal(op_device, false, 64, published, 2, extreme, 4));
    assert_false(pixel_set_encoder_legal(op_device, true, 64, published, 2, extreme, 4));
    assert_true(pixel_set_encoder_legal(op_device, false, 20, deep, 4, both, 0));
    assert_false(pixel_set_encoder_legal(op_device, true, 20, deep, 4, both, 0));
    assert_false(pixel_set_encoder_legal(op_device, false, 64, published, 2, twice, 0));
    assert_false(pixel_set_encoder_legal(op_device, false, 64, vast, 2, both, 0));
    assert_false(pixel_set_encoder_legal(op_device, false, 1 << 19, published, 2, both, 0));
    assert_false(pixel_set_encoder_legal(op_device, false, 64, published, 0, both, 0));
}

/* ---- the published widths ---------------------------------------------------------------------------------------- */

enum { C0 = 10, C1 = 32, C2 = 64, PIXELS = 24, EXTRA = 4, WIDTH = 2 * C2 + EXTRA, GRADIENTS = 8 };

typedef struct encoder {
    net *n;
    tensor *x, *mask, *extra, *y;
    tensor *trained[GRADIENTS];
} encoder;

static tensor *vector(net *n, const char *key, int count, bool statistic, enum initial initial)
{
    return net_parameter(n, key, SHAPE(count), statistic ? PARAMETER_STATISTIC : PARAMETER_TRAINED, initial, 1);
}

static pixel_layer layer(net *n, int i, int inputs, int outputs)
{
    return (pixel_layer){
        net_parameter(n, scope(n, "%d.weight", i), SHAPE(outputs, inputs), PARAMETER_TRAINED, INITIAL_XAVIER_NORMAL, 1),
        vector(n, scope(n, "%d.bias", i), outputs, false, INITIAL_NORMAL),
        {vector(n, scope(n, "%d.norm.weight", i), outputs, false, INITIAL_NORMAL),
         vector(n, scope(n, "%d.norm.bias", i), outputs, false, INITIAL_NORMAL),
         vector(n, scope(n, "%d.norm.mean", i), outputs, true, INITIAL_ZERO),
         vector(n, scope(n, "%d.norm.var", i), outputs, true, INITIAL_ONE)}};
}

static void encoder_record(encoder *e, int frames, bool training)
{
    if (!e->n) assert_ok(net_new(op_device, 1, &e->n));
    net *n = e->n;
    net_begin(n, training);
    e->x = net_input(n, "x", ELEMENT_FLOAT, SHAPE(frames, PIXELS, C0), false);
    e->mask = net_input(n, "mask", ELEMENT_FLOAT, SHAPE(frames, PIXELS), false);
    e->extra = net_input(n, "extra", ELEMENT_FLOAT, SHAPE(frames, EXTRA), false);
    const pixel_layer layers[2] = {layer(n, 1, C0, C1), layer(n, 2, C1, C2)};
    e->y = pixel_set_encoder(n, e->x, e->mask, e->extra, layers, 2, (pooling_list){2, {POOL_MEAN, POOL_STD}});
    for (int i = 0; i < 2; i++) {
        const pixel_layer *l = layers + i;
        tensor *const four[4] = {l->weight, l->bias, l->norm.weight, l->norm.bias};
        memcpy(e->trained + 4 * i, four, sizeof four);
    }
    net_keep(n, e->y);
    assert_ok(net_plan(n, NULL));
}

static float *normal_values(size_t count, uint64_t stream)
{
    const random_key key = random_stream(3, RANDOM_SYNTHETIC, stream);
    float *values = memory_new(count, sizeof *values);
    assert_non_null(values);
    for (size_t i = 0; i < count; i++) values[i] = (float)random_normal(key, i);
    return values;
}

/* x [frames x PIXELS x C0] may be NULL: normal values */
static void encoder_fill(encoder *e, int frames, const float *x)
{
    const size_t rows = (size_t)frames * PIXELS;
    float *values = normal_values(rows * C0, 1);
    assert_ok(net_input_write(e->n, e->x, x ? x : values));
    assert_ok(net_input_write(e->n, e->extra, values));
    for (size_t i = 0; i < rows; i++) values[i] = i % PIXELS == 0 || values[i] > -0.3f ? 1 : 0;
    assert_ok(net_input_write(e->n, e->mask, values));
    free(values);
}

static size_t encoder_backward(encoder *e, int frames, float *gradients)
{
    size_t at = 0;
    float *d = normal_values((size_t)frames * WIDTH, 2);
    assert_ok(net_backward_from(e->n, e->y, d, 1));
    for (int i = 0; i < GRADIENTS; i++) {
        assert_ok(net_read_gradient(e->n, e->trained[i], gradients + at));
        at += tensor_count(e->trained[i]);
    }
    free(d);
    return at;
}

/* The same step twice gives the same bits, and evaluating after it is finite. */
static void test_deterministic(void **state)
{
    (void)state;
    const int frames = op_test_small() ? 2 : 300;
    enum { COUNT = C0 * C1 + C1 * C2 + 3 * (C1 + C2) };
    encoder e = {0};
    float *first = memory_new(COUNT, sizeof *first), *second = memory_new(COUNT, sizeof *second);
    float *y = memory_new((size_t)frames * WIDTH, sizeof *y), *again = memory_new((size_t)frames * WIDTH, sizeof *y);
    assert_true(first && second && y && again);
    encoder_record(&e, frames, true);
    encoder_fill(&e, frames, NULL);
    assert_ok(net_forward(e.n, 1));
    assert_ok(net_read(e.n, e.y, y));
    assert_int_equal(encoder_backward(&e, frames, first), COUNT);
    assert_ok(net_forward(e.n, 1));
    assert_ok(net_read(e.n, e.y, again));
    encoder_backward(&e, frames, second);
    assert_memory_equal(y, again, (size_t)frames * WIDTH * sizeof *y);
    assert_memory_equal(first, second, COUNT * sizeof *first);
    encoder_record(&e, frames, false);
    encoder_fill(&e, frames, NULL);
    assert_ok(net_forward(e.n, 1));
    assert_ok(net_read(e.n, e.y, y));
    for (size_t i = 0; i < (size_t)frames * WIDTH; i++) assert_true(isfinite(y[i]));
    free(first);
    free(second);
    free(y);
    free(again);
    net_free(e.n);
}

/* Frames whose pixels are all equal: std is 0 and has no slope; nothing blows up. */
static void test_equal_pixels(void **state)
{
    (void)state;
    enum { FRAMES = 3, COUNT = C0 * C1 + C1 * C2 + 3 * (C1 + C2) };
    encoder e = {0};
    static float y[FRAMES * WIDTH], gradients[COUNT], x[FRAMES * PIXELS * C0];
    for (int f = 0; f < FRAMES; f++)
        for (int i = 0; i < PIXELS * C0; i++) x[f * PIXELS * C0 + i] = 0.37f * (float)(f + 1) * (float)(i % C0 - 4);
    encoder_record(&e, FRAMES, true);
    encoder_fill(&e, FRAMES, x);
    assert_ok(net_forward(e.n, 1));
    assert_ok(net_read(e.n, e.y, y));
    encoder_backward(&e, FRAMES, gradients);
    for (int f = 0; f < FRAMES; f++)
        for (int c = 0; c < C2; c++) assert_true(y[f * WIDTH + C2 + c] >= 0 && y[f * WIDTH + C2 + c] < 1e-5f);
    for (int i = 0; i < COUNT; i++) assert_true(fabsf(gradients[i]) < 1e3f);
    net_free(e.n);
}

/* ---- refusals ---------------------------------------------------------------------------------------------------- */

/* Layers of 10-32-64 with one tensor's shape replaced (-1: none), and inputs of these shapes. */
static void refused(shape x, shape mask, shape extra, bool training, pooling_list pools, int replaced, shape other,
                    const char *message)
{
    net *n = NULL;
    assert_ok(net_new(op_device, 1, &n));
    net_begin(n, training);
    pixel_layer layers[2] = {layer(n, 1, C0, C1), layer(n, 2, C1, C2)};
    tensor **all[4] = {&layers[0].weight, &layers[0].bias, &layers[1].weight, &layers[1].norm.running_var};
    if (replaced >= 0) *all[replaced] = net_parameter(n, "other", other, PARAMETER_TRAINED, INITIAL_ZERO, 1);
    assert_null(pixel_set_encoder(n, net_input(n, "x", ELEMENT_FLOAT, x, false),
                                  net_input(n, "mask", ELEMENT_FLOAT, mask, false),
                                  net_input(n, "extra", ELEMENT_FLOAT, extra, false), layers, 2, pools));
    op_test_refused(n, message);
    net_free(n);
}

static void test_refusals(void **state)
{
    (void)state;
    const pooling_list both = {2, {POOL_MEAN, POOL_STD}}, extreme = {1, {POOL_MAX}};
    const shape x = SHAPE(2, 5, 10), mask = SHAPE(2, 5), extra = SHAPE(2, 4), none = {0};
    refused(SHAPE(2, 50), mask, extra, false, both, -1, none,
            "pixel_set_encoder: input 0 (x, 2 x 50) should be frames x pixels x channels of reals");
    refused(x, SHAPE(5, 2), extra, false, both, -1, none,
            "pixel_set_encoder: input 1 (mask, 5 x 2) should be 2 x 5 reals: a weight a pixel");
    refused(x, mask, SHAPE(3, 4), false, both, -1, none,
            "pixel_set_encoder: input 14 (extra, 3 x 4) should be 2 x E reals");
    refused(x, mask, extra, false, both, 0, SHAPE(32, 9),
            "pixel_set_encoder: input 2 (other, 32 x 9) should be N x 10");
    refused(x, mask, extra, false, both, 1, SHAPE(31), "pixel_set_encoder: input 3 (other, 31) should be 32");
    refused(x, mask, extra, false, both, 2, SHAPE(64, 31),
            "pixel_set_encoder: input 8 (other, 64 x 31) should be N x 32");
    refused(x, mask, extra, false, both, 3, SHAPE(65), "pixel_set_encoder: input 13 (other, 65) should be 64");
    refused(x, mask, extra, true, extreme, -1, none,
            "pixel_set_encoder: input 0 (x, 2 x 5 x 10) has no one-kernel form with these layers and poolings");
    refused(SHAPE(1, 1, 10), SHAPE(1, 1), SHAPE(1, 4), true, both, -1, none,
            "pixel_set_encoder: input 0 (x, 1 x 1 x 10) should have at least 2 pixels: batch norm needs a variance");
}

static void test_refuses_gradient_of_x(void **state)
{
    (void)state;
    net *n = NULL;
    assert_ok(net_new(op_device, 1, &n));
    net_begin(n, true);
    const pixel_layer layers[2] = {layer(n, 1, C0, C1), layer(n, 2, C1, C2)};
    tensor *x = net_input(n, "x", ELEMENT_FLOAT, SHAPE(2, 5, C0), true);
    tensor *mask = net_input(n, "mask", ELEMENT_FLOAT, SHAPE(2, 5), false);
    assert_null(pixel_set_encoder(n, x, mask, NULL, layers, 2, (pooling_list){1, {POOL_MEAN}}));
    op_test_refused(n, "pixel_set_encoder: input 0 (x, 2 x 5 x 10) takes no gradient in this form");
    net_free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_checks),        cmocka_unit_test(test_legal),
        cmocka_unit_test(test_deterministic), cmocka_unit_test(test_equal_pixels),
        cmocka_unit_test(test_refusals),      cmocka_unit_test(test_refuses_gradient_of_x),
    };
    return cmocka_run_group_tests(tests, op_test_open, op_test_close);
}
