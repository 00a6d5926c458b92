/* Networks for images in memory: every layout computes the same, and what does not fit is refused with what would. */
#include "op_test.h"

#include <math.h>

#include "base/memory.h"
#include "base/random.h"
#include "network/network.h"

enum { PATCHES = 3, SIDE = 16, BANDS = 3, CLASSES = 4, DAYS = 40 };
static const int dates[PATCHES] = {3, 5, 2};
enum { FRAMES = 10, LONGEST = 5, ROWS = PATCHES * SIDE * SIDE };

static const char utae[] =
    "{\"arch\": \"utae\", \"input_dim\": 3, \"encoder_widths\": [8, 8, 8], \"decoder_widths\": [4, 8, 8], "
    "\"out_conv\": [4, 4], \"n_head\": 4, \"d_model\": 16, \"d_k\": 4, \"dropout\": 0, \"attention_dropout\": 0%s}";

static const char recunet[] =
    "{\"arch\": \"buconvlstm\", \"input_dim\": 3, \"encoder_widths\": [8, 8, 8], \"decoder_widths\": [4, 8, 8], "
    "\"out_conv\": [4, 4], \"hidden_dim\": 5, \"temporal\": \"blstm\"%s}";

static const char fpn[] =
    "{\"arch\": \"fpn\", \"input_dim\": 3, \"num_classes\": 4, \"inconv\": [4, 8], \"n_levels\": 3, \"n_channels\": 8, "
    "\"hidden_size\": 5%s}";

static const char convlstm[] = "{\"arch\": \"convlstm\", \"input_dim\": 3, \"num_classes\": 4, \"hidden_dim\": 5%s}";
static const char convgru[] = "{\"arch\": \"convgru\", \"input_dim\": 3, \"num_classes\": 4, \"hidden_dim\": 8%s}";

static network *network_of(const char *settings, const char *more)
{
    network *w = NULL;
    model *m = NULL;
    cJSON *config = NULL;
    char *text = text_format(settings, more);
    assert_ok(json_parse(text, strlen(text), "test", &config));
    assert_ok(model_new(config, "test", &m));
    const network_input input = {
        .bands = BANDS, .height = SIDE, .width = SIDE, .position_lines = DAYS, .longest = LONGEST};
    assert_ok(network_new(op_device, m, input, 3, &w));
    w->padding = PADDING_ALWAYS;
    w->exact = true;
    cJSON_Delete(config);
    free(text);
    return w;
}

static buffer *upload(const void *values, size_t count)
{
    buffer *b = NULL;
    assert_ok(buffer_new(op_device, count * 4, &b));
    assert_ok(buffer_write(b, 0, values, count * 4));
    return b;
}

static batch batch_new(void)
{
    static float x[FRAMES * SIDE * SIDE * BANDS];
    int32_t offsets[PATCHES + 1] = {0}, positions[FRAMES], target[ROWS];
    const random_key key = random_stream(5, RANDOM_SYNTHETIC, 0);
    for (size_t i = 0; i < sizeof x / sizeof *x; i++) x[i] = (float)random_normal(key, i);
    for (int b = 0; b < PATCHES; b++) offsets[b + 1] = offsets[b] + dates[b];
    for (int f = 0; f < FRAMES; f++) positions[f] = 3 * f;
    for (int k = 0; k < ROWS; k++) target[k] = k % 7 == 0 ? -1 : k % CLASSES;
    return (batch){.samples = PATCHES,
                   .frames = FRAMES,
                   .longest = LONGEST,
                   .rows = ROWS,
                   .x = upload(x, sizeof x / 4),
                   .offsets = upload(offsets, PATCHES + 1),
                   .positions = upload(positions, FRAMES),
                   .target = upload(target, ROWS)};
}

static void batch_free(batch *b)
{
    buffer_free(b->x);
    buffer_free(b->offsets);
    buffer_free(b->positions);
    buffer_free(b->target);
}

