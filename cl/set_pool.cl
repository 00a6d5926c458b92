/* Pooling over a set of pixels: mean, std, max and min of each frame's pixels; see op.h for which see the mask.
 *
 * check: -DVW=1 -DLANES=64 */
#include "common.clh"

#ifndef LANES
#define LANES 1
#endif

/* A std below this part of the mean is rounding error: all pixels are equal, and std has no slope. */
#define EQUAL_PIXELS 1e-6f

/* An item's place: its frame, and its first channel. Groups of a frame follow each other. */
static inline size_t frame_of(int C)
{
    return get_group_id(0) / ((C + VW * LANES - 1) / (VW * LANES));
}

static inline int channel_of(int C)
{
    const int groups = (C + VW * LANES - 1) / (VW * LANES);
    return ((int)(get_group_id(0) % groups) * LANES + (int)get_local_id(0)) * VW;
}

/* The mask's sum and, of one vector of channels, mean and sum of (m (x - mean))^2. x's lines are C apart. */
static inline void moments(__global const float *x, __global const float *mask, int S, int C,
                           int left, float *count, vec *mean, vec *squares)
{
    float n = 0.0f;
    vec sum = 0.0f;
    for (int p = 0; p < S; p++) {
        n += mask[p];
        sum = MULTIPLY_ADD((vec)mask[p], load_tail(x + (size_t)p * C, left), sum);
    }
    const vec centre = sum / n;
    sum = 0.0f;
    for (int p = 0; p < S; p++) {
        const vec distance = mask[p] * (load_tail(x + (size_t)p * C, left) - centre);
        sum = MULTIPLY_ADD(distance, distance, sum);
    }
    *count = n;
    *mean = centre;
    *squares = sum;
}

/* n - 1, n = 1 counting as 2: the published code's */
static inline float variance_divisor(float count)
{
    return (count == 1.0f ? 2.0f : count) - 1.0f;
}

/* The pixels of the first largest and smallest value, and the values. */
static inline void extremes(__global const float *x, int S, int C, int left, vec *high, vec *low,
                            int_vec *highest, int_vec *lowest)
{
    vec most = load_tail(x, left), least = most;
    int_vec most_at = 0, least_at = 0;
    for (int p = 1; p < S; p++) {
        const vec v = load_tail(x + (size_t)p * C, left);
        const int_vec above = isgreater(v, most), below = isless(v, least);
        most_at = select(most_at, (int_vec)p, above);
        least_at = select(least_at, (int_vec)p, below);
        most = select(most, v, above);
        least = select(least, v, below);
    }
    *high = most;
    *low = least;
    *highest = most_at;
    *lowest = least_at;
}

static inline void put_pool(vec v, int place, int C, int left, __global float *out)
{
    if (place >= 0) store_tail(v, out + (size_t)place * C, left);
}

static inline vec pool_gradient(int place, int C, int left, __global const float *d_out)
{
    return place >= 0 ? load_tail(d_out + (size_t)place * C, left) : (vec)0.0f;
}

/* x [frames x S x C], mask [frames x S] -> out [frames x count C], each pooling in its place (-1: none). An item owns
 * VW channels of a frame: it reads each of their values up to three times (from cache) and writes each result once. About
 * 9 FLOPs a value. */
__kernel GROUP_OF(LANES) void set_pool(__global const float *restrict x, __global const float *restrict mask, int S,
                                       int C, int count, int mean_place, int std_place, int max_place, int min_place,
                                       __global float *restrict out)
{
    const size_t frame = frame_of(C);
    const int at = channel_of(C), left = C - at;
    if (left <= 0) return;
    x += frame * S * C + at;
    out += frame * count * C + at;
    if (mean_place >= 0 || std_place >= 0) {
        float n;
        vec mean, squares;
        moments(x, mask + frame * S, S, C, left, &n, &mean, &squares);
        put_pool(mean, mean_place, C, left, out);
        put_pool(sqrt(squares / variance_divisor(n) + 1e-31f), std_place, C, left, out);
    }
    if (max_place >= 0 || min_place >= 0) {
        vec high, low;
        int_vec highest, lowest;
        extremes(x, S, C, left, &high, &low, &highest, &lowest);
        put_pool(high, max_place, C, left, out);
        put_pool(low, min_place, C, left, out);
    }
}

/* dx [frames x S x C] (+)= the gradient from d_out [frames x count C]:
 *   mean: m dmean / n;  std: kappa (m^2 e - m sum(m^2 e) / n), e = x - mean, kappa = dstd / (d std);
 *   max, min: all of it to the first pixel that has the value.
 * Items and reading as above, one pass more; about 20 FLOPs a value. */
__kernel GROUP_OF(LANES) void set_pool_backward(__global const float *restrict x, __global const float *restrict mask,
                                                int S, int C, int count, int mean_place, int std_place, int max_place,
                                                int min_place, __global const float *restrict d_out,
                                                __global float *restrict dx, int accumulate)
{
    const size_t frame = frame_of(C);
    const int at = channel_of(C), left = C - at;
    if (left <= 0) return;
    x += frame * S * C + at;
    dx += frame * S * C + at;
    d_out += frame * count * C + at;
    mask += frame * S;
    const vec d_mean = pool_gradient(mean_place, C, left, d_out), d_std = pool_gradient(std_place, C, left, d_out);
    const vec d_max = pool_gradient(max_place, C, left, d_out), d_min = pool_gradient(min_place, C, left, d_out);
    float n;
    vec mean, squares, high, low, sum_e = 0.0f;
    int_vec highest, lowest;
    moments(x, mask, S, C, left, &n, &mean, &squares);
    extremes(x, S, C, left, &high, &low, &highest, &lowest);
    for (int p = 0; p < S; p++)
        sum_e = MULTIPLY_ADD((vec)(mask[p] * mask[p]), load_tail(x + (size_t)p * C, left) - mean, sum_e);
    const float divisor = variance_divisor(n);
    const vec deviation = sqrt(squares / divisor + 1e-31f);
    const vec slope = select((vec)0.0f, d_std / (divisor * deviation),
                             isgreater(deviation, EQUAL_PIXELS * fabs(mean) + 1e-15f));
    const vec shared = (d_mean - slope * sum_e) / n;
    for (int p = 0; p < S; p++) {
        const vec m = (vec)mask[p];
        vec d = m * MULTIPLY_ADD(m * slope, load_tail(x + (size_t)p * C, left) - mean, shared);
        d += select((vec)0.0f, d_max, highest == (int_vec)p) + select((vec)0.0f, d_min, lowest == (int_vec)p);
        if (accumulate) d += load_tail(dx + (size_t)p * C, left);
        store_tail(d, dx + (size_t)p * C, left);
    }
}
