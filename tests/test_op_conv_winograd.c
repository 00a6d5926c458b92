/* Winograd's convolutions as launches, against sums in double precision. */
#include "op_test.h"

#include <math.h>

#include "base/memory.h"
#include "base/random.h"
#include "op/conv.h"

enum { CANARIES = 7 };

/* The three convolutions there are, by what they cost the caller to remember. */
#define K3         .kernel = 3, .stride = 1, .dilation = 1, .padding = 1
#define K4_STRIDED .kernel = 4, .stride = 2, .dilation = 1, .padding = 1
#define K4_DILATED .kernel = 4, .stride = 1, .dilation = 2, .padding = 2

/* A call without its buffers, and what stands in them. */
typedef struct convolution {
    conv_call call;
    enum { SETTLED, SCALED_PER_CHANNEL, SCALED_PER_FRAME } norm;
    bool relu, bias, moments;
    float bias_around; /* what the bias, and so y, lies around */
} convolution;

static float *values_of(size_t count, uint64_t stream)
{
    float *values = memory_new(count + 1, sizeof *values);
    assert_true(values);
    for (size_t i = 0; i < count; i++) values[i] = (float)random_normal(random_stream(3, RANDOM_SYNTHETIC, stream), i);
    return values;
}

static buffer *upload(const float *values, size_t count)
{
    buffer *b = NULL;
    assert_ok(buffer_new(op_device, count * 4, &b));
    assert_ok(buffer_write(b, 0, values, count * 4));
    return b;
}

/* `count` floats that are not numbers, and canaries behind. */
static buffer *poisoned(size_t count)
{
    float *values = values_of(count + CANARIES, 9);
    for (size_t i = 0; i < count; i++) values[i] = NAN;
    buffer *b = upload(values, count + CANARIES);
    free(values);
    return b;
}

/* What the device left in b, whose canaries must live. */
static float *download(buffer *b, size_t count)
{
    float *values = values_of(count + CANARIES, 9), *got = memory_new(count + CANARIES, sizeof *got);
    assert_true(got);
    assert_ok(buffer_read(b, 0, got, (count + CANARIES) * 4));
    assert_memory_equal(got + count, values + count, CANARIES * 4);
    free(values);
    return got;
}

static size_t inputs_count(const conv_call *c)
{
    return (size_t)c->frames * (size_t)c->height * (size_t)c->width * (size_t)c->inputs;
}

static size_t outputs_count(const conv_call *c)
{
    return (size_t)c->frames * (size_t)c->out_height * (size_t)c->out_width * (size_t)c->outputs;
}

static size_t weights_count(const conv_call *c)
{
    return (size_t)c->kernel * (size_t)c->kernel * (size_t)c->inputs * (size_t)c->outputs;
}

static void set_output_size(conv_call *c)
{
    c->out_height = ((c->height - 1) * c->dilation + 2 * c->padding - c->kernel + 1) / c->stride + 1;
    c->out_width = ((c->width - 1) * c->dilation + 2 * c->padding - c->kernel + 1) / c->stride + 1;
}

/* ---- the reference ---------------------------------------------------------------------------------------------- */

/* Where line position i of the dilated grid lies among `size` pixels; -1: nowhere, a zero stands there. */
static int source(const conv_call *c, int i, int size)
{
    const int last = (size - 1) * c->dilation;
    if (c->mode == PADDING_REFLECT && i < 0) i = -i;
    if (c->mode == PADDING_REFLECT && i > last) i = 2 * last - i;
    return i < 0 || i > last || i % c->dilation ? -1 : i / c->dilation;
}

/* The values behind the pending norm. */
static double *settled(const convolution *v, const float *x, const float *scale_shift)
{
    const conv_call *c = &v->call;
    const size_t count = inputs_count(c), frame = count / (size_t)c->frames, channels = (size_t)c->inputs;
    double *y = memory_new(count, sizeof *y);
    assert_true(y);
    for (size_t i = 0; i < count; i++) {
        const float *line = scale_shift + i / frame * (size_t)c->scale_stride + i % channels;
        y[i] = v->norm ? (double)x[i] * (double)line[0] + (double)line[channels] : (double)x[i];
        if (v->relu && y[i] < 0) y[i] = 0;
    }
    return y;
}

