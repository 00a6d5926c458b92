/* furrow_bench: parcels a second in inference and in whole training steps (forward, focal loss, backward, dropout,
 * running statistics, Adam), batches in memory, the median of steady steps. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/random.h"
#include "furrow.h"
#include "run/bench.h"
#include "run/clock.h"
#include "run/network.h"
#include "run/peak.h"
#include "run/self_test.h"
#include "run/session.h"

enum { BANDS = 10, FEATURES = 4, CLASSES = 20, DAYS = 10, WARM_UP = 3, STEPS_MIN = 5, STEPS_MAX = 400 };
static const double seconds_each = 2; /* measured for each of the two figures */

typedef struct bench {
    furrow_bench_options o;
    device *device;
    network *network;
    feed_batch batch;
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

static int make_batch(bench *b)
{
    int rc = OK, parcels = b->o.batch, dates = b->o.dates, frames = parcels * dates;
    size_t pixels = (size_t)frames * (size_t)b->o.pixels;
    b->batch.parcels = parcels;
    b->batch.frames = frames;
    TRY(upload_normal(b, pixels * BANDS, 1, &b->batch.x));
    TRY(upload_mask(b, pixels, &b->batch.mask));
    TRY(upload_normal(b, (size_t)frames * FEATURES, 2, &b->batch.extra));
    TRY(upload_integers(b, parcels + 1, dates, 0, &b->batch.offsets));
    TRY(upload_integers(b, frames, DAYS, dates * DAYS, &b->batch.positions));
    TRY(upload_integers(b, parcels, 7, CLASSES, &b->batch.target));
done:
    return rc;
}

static int make_network(bench *b)
{
    int rc = OK;
    model *m = NULL;
    cJSON *config = cJSON_CreateObject();
    cJSON_AddStringToObject(config, "arch", b->o.model);
    cJSON_AddNumberToObject(config, "len_max_seq", b->o.dates);
    network_input input = {.npixel = b->o.pixels,
                           .bands = BANDS,
                           .extra = FEATURES,
                           .position_lines = b->o.dates * DAYS,
                           .longest = b->o.dates};
    TRY(model_new(config, "bench", &m));
    TRY(network_new(b->device, m, input, 1, &b->network));
done:
    cJSON_Delete(config);
    return rc;
}

/* ---- measuring --------------------------------------------------------------------------------------------------- */

static int one_step(bench *b, bool training, uint64_t step)
{
    int rc = OK;
    TRY(network_use(b->network, training, &b->batch));
    TRY(network_forward(b->network, step));
    if (training) TRY(network_learn(b->network, step));
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
    cJSON_AddNumberToObject(o, "pixels", b->o.pixels);
    cJSON_AddNumberToObject(o, "inference_per_s", inference.per_s);
    cJSON_AddNumberToObject(o, "training_per_s", training.per_s);
    cJSON_AddNumberToObject(o, "gflops", training.gflops);
    cJSON_AddNumberToObject(o, "inference_gflops", inference.gflops);
    cJSON_AddNumberToObject(o, "training_gflops", training.gflops);
    cJSON_AddNumberToObject(o, "peak_gflops", peak);
    cJSON_AddNumberToObject(o, "peak_bytes", bytes);
    return json_text(o, json);
}

static int check_options(furrow_bench_options *o)
{
    if (!o->model) o->model = "psetae";
    if (!o->batch) o->batch = 128;
    if (!o->dates) o->dates = 24;
    if (!o->pixels) o->pixels = 64;
    if (o->batch < 2 || o->batch > 1 << 20) return fail(USAGE, "batch %d; wanted 2 to %d", o->batch, 1 << 20);
    if (o->dates < 1 || o->dates > 4096) return fail(USAGE, "%d dates; wanted 1 to 4096", o->dates);
    if (o->pixels < 1 || o->pixels > 1 << 16) return fail(USAGE, "%d pixels; wanted 1 to %d", o->pixels, 1 << 16);
    if ((double)o->batch * o->dates * o->pixels * BANDS > 2147483647.0)
        return fail(USAGE, "a batch of %d x %d x %d pixels is too large", o->batch, o->dates, o->pixels);
    return OK;
}

static int bench_open(bench *b)
{
    int rc = OK;
    TRY(make_network(b));
    TRY(make_batch(b));
done:
    return rc;
}

static void bench_close(bench *b)
{
    network_free(b->network);
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
    TRY(check_options(&b.o));
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
    TRY(check_options(&b.o));
    TRY(self_test_open(b.o.device, &b.device));
    TRY(bench_open(&b));
    TRY(measure(&b, false, &inference));
    TRY(measure(&b, true, &training));
    TRY(results(&b, inference, training, json));
done:
    bench_close(&b);
    device_close(b.device);
    return rc;
}
