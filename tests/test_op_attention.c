/* attention: its cases, published sizes, one very long sequence, the same bits twice, refusals. */
#include "op_test.h"

#include <math.h>

#include "base/memory.h"
#include "base/random.h"
#include "op/check_values.h"
#include "op/checks.h"

enum { X, OFFSETS, QUERY, KEY_WEIGHT, KEY_BIAS, INPUTS };

static void test_checks(void **state)
{
    (void)state;
    int count;
    const op_check *checks = attention_checks(&count);
    op_test_checks(checks, count);
}

/* ---- sizes ------------------------------------------------------------------------------------------------------ */

static void fill_24(const void *user, size_t count, uint64_t stream, double *values)
{
    (void)user;
    (void)stream;
    for (size_t i = 0; i < count; i++) values[i] = 24 * (double)i;
}

CHECK_VALUES(fill_long, 0, 3000, 3001)

/* Around 0.1: scores of a few units, as trained networks have. */
static void fill_small(const void *user, size_t count, uint64_t stream, double *values)
{
    (void)user;
    const random_key key = random_stream(11, RANDOM_SYNTHETIC, stream);
    for (size_t i = 0; i < count; i++) values[i] = 0.1 * random_normal(key, i);
}

static void check_size(const char *name, int sequences, int frames, int channels, attention_options o,
                       void (*offsets)(const void *, size_t, uint64_t, double *))
{
    int count;
    const op_check *checks = attention_checks(&count);
    op_check c = op_test_case(checks, count, "attention (TAE), 4 heads, dropout, map");
    check_input inputs[INPUTS];
    for (int i = 0; i < INPUTS; i++) inputs[i] = c.input[i];
    const int width = o.heads * o.d_k;
    inputs[X].shape = SHAPE(frames, channels);
    inputs[OFFSETS].shape = SHAPE(sequences + 1);
    inputs[OFFSETS].fill = offsets;
    inputs[QUERY].shape = o.shared_query ? SHAPE(o.heads, o.d_k) : SHAPE(sequences, width);
    inputs[KEY_WEIGHT].shape = SHAPE(width, channels);
    inputs[KEY_WEIGHT].fill = fill_small;
    inputs[KEY_BIAS].shape = SHAPE(width);
    c.name = name;
    c.input = inputs;
    c.user = &o;
    assert_ok(check_operation(op_device, &c, false));
}

static void test_sizes(void **state)
{
    (void)state;
    if (op_test_small()) skip();
    check_size("attention (TAE), published", 8, 8 * 24, 128, (attention_options){4, 32, false, 0.1f}, fill_24);
    check_size("attention (L-TAE), published", 18, 18 * 24, 256, (attention_options){16, 8, true, 0.1f}, fill_24);
    check_size("attention (TAE) over 3000 dates", 2, 3001, 20, (attention_options){3, 4, false, 0.5f}, fill_long);
    check_size("attention (L-TAE) over 3000 dates", 2, 3001, 20, (attention_options){5, 4, true, 0}, fill_long);
    check_size("attention (L-TAE), a channel a head", 2, 48, 7, (attention_options){7, 3, true, 0.1f}, fill_24);
}

/* ---- scores far below zero ------------------------------------------------------------------------------------ */

enum { DATES = 5, WIDE = 9 };

/* Every date the same: weights of 1/5, however small exp(score) is. */
static void test_low_scores(void **state)
{
    (void)state;
    net *n = NULL;
    const int32_t offsets[] = {0, DATES};
    float x[DATES * WIDE], w[2 * WIDE], y[WIDE], weights[DATES];
    const float q[2] = {10, 10};
    for (int i = 0; i < DATES * WIDE; i++) x[i] = 1 + (float)(i % WIDE);
    for (int i = 0; i < 2 * WIDE; i++) w[i] = -10;
    assert_ok(net_new(op_device, 9, &n));
    net_begin(n, false);
    tensor *xt = net_input(n, "x", ELEMENT_FLOAT, SHAPE(DATES, WIDE), false), *map;
    tensor *o = net_input(n, "o", ELEMENT_INT, SHAPE(2), false);
    tensor *qt = net_input(n, "q", ELEMENT_FLOAT, SHAPE(1, 2), false);
    tensor *wt = net_input(n, "w", ELEMENT_FLOAT, SHAPE(2, WIDE), false);
    tensor *yt = attention(n, xt, o, qt, wt, NULL, (attention_options){1, 2, false, 0.1f}, &map);
    net_keep(n, yt);
    net_keep(n, map);
    assert_ok(net_plan(n, NULL));
    assert_ok(net_input_write(n, xt, x));
    assert_ok(net_input_write(n, o, offsets));
    assert_ok(net_input_write(n, qt, q));
    assert_ok(net_input_write(n, wt, w));
    assert_ok(net_forward(n, 1));
    assert_ok(net_read(n, yt, y));
    assert_ok(net_read(n, map, weights));
    for (int i = 0; i < WIDE; i++) assert_true(fabsf(y[i] - 1 - (float)i) <= 1e-5f);
    for (int t = 0; t < DATES; t++) assert_true(fabsf(weights[t] - 0.2f) <= 1e-6f);
    net_free(n);
}

/* ---- the same bits ---------------------------------------------------------------------------------------------- */

enum { SEQUENCES = 40, FRAMES = SEQUENCES * 24, CHANNELS = 64, HEADS = 4, D_K = 8, WIDTH = HEADS * D_K };
enum { RESULTS = 3, LARGEST = FRAMES * CHANNELS };

static float *normal(size_t count, uint64_t stream)
{
    float *values = memory_new(count, sizeof *values);
    assert_non_null(values);
    for (size_t i = 0; i < count; i++)
        values[i] = (float)random_normal(random_stream(3, RANDOM_SYNTHETIC, stream), i) / 4;
    return values;
}

