/* A head on a network for images, whatever the number of parcels: none, one (which has no batch statistics), a thousand.
 * The published code fails on the first two. */
#include "op_test.h"

#include <math.h>

#include "base/memory.h"
#include "base/random.h"
#include "run/bench_parcels.h"

enum { DATES = 3, SIDE = 64, BANDS = 3, CLASSES = 5, PIXELS = SIDE * SIDE };

static const char settings[] =
    "{\"arch\": \"utae\", \"input_dim\": 3, \"encoder_widths\": [8, 8], \"decoder_widths\": [8, 8], \"out_conv\": [8, "
    "5], "
    "\"n_head\": 2, \"d_model\": 8, \"head\": {\"arch\": \"paps\", \"num_classes\": 5, \"shape_size\": 4, "
    "\"min_confidence\": 0}}";

static network *network_of_head(void)
{
    network *w = NULL;
    model *m = NULL;
    cJSON *config = NULL;
    assert_ok(json_parse(settings, strlen(settings), "test", &config));
    assert_ok(model_new(config, "test", &m));
    const network_input input = {
        .bands = BANDS, .height = SIDE, .width = SIDE, .position_lines = DATES, .longest = DATES};
    assert_ok(network_new(op_device, m, input, 3, &w));
    w->ignore_class = CLASSES - 1;
    cJSON_Delete(config);
    return w;
}

static buffer *upload(const void *values, size_t count)
{
    buffer *b = NULL;
    assert_ok(buffer_new(op_device, count * 4, &b));
    assert_ok(buffer_write(b, 0, values, count * 4));
    return b;
}

/* One patch, with the parcels as its truth. */
static batch batch_of(const bench_parcels *p)
{
    static float x[DATES * PIXELS * BANDS];
    const int32_t offsets[2] = {0, DATES}, positions[DATES] = {0, 1, 2};
    const random_key key = random_stream(5, RANDOM_SYNTHETIC, 0);
    for (size_t i = 0; i < sizeof x / sizeof *x; i++) x[i] = (float)random_normal(key, i);
    return (batch){.samples = 1,
                   .frames = DATES,
                   .longest = DATES,
                   .rows = PIXELS,
                   .x = upload(x, sizeof x / 4),
                   .offsets = upload(offsets, 2),
                   .positions = upload(positions, DATES),
                   .parcels = &p->truth,
                   .heatmap = p->heatmap,
                   .instances = p->instance};
}

static void batch_free(batch *b)
{
    buffer_free(b->x);
    buffer_free(b->offsets);
    buffer_free(b->positions);
}

static void all_finite(network *w)
{
    size_t most = 1;
    for (int i = 0; i < net_parameter_count(w->net); i++) {
        const size_t count = tensor_count(net_parameter_at(w->net, i));
        if (count > most) most = count;
    }
    float *values = memory_new(most, sizeof *values);
    assert_non_null(values);
    for (int i = 0; i < net_parameter_count(w->net); i++) {
        const tensor *p = net_parameter_at(w->net, i);
        assert_ok(net_parameter_read(w->net, p, values));
        for (size_t k = 0; k < tensor_count(p); k++) assert_true(isfinite(values[k]));
        if (net_parameter_role(w->net, i) != PARAMETER_TRAINED) continue;
        assert_ok(net_read_gradient(w->net, p, values));
        for (size_t k = 0; k < tensor_count(p); k++) assert_true(isfinite(values[k]));
    }
    free(values);
}

static float norm_of_gradient(network *w, const char *key)
{
    const tensor *p = net_parameter_find(w->net, key);
    assert_non_null(p);
    float sum = 0, *values = memory_new(tensor_count(p), sizeof *values);
    assert_non_null(values);
    assert_ok(net_read_gradient(w->net, p, values));
    for (size_t k = 0; k < tensor_count(p); k++) sum += values[k] * values[k];
    free(values);
    return sum;
}

static float value_of(network *w, const char *key)
{
    const tensor *p = net_parameter_find(w->net, key);
    assert_non_null(p);
    float first, *values = memory_new(tensor_count(p), sizeof *values);
    assert_non_null(values);
    assert_ok(net_parameter_read(w->net, p, values));
    first = values[0];
    free(values);
    return first;
}

