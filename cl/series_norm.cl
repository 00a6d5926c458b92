/* Group normalisation of every pixel's series (L-TAE2d's in_norm and out_norm, Garnot and Landrieu 2021), with the
 * change from frames x pixels to pixels x dates: formulas and layouts in src/op/series_norm.c.
 *
 * A group owns `each` neighbouring sequences, one after the other; an item owns vectors of channels, HELD of them at a
 * time, and walks down the dates. Sums over the channels of a norm group go through local memory, in order. A sequence
 * is dates x channels floats: after the first pass it is read from cache.
 *
 * check: -DVW=1 -DLANES=64 -DTEAM=64
 * check: -DVW=1 -DLANES=16 -DTEAM=16 */
#include "team.clh"

#define EPSILON 1e-5f
#define HELD (LANES == 1 ? 4 : 1)
#define STEP (HELD * VW * LANES) /* channels that the group walks down at once */

/* Vectors that lie behind the last channel read the last one again, and are not stored. */
#if TAIL
#define COLUMN(c) (c)
#else
#define COLUMN(c) min((c), channels - VW)
#endif

static inline vec load_column(__local const float *column, int c, int left)
{
#if VW == 1
    return left > 0 ? column[c] : 0.0f;
#else
    if (left >= VW) return VLOAD(0, column + c);
    float lane[VW];
    UNROLL for (int i = 0; i < VW; i++) lane[i] = i < left ? column[c + i] : 0.0f;
    return VLOAD(0, lane);
#endif
}

static inline void store_column(vec v, __local float *column, int c, int left)
{
#if VW == 1
    if (left > 0) column[c] = v;
#else
    float lane[VW];
    if (left >= VW) {
        VSTORE(v, 0, column + c);
        return;
    }
    VSTORE(v, 0, lane);
    UNROLL for (int i = 0; i < VW; i++)
        if (i < left) column[c + i] = lane[i];
#endif
}

/* Where a sequence lies. offsets NULL: every frame is a patch. */
typedef struct series {
    int dates, frame_step; /* floats from a date to the next, in frames */
    size_t frames, rows;   /* its first date: in the frames, in sequence order */
} series;

static inline series series_of(int s, int pixels, int channels, __global const int *offsets)
{
    const int b = s / pixels, p = s % pixels;
    const int first = offsets ? offsets[b] : b, dates = offsets ? offsets[b + 1] - first : 1;
    const size_t frames = ((size_t)first * pixels + p) * channels;
    return (series){dates, pixels * channels, frames, ((size_t)first * pixels + (size_t)p * dates) * channels};
}

/* column[c] = sum over the dates of x[c] - centre[c] (centre NULL: 0), or of its square. */
static inline void sum_dates(__global const float *x, int dates, int step, int channels, __local const float *centre,
                             bool squared, __local float *column)
{
    for (int c0 = VW * (int)get_local_id(0); c0 < channels; c0 += STEP) {
        vec sum[HELD], mean[HELD];
        UNROLL for (int i = 0; i < HELD; i++) {
            const int c = COLUMN(c0 + i * VW * LANES);
            sum[i] = (vec)0.0f;
            mean[i] = centre ? load_column(centre, c, channels - c) : (vec)0.0f;
        }
        for (int t = 0; t < dates; t++)
            UNROLL for (int i = 0; i < HELD; i++) {
                const int c = COLUMN(c0 + i * VW * LANES);
                const vec v = ROW_LOAD(x + (size_t)t * step + c, channels - c) - mean[i];
                sum[i] = squared ? MULTIPLY_ADD(v, v, sum[i]) : sum[i] + v;
            }
        UNROLL for (int i = 0; i < HELD; i++)
            store_column(sum[i], column, COLUMN(c0 + i * VW * LANES), channels - COLUMN(c0 + i * VW * LANES));
    }
}

/* The sum of `count` neighbouring floats, in order. */
static inline float sum_group(__local const float *column, int count)
{
    float sum = 0.0f;
    for (int i = 0; i < count; i++) sum += column[i];
    return sum;
}