/* All gradients of one step, and its loss behind them. */
static float *step(network *w, const batch *b, size_t *count)
{
    size_t at = 0, total = 1;
    net *n = w->net;
    assert_ok(network_use(w, true, b));
    assert_ok(network_forward(w, 0));
    assert_ok(net_backward(n, w->loss, 0));
    for (int i = 0; i < net_parameter_count(n); i++) total += tensor_count(net_parameter_at(n, i));
    float *values = memory_new(total, sizeof *values);
    assert_non_null(values);
    for (int i = 0; i < net_parameter_count(n); i++) {
        const tensor *p = net_parameter_at(n, i);
        if (net_parameter_role(n, i) == PARAMETER_TRAINED) assert_ok(net_read_gradient(n, p, values + at));
        at += tensor_count(p);
    }
    assert_ok(net_read(n, w->loss, values + at));
    *count = total;
    return values;
}

/* But for a ReLU that flips where its argument is nearly 0: a layout rounds in another order. */
static void same(const float *a, const float *b, size_t count)
{
    double difference = 0, norm = 0;
    for (size_t i = 0; i < count; i++) {
        difference += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
        norm += (double)a[i] * (double)a[i];
    }
    assert_true(norm > 0 && sqrt(difference) <= 2e-3 * sqrt(norm));
}

/* Tightens the limit below what each layout takes until nothing fits. */
static void layouts_compute_the_same(const char *settings)
{
    size_t count, again;
    batch b = batch_new();
    network *w = network_of(settings, "");
    float *wanted = step(w, &b, &count);
    assert_int_equal(w->layout.parts, 1);
    bool recomputed = false;
    int layouts = 1;
    for (;; layouts++) {
        const size_t before = w->layout.bytes;
        w->memory_limit = before + network_fixed_bytes(w, FRAMES) - 1;
        w->recorded = false;
        if (network_record(w, true, PATCHES, FRAMES, LONGEST)) break;
        assert_true(w->layout.bytes < before);
        recomputed = recomputed || w->layout.recompute;
        float *got = step(w, &b, &again);
        assert_int_equal(count, again);
        same(wanted, got, count);
        free(got);
    }
    assert_true(layouts >= 2 && recomputed);
    assert_non_null(strstr(error_message(), "a batch of 3 patches and 10 dates in all needs"));
    assert_non_null(strstr(error_message(), "would fit"));
    free(wanted);
    batch_free(&b);
    network_free(w);
}

static void test_layouts_of_attention(void **state)
{
    (void)state;
    layouts_compute_the_same(utae);
}

static void test_layouts_of_recurrence(void **state)
{
    (void)state;
    layouts_compute_the_same(recunet);
    layouts_compute_the_same(fpn);
}

/* Padding changes a recurrence's state in training alone, and not where it is skipped. */
static void test_padding_of_recurrences(void **state)
{
    (void)state;
    size_t count;
    batch b = batch_new();
    float *values[4];
    for (int i = 0; i < 4; i++) {
        network *w = network_of(recunet, i < 2 ? "" : ", \"lstm_padding\": \"skip\"");
        w->padding = i % 2 ? PADDING_SKIP : PADDING_TRAINING;
        values[i] = step(w, &b, &count);
        network_free(w);
    }
    double changed = 0;
    for (size_t k = 0; k < count; k++) {
        changed += fabs((double)values[0][k] - (double)values[1][k]);
        assert_true(memcmp(&values[1][k], &values[2][k], sizeof(float)) == 0);
        assert_true(memcmp(&values[1][k], &values[3][k], sizeof(float)) == 0);
    }
    assert_true(changed > 0);
    for (int i = 0; i < 4; i++) free(values[i]);
    batch_free(&b);
}