/* One training step and one prediction with so many parcels; the losses of the step. */
static paps_found pass(network *w, bench_parcels *p, int parcels)
{
    paps_found found, predicted;
    float loss;
    batch b = batch_of(p);
    assert_ok(network_use(w, true, &b));
    assert_ok(network_forward(w, 0));
    assert_ok(network_learn(w, 0));
    assert_ok(net_read(w->net, w->loss, &loss));
    assert_true(isfinite(loss) && loss > 0);
    assert_ok(paps_read(w->head, &found));
    assert_int_equal(found.count, parcels);
    all_finite(w);
    w->head_loss.zones_always = true;
    w->recorded = false;
    b.heatmap = b.instances = NULL;
    assert_ok(network_use(w, false, &b));
    assert_ok(network_forward(w, 0));
    assert_ok(paps_read(w->head, &predicted));
    assert_int_equal(predicted.count, parcels);
    assert_ok(bench_parcels_settle(p, w));
    batch_free(&b);
    return found;
}

/* The heat map alone is taught, and nothing is found. */
static void test_no_parcel(void **state)
{
    (void)state;
    bench_parcels p;
    network *w = network_of_head();
    assert_ok(bench_parcels_new(op_device, 1, SIDE, 1, CLASSES, &p));
    memset(p.zone, 0, PIXELS * sizeof *p.zone);
    assert_ok(buffer_fill(p.heatmap, 0, 0, PIXELS * 4));
    assert_ok(buffer_fill(p.instance, 0, 0, PIXELS * 4));
    const paps_found found = pass(w, &p, 0);
    assert_true(isnan(found.size_loss) && isnan(found.class_loss) && isnan(found.shape_loss));
    for (int i = 0; i < PIXELS; i++) assert_int_equal(p.instance_map[i], 0);
    bench_parcels_free(&p);
    network_free(w);
}

/* Normed by the running statistics, which stay as they are. */
static void test_one_parcel(void **state)
{
    (void)state;
    bench_parcels p;
    network *w = network_of_head();
    assert_ok(bench_parcels_new(op_device, 1, SIDE, 1, CLASSES, &p));
    const paps_found found = pass(w, &p, 1);
    assert_true(isfinite(found.size_loss) && isfinite(found.class_loss) && isfinite(found.shape_loss));
    assert_true(value_of(w, "size_mlp.1.running_mean") == 0 && value_of(w, "size_mlp.1.running_var") == 1);
    bench_parcels_free(&p);
    network_free(w);
}

static void test_a_thousand_parcels(void **state)
{
    (void)state;
    bench_parcels p;
    network *w = network_of_head();
    assert_ok(bench_parcels_new(op_device, 1, SIDE, 1000, CLASSES, &p));
    const paps_found found = pass(w, &p, 1000);
    assert_true(isfinite(found.size_loss) && isfinite(found.class_loss) && isfinite(found.shape_loss));
    assert_true(value_of(w, "size_mlp.1.running_mean") != 0);
    bench_parcels_free(&p);
    network_free(w);
}

/* Warm-up looks at no centre: what only centres use has no gradient. */
static void test_warm_up_trains_the_heat_map_alone(void **state)
{
    (void)state;
    bench_parcels p;
    network *w = network_of_head();
    assert_ok(bench_parcels_new(op_device, 1, SIDE, 9, CLASSES, &p));
    batch b = batch_of(&p);
    for (int warm = 0; warm < 2; warm++) {
        w->heatmap_only = warm;
        assert_ok(network_use(w, true, &b));
        assert_ok(network_forward(w, 0));
        assert_ok(net_backward(w->net, w->loss, 0));
        assert_true(norm_of_gradient(w, "heatmap_conv.0.conv.0.weight") > 0);
        assert_true(warm ? norm_of_gradient(w, "shape_mlp.0.weight") == 0
                         : norm_of_gradient(w, "shape_mlp.0.weight") > 0);
        assert_true(warm ? norm_of_gradient(w, "mask_cnn.0.weight") == 0
                         : norm_of_gradient(w, "mask_cnn.0.weight") > 0);
    }
    batch_free(&b);
    bench_parcels_free(&p);
    network_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_parcel),
        cmocka_unit_test(test_one_parcel),
        cmocka_unit_test(test_a_thousand_parcels),
        cmocka_unit_test(test_warm_up_trains_the_heat_map_alone),
    };
    return cmocka_run_group_tests(tests, op_test_open, op_test_close);
}
