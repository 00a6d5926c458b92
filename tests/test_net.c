/* The tape: memory plan, gradients that meet, parameters that outlive it, the first error.
 * Its one operation, scale (y = factor x), is computed on the host through buffer_read and buffer_write. */
#include "op_test.h"

#include "base/memory.h"
#include "net/internal.h"

/* ---- an operation for the tests --------------------------------------------------------------------------------- */

static int scale_shape(node *n)
{
    node_keep_input(n, 0);
    if (tensor_count(n->in[0]) > 1 << 20) return node_refuse(n, 0, "is too large for a test");
    int rc = node_work(n, ELEMENT_FLOAT, n->in[0]->shape);
    return rc ? rc : node_output(n, ELEMENT_FLOAT, n->in[0]->shape);
}

static int scale_copy(buffer *from, buffer *to, size_t count, float factor, bool add)
{
    int rc = OK;
    float *values = NULL, *before = NULL;
    TRY_NEW(values = memory_new(count, sizeof *values));
    TRY_NEW(before = memory_new(count, sizeof *before));
    TRY(buffer_read(from, 0, values, count * sizeof *values));
    TRY(buffer_read(to, 0, before, count * sizeof *before));
    for (size_t i = 0; i < count; i++) values[i] = factor * values[i] + (add ? before[i] : 0);
    TRY(buffer_write(to, 0, values, count * sizeof *values));
done:
    free(values);
    free(before);
    return rc;
}

static int scale_forward(node *n, const run *r)
{
    (void)r;
    return scale_copy(n->in[0]->data, n->out[0]->data, tensor_count(n->in[0]), *(const float *)n->attributes, false);
}

static int scale_backward(node *n, const run *r)
{
    (void)r;
    if (!n->in[0]->gradient) return OK;
    return scale_copy(n->out[0]->gradient, n->in[0]->gradient, tensor_count(n->in[0]), *(const float *)n->attributes,
                      n->accumulate[0]);
}

static const op_def scale_def = {"scale", scale_shape, scale_forward, scale_backward, NULL};

static tensor *scale(net *n, tensor *x, float factor)
{
    node *added = net_record(n, &scale_def, &x, 1, 1, &factor, sizeof factor);
    return added ? added->out[0] : NULL;
}

/* Sum of two tensors, so that a tensor can have two consumers that meet again. */
static int sum_shape(node *n)
{
    return node_output(n, ELEMENT_FLOAT, n->in[0]->shape);
}

static int sum_forward(node *n, const run *r)
{
    (void)r;
    size_t count = tensor_count(n->in[0]);
    int rc = scale_copy(n->in[0]->data, n->out[0]->data, count, 1, false);
    return rc ? rc : scale_copy(n->in[1]->data, n->out[0]->data, count, 1, true);
}

static int sum_backward(node *n, const run *r)
{
    (void)r;
    int rc = OK;
    for (int i = 0; i < 2 && !rc; i++)
        if (n->in[i]->gradient)
            rc = scale_copy(n->out[0]->gradient, n->in[i]->gradient, tensor_count(n->in[i]), 1, n->accumulate[i]);
    return rc;
}

static const op_def sum_def = {"sum", sum_shape, sum_forward, sum_backward, NULL};

static tensor *sum(net *n, tensor *a, tensor *b)
{
    tensor *in[] = {a, b};
    node *added = net_record(n, &sum_def, in, 2, 2, NULL, 0);
    return added ? added->out[0] : NULL;
}

static tensor *weights(net *n, const char *key, int count)
{
    return net_parameter(n, key, SHAPE(count), PARAMETER_TRAINED, INITIAL_NORMAL, 1);
}

static net *new_net(void)
{
    net *n = NULL;
    assert_ok(net_new(op_device, 7, &n));
    return n;
}

/* ---- tests ------------------------------------------------------------------------------------------------------ */

static void test_forward_and_backward(void **state)
{
    (void)state;
    net *n = new_net();
    const float ones[3] = {1, 1, 1}, x[3] = {1, 2, 3};
    float y[3], dx[3], dw[3];
    net_begin(n, true);
    tensor *input = net_input(n, "x", ELEMENT_FLOAT, SHAPE(3), true), *w = weights(n, "w", 3);
    tensor *a = scale(n, input, 2), *b = sum(n, scale(n, a, 3), sum(n, a, w)); /* b = 8 x + w */
    net_keep(n, b);
    assert_ok(net_plan(n, NULL));
    assert_ok(net_input_write(n, input, x));
    assert_ok(net_parameter_write(n, w, ones));
    for (int repeat = 0; repeat < 2; repeat++) {
        assert_ok(net_forward(n, 1));
        assert_ok(net_read(n, b, y));
        assert_ok(net_backward_from(n, b, x, 1));
        assert_ok(net_read_gradient(n, input, dx));
        assert_ok(net_read_gradient(n, w, dw));
        for (int i = 0; i < 3; i++) {
            assert_true(y[i] == 8 * x[i] + 1);
            assert_true(dx[i] == 8 * x[i]);
            assert_true(dw[i] == x[i]);
        }
    }
    net_free(n);
}

static void test_memory_is_reused_but_not_shared(void **state)
{
    (void)state;
    net *n = new_net();
    size_t peak = 0;
    float y = 0;
    const float x[1024] = {[5] = 1};
    net_begin(n, false);
    tensor *t = net_input(n, "x", ELEMENT_FLOAT, SHAPE(1024), false), *input = t;
    for (int i = 0; i < 20; i++) t = scale(n, t, 2);
    net_keep(n, t);
    assert_ok(net_plan(n, &peak));
    assert_in_range(peak, 4 * 4096, 5 * 4096); /* input, two that alternate, scratch; not 41 */
    assert_ok(net_input_write(n, input, x));
    assert_ok(net_forward(n, 1));
    assert_ok(buffer_read(t->data, 5 * sizeof y, &y, sizeof y));
    assert_true(y == 1048576.0f);
    net_free(n);
}

