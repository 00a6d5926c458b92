/* Outside the tape: adam_step, argmax_rows, transpose_parameters, against plain C. */
#include "op_test.h"

#include <math.h>

#include "base/memory.h"
#include "base/random.h"

static void fill(float *values, size_t count, uint64_t stream)
{
    for (size_t i = 0; i < count; i++) values[i] = (float)random_normal(random_stream(11, RANDOM_SYNTHETIC, stream), i);
}

static buffer *upload(const void *values, size_t bytes)
{
    buffer *b = NULL;
    assert_ok(buffer_new(op_device, bytes, &b));
    if (bytes) assert_ok(buffer_write(b, 0, values, bytes));
    return b;
}

/* ---- Adam ------------------------------------------------------------------------------------------------------- */

static const adam_options published = {1e-3f, 0.9f, 0.999f, 1e-8f};

/* `steps` steps over `count` floats of buffers that are a little longer: the rest must stay. */
static void check_adam(size_t count, int steps)
{
    enum { CANARIES = 5 };
    const size_t all = count + CANARIES;
    float *w = memory_new(all, sizeof *w), *g = memory_new(all, sizeof *g), *got = memory_new(all, sizeof *got);
    double *wanted = memory_new(all, sizeof *wanted), *m = memory_new(all, sizeof *m), *v = memory_new(all, sizeof *v);
    assert_true(w && g && got && wanted && m && v);
    fill(w, all, 1);
    for (size_t i = 0; i < all; i++) wanted[i] = (double)w[i];
    buffer *bw = upload(w, all * 4), *bg = upload(w, all * 4), *bm = upload(got, all * 4), *bv = upload(got, all * 4);
    for (int step = 1; step <= steps; step++) {
        fill(g, all, (uint64_t)step + 1);
        if (count) g[0] = 0; /* no gradient: no step, and no 0 / 0 */
        assert_ok(buffer_write(bg, 0, g, all * 4));
        assert_ok(adam_step(op_device, bw, bg, bm, bv, count, published, step));
        for (size_t i = 0; i < count; i++) {
            const double gradient = (double)g[i];
            m[i] = 0.9 * m[i] + 0.1 * gradient;
            v[i] = 0.999 * v[i] + 0.001 * gradient * gradient;
            wanted[i] -= 1e-3 * (m[i] / (1 - pow(0.9, step))) / (sqrt(v[i] / (1 - pow(0.999, step))) + 1e-8);
        }
    }
    assert_ok(buffer_read(bw, 0, got, all * 4));
    for (size_t i = 0; i < all; i++)
        assert_true(fabs((double)got[i] - wanted[i]) <= 3e-7 * steps * (1 + fabs(wanted[i])));
    if (count) assert_memory_equal(got, w, 4);
    assert_memory_equal(got + count, w + count, CANARIES * 4);
    buffer_free(bw);
    buffer_free(bg);
    buffer_free(bm);
    buffer_free(bv);
    free(w);
    free(g);
    free(got);
    free(wanted);
    free(m);
    free(v);
}

static void test_adam(void **state)
{
    (void)state;
    check_adam(0, 1);
    check_adam(1, 3);
    check_adam(17, 10);
    check_adam(1024, 2);
    check_adam(5003, 3);
}

static void test_adam_refuses_step_0(void **state)
{
    (void)state;
    const float zero = 0;
    buffer *b = upload(&zero, 4);
    assert_int_equal(adam_step(op_device, b, b, b, b, 1, published, 0), FAILED);
    assert_string_equal(error_message(), "adam: step 0, wanted 1 or more");
    buffer_free(b);
}

/* ---- argmax ----------------------------------------------------------------------------------------------------- */

static void check_argmax(int rows, int channels)
{
    const size_t count = (size_t)rows * (size_t)channels;
    float *logits = memory_new(count, sizeof *logits);
    int32_t *got = memory_new((size_t)rows, sizeof *got);
    assert_true(logits && got);
    fill(logits, count, 5);
    for (size_t i = 0; i < count; i++) logits[i] = rintf(logits[i]); /* many ties */
    buffer *from = upload(logits, count * 4), *to = upload(got, (size_t)rows * 4);
    assert_ok(argmax_rows(op_device, from, rows, channels, to));
    assert_ok(buffer_read(to, 0, got, (size_t)rows * 4));
    for (int row = 0; row < rows; row++) {
        const float *line = logits + (size_t)row * (size_t)channels;
        int best = 0;
        for (int c = 1; c < channels; c++)
            if (line[c] > line[best]) best = c;
        assert_int_equal(got[row], best);
    }
    buffer_free(from);
    buffer_free(to);
    free(logits);
    free(got);
}

static void test_argmax(void **state)
{
    (void)state;
    check_argmax(1, 1);
    check_argmax(3, 20);
    check_argmax(129, 7);
}

static void test_argmax_refuses_no_channels(void **state)
{
    (void)state;
    const float zero = 0;
    buffer *b = upload(&zero, 4);
    assert_int_equal(argmax_rows(op_device, b, 1, 0, b), FAILED);
    assert_string_equal(error_message(), "argmax: rows of 0 channels, wanted 1 or more");
    buffer_free(b);
}

/* ---- transposed parameters -------------------------------------------------------------------------------------- */

static void test_transpose(void **state)
{
    (void)state;
    static const int sizes[][2] = {{1, 1}, {20, 32}, {128, 132}, {3, 50}, {17, 16}}; /* N, K */
    enum { MATRICES = sizeof sizes / sizeof *sizes };
    int32_t table[MATRICES][5];
    size_t source = 3, target = 5; /* odd offsets; what lies between must stay */
    for (int i = 0; i < MATRICES; i++) {
        const int n = sizes[i][0], k = sizes[i][1], stride = (n + 15) / 16 * 16;
        const int32_t line[5] = {(int32_t)source, (int32_t)target, n, k, stride};
        memcpy(table[i], line, sizeof line);
        source += (size_t)n * (size_t)k + 1;
        target += (size_t)k * (size_t)stride + 2;
    }
    float *values = memory_new(source, sizeof *values), *got = memory_new(target, sizeof *got),
          *wanted = memory_new(target, sizeof *wanted);
    assert_true(values && got && wanted);
    fill(values, source, 1);
    fill(wanted, target, 2);
    buffer *from = upload(values, source * 4), *to = upload(wanted, target * 4), *lines = upload(table, sizeof table);
    for (int i = 0; i < MATRICES; i++)
        for (int n = 0; n < table[i][4]; n++)
            for (int k = 0; k < table[i][3]; k++)
                wanted[table[i][1] + k * table[i][4] + n] =
                    n < table[i][2] ? values[table[i][0] + n * table[i][3] + k] : 0.0f;
    assert_ok(transpose_parameters(op_device, from, to, lines, MATRICES));
    assert_ok(buffer_read(to, 0, got, target * 4));
    assert_memory_equal(got, wanted, target * 4);
    buffer_free(from);
    buffer_free(to);
    buffer_free(lines);
    free(values);
    free(got);
    free(wanted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_adam),      cmocka_unit_test(test_adam_refuses_step_0),
        cmocka_unit_test(test_argmax),    cmocka_unit_test(test_argmax_refuses_no_channels),
        cmocka_unit_test(test_transpose),
    };
    return cmocka_run_group_tests(tests, op_test_open, op_test_close);
}