/* One result and, to judge errors by, the sum of its terms' sizes. */
static double result_of(const conv_call *c, const double *x, const float *w, size_t at, double *size)
{
    const size_t o = at % (size_t)c->outputs, pixel = at / (size_t)c->outputs;
    const int column = (int)(pixel % (size_t)c->out_width),
              row = (int)(pixel / (size_t)c->out_width % (size_t)c->out_height);
    const size_t frame = pixel / (size_t)c->out_width / (size_t)c->out_height, taps = (size_t)(c->kernel * c->kernel);
    double sum = *size = 0;
    for (int ky = 0; ky < c->kernel; ky++)
        for (int kx = 0; kx < c->kernel; kx++) {
            const int r = source(c, row * c->stride + ky - c->padding, c->height);
            const int s = source(c, column * c->stride + kx - c->padding, c->width);
            if (r < 0 || s < 0) continue;
            const double *from =
                x + ((frame * (size_t)c->height + (size_t)r) * (size_t)c->width + (size_t)s) * (size_t)c->inputs;
            const size_t tap = (size_t)(ky * c->kernel + kx);
            for (size_t i = 0; i < (size_t)c->inputs; i++) {
                const size_t where = c->weights == CONV_WEIGHTS ? (o * (size_t)c->inputs + i) * taps + tap
                                                                : (i * (size_t)c->outputs + o) * taps + taps - 1 - tap;
                sum += from[i] * (double)w[where];
                *size += fabs(from[i] * (double)w[where]);
            }
        }
    return sum;
}

/* The records of each frame merge into the moments of what was written. */
static void check_moments(const conv_call *c, const float *y, const float *records, int parts)
{
    const size_t channels = (size_t)c->outputs, pixels = (size_t)c->out_height * (size_t)c->out_width;
    for (size_t frame = 0; frame < (size_t)c->frames; frame++)
        for (size_t o = 0; o < channels; o++) {
            double count = 0, mean = 0, m2 = 0, true_mean = 0, true_m2 = 0;
            for (size_t part = 0; part < (size_t)parts; part++) {
                const float *record = records + (frame * (size_t)parts + part) * (2 * channels + 1);
                const double n = (double)record[2 * channels], distance = (double)record[o] - mean;
                count += n;
                mean += distance * n / count;
                m2 += (double)record[channels + o] + distance * distance * n * (count - n) / count;
            }
            const float *values = y + frame * pixels * channels + o;
            for (size_t i = 0; i < pixels; i++) true_mean += (double)values[i * channels] / (double)pixels;
            for (size_t i = 0; i < pixels; i++) true_m2 += pow((double)values[i * channels] - true_mean, 2);
            assert_true(count == (double)pixels);
            assert_true(fabs(mean - true_mean) <= 3e-7 * (fabs(true_mean) + sqrt(true_m2 / count)));
            /* the spread of float values around their mean is known no better than their own spacing */
            const double spacing = 1e-7 * fabs(true_mean);
            assert_true(fabs(m2 - true_m2) <= 1e-5 * true_m2 + count * spacing * (sqrt(true_m2 / count) + spacing));
        }
}

/* ---- one convolution -------------------------------------------------------------------------------------------- */

static const double tolerance = 1e-5; /* of the sum of the terms' sizes */
static double largest_error;

static void check_values(const convolution *v, const float *x, const float *w, const float *bias,
                         const float *scale_shift, const float *before, const float *y)
{
    const conv_call *c = &v->call;
    const size_t count = outputs_count(c), step = count > 60000 ? 37 : 1;
    double *values = settled(v, x, scale_shift);
    for (size_t i = 0; i < count; i += step) {
        double size, wanted = result_of(c, values, w, i, &size);
        if (v->bias) wanted += (double)bias[i % (size_t)c->outputs];
        if (c->accumulate) wanted += (double)before[i];
        const double error = fabs((double)y[i] - wanted) / (size + fabs(wanted));
        if (!(error <= tolerance)) {
            print_error("%dx%d stride %d/%d, %d to %d: y[%zu] is %.9g, wanted %.9g of terms as large as %.3g\n",
                        c->kernel, c->kernel, c->stride, c->dilation, c->inputs, c->outputs, i, (double)y[i], wanted,
                        size);
            _fail(__FILE__, __LINE__);
        }
        if (error > largest_error) largest_error = error;
    }
    free(values);
}

static const char *pending_text(const convolution *v)
{
    return !v->norm ? "" : v->relu ? " -DPENDING=1 -DPENDING_RELU=1" : " -DPENDING=1 -DPENDING_RELU=0";
}

