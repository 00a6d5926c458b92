/* furrow_bench: parcels or patches a second in inference and in whole training steps (forward, loss, backward, dropout,
 * running statistics, Adam), batches in memory, the median of steady steps. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/random.h"
#include "furrow.h"
#include "base/clock.h"
#include "network/network.h"
#include "network/self_test.h"
#include "run/bench.h"
#include "run/bench_parcels.h"
#include "run/peak.h"
#include "run/session.h"

enum { BANDS = 10, FEATURES = 4, CLASSES = 20, DAYS = 7, WARM_UP = 2, STEPS_MIN = 5, STEPS_MAX = 400 };
static const double seconds_each = 2; /* measured for each of the two figures */

typedef struct bench {
    furrow_bench_options o;
    device *device;
    enum model_kind kind;
    network *network;
    char *arch, *head;     /* of the model's name; head NULL: none */
    bench_parcels parcels; /* with a head */
    batch batch;
    size_t input_bytes;
} bench;

typedef struct rate {
    double per_s, gflops;
} rate;

/* ---- a batch ----------------------------------------------------------------------------------------------------- */

static int upload(bench *b, const void *values, size_t bytes, buffer **out)
{
    int rc = buffer_new(b->device, bytes, out);
    if (!rc) rc = buffer_write(*out, 0, values, bytes);
    b->input_bytes += bytes;
    return rc;
}

static int upload_normal(bench *b, size_t count, uint64_t stream, buffer **out)
{
    float *values = memory_new(count, sizeof *values);
    if (!values) return FAILED;
    random_key key = random_stream(1, RANDOM_SYNTHETIC, stream);
    for (size_t i = 0; i < count; i++) values[i] = (float)random_uniform(key, i) * 2 - 1;
    int rc = upload(b, values, count * sizeof *values, out);
    free(values);
    return rc;
}

static int upload_mask(bench *b, size_t count, buffer **out)
{
    float *values = memory_new(count, sizeof *values);
    if (!values) return FAILED;
    for (size_t i = 0; i < count; i++) values[i] = 1;
    int rc = upload(b, values, count * sizeof *values, out);
    free(values);
    return rc;
}

/* count integers: (i x step) modulo the limit; 0: no limit. */
static int upload_integers(bench *b, int count, int step, int limit, buffer **out)
{
    int32_t *values = memory_new((size_t)count, sizeof *values);
    if (!values) return FAILED;
    for (int i = 0; i < count; i++) values[i] = limit ? i * step % limit : i * step;
    int rc = upload(b, values, (size_t)count * sizeof *values, out);
    free(values);
    return rc;
}

static int make_parcels(bench *b)
{
    int rc = OK, parcels = b->o.batch, frames = parcels * b->o.dates;
    const size_t pixels = (size_t)frames * (size_t)b->o.pixels;
    b->batch.rows = parcels;
    TRY(upload_normal(b, pixels * BANDS, 1, &b->batch.x));
    TRY(upload_mask(b, pixels, &b->batch.mask));
    TRY(upload_normal(b, (size_t)frames * FEATURES, 2, &b->batch.extra));
done:
    return rc;
}

static int make_images(bench *b)
{
    const int frames = b->o.batch * b->o.dates, side = b->o.pixels;
    b->batch.rows = b->o.batch * side * side;
    return upload_normal(b, (size_t)frames * (size_t)side * (size_t)side * BANDS, 1, &b->batch.x);
}

static int make_batch(bench *b)
{
    int rc = OK, samples = b->o.batch, dates = b->o.dates, frames = samples * dates;
    b->batch.samples = samples;
    b->batch.frames = frames;
    b->batch.longest = dates;
    TRY(b->kind == MODEL_DENSE ? make_images(b) : make_parcels(b));
    TRY(upload_integers(b, samples + 1, dates, 0, &b->batch.offsets));
    TRY(upload_integers(b, frames, DAYS, dates * DAYS, &b->batch.positions));
    TRY(upload_integers(b, b->batch.rows, 7, CLASSES, &b->batch.target));
done:
    return rc;
}

