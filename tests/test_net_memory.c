/* What the tape does to save memory: gradients that share a place, that come late, values that are computed again.
 * Its operation, `mix` (y = factor x, and a view of x as second output), is computed on the host. */
#include "op_test.h"

#include "base/memory.h"
#include "net/internal.h"

enum { COUNT = 1024 };

typedef struct mix_options {
    float factor;
    bool share, late, view;
} mix_options;

static int forward_runs, late_runs, in_place;

static int mix_shape(node *n)
{
    int rc = OK;
    const mix_options *o = n->attributes;
    node_keep_input(n, 0);
    TRY(o->view ? node_output_view(n, 0) : node_output(n, ELEMENT_FLOAT, n->in[0]->shape));
    if (o->share) node_share_gradient(n, 0, 0);
    if (o->late) node_late_gradient(n, 0);
done:
    return rc;
}

static int copy(buffer *from, buffer *to, float factor, bool add)
{
    int rc = OK;
    float values[COUNT], before[COUNT];
    TRY(buffer_read(from, 0, values, sizeof values));
    TRY(buffer_read(to, 0, before, sizeof before));
    for (int i = 0; i < COUNT; i++) values[i] = factor * values[i] + (add ? before[i] : 0);
    TRY(buffer_write(to, 0, values, sizeof values));
done:
    return rc;
}

static int mix_forward(node *n, const run *r)
{
    (void)r;
    const mix_options *o = n->attributes;
    forward_runs++;
    return o->view ? OK : copy(n->in[0]->data, n->out[0]->data, o->factor, false);
}

static int gradient(node *n)
{
    const mix_options *o = n->attributes;
    if (!n->in[0]->gradient) return OK;
    in_place += n->in[0]->gradient == n->out[0]->gradient;
    return copy(n->out[0]->gradient, n->in[0]->gradient, o->factor, n->accumulate[0]);
}

static int mix_backward(node *n, const run *r)
{
    (void)r;
    return ((const mix_options *)n->attributes)->late ? OK : gradient(n);
}

static int mix_late(node *n, const run *r, int i)
{
    (void)r;
    assert_int_equal(i, 0);
    late_runs++;
    return gradient(n);
}

static const op_def mix_def = {"mix", mix_shape, mix_forward, mix_backward, mix_late};

static tensor *mix(net *n, tensor *x, mix_options options)
{
    node *added = net_record(n, &mix_def, &x, 1, 1, &options, sizeof options);
    return added ? added->out[0] : NULL;
}

/* Runs the tape from `input` to `output` and wants the gradient `wanted` everywhere. */
static void gradient_wanted(net *n, tensor *input, tensor *output, float wanted)
{
    float ones[COUNT], got[COUNT];
    for (int i = 0; i < COUNT; i++) ones[i] = 1;
    in_place = late_runs = 0;
    assert_ok(net_input_write(n, input, ones));
    assert_ok(net_forward(n, 1));
    assert_ok(net_backward_from(n, output, ones, 1));
    assert_ok(net_read_gradient(n, input, got));
    for (int i = 0; i < COUNT; i++) assert_true(got[i] == wanted);
}

static net *tape(tensor **input)
{
    net *n = NULL;
    assert_ok(net_new(op_device, 7, &n));
    net_begin(n, true);
    *input = net_input(n, "x", ELEMENT_FLOAT, SHAPE(COUNT), true);
    return n;
}

static void test_gradients_share_a_place(void **state)
{
    (void)state;
    tensor *x, *y;
    size_t apart = 0, shared = 0;
    for (int share = 0; share < 2; share++) {
        net *n = tape(&x);
        y = x;
        for (int i = 0; i < 6; i++) y = mix(n, y, (mix_options){.factor = 2, .share = share});
        assert_ok(net_plan(n, share ? &shared : &apart));
        gradient_wanted(n, x, y, 64);
        assert_int_equal(in_place, share ? 5 : 0); /* an input keeps a place of its own */
        net_free(n);
    }
    assert_true(shared <= apart);
}

/* Where two contribute, neither may overwrite the other's place. */
static void test_two_consumers_do_not_share(void **state)
{
    (void)state;
    tensor *x;
    net *n = tape(&x);
    tensor *middle = mix(n, x, (mix_options){.factor = 1});
    tensor *a = mix(n, middle, (mix_options){.factor = 2, .share = true});
    tensor *b = mix(n, middle, (mix_options){.factor = 3, .share = true});
    assert_ok(net_plan(n, NULL));
    gradient_wanted(n, x, a, 2);
    assert_int_equal(in_place, 0);
    gradient_wanted(n, x, b, 3);
    net_free(n);
}

static void test_views_have_gradients_of_their_own(void **state)
{
    (void)state;
    tensor *x;
    net *n = tape(&x);
    tensor *middle = mix(n, x, (mix_options){.factor = 2});
    tensor *view = mix(n, middle, (mix_options){.factor = 10, .view = true});
    tensor *y = mix(n, view, (mix_options){.factor = 3});
    assert_ok(net_plan(n, NULL));
    assert_ptr_equal(view->data, middle->data);
    assert_ptr_not_equal(view->gradient, middle->gradient);
    gradient_wanted(n, x, y, 60); /* 2 x 10 (the view's backward) x 3 */
    net_free(n);
}

static void test_late_gradients_are_added(void **state)
{
    (void)state;
    tensor *x;
    for (int late = 0; late < 2; late++) {
        net *n = tape(&x);
        tensor *middle = mix(n, x, (mix_options){.factor = 2});
        tensor *side = mix(n, middle, (mix_options){.factor = 5, .late = late});
        tensor *y = mix(n, side, (mix_options){.factor = 7});
        assert_ok(net_plan(n, NULL));
        gradient_wanted(n, x, y, 70);
        assert_int_equal(late_runs, late);
        net_free(n);
    }
}

/* A late gradient of an input of the tape comes at the very end. */
static void test_late_gradients_of_inputs(void **state)
{
    (void)state;
    tensor *x;
    net *n = tape(&x);
    tensor *y = mix(n, mix(n, x, (mix_options){.factor = 5, .late = true}), (mix_options){.factor = 7});
    assert_ok(net_plan(n, NULL));
    gradient_wanted(n, x, y, 35);
    assert_int_equal(late_runs, 1);
    net_free(n);
}

static void test_values_are_computed_again(void **state)
{
    (void)state;
    tensor *x;
    size_t bytes[2];
    for (int save = 0; save < 2; save++) {
        net *n = tape(&x);
        net_save_memory(n, save);
        tensor *y = x;
        for (int i = 0; i < 8; i++) {
            y = mix(n, y, (mix_options){.factor = 2});
            if (i % 2 == 0) net_recompute(n, y);
        }
        assert_ok(net_plan(n, &bytes[save]));
        forward_runs = 0;
        gradient_wanted(n, x, y, 256);
        gradient_wanted(n, x, y, 256); /* and the places are as before for the next step */
        assert_int_equal(forward_runs, save ? 2 * (8 + 4) : 2 * 8);
        net_free(n);
    }
    assert_true(bytes[1] < bytes[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gradients_share_a_place),           cmocka_unit_test(test_two_consumers_do_not_share),
        cmocka_unit_test(test_views_have_gradients_of_their_own), cmocka_unit_test(test_late_gradients_are_added),
        cmocka_unit_test(test_late_gradients_of_inputs),          cmocka_unit_test(test_values_are_computed_again),
    };
    return cmocka_run_group_tests(tests, op_test_open, op_test_close);
}
