/* Reference and cases of set_pool. */
#include <math.h>

#include "base/random.h"
#include "net/check.h"
#include "op/checks.h"
#include "op/pool_reference.h"

typedef struct sizes {
    int pixels; /* first: check_fill_mask reads it */
    int frames, channels;
    pooling_list pools;
} sizes;

static double masked_mean(const double *x, const double *mask, int pixels, int channels, double *count)
{
    double sum = 0;
    *count = 0;
    for (int p = 0; p < pixels; p++) {
        sum += mask[p] * x[p * channels];
        *count += mask[p];
    }
    return sum / *count;
}

/* One pooling of one channel. */
static double pool_channel(const double *x, const double *mask, int pixels, int channels, enum pooling kind)
{
    double count, mean = masked_mean(x, mask, pixels, channels, &count), squares = 0, high = x[0], low = x[0];
    for (int p = 0; p < pixels; p++) {
        const double v = x[p * channels], distance = mask[p] * (v - mean);
        squares += distance * distance;
        if (v > high) high = v;
        if (v < low) low = v;
    }
    switch (kind) {
    case POOL_MEAN: return mean;
    case POOL_STD: return sqrt(squares / ((count == 1 ? 2 : count) - 1) + 1e-31);
    case POOL_MAX: return high;
    case POOL_MIN: return low;
    }
    return 0;
}

void pool_reference(const double *x, const double *mask, int pixels, int channels, pooling_list pools, double *out)
{
    for (int i = 0; i < pools.count; i++)
        for (int c = 0; c < channels; c++)
            out[i * channels + c] = pool_channel(x + c, mask, pixels, channels, pools.kind[i]);
}

void check_fill_mask(const void *user, size_t count, uint64_t stream, double *values)
{
    const size_t pixels = (size_t) * (const int *)user;
    const random_key key = random_stream(1, RANDOM_SYNTHETIC, stream);
    for (size_t i = 0; i < count; i++) values[i] = i % pixels == 0 || random_uniform(key, i) < 0.6 ? 1 : 0;
}

/* ---- cases ------------------------------------------------------------------------------------------------------ */

static int build(const op_check *c, net *n, tensor *const *in, tensor **out)
{
    const sizes *s = c->user;
    out[0] = set_pool(n, in[0], in[1], s->pools);
    return 0;
}

static void reference(const op_check *c, bool training, double *const *in, double *const *out)
{
    (void)training;
    const sizes *s = c->user;
    for (int f = 0; f < s->frames; f++)
        pool_reference(in[0] + f * s->pixels * s->channels, in[1] + f * s->pixels, s->pixels, s->channels, s->pools,
                       out[0] + f * s->pools.count * s->channels);
}

#define CASE(title, frames, pixels, channels, mask_fill, ...)                                                          \
    static const sizes title = {                                                                                       \
        pixels, frames, channels, {(int)(sizeof((int[]){__VA_ARGS__}) / sizeof(int)), {__VA_ARGS__}}};                 \
    static const check_input title##_inputs[] = {                                                                      \
        {"x", CHECK_INPUT, {3, {frames, pixels, channels}}, NULL},                                                     \
        {"mask", CHECK_CONSTANT, {2, {frames, pixels}}, mask_fill},                                                    \
    };

CASE(published, 3, 64, 64, check_fill_mask, POOL_MEAN, POOL_STD)
CASE(all_odd, 4, 7, 19, check_fill_mask, POOL_MIN, POOL_STD, POOL_MEAN, POOL_MAX)
CASE(weighted, 2, 5, 33, check_fill_positive, POOL_STD, POOL_MEAN)
CASE(narrow, 3, 9, 3, check_fill_mask, POOL_MAX)
CASE(one_pixel, 2, 1, 2, check_fill_mask, POOL_MEAN, POOL_MAX, POOL_MIN)

#define CHECK(text, title)                                                                                             \
    {                                                                                                                  \
        .name = "set_pool " text, .input = title##_inputs, .inputs = 2, .build = build, .outputs = 1,                  \
        .reference = reference, .user = &title                                                                         \
    }

static const op_check checks[] = {
    CHECK("4x7x19 all four", all_odd), CHECK("3x64x64 mean, std", published), CHECK("2x5x33 any weights", weighted),
    CHECK("3x9x3 max", narrow),        CHECK("2x1x2 one pixel", one_pixel),
};

const op_check *set_pool_checks(int *count)
{
    *count = (int)(sizeof checks / sizeof *checks);
    return checks;
}