static int make_network(bench *b)
{
    int rc = OK;
    model *m = NULL;
    cJSON *config = cJSON_CreateObject();
    cJSON_AddStringToObject(config, "arch", b->arch);
    if (b->head) cJSON_AddStringToObject(cJSON_AddObjectToObject(config, "head"), "arch", b->head);
    network_input input = {.bands = BANDS, .position_lines = b->o.dates * DAYS, .longest = b->o.dates};
    if (b->kind == MODEL_DENSE) {
        input.height = input.width = b->o.pixels;
    } else {
        static const char *const dates[] = {"len_max_seq", "seq_len"};
        for (int i = 0; i < 2; i++)
            if (model_has_setting(config, dates[i])) cJSON_AddNumberToObject(config, dates[i], b->o.dates);
        input.npixel = b->o.pixels;
        input.extra = FEATURES;
    }
    TRY(model_new(config, "bench", &m));
    if (b->kind == MODEL_DENSE) TRY(model_size_fits(m, b->o.pixels, b->o.pixels, "bench"));
    rc = network_new(b->device, m, input, 1, &b->network);
    m = NULL; /* the network's */
    if (rc) goto done;
    b->network->exact = b->o.exact;
    b->network->memory_limit = (uint64_t)b->o.memory_limit;
done:
    model_free(m);
    cJSON_Delete(config);
    return rc;
}

/* ---- measuring --------------------------------------------------------------------------------------------------- */

