/* The weight and bias gradients of convolutions (src/op/conv.h), called directly, against plain C in double precision. */
#include "op_test.h"

#include <math.h>

#include "base/memory.h"
#include "base/random.h"
#include "op/conv.h"

enum { CANARIES = 19 };

/* Which tensor has a norm pending, and which. */
enum pending_kind { SETTLED, X_PENDING, DY_PENDING };

typedef struct shape_case {
    int frames, height, width, inputs, outputs, kernel, stride, padding;
    enum padding_mode mode;
    enum pending_kind pending;
    bool relu, per_frame;
    bool swap, accumulate, without_bias, exact;
} shape_case;

static float *values(size_t count, uint64_t stream)
{
    float *v = memory_new(count + 1, sizeof *v);
    assert_non_null(v);
    for (size_t i = 0; i < count; i++) v[i] = (float)random_normal(random_stream(23, RANDOM_SYNTHETIC, stream), i);
    return v;
}

static buffer *upload(const float *v, size_t count)
{
    buffer *b = NULL;
    assert_ok(buffer_new(op_device, count * sizeof *v, &b));
    assert_ok(buffer_write(b, 0, v, count * sizeof *v));
    return b;
}

/* ---- the reference ---------------------------------------------------------------------------------------------- */

/* What the stored values count as, under the norm scale_shift [frames or 1 x 2 x channels]. */
static double *settled(const shape_case *s, const float *stored, const float *scale_shift, int pixels, int channels)
{
    const size_t count = (size_t)s->frames * (size_t)pixels * (size_t)channels;
    double *out = memory_new(count, sizeof *out);
    assert_non_null(out);
    for (size_t i = 0; i < count; i++) {
        const size_t c = i % (size_t)channels, frame = i / ((size_t)channels * (size_t)pixels);
        out[i] = (double)stored[i];
        if (!scale_shift) continue;
        const float *norm = scale_shift + (s->per_frame ? frame * 2 * (size_t)channels : 0);
        out[i] = (double)norm[c] * out[i] + (double)norm[(size_t)channels + c];
        if (s->relu && out[i] < 0) out[i] = 0;
    }
    return out;
}

static int source(const shape_case *s, int i, int n)
{
    if (s->mode == PADDING_REFLECT) i = i < 0 ? -i : i >= n ? 2 * n - 2 - i : i;
    return i >= 0 && i < n ? i : -1;
}

/* dweight, magnitude [outputs x inputs x kernel x kernel], the latter the sum of the terms' magnitudes. */
static void reference(const shape_case *s, const double *x, const double *dy, int out_height, int out_width,
                      double *dweight, double *magnitude)
{
    const int k = s->kernel;
    for (int f = 0; f < s->frames; f++)
        for (int oy = 0; oy < out_height; oy++)
            for (int ox = 0; ox < out_width; ox++)
                for (int tap = 0; tap < k * k; tap++) {
                    const int iy = source(s, oy * s->stride - s->padding + tap / k, s->height);
                    const int ix = source(s, ox * s->stride - s->padding + tap % k, s->width);
                    if (iy < 0 || ix < 0) continue;
                    const double *in =
                        x + (((size_t)f * (size_t)s->height + (size_t)iy) * (size_t)s->width + (size_t)ix) *
                                (size_t)s->inputs;
                    const double *out =
                        dy + (((size_t)f * (size_t)out_height + (size_t)oy) * (size_t)out_width + (size_t)ox) *
                                 (size_t)s->outputs;
                    for (int o = 0; o < s->outputs; o++)
                        for (int c = 0; c < s->inputs; c++) {
                            const size_t at =
                                ((size_t)o * (size_t)s->inputs + (size_t)c) * (size_t)(k * k) + (size_t)tap;
                            dweight[at] += out[o] * in[c];
                            magnitude[at] += fabs(out[o] * in[c]);
                        }
                }
}

/* ---- one call --------------------------------------------------------------------------------------------------- */

static void assert_near(const char *what, size_t i, float got, double wanted, double magnitude)
{
    const double allowed = 2e-6 * (1 + magnitude);
    if (fabs((double)got - wanted) <= allowed) return;
    print_error("%s[%zu] is %.9g, wanted %.9g (allowed %.3g)\n", what, i, (double)got, wanted, allowed);
    _fail(__FILE__, __LINE__);
}

static void fill_nan(float *v, size_t count)
{
    for (size_t i = 0; i < count; i++) v[i] = NAN;
}