/* A device that allocates less at once than the batch's largest tensor has: the batch is cut until each fits. */
static void test_tensors_larger_than_an_allocation(void **state)
{
    (void)state;
    size_t count, again;
    batch b = batch_new();
    network *w = network_of(utae, "");
    float *wanted = step(w, &b, &count);
    device_info *about = (device_info *)(uintptr_t)device_about(op_device);
    const uint64_t limit = about->allocation_limit;
    about->allocation_limit = 60000; /* the largest has 81,920 bytes, all parameters 48,128 */
    w->recorded = false;
    net_free(w->net);
    assert_ok(net_new(op_device, 3, &w->net)); /* an arena of its own, from the same seed */
    float *got = step(w, &b, &again);
    assert_true(w->layout.parts > 1);
    assert_int_equal(count, again);
    same(wanted, got, count);
    about->allocation_limit = 1000;
    w->recorded = false;
    assert_int_equal(network_record(w, true, PATCHES, FRAMES, LONGEST), FAILED);
    assert_non_null(strstr(error_message(), "the device allocates at most"));
    about->allocation_limit = limit;
    free(wanted);
    free(got);
    batch_free(&b);
    network_free(w);
}

/* Gates of all patches are more than the device allocates at once: the recurrence runs over some patches at a time. */
static void recurrence_in_groups(const char *settings, const char *more, uint64_t allocation)
{
    size_t count, again;
    batch b = batch_new();
    network *w = network_of(settings, more);
    float *wanted = step(w, &b, &count);
    device_info *about = (device_info *)(uintptr_t)device_about(op_device);
    const uint64_t limit = about->allocation_limit;
    const size_t before = w->layout.bytes;
    about->allocation_limit = allocation;
    w->recorded = false;
    net_free(w->net);
    assert_ok(net_new(op_device, 3, &w->net));
    float *got = step(w, &b, &again);
    assert_int_equal(count, again);
    assert_true(w->layout.bytes != before);
    same(wanted, got, count);
    about->allocation_limit = limit;
    free(wanted);
    free(got);
    batch_free(&b);
    network_free(w);
}

static void test_recurrences_in_groups(void **state)
{
    (void)state;
    /* 5 dates x 16 x 16 pixels x 20 (24) values of 4 bytes a patch */
    recurrence_in_groups(convlstm, "", 110000);
    recurrence_in_groups(convlstm, ", \"lstm_padding\": \"skip\"", 220000);
    recurrence_in_groups(convgru, "", 100000);
    recurrence_in_groups(convgru, ", \"lstm_padding\": \"skip\"", 180000);
}

static void test_one_patch_that_does_not_fit(void **state)
{
    (void)state;
    network *w = network_of(utae, "");
    w->memory_limit = 1000;
    assert_int_equal(network_record(w, true, 1, LONGEST, LONGEST), FAILED);
    assert_non_null(strstr(error_message(), "a patch of 5 dates, 16 x 16 pixels, needs"));
    assert_non_null(strstr(error_message(), "data.max_dates"));
    network_free(w);
}

/* Statistics over all frames do not allow parts. */
static void test_batch_norm_is_never_cut(void **state)
{
    (void)state;
    network *w = network_of(utae, ", \"encoder_norm\": \"batch\"");
    assert_ok(network_record(w, true, PATCHES, FRAMES, LONGEST));
    w->memory_limit = w->layout.bytes + network_fixed_bytes(w, FRAMES) - 1;
    w->recorded = false;
    if (!network_record(w, true, PATCHES, FRAMES, LONGEST)) assert_int_equal(w->layout.parts, 1);
    network_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layouts_of_attention),    cmocka_unit_test(test_layouts_of_recurrence),
        cmocka_unit_test(test_padding_of_recurrences),  cmocka_unit_test(test_tensors_larger_than_an_allocation),
        cmocka_unit_test(test_recurrences_in_groups),   cmocka_unit_test(test_one_patch_that_does_not_fit),
        cmocka_unit_test(test_batch_norm_is_never_cut),
    };
    return cmocka_run_group_tests(tests, op_test_open, op_test_close);
}