static void test_parameters_outlive_the_tape(void **state)
{
    (void)state;
    net *n = new_net();
    float before[5], after[5], other[5];
    net_begin(n, true);
    scale(n, weights(n, "first", 5), 1);
    assert_ok(net_plan(n, NULL));
    assert_ok(net_parameter_read(n, net_parameter_find(n, "first"), before));
    net_begin(n, true);
    scale(n, weights(n, "second", 700), 1);
    scale(n, weights(n, "first", 5), 1);
    assert_ok(net_plan(n, NULL));
    assert_int_equal(net_parameter_count(n), 2);
    assert_ok(net_parameter_read(n, net_parameter_find(n, "first"), after));
    assert_memory_equal(before, after, sizeof before);
    net *again = new_net(); /* the same seed and key, made in another order: the same values */
    net_begin(again, true);
    weights(again, "third", 9);
    weights(again, "first", 5);
    assert_ok(net_plan(again, NULL));
    assert_ok(net_parameter_read(again, net_parameter_find(again, "first"), other));
    assert_memory_equal(before, other, sizeof before);
    net_free(again);
    net_free(n);
}

static void test_unreached_parameter_has_zero_gradient(void **state)
{
    (void)state;
    net *n = new_net();
    const float one = 1;
    float gradient[2];
    net_begin(n, true);
    tensor *used = weights(n, "used", 1), *unused = weights(n, "unused", 2), *y = scale(n, used, 3);
    assert_ok(net_plan(n, NULL));
    assert_ok(net_poison(n));
    assert_ok(net_forward(n, 1));
    assert_ok(net_backward_from(n, y, &one, 1));
    assert_ok(net_read_gradient(n, unused, gradient));
    assert_true(gradient[0] == 0 && gradient[1] == 0);
    assert_ok(net_read_gradient(n, used, gradient));
    assert_true(gradient[0] == 3);
    net_free(n);
}

static void test_first_error_is_kept(void **state)
{
    (void)state;
    net *n = new_net();
    net_begin(n, true);
    weights(n, "w", 3);
    assert_null(weights(n, "w", 4));
    assert_null(scale(n, net_input(n, "x", ELEMENT_FLOAT, SHAPE(2), false), 1));
    op_test_refused(n, "parameter w is used with two shapes");
    net_begin(n, true);
    assert_null(scale(n, net_input(n, "x", ELEMENT_FLOAT, SHAPE(2048, 1024), false), 1));
    op_test_refused(n, "scale: input 0 (x, 2048 x 1024) is too large for a test");
    net_begin(n, true);
    assert_null(scale(n, NULL, 1));
    op_test_refused(n, "scale: input 0 is missing");
    net_begin(n, true);
    assert_null(net_input(n, "x", ELEMENT_FLOAT, SHAPE(65536, 65536), false));
    op_test_refused(n, "x: more than 2147483647 elements: use a smaller batch");
    net_begin(n, true);
    assert_null(reshape(n, net_input(n, "x", ELEMENT_FLOAT, SHAPE(6), false), SHAPE(4)));
    op_test_refused(n, "reshape of x: 4 elements, wanted 6");
    net_begin(n, false); /* and forgotten by the next tape */
    assert_non_null(scale(n, net_input(n, "x", ELEMENT_FLOAT, SHAPE(2), false), 1));
    assert_ok(net_plan(n, NULL));
    net_free(n);
}

static void test_canaries_see_a_write_behind_the_end(void **state)
{
    (void)state;
    net *n = new_net();
    const float stray = 1;
    net_guard(n);
    net_begin(n, true);
    tensor *y = scale(n, net_input(n, "x", ELEMENT_FLOAT, SHAPE(5), true), 2);
    net_keep(n, y);
    assert_ok(net_plan(n, NULL));
    assert_ok(net_poison(n));
    assert_ok(net_canaries_intact(n));
    assert_ok(buffer_write(y->data, 5 * sizeof stray, &stray, sizeof stray));
    assert_int_equal(net_canaries_intact(n), FAILED);
    assert_string_equal(error_message(), "data of scale was written 1 elements behind its end");
    net_free(n);
}

static void fill_once(const void *user, float *values)
{
    (*(int *)(uintptr_t)user)++;
    values[0] = 4;
}

static void test_constants_are_made_once(void **state)
{
    (void)state;
    net *n = new_net();
    int calls = 0;
    float value = 0;
    for (int i = 0; i < 2; i++) {
        net_begin(n, false);
        tensor *c = net_constant(n, "c", SHAPE(1), fill_once, &calls);
        tensor *y = scale(n, c, 2);
        net_keep(n, y);
        assert_ok(net_plan(n, NULL));
        assert_ok(net_forward(n, 1));
        assert_ok(net_read(n, y, &value));
        assert_true(value == 8);
    }
    assert_int_equal(calls, 1);
    net_free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forward_and_backward),
        cmocka_unit_test(test_memory_is_reused_but_not_shared),
        cmocka_unit_test(test_parameters_outlive_the_tape),
        cmocka_unit_test(test_unreached_parameter_has_zero_gradient),
        cmocka_unit_test(test_first_error_is_kept),
        cmocka_unit_test(test_canaries_see_a_write_behind_the_end),
        cmocka_unit_test(test_constants_are_made_once),
    };
    return cmocka_run_group_tests(tests, op_test_open, op_test_close);
}