static void check_case(const shape_case *s)
{
    const int out_height = (s->height + 2 * s->padding - s->kernel) / s->stride + 1;
    const int out_width = (s->width + 2 * s->padding - s->kernel) / s->stride + 1;
    const size_t x_count = (size_t)s->frames * (size_t)(s->height * s->width) * (size_t)s->inputs;
    const size_t dy_count = (size_t)s->frames * (size_t)(out_height * out_width) * (size_t)s->outputs;
    const size_t taps = (size_t)(s->kernel * s->kernel), weights = (size_t)s->outputs * (size_t)s->inputs * taps;
    const int normed = s->pending == X_PENDING ? s->inputs : s->outputs;
    float *x = values(x_count, 1), *dy = values(dy_count, 2), *norm = values((size_t)(s->frames * 2 * normed), 3);
    float *dweight = values(weights + CANARIES, 4), *dbias = values((size_t)s->outputs + CANARIES, 5);
    double *real_x = settled(s, x, s->pending == X_PENDING ? norm : NULL, s->height * s->width, s->inputs);
    double *real_dy = settled(s, dy, s->pending == DY_PENDING ? norm : NULL, out_height * out_width, s->outputs);
    double *wanted = memory_new(weights, sizeof *wanted), *magnitude = memory_new(weights, sizeof *magnitude);
    float *got = memory_new(weights + CANARIES, sizeof *got);
    assert_true(wanted && magnitude && got);
    reference(s, real_x, real_dy, out_height, out_width, wanted, magnitude);

    float *start = memory_new(weights + CANARIES, sizeof *start);
    memcpy(start, dweight, (weights + CANARIES) * sizeof *start);
    if (!s->accumulate) fill_nan(start, weights);
    float *start_bias = memory_new((size_t)s->outputs + CANARIES, sizeof *start_bias);
    memcpy(start_bias, dbias, ((size_t)s->outputs + CANARIES) * sizeof *start_bias);
    if (!s->accumulate) fill_nan(start_bias, (size_t)s->outputs);

    char pending[64];
    snprintf(pending, sizeof pending, " -DPENDING=%d -DPENDING_RELU=%d", s->pending != SETTLED, s->relu);
    conv_weight_call call = {.frames = s->frames,
                             .height = s->height,
                             .width = s->width,
                             .inputs = s->inputs,
                             .out_height = out_height,
                             .out_width = out_width,
                             .outputs = s->outputs,
                             .kernel = s->kernel,
                             .stride = s->stride,
                             .padding = s->padding,
                             .mode = s->mode,
                             .pending = s->pending == SETTLED ? "" : pending,
                             .scale_stride = s->per_frame ? 2 * normed : 0,
                             .pending_is_dy = s->pending == DY_PENDING,
                             .swap = s->swap,
                             .exact = s->exact,
                             .accumulate_weight = s->accumulate,
                             .accumulate_bias = s->accumulate};
    const size_t partial = conv_weight_partial(op_device, &call);
    float *poison = values(partial + CANARIES, 6);
    fill_nan(poison, partial);
    call.x = upload(x, x_count);
    call.dy = upload(dy, dy_count);
    call.scale_shift = s->pending == SETTLED ? NULL : upload(norm, (size_t)(s->frames * 2 * normed));
    call.dweight = upload(start, weights + CANARIES);
    buffer *bias = upload(start_bias, (size_t)s->outputs + CANARIES);
    call.dbias = s->without_bias ? NULL : bias;
    call.partial = upload(poison, partial + CANARIES);
    assert_ok(conv_weight_gradient(op_device, &call));

    assert_ok(buffer_read(call.dweight, 0, got, (weights + CANARIES) * sizeof *got));
    for (size_t i = 0; i < weights; i++) {
        const size_t tap = i % taps, o = i / taps / (size_t)s->inputs, c = i / taps % (size_t)s->inputs;
        const size_t at = s->swap ? (c * (size_t)s->outputs + o) * taps + tap : i;
        assert_near("dweight", at, got[at], wanted[i] + (s->accumulate ? (double)dweight[at] : 0), magnitude[i]);
    }
    assert_memory_equal(got + weights, dweight + weights, CANARIES * sizeof *got);

    float *got_bias = memory_new((size_t)s->outputs + CANARIES, sizeof *got_bias);
    assert_ok(buffer_read(bias, 0, got_bias, ((size_t)s->outputs + CANARIES) * sizeof *got_bias));
    for (int o = 0; o < s->outputs && !s->without_bias; o++) {
        double sum = s->accumulate ? (double)dbias[o] : 0, size = 0;
        for (size_t i = (size_t)o; i < dy_count; i += (size_t)s->outputs) sum += real_dy[i], size += fabs(real_dy[i]);
        assert_near("dbias", (size_t)o, got_bias[o], sum, size);
    }
    const size_t kept = s->without_bias ? 0 : (size_t)s->outputs;
    assert_memory_equal(got_bias + kept, start_bias + kept, ((size_t)s->outputs - kept + CANARIES) * sizeof *got_bias);
    float *tail = memory_new(CANARIES, sizeof *tail);
    assert_ok(buffer_read(call.partial, partial * sizeof *tail, tail, CANARIES * sizeof *tail));
    assert_memory_equal(tail, poison + partial, CANARIES * sizeof *tail);

    buffer_free(call.x);
    buffer_free(call.dy);
    buffer_free(call.scale_shift);
    buffer_free(call.dweight);
    buffer_free(bias);
    buffer_free(call.partial);
    float *floats[] = {x, dy, norm, dweight, dbias, got, start, start_bias, poison, got_bias, tail};
    for (size_t i = 0; i < sizeof floats / sizeof *floats; i++) free(floats[i]);
    double *doubles[] = {real_x, real_dy, wanted, magnitude};
    for (size_t i = 0; i < sizeof doubles / sizeof *doubles; i++) free(doubles[i]);
}

