/* image_phases, image_unphases, image_maximum: their cases, equal and missing values, a dilated convolution, refusals. */
#include "op_test.h"

#include <math.h>

#include "base/random.h"
#include "op/checks.h"
#include "op/image.h"

static void all_pass(const op_check *(*of)(int *count))
{
    int count;
    const op_check *checks = of(&count);
    op_test_checks(checks, count);
}

static void test_phases(void **state)
{
    (void)state;
    all_pass(image_phases_checks);
}

static void test_maximum(void **state)
{
    (void)state;
    all_pass(image_maximum_checks);
}

/* Of equal values the first takes the gradient; what is no number is passed on. */
static void test_equal_values(void **state)
{
    (void)state;
    enum { PIXELS = 100, CHANNELS = 3 };
    float x[PIXELS * CHANNELS], y[PIXELS * CHANNELS], dy[PIXELS * CHANNELS], dx[PIXELS * CHANNELS];
    net *n = NULL;
    for (int i = 0; i < PIXELS * CHANNELS; i++) {
        x[i] = i / CHANNELS % 40 == 33 ? 2.0f : -1.0f; /* at 33 and 73 */
        dy[i] = 1;
    }
    x[50 * CHANNELS + 1] = NAN;
    assert_ok(net_new(op_device, 1, &n));
    net_begin(n, true);
    tensor *in = net_input(n, "x", ELEMENT_FLOAT, SHAPE(1, 10, 10, CHANNELS), true);
    tensor *out = image_maximum(n, in);
    net_keep(n, out);
    assert_ok(net_plan(n, NULL));
    assert_ok(net_input_write(n, in, x));
    assert_ok(net_forward(n, 0));
    assert_ok(net_read(n, out, y));
    assert_ok(net_backward_from(n, out, dy, 0));
    assert_ok(net_read_gradient(n, in, dx));
    for (int p = 0; p < PIXELS; p++)
        for (int c = 0; c < CHANNELS; c++) {
            assert_true(c == 1 ? isnan(y[p * CHANNELS + c]) : y[p * CHANNELS + c] == 2);
            assert_true(dx[p * CHANNELS + c] == (p == (c == 1 ? 50 : 33) ? PIXELS : 0));
        }
    net_free(n);
}

/* A 3 x 3 convolution of dilation 2, reflected, as phases: against its sums. */
static void test_dilated_convolution(void **state)
{
    (void)state;
    enum { HEIGHT = 5, WIDTH = 6, STEP = 2 };
    float x[HEIGHT * WIDTH], weight[9], y[HEIGHT * WIDTH];
    net *n = NULL;
    const random_key key = random_stream(3, RANDOM_SYNTHETIC, 0);
    for (int i = 0; i < HEIGHT * WIDTH; i++) x[i] = (float)random_normal(key, (uint64_t)i);
    for (int i = 0; i < 9; i++) weight[i] = (float)random_normal(key, (uint64_t)(100 + i));
    assert_ok(net_new(op_device, 1, &n));
    net_begin(n, false);
    tensor *in = net_input(n, "x", ELEMENT_FLOAT, SHAPE(1, HEIGHT, WIDTH, 1), false);
    tensor *w = net_parameter(n, "w", SHAPE(1, 1, 3, 3), PARAMETER_TRAINED, INITIAL_ZERO, 0);
    const conv_options o = {.kernel = 3, .stride = 1};
    tensor *out = image_unphases(n, conv2d(n, image_phases(n, in, STEP, 1), w, NULL, o), STEP, HEIGHT, WIDTH);
    net_keep(n, out);
    assert_ok(net_plan(n, NULL));
    assert_ok(net_parameter_write(n, w, weight));
    assert_ok(net_input_write(n, in, x));
    assert_ok(net_forward(n, 0));
    assert_ok(net_read(n, out, y));
    for (int i = 0; i < HEIGHT; i++)
        for (int j = 0; j < WIDTH; j++) {
            double sum = 0;
            for (int tap = 0; tap < 9; tap++) {
                int u = i + STEP * (tap / 3 - 1), v = j + STEP * (tap % 3 - 1);
                u = u < 0 ? -u : u >= HEIGHT ? 2 * HEIGHT - 2 - u : u;
                v = v < 0 ? -v : v >= WIDTH ? 2 * WIDTH - 2 - v : v;
                sum += (double)weight[tap] * (double)x[u * WIDTH + v];
            }
            assert_true(fabs(sum - (double)y[i * WIDTH + j]) < 1e-5);
        }
    net_free(n);
}

static void test_refusals(void **state)
{
    (void)state;
    net *n = NULL;
    assert_ok(net_new(op_device, 1, &n));
    net_begin(n, true);
    assert_null(image_phases(n, net_input(n, "x", ELEMENT_FLOAT, SHAPE(2, 4, 6, 3), true), 4, 1));
    op_test_refused(n,
                    "image_phases: input 0 (x, 2 x 4 x 6 x 3) cannot be continued by 4: reflection needs less than its "
                    "height and width");
    net_begin(n, true);
    assert_null(image_unphases(n, net_input(n, "x", ELEMENT_FLOAT, SHAPE(4, 3, 3, 2), true), 2, 7, 6));
    op_test_refused(n, "image_unphases: input 0 (x, 4 x 3 x 3 x 2) is not the phases of images of 7 x 6, step 2");
    net_begin(n, true);
    assert_null(image_maximum(n, net_input(n, "x", ELEMENT_FLOAT, SHAPE(4, 3), true)));
    op_test_refused(n, "image_maximum: input 0 (x, 4 x 3) should be frames x height x width x channels of reals");
    net_free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_phases),       cmocka_unit_test(test_maximum),
        cmocka_unit_test(test_equal_values), cmocka_unit_test(test_dilated_convolution),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, op_test_open, op_test_close);
}
