/* The mask network of PaPs (Sainte Fare Garnot and Landrieu 2021) on all crops of a batch, forward; see mask_cnn.clh
 * and src/op/mask_cnn.c.
 *
 * check: -DCHANNELS=16 -DVW=4 -DPX=4 -DLANES=64 -DPARTS=4
 * check: -DCHANNELS=5 -DVW=4 -DPX=4 -DLANES=64 -DPARTS=4
 * check-cpu: -DCHANNELS=16 -DVW=16 -DPX=12 -DLANES=1 -DPARTS=4 */
#include "mask_cnn.clh"

/* weight [C], a line of `floats` each -> packed[line of PADDED], or 0 beyond the channels. */
static inline float packed_value(int i, __global const float *weight1, __global const float *bias1,
                                 __global const float *norm_weight, __global const float *norm_bias,
                                 __global const float *weight2, __global const float *bias2,
                                 __global const float *weight3)
{
    const int c = i % PADDED, tap = i / PADDED % TAPS;
    if (c >= CHANNELS) return 0.0f;
    if (i < THIRD_WEIGHT) return weight1[c * TAPS + tap];
    if (i < SCALED_WEIGHT) return weight3[c * TAPS + tap];
    if (i < FIRST_BIAS) return weight1[c * TAPS + tap] * norm_weight[c];
    if (i < NORM_WEIGHT) return bias1[c];
    if (i < NORM_BIAS) return norm_weight[c];
    if (i < SECOND_BIAS) return norm_bias[c];
    if (i < SECOND_WEIGHT) return bias2[c];
    const int k = (i - SECOND_WEIGHT) % (TAPS * PADDED * PADDED), other = k / PADDED % PADDED, t = k / PADDED / PADDED;
    if (other >= CHANNELS) return 0.0f;
    return i < SECOND_BACK ? weight2[(c * CHANNELS + other) * TAPS + t]
                           : weight2[(other * CHANNELS + c) * TAPS + TAPS - 1 - t];
}

/* packed [PACKED floats] from the parameters. A group writes `each` floats. */
__kernel GROUP_OF(LANES) void mask_cnn_pack(__global const float *restrict weight1, __global const float *restrict bias1,
                                            __global const float *restrict norm_weight,
                                            __global const float *restrict norm_bias,
                                            __global const float *restrict weight2, __global const float *restrict bias2,
                                            __global const float *restrict weight3, __global float *restrict packed,
                                            int each)
{
    const int begin = (int)get_group_id(0) * each, end = min(begin + each, (int)PACKED);
    for (int i = begin + (int)get_local_id(0); i < end; i += LANES)
        packed[i] = packed_value(i, weight1, bias1, norm_weight, norm_bias, weight2, bias2, weight3);
}

/* ---- statistics ---------------------------------------------------------------------------------------------------- */

/* Values counted, their mean, the sum of squared distances from it. */
typedef struct moments {
    float count, mean, m2;
} moments;

/* Chan, Golub and LeVeque 1983. */
static inline moments moments_join(moments a, moments b)
{
    if (b.count == 0.0f) return a;
    const float count = a.count + b.count, distance = b.mean - a.mean, share = b.count / count;
    return (moments){count, MULTIPLY_ADD(share, distance, a.mean),
                     a.m2 + MULTIPLY_ADD(distance * distance, a.count * share, b.m2)};
}

/* Moments of one channel block of the first layer at every LANES-th own pixel of the tile, around the first of them. */
static inline moments block_moments(__local const float *value, tile t, __global const float *packed, int block)
{
    const vec start = VLOAD(block, packed + FIRST_BIAS);
    const int lanes = min(VW, CHANNELS - block * VW), lane = (int)get_local_id(0), pixels = own_pixels(t);
    vec sum = (vec)0.0f, square = (vec)0.0f;
    if (lane >= pixels) return (moments){0.0f, 0.0f, 0.0f};
    const vec shift = first_at(value + own_place(t, lane), t.pitch, packed, block, start);
    int count = 0;
    for (int p = lane; p < pixels; p += LANES) {
        const vec d = first_at(value + own_place(t, p), t.pitch, packed, block, start) - shift;
        sum += d;
        square = MULTIPLY_ADD(d, d, square);
        count++;
    }
    const vec mean = sum / count;
    const vec m2 = tail_or(square - sum * mean, lanes, 0.0f);
    const float centre = sum_lanes(tail_or(shift + mean, lanes, 0.0f)) / lanes;
    const vec off = tail_or(shift + mean - centre, lanes, 0.0f);
    return (moments){(float)count * lanes, centre, MULTIPLY_ADD((float)count, sum_lanes(off * off), sum_lanes(m2))};
}