#define CHECK(...) check_case(&(shape_case){__VA_ARGS__})

/* ---- the tests -------------------------------------------------------------------------------------------------- */

static void test_kernels_and_strides(void **state)
{
    (void)state;
    CHECK(.frames = 1, .height = 1, .width = 1, .inputs = 1, .outputs = 1, .kernel = 1, .stride = 1);
    CHECK(.frames = 2, .height = 5, .width = 7, .inputs = 10, .outputs = 64, .kernel = 3, .stride = 1, .padding = 1);
    CHECK(.frames = 3, .height = 9, .width = 19, .inputs = 10, .outputs = 20, .kernel = 3, .stride = 1, .padding = 1,
          .mode = PADDING_REFLECT);
    CHECK(.frames = 1, .height = 6, .width = 5, .inputs = 33, .outputs = 17, .kernel = 1, .stride = 1);
    CHECK(.frames = 2, .height = 8, .width = 10, .inputs = 7, .outputs = 4, .kernel = 4, .stride = 2, .padding = 1,
          .mode = PADDING_REFLECT);
    CHECK(.frames = 1, .height = 9, .width = 11, .inputs = 20, .outputs = 3, .kernel = 4, .stride = 2, .padding = 1);
    CHECK(.frames = 2, .height = 11, .width = 8, .inputs = 5, .outputs = 40, .kernel = 5, .stride = 3, .padding = 2,
          .mode = PADDING_REFLECT);
    CHECK(.frames = 1, .height = 2, .width = 2, .inputs = 3, .outputs = 70, .kernel = 3, .stride = 1, .padding = 1,
          .mode = PADDING_REFLECT);
    CHECK(.frames = 1, .height = 4, .width = 3, .inputs = 2, .outputs = 6, .kernel = 2, .stride = 2);
    CHECK(.frames = 1, .height = 1, .width = 30, .inputs = 6, .outputs = 5, .kernel = 3, .stride = 2, .padding = 3);
}

static void test_pending(void **state)
{
    (void)state;
    CHECK(.frames = 3, .height = 6, .width = 9, .inputs = 20, .outputs = 18, .kernel = 3, .stride = 1, .padding = 1,
          .mode = PADDING_REFLECT, .pending = X_PENDING, .relu = true, .per_frame = true);
    CHECK(.frames = 2, .height = 7, .width = 6, .inputs = 12, .outputs = 33, .kernel = 3, .stride = 1, .padding = 1,
          .pending = X_PENDING);
    CHECK(.frames = 3, .height = 10, .width = 8, .inputs = 9, .outputs = 20, .kernel = 4, .stride = 2, .padding = 1,
          .pending = DY_PENDING, .relu = true, .per_frame = true);
    CHECK(.frames = 2, .height = 6, .width = 8, .inputs = 16, .outputs = 5, .kernel = 2, .stride = 2,
          .pending = DY_PENDING, .relu = true);
}

static void test_outputs(void **state)
{
    (void)state;
    CHECK(.frames = 2, .height = 6, .width = 7, .inputs = 18, .outputs = 20, .kernel = 3, .stride = 1, .padding = 1,
          .accumulate = true);
    CHECK(.frames = 2, .height = 6, .width = 7, .inputs = 18, .outputs = 20, .kernel = 3, .stride = 1, .padding = 1,
          .swap = true);
    CHECK(.frames = 2, .height = 6, .width = 8, .inputs = 10, .outputs = 35, .kernel = 4, .stride = 2, .padding = 1,
          .swap = true, .accumulate = true, .without_bias = true);
}