static void check_convolution(convolution v)
{
    conv_call *c = &v.call;
    set_output_size(c);
    if (!conv_winograd_legal(op_device, c)) {
        print_message("%dx%d, %d to %d channels: no form on this device\n", c->kernel, c->kernel, c->inputs,
                      c->outputs);
        return;
    }
    const size_t xs = inputs_count(c), ys = outputs_count(c), ws = weights_count(c), outputs = (size_t)c->outputs;
    const int parts = conv_winograd_parts(op_device, c);
    const size_t records = (size_t)c->frames * (size_t)parts * (2 * outputs + 1),
                 packed = conv_winograd_packed(op_device, c);
    c->scale_stride = v.norm == SCALED_PER_FRAME ? 2 * c->inputs : 0;
    c->pending = pending_text(&v);
    const size_t lines = v.norm == SCALED_PER_FRAME ? (size_t)c->frames : 1, scales = lines * 2 * (size_t)c->inputs;
    float *x = values_of(xs, 1), *w = values_of(ws, 2), *bias = values_of(outputs, 4),
          *scale_shift = values_of(scales, 5);
    float *before = values_of(ys + CANARIES, 9);
    for (size_t i = 0; i < outputs; i++) bias[i] += v.bias_around;
    c->x = upload(x, xs);
    c->weight = upload(w, ws);
    c->bias = v.bias ? upload(bias, outputs) : NULL;
    c->scale_shift = v.norm ? upload(scale_shift, scales) : NULL;
    c->packed = poisoned(packed);
    c->moments = v.moments ? poisoned(records) : NULL;
    c->y = c->accumulate ? upload(before, ys + CANARIES) : poisoned(ys);
    assert_ok(conv_winograd(op_device, c));
    float *y = download(c->y, ys);
    check_values(&v, x, w, bias, scale_shift, before, y);
    if (v.moments) {
        float *got = download(c->moments, records);
        check_moments(c, y, got, parts);
        free(got);
    }
    free(download(c->packed, packed));
    buffer *const buffers[] = {c->x, c->weight, c->bias, c->scale_shift, c->packed, c->moments, c->y};
    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++) buffer_free(buffers[i]);
    float *const values[] = {x, w, bias, scale_shift, before, y};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) free(values[i]);
}

/* ---- the tests -------------------------------------------------------------------------------------------------- */

#define IMAGE(f, h, w, in, out) .frames = f, .height = h, .width = w, .inputs = in, .outputs = out
#define REFLECTED               .mode = PADDING_REFLECT
#define TRANSPOSED              .weights = CONV_WEIGHTS_TRANSPOSED

static const convolution convolutions[] = {
    {.call = {K3, IMAGE(1, 4, 4, 8, 8)}},
    {.call = {K3, REFLECTED, IMAGE(2, 4, 12, 16, 16)},
     .norm = SCALED_PER_FRAME,
     .relu = true,
     .bias = true,
     .moments = true},
    {.call = {K3, REFLECTED, IMAGE(3, 20, 12, 48, 80)},
     .norm = SCALED_PER_CHANNEL,
     .bias = true,
     .moments = true,
     .bias_around = 1000},
    {.call = {K3, IMAGE(3, 8, 8, 24, 40)}, .norm = SCALED_PER_FRAME, .moments = true},
    {.call = {K3, IMAGE(2, 16, 16, 64, 32), .accumulate = true},
     .norm = SCALED_PER_FRAME,
     .relu = true,
     .bias = true,
     .moments = true},
    {.call = {K3, TRANSPOSED, IMAGE(2, 12, 20, 32, 96)}},
    {.call = {K3, TRANSPOSED, IMAGE(1, 16, 8, 16, 64), .accumulate = true}},
    {.call = {K4_STRIDED, IMAGE(1, 8, 8, 8, 8)}},
    {.call = {K4_STRIDED, REFLECTED, IMAGE(2, 8, 24, 32, 64)},
     .norm = SCALED_PER_FRAME,
     .relu = true,
     .bias = true,
     .moments = true},
    {.call = {K4_STRIDED, IMAGE(3, 40, 24, 16, 48), .accumulate = true},
     .norm = SCALED_PER_CHANNEL,
     .relu = true,
     .moments = true},
    {.call = {K4_STRIDED, TRANSPOSED, IMAGE(2, 16, 16, 24, 16)}, .bias = true},
    {.call = {K4_DILATED, IMAGE(1, 4, 4, 8, 8)}, .bias = true},
    {.call = {K4_DILATED, TRANSPOSED, IMAGE(2, 12, 8, 32, 64)},
     .norm = SCALED_PER_FRAME,
     .relu = true,
     .bias = true,
     .moments = true,
     .bias_around = -300},
    {.call = {K4_DILATED, IMAGE(3, 8, 20, 64, 16), .accumulate = true}, .norm = SCALED_PER_CHANNEL, .moments = true},
};