static inline void fill_group(float value, __local float *column, int count)
{
    for (int i = 0; i < count; i++) column[i] = value;
}

/* y, rows in sequence order, from x [frames x pixels x channels]; statistics [sequences x groups x 2] (NULL when
 * evaluating): mean and 1 / deviation. `length` channels make a group. A series with fewer than `whole` dates counts as
 * having that many, the missing values being `pad`. scratch: 2 channels. Reads x three times; about 8 FLOPs a value. */
__kernel GROUP_OF(LANES) void series_norm(__global const float *restrict x, __global const int *restrict offsets,
                                          __global const float *restrict weight, __global const float *restrict bias,
                                          __global float *restrict y, __global float *restrict statistics,
                                          int sequences, int pixels, int channels, int length, int whole, float pad,
                                          int each, __local float *scratch)
{
    const int lane = (int)get_local_id(0), groups = channels / length;
    __local float *mean = scratch, *scale = scratch + channels;
    const int begin = (int)get_group_id(0) * each, end = min(begin + each, sequences);
    NOUNROLL for (int s = begin; s < end; s++) {
        const series at = series_of(s, pixels, channels, offsets);
        const float missing = (float)max(whole - at.dates, 0) * length;
        const float count = max((float)at.dates * length + missing, 1.0f);
        sum_dates(x + at.frames, at.dates, at.frame_step, channels, 0, false, mean);
        local_wait();
        for (int g = lane; g < groups; g += LANES)
            fill_group(MULTIPLY_ADD(missing, pad, sum_group(mean + g * length, length)) / count,
                       mean + g * length, length);
        local_wait();
        sum_dates(x + at.frames, at.dates, at.frame_step, channels, mean, true, scale);
        local_wait();
        for (int g = lane; g < groups; g += LANES) {
            const float centre = mean[g * length], off = pad - centre;
            const float m2 = MULTIPLY_ADD(missing * off, off, sum_group(scale + g * length, length));
            const float share = 1.0f / sqrt(m2 / count + EPSILON);
            fill_group(share, scale + g * length, length);
            if (statistics) {
                statistics[2 * ((size_t)s * groups + g)] = centre;
                statistics[2 * ((size_t)s * groups + g) + 1] = share;
            }
        }
        local_wait();
        for (int c = VW * lane; c < channels; c += VW * LANES) {
            const int left = channels - c;
            const vec centre = load_column(mean, c, left), shift = ROW_LOAD(bias + c, left);
            const vec factor = load_column(scale, c, left) * ROW_LOAD(weight + c, left);
            for (int t = 0; t < at.dates; t++) {
                const vec v = ROW_LOAD(x + at.frames + (size_t)t * at.frame_step + c, left) - centre;
                ROW_STORE(MULTIPLY_ADD(v, factor, shift), y + at.rows + (size_t)t * channels + c, left);
            }
        }
        local_wait();
    }
}

/* ---- backward --------------------------------------------------------------------------------------------------- */

/* sum[c] and along[c]: sums over the dates of dy and dy n, n = (x - mean) scale. */
static inline void sum_gradients(__global const float *x, __global const float *dy, series at, int channels,
                                 __local const float *mean, __local const float *scale, __local float *sum,
                                 __local float *along)
{
    for (int c0 = VW * (int)get_local_id(0); c0 < channels; c0 += STEP) {
        vec plain[HELD], with[HELD], centre[HELD];
        UNROLL for (int i = 0; i < HELD; i++) {
            const int c = COLUMN(c0 + i * VW * LANES);
            plain[i] = with[i] = (vec)0.0f;
            centre[i] = load_column(mean, c, channels - c);
        }
        for (int t = 0; t < at.dates; t++)
            UNROLL for (int i = 0; i < HELD; i++) {
                const int c = COLUMN(c0 + i * VW * LANES), left = channels - c;
                const vec d = ROW_LOAD(dy + at.rows + (size_t)t * channels + c, left);
                const vec v = ROW_LOAD(x + at.frames + (size_t)t * at.frame_step + c, left);
                plain[i] += d;
                with[i] = MULTIPLY_ADD(d, v - centre[i], with[i]);
            }
        UNROLL for (int i = 0; i < HELD; i++) {
            const int c = COLUMN(c0 + i * VW * LANES), left = channels - c;
            store_column(plain[i], sum, c, left);
            store_column(with[i] * load_column(scale, c, left), along, c, left);
        }
    }
}