static void write_normal(net *n, tensor *t, uint64_t stream)
{
    float *values = normal(tensor_count(t), stream);
    assert_ok(t->parameter ? net_parameter_write(n, t, values) : net_input_write(n, t, values));
    free(values);
}

/* y, dx and dkey_weight of one step */
static void run_step(bool shared, uint64_t step, float *results[RESULTS])
{
    net *n = NULL;
    int32_t offsets[SEQUENCES + 1];
    for (int i = 0; i <= SEQUENCES; i++) offsets[i] = 24 * i;
    assert_ok(net_new(op_device, 9, &n));
    net_begin(n, true);
    tensor *x = net_input(n, "x", ELEMENT_FLOAT, SHAPE(FRAMES, CHANNELS), true);
    tensor *o = net_input(n, "o", ELEMENT_INT, SHAPE(SEQUENCES + 1), false);
    tensor *q = net_input(n, "q", ELEMENT_FLOAT, shared ? SHAPE(HEADS, D_K) : SHAPE(SEQUENCES, WIDTH), true);
    tensor *w = net_parameter(n, "w", SHAPE(WIDTH, CHANNELS), PARAMETER_TRAINED, INITIAL_ZERO, 0);
    tensor *y = attention(n, x, o, q, w, NULL, (attention_options){HEADS, D_K, shared, 0.1f}, NULL);
    net_keep(n, y);
    assert_ok(net_plan(n, NULL));
    assert_ok(net_input_write(n, o, offsets));
    write_normal(n, x, 1);
    write_normal(n, q, 2);
    write_normal(n, w, 3);
    float *dy = normal(tensor_count(y), 4);
    assert_ok(net_forward(n, step));
    assert_ok(net_read(n, y, results[0]));
    assert_ok(net_backward_from(n, y, dy, step));
    assert_ok(net_read_gradient(n, x, results[1]));
    assert_ok(net_read_gradient(n, w, results[2]));
    net_free(n);
    free(dy);
}

static void check_repeats(bool shared)
{
    float *once[RESULTS], *again[RESULTS], *later[RESULTS];
    for (int i = 0; i < RESULTS; i++) {
        assert_non_null(once[i] = memory_new(LARGEST, sizeof(float)));
        assert_non_null(again[i] = memory_new(LARGEST, sizeof(float)));
        assert_non_null(later[i] = memory_new(LARGEST, sizeof(float)));
    }
    run_step(shared, 5, once);
    run_step(shared, 5, again);
    run_step(shared, 6, later);
    for (int i = 0; i < RESULTS; i++) {
        assert_memory_equal(once[i], again[i], LARGEST * sizeof(float));
        assert_memory_not_equal(once[i], later[i], LARGEST * sizeof(float));
        free(once[i]);
        free(again[i]);
        free(later[i]);
    }
}

static void test_repeats(void **state)
{
    (void)state;
    check_repeats(false);
    check_repeats(true);
}

/* ---- refusals --------------------------------------------------------------------------------------------------- */

static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        attention_options options;
        const char *message;
    } cases[] = {
        {{2, 3, false, 0}, "attention: input 2 (q, 2 x 8) should be 2 x 6 reals: a query a sequence and head"},
        {{2, 4, true, 0}, "attention: input 2 (q, 2 x 8) should be 2 x 4 reals: a query a head"},
        {{0, 4, false, 0}, "attention: input 2 (q, 2 x 8) for 0 heads of 4, wanted at least one of each"},
        {{4, 0, true, 0}, "attention: input 2 (q, 2 x 8) for 4 heads of 0, wanted at least one of each"},
        {{4, 3, true, 0}, "attention: input 0 (x, 6 x 10) has channels that 4 heads cannot share equally"},
        {{2, 4, false, 1}, "attention: input 0 (x, 6 x 10) dropped with probability 1, wanted 0 <= p < 1"},
        {{2, 4, false, 0}, "attention: input 3 (w, 8 x 9) should be 8 x 10 reals: keys of all heads x channels"},
        {{2, 4, false, 0}, "attention: input 4 (b, 7) should be 8 reals: keys of all heads"},
        {{2, 4, false, 0},
         "attention: input 1 (reals, 3) should be 3 integers: where each sequence starts, and the end"},
    };
    net *n = NULL;
    assert_ok(net_new(op_device, 1, &n));
    for (int i = 0; i < (int)(sizeof cases / sizeof *cases); i++) {
        net_begin(n, true);
        tensor *x = net_input(n, "x", ELEMENT_FLOAT, SHAPE(6, 10), true);
        tensor *offsets = net_input(n, "offsets", ELEMENT_INT, SHAPE(3), false);
        tensor *reals = net_input(n, "reals", ELEMENT_FLOAT, SHAPE(3), false);
        tensor *q = net_input(n, "q", ELEMENT_FLOAT, SHAPE(2, 8), false);
        tensor *w = net_input(n, "w", ELEMENT_FLOAT, SHAPE(8, i == 6 ? 9 : 10), false);
        tensor *b = net_input(n, "b", ELEMENT_FLOAT, SHAPE(i == 7 ? 7 : 8), false);
        tensor *map = x;
        assert_null(attention(n, x, i == 8 ? reals : offsets, q, w, b, cases[i].options, &map));
        assert_null(map);
        op_test_refused(n, cases[i].message);
    }
    net_free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_checks),  cmocka_unit_test(test_sizes),    cmocka_unit_test(test_low_scores),
        cmocka_unit_test(test_repeats), cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, op_test_open, op_test_close);
}