/* statistics [crops x 2]: mean and 1 / sqrt(variance + 1e-5) of the first layer over a crop's pixels and channels. A
 * group owns a crop, its items take every LANES-th pixel; their moments are joined in order. scratch: a map of values,
 * and 3 floats an item. 2 x 9 C + 3 C FLOPs a pixel. */
__kernel GROUP_OF(LANES) void mask_cnn_statistics(__global const float *restrict x, __global const crop *restrict crops,
                                                  __global const float *restrict packed,
                                                  __global float *restrict statistics, int side,
                                                  __local float *scratch)
{
    const int i = (int)get_group_id(0), lane = (int)get_local_id(0);
    const crop c = crops[i];
    __local float *value = scratch + map_start(side), *box = scratch + map_pixels(side);
    moments all = {0.0f, 0.0f, 0.0f};
    const int tiles = tiles_of(c, side, 1);
    NOUNROLL for (int k = 0; k < tiles; k++) {
        const tile t = tile_of(c, k, side, 1);
        stage_values(value, x, t);
        local_wait();
        for (int block = 0; block < BLOCKS; block++) all = moments_join(all, block_moments(value, t, packed, block));
        local_wait();
    }
    box[3 * lane] = all.count;
    box[3 * lane + 1] = all.mean;
    box[3 * lane + 2] = all.m2;
    local_wait();
    if (lane > 0) return;
    for (int k = 1; k < LANES; k++)
        all = moments_join(all, (moments){box[3 * k], box[3 * k + 1], box[3 * k + 2]});
    statistics[2 * i] = all.mean;
    statistics[2 * i + 1] = 1.0f / sqrt(all.m2 / max(all.count, 1.0f) + 1e-5f);
}

/* ---- forward ------------------------------------------------------------------------------------------------------- */

/* y [values of all crops]. A group takes every so-many-th unit, tile after tile. bias3 [1]. scratch: a map of values, two
 * of channels. 4 x 9 C + 2 x 9 C C FLOPs a staged pixel. */
__kernel GROUP_OF(LANES) void mask_cnn(__global const float *restrict x, __global const crop *restrict crops, int count,
                                       __global const float *restrict packed, __global const float *restrict bias3,
                                       __global const float *restrict statistics, __global float *restrict y, int side,
                                       __local float *scratch)
{
    const int lane = (int)get_local_id(0), map = map_pixels(side), start = map_start(side);
    __local float *value = scratch + start, *first = scratch + map + start * PADDED, *second = first + map * PADDED;
    NOUNROLL for (int u = (int)get_group_id(0); u < count * PARTS; u += (int)get_num_groups(0)) {
        const int i = u % count;
        const crop c = crops[i];
        const int tiles = tiles_of(c, side, 3);
        NOUNROLL for (int k = u / count; k < tiles; k += PARTS) {
            const tile t = tile_of(c, k, side, 3);
            stage_values(value, x, t);
            local_wait();
            first_layer(first, value, t, packed, statistics[2 * i], statistics[2 * i + 1], 1, 0.0f);
            local_wait();
            second_layer(second, first, t, packed, 1);
            local_wait();
            for (int p = lane; p < own_pixels(t); p += LANES) {
                const int q = own_place(t, p);
                y[value_of(t, q)] = bias3[0] + narrow_at(second + q * PADDED, t.pitch, packed + THIRD_WEIGHT, 1);
            }
            local_wait();
        }
    }
}