/* dx (+)= (g - mean(g) - n mean(g n)) / deviation with g = dy weight, the means over the whole series of the norm
 * group (missing dates have g = 0); NULL: not wanted. part [groups of items x 2 channels]: sums over the group's
 * sequences, in order, of dy n, then of dy; NULL: not wanted. scratch: 6 channels. Reads x and dy twice; about 13 FLOPs
 * a value. */
__kernel GROUP_OF(LANES) void series_norm_backward(__global const float *restrict x,
                                                   __global const int *restrict offsets,
                                                   __global const float *restrict weight,
                                                   __global const float *restrict statistics,
                                                   __global const float *restrict dy, __global float *restrict dx,
                                                   __global float *restrict part, int sequences, int pixels,
                                                   int channels, int length, int whole, int each, int accumulate,
                                                   __local float *scratch)
{
    const int lane = (int)get_local_id(0), groups = channels / length;
    __local float *mean = scratch, *scale = scratch + channels, *sum = scratch + 2 * channels,
                  *along = scratch + 3 * channels, *dweight = scratch + 4 * channels, *dbias = scratch + 5 * channels;
    const int begin = (int)get_group_id(0) * each, end = min(begin + each, sequences);
    for (int c = lane; c < channels; c += LANES) dweight[c] = dbias[c] = 0.0f;
    NOUNROLL for (int s = begin; s < end; s++) {
        const series at = series_of(s, pixels, channels, offsets);
        const float count = (float)max(max(whole, at.dates), 1) * length;
        for (int g = lane; g < groups; g += LANES) {
            fill_group(statistics[2 * ((size_t)s * groups + g)], mean + g * length, length);
            fill_group(statistics[2 * ((size_t)s * groups + g) + 1], scale + g * length, length);
        }
        local_wait();
        sum_gradients(x, dy, at, channels, mean, scale, sum, along);
        local_wait();
        for (int g = lane; g < groups; g += LANES) {
            float mean_g = 0.0f, mean_gn = 0.0f;
            for (int c = g * length; c < (g + 1) * length; c++) {
                dweight[c] += along[c];
                dbias[c] += sum[c];
                mean_g = MULTIPLY_ADD(weight[c], sum[c], mean_g);
                mean_gn = MULTIPLY_ADD(weight[c], along[c], mean_gn);
            }
            fill_group(mean_g / count, sum + g * length, length);
            fill_group(mean_gn / count, along + g * length, length);
        }
        local_wait();
        for (int c = VW * lane; dx && c < channels; c += VW * LANES) {
            const int left = channels - c;
            const vec centre = load_column(mean, c, left), share = load_column(scale, c, left);
            const vec plain = load_column(sum, c, left), with = load_column(along, c, left);
            const vec w = ROW_LOAD(weight + c, left);
            for (int t = 0; t < at.dates; t++) {
                __global float *to = dx + at.frames + (size_t)t * at.frame_step + c;
                const vec n = (ROW_LOAD(x + at.frames + (size_t)t * at.frame_step + c, left) - centre) * share;
                const vec g = ROW_LOAD(dy + at.rows + (size_t)t * channels + c, left) * w;
                const vec d = (g - plain - n * with) * share;
                ROW_STORE(accumulate ? d + ROW_LOAD(to, left) : d, to, left);
            }
        }
        local_wait();
    }
    for (int c = lane; part && c < channels; c += LANES) {
        __global float *mine = part + (size_t)get_group_id(0) * 2 * channels;
        mine[c] = dweight[c];
        mine[channels + c] = dbias[c];
    }
}