/* Several tiles a part, ragged ones among them, and several blocks of outputs. */
static void test_many_tiles(void **state)
{
    (void)state;
    if (op_test_small()) skip();
    CHECK(.frames = 3, .height = 37, .width = 41, .inputs = 10, .outputs = 64, .kernel = 3, .stride = 1, .padding = 1,
          .mode = PADDING_REFLECT);
    CHECK(.frames = 1, .height = 40, .width = 70, .inputs = 16, .outputs = 130, .kernel = 3, .stride = 1, .padding = 1,
          .pending = X_PENDING, .relu = true);
    CHECK(.frames = 2, .height = 50, .width = 38, .inputs = 12, .outputs = 32, .kernel = 4, .stride = 2, .padding = 1,
          .mode = PADDING_REFLECT, .pending = X_PENDING, .relu = true, .per_frame = true);
}

/* More inputs than a CPU's tile has room for beside a large kernel. */
static void test_many_inputs(void **state)
{
    (void)state;
    if (op_test_small()) skip();
    CHECK(.frames = 1, .height = 12, .width = 18, .inputs = 700, .outputs = 3, .kernel = 3, .stride = 1, .padding = 1);
    CHECK(.frames = 1, .height = 6, .width = 7, .inputs = 2500, .outputs = 2, .kernel = 6, .stride = 1, .padding = 0);
}

/* 3x3 of stride 1 on sizes that divide by 4: Winograd's form where the device has one, and with `exact` the direct one. */
static void test_winograd(void **state)
{
    (void)state;
    setenv("FURROW_FORM", "conv_weights=winograd", 1);
    CHECK(.frames = 1, .height = 4, .width = 4, .inputs = 1, .outputs = 1, .kernel = 3, .stride = 1, .padding = 1);
    CHECK(.frames = 3, .height = 8, .width = 12, .inputs = 10, .outputs = 20, .kernel = 3, .stride = 1, .padding = 1,
          .mode = PADDING_REFLECT, .pending = X_PENDING, .relu = true, .per_frame = true);
    CHECK(.frames = 2, .height = 12, .width = 8, .inputs = 18, .outputs = 33, .kernel = 3, .stride = 1, .padding = 1,
          .pending = DY_PENDING, .per_frame = true, .swap = true, .accumulate = true);
    CHECK(.frames = 2, .height = 8, .width = 8, .inputs = 20, .outputs = 6, .kernel = 3, .stride = 1, .padding = 1,
          .without_bias = true);
    CHECK(.frames = 2, .height = 12, .width = 16, .inputs = 20, .outputs = 7, .kernel = 3, .stride = 1, .padding = 1,
          .exact = true);
    if (!op_test_small()) {
        CHECK(.frames = 3, .height = 40, .width = 44, .inputs = 64, .outputs = 64, .kernel = 3, .stride = 1,
              .padding = 1, .mode = PADDING_REFLECT, .pending = X_PENDING, .relu = true);
        CHECK(.frames = 2, .height = 44, .width = 36, .inputs = 36, .outputs = 130, .kernel = 3, .stride = 1,
              .padding = 1, .accumulate = true);
    }
    unsetenv("FURROW_FORM");
}

static void test_refusals(void **state)
{
    (void)state;
    conv_weight_call c = {.frames = 1,
                          .height = 8,
                          .width = 6,
                          .inputs = 2,
                          .out_height = 8,
                          .out_width = 7,
                          .outputs = 3,
                          .kernel = 3,
                          .stride = 1,
                          .padding = 1};
    assert_int_equal(conv_weight_gradient(op_device, &c), FAILED);
    assert_string_equal(error_message(),
                        "conv weights: 8 x 7 outputs do not follow from 8 x 6, kernel 3, stride 1, padding 1");
    c.frames = 0;
    assert_int_equal(conv_weight_gradient(op_device, &c), FAILED);
    assert_string_equal(error_message(), "conv weights: 0 frames, 2 inputs, 3 outputs, wanted 1 or more of each");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kernels_and_strides),
        cmocka_unit_test(test_pending),
        cmocka_unit_test(test_outputs),
        cmocka_unit_test(test_many_tiles),
        cmocka_unit_test(test_many_inputs),
        cmocka_unit_test(test_winograd),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, op_test_open, op_test_close);
}