static void test_convolutions(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof convolutions / sizeof *convolutions; i++) check_convolution(convolutions[i]);
    print_message("largest error: %.2g of the terms' sum\n", largest_error);
}

/* Enough tiles for several groups, the last one not full, in each form by its name. */
static void test_every_form(void **state)
{
    (void)state;
    static const char *const wide[] = {"8x2t16", "8x2t32", "8x2t8", NULL};
    static const char *const narrow[] = {"6x2t24", "4x2t16", "4x2t8", NULL};
    static const convolution tried[] = {
        {.call = {K3, REFLECTED, IMAGE(3, 20, 16, 64, 64)},
         .norm = SCALED_PER_FRAME,
         .relu = true,
         .bias = true,
         .moments = true},
        {.call = {K4_STRIDED, IMAGE(3, 40, 32, 16, 64)}, .moments = true},
        {.call = {K4_DILATED, IMAGE(3, 20, 16, 32, 64)}, .moments = true},
    };
    if (op_test_small()) skip();
    for (const char *const *form = device_about(op_device)->vector_width >= 16 ? wide : narrow; *form; form++) {
        char text[64];
        snprintf(text, sizeof text, "conv_winograd=%s", *form);
        tune_forget(op_device);
        assert_int_equal(setenv("FURROW_FORM", text, 1), 0);
        for (size_t i = 0; i < sizeof tried / sizeof *tried; i++) check_convolution(tried[i]);
    }
    unsetenv("FURROW_FORM");
    tune_forget(op_device);
}

/* The published sizes: the values of a part, by the same reference. */
static void test_published_sizes(void **state)
{
    (void)state;
    if (op_test_small()) skip();
    check_convolution((convolution){.call = {K3, REFLECTED, IMAGE(3, 16, 16, 128, 128)}, .moments = true});
    check_convolution((convolution){
        .call = {K3, REFLECTED, IMAGE(1, 64, 64, 64, 64)}, .norm = SCALED_PER_FRAME, .relu = true, .moments = true});
    check_convolution((convolution){.call = {K4_STRIDED, REFLECTED, IMAGE(1, 64, 64, 64, 64)}, .moments = true});
}

static void test_what_is_not_legal(void **state)
{
    (void)state;
    static const conv_call illegal[] = {
        {K3, IMAGE(1, 6, 8, 16, 16)},
        {K3, IMAGE(1, 8, 10, 16, 16)},
        {K3, IMAGE(1, 8, 8, 10, 16)},
        {K3, IMAGE(1, 8, 8, 16, 20)},
        {K3, IMAGE(1, 8, 8, 0, 16)},
        {K4_STRIDED, IMAGE(1, 12, 8, 16, 16)},
        {K4_DILATED, IMAGE(1, 8, 6, 16, 16)},
        {K4_DILATED, REFLECTED, IMAGE(1, 8, 8, 16, 16)},
        {.kernel = 5, .stride = 1, .dilation = 1, .padding = 2, IMAGE(1, 8, 8, 16, 16)},
        {.kernel = 3, .stride = 2, .dilation = 1, .padding = 1, IMAGE(1, 8, 8, 16, 16)},
        {.kernel = 3, .stride = 1, .dilation = 1, .padding = 0, IMAGE(1, 8, 8, 16, 16)},
        {.kernel = 4, .stride = 1, .dilation = 1, .padding = 2, IMAGE(1, 8, 8, 16, 16)},
        {K3, IMAGE(1, 8, 8, 1 << 20, 16)}, /* no local memory is that large */
    };
    for (size_t i = 0; i < sizeof illegal / sizeof *illegal; i++) {
        conv_call c = illegal[i];
        set_output_size(&c);
        assert_false(conv_winograd_legal(op_device, &c));
    }
    conv_call c = illegal[0];
    char wanted[512];
    set_output_size(&c);
    snprintf(wanted, sizeof wanted,
             "conv_winograd: a 3x3 kernel of stride 1, dilation 1 and padding 1 on 6x8 pixels of 16 channels to 16 has "
             "no form on %s",
             device_about(op_device)->name);
    assert_int_equal(conv_winograd(op_device, &c), FAILED);
    assert_string_equal(error_message(), wanted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_convolutions),
        cmocka_unit_test(test_every_form),
        cmocka_unit_test(test_published_sizes),
        cmocka_unit_test(test_what_is_not_legal),
    };
    return cmocka_run_group_tests(tests, op_test_open, op_test_close);
}