static int one_step(bench *b, bool training, uint64_t step)
{
    int rc = OK;
    b->batch.heatmap = training ? b->parcels.heatmap : NULL; /* predicting computes no losses */
    b->batch.instances = training ? b->parcels.instance : NULL;
    TRY(network_use(b->network, training, &b->batch));
    TRY(network_forward(b->network, step));
    if (training) TRY(network_learn(b->network, step));
    if (b->head && !training) TRY(bench_parcels_settle(&b->parcels, b->network));
    TRY(device_finish(b->device));
done:
    return rc;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int measure(bench *b, bool training, rate *out)
{
    int rc = OK, steps = 0;
    double seconds[STEPS_MAX], start;
    for (int i = 0; i < WARM_UP; i++) TRY(one_step(b, training, (uint64_t)i));
    uint64_t flops = device_flops(b->device);
    start = seconds_now();
    while (steps < STEPS_MAX && (steps < STEPS_MIN || seconds_now() - start < seconds_each)) {
        if (interrupt_requested()) return fail(INTERRUPTED, "interrupted");
        double before = seconds_now();
        TRY(one_step(b, training, (uint64_t)(WARM_UP + steps)));
        seconds[steps++] = seconds_now() - before;
        log_progress(training ? "training steps" : "inference", (size_t)steps, 0, "");
    }
    flops = (device_flops(b->device) - flops) / (uint64_t)steps;
    qsort(seconds, (size_t)steps, sizeof *seconds, by_value);
    double median = seconds[steps / 2];
    *out = (rate){b->o.batch / median, (double)flops / median * 1e-9};
done:
    return rc;
}

/* The arena, the parameters with gradients and Adam's two moments, the batch. */
static int peak_bytes(const bench *b, double *out)
{
    buffer *values, *gradients;
    size_t count;
    int rc = net_flat(b->network->net, &values, &gradients, &count);
    if (!rc) *out = (double)(b->network->peak_bytes + 4 * count * sizeof(float) + b->input_bytes);
    return rc;
}

static int results(const bench *b, rate inference, rate training, char **json)
{
    double peak, bytes;
    int rc = peak_gflops(b->device, &peak);
    if (!rc) rc = peak_bytes(b, &bytes);
    if (rc) return rc;
    cJSON *o = cJSON_CreateObject();
    cJSON_AddStringToObject(o, "model", b->o.model);
    cJSON_AddStringToObject(o, "device", device_about(b->device)->name);
    cJSON_AddNumberToObject(o, "batch", b->o.batch);
    cJSON_AddNumberToObject(o, "dates", b->o.dates);
    cJSON_AddNumberToObject(o, b->kind == MODEL_DENSE ? "size" : "pixels", b->o.pixels);
    if (b->head) cJSON_AddNumberToObject(o, "parcels", b->o.parcels);
    cJSON_AddStringToObject(o, "unit", b->kind == MODEL_DENSE ? "patches" : "parcels");
    cJSON_AddNumberToObject(o, "inference_per_s", inference.per_s);
    cJSON_AddNumberToObject(o, "training_per_s", training.per_s);
    cJSON_AddNumberToObject(o, "gflops", training.gflops);
    cJSON_AddNumberToObject(o, "inference_gflops", inference.gflops);
    cJSON_AddNumberToObject(o, "training_gflops", training.gflops);
    cJSON_AddNumberToObject(o, "peak_gflops", peak);
    cJSON_AddNumberToObject(o, "peak_bytes", bytes);
    return json_text(o, json);
}

/* "utae+paps": the network, and a head on it. */
static int split_name(bench *b)
{
    int rc = OK;
    const char *plus = strchr(b->o.model, '+');
    TRY_NEW(b->arch = text_format("%.*s", plus ? (int)(plus - b->o.model) : (int)strlen(b->o.model), b->o.model));
    if (plus) TRY_NEW(b->head = text_copy(plus + 1));
done:
    return rc;
}

static int check_options(bench *b)
{
    furrow_bench_options *o = &b->o;
    if (!o->model) o->model = "psetae";
    int rc = split_name(b);
    if (!rc) rc = model_arch_kind(b->arch, &b->kind);
    if (rc) return rc;
    const bool images = b->kind == MODEL_DENSE;
    if (!o->batch) o->batch = images ? 1 : 128;
    if (!o->dates) o->dates = images ? 45 : 24;
    if (!o->pixels) o->pixels = images ? 128 : 64;
    if (!o->parcels) o->parcels = 100;
    const int least = images ? 1 : 2;
    if (o->batch < least || o->batch > 1 << 20)
        return fail(USAGE, "batch %d; wanted %d to %d", o->batch, least, 1 << 20);
    if (o->dates < 1 || o->dates > 4096) return fail(USAGE, "%d dates; wanted 1 to 4096", o->dates);
    if (o->pixels < 1 || o->pixels > 1 << 16) return fail(USAGE, "size %d; wanted 1 to %d", o->pixels, 1 << 16);
    const double pixels = images ? (double)o->pixels * o->pixels : o->pixels;
    if ((double)o->batch * o->dates * pixels * BANDS > 2147483647.0)
        return fail(USAGE, "a batch of %d x %d dates of size %d is too large", o->batch, o->dates, o->pixels);
    return OK;
}

static int bench_open(bench *b)
{
    int rc = OK;
    TRY(make_network(b));
    TRY(make_batch(b));
    if (!b->head) goto done;
    TRY(bench_parcels_new(b->device, b->o.batch, b->o.pixels, b->o.parcels, CLASSES, &b->parcels));
    TRY(bench_parcels_aim(&b->parcels, b->network));
    b->batch.parcels = &b->parcels.truth;
done:
    return rc;
}

static void bench_close(bench *b)
{
    network_free(b->network);
    bench_parcels_free(&b->parcels);
    free(b->arch);
    free(b->head);
    buffer_free(b->batch.x);
    buffer_free(b->batch.mask);
    buffer_free(b->batch.extra);
    buffer_free(b->batch.offsets);
    buffer_free(b->batch.positions);
    buffer_free(b->batch.target);
}

int bench_once(device *d, const char *arch)
{
    int rc = OK;
    bench b = {.o = {.model = arch}, .device = d};
    TRY(check_options(&b));
    TRY(bench_open(&b));
    TRY(one_step(&b, false, 0));
    TRY(one_step(&b, true, 0));
done:
    bench_close(&b);
    return rc;
}

int furrow_bench(const furrow_bench_options *options, char **json)
{
    int rc = OK;
    bench b = {.o = *options};
    rate inference, training;
    *json = NULL;
    TRY(check_options(&b));
    TRY(self_test_open(b.o.device, b.kind == MODEL_DENSE ? SELF_TEST_IMAGES : SELF_TEST_PARCELS, &b.device));
    TRY(bench_open(&b));
    TRY(measure(&b, false, &inference));
    TRY(measure(&b, true, &training));
    TRY(results(&b, inference, training, json));
done:
    bench_close(&b);
    device_close(b.device);
    return rc;
}
