/* The mask network of PaPs, backward; see mask_cnn.clh and src/op/mask_cnn.c for the formulas. A tile's layers are made
 * again, so nothing is stored between the passes.
 *
 * A group adds what its tiles give the parameters to a record of its own, in order.
 *
 * check: -DCHANNELS=16 -DVW=4 -DPX=4 -DLANES=64 -DPARTS=4
 * check: -DCHANNELS=5 -DVW=4 -DPX=4 -DLANES=64 -DPARTS=4
 * check-cpu: -DCHANNELS=16 -DVW=16 -DPX=12 -DLANES=1 -DPARTS=4 */
#include "mask_cnn.clh"

/* A record: lines of PADDED floats, as src/op/mask_cnn.h says. Line 9 of the tap sums is the plain sum. */
#define LINES (TAPS + 1)
enum {
    FIRST_SUMS = 0,
    THIRD_SUMS = LINES * PADDED,
    NORM_SUMS = THIRD_SUMS + LINES * PADDED, /* weight, bias */
    SECOND_PLAIN = NORM_SUMS + 2 * PADDED,
    THIRD_PLAIN = SECOND_PLAIN + PADDED, /* one float */
    SECOND_SUMS = THIRD_PLAIN + PADDED,  /* [tap][from][to] */
    RECORD = SECOND_SUMS + TAPS * PADDED * PADDED
};

/* Lines of tap sums that an item gathers at once: neighbouring sums hide each other's latency on a CPU, on a GPU other
 * items do. */
#define HELD (LANES == 1 ? LINES : 1)

/* What is summed over a tile's own pixels: map [block] x value at each tap (last line: x 1), in order of the pixels.
 * direction as in narrow_at. */
static inline void tap_sums(vec sum[HELD], __local const float *map, __local const float *value, tile t, int line,
                            int block, int direction)
{
    UNROLL for (int k = 0; k < HELD; k++) sum[k] = (vec)0.0f;
    for (int row = t.own_top; row < t.own_bottom; row++)
        for (int q = row * t.pitch + t.own_left; q < row * t.pitch + t.own_right; q++) {
            const vec v = VLOAD(block, map + q * PADDED);
            UNROLL for (int k = 0; k < HELD; k++)
                sum[k] = MULTIPLY_ADD(v,
                                      (vec)(line + k < TAPS ? value[q + direction * tap_distance(line + k, t.pitch)]
                                                            : 1.0f),
                                      sum[k]);
        }
}

static inline void add_vector(__global float *to, vec v)
{
    VSTORE(VLOAD(0, to) + v, 0, to);
}

/* The second layer's weights and bias: sums over its own pixels of what a tap sees in `first`, times `slope`. An item
 * takes VW x VW weights of a tap at a time. 2 x 9 C C FLOPs an own pixel. */
static inline void second_sums(__global float *record, __local const float *first, __local const float *slope, tile t)
{
    for (int u = (int)get_local_id(0); u < TAPS * BLOCKS * BLOCKS; u += LANES) {
        const int to = u % BLOCKS, from = u / BLOCKS % BLOCKS, tap = u / (BLOCKS * BLOCKS);
        __local const float *near = first + tap_distance(tap, t.pitch) * PADDED + from * VW;
        vec sum[VW], plain = (vec)0.0f;
        UNROLL for (int k = 0; k < VW; k++) sum[k] = (vec)0.0f;
        for (int row = t.own_top; row < t.own_bottom; row++)
            for (int q = row * t.pitch + t.own_left; q < row * t.pitch + t.own_right; q++) {
                const vec d = VLOAD(to, slope + q * PADDED);
                plain += d;
                UNROLL for (int k = 0; k < VW; k++)
                    sum[k] = MULTIPLY_ADD((vec)near[q * PADDED + k], d, sum[k]);
            }
        if (tap == 0 && from == 0) add_vector(record + SECOND_PLAIN + to * VW, plain);
        UNROLL for (int k = 0; k < VW; k++)
            add_vector(record + SECOND_SUMS + (tap * PADDED + from * VW + k) * PADDED + to * VW, sum[k]);
    }
}

/* second (a2) becomes the gradient before its ReLU, dy spread by the third layer's taps: margin 2, as it was made. */
static inline void second_slopes(__local float *second, __local const float *dy, tile t, __global const float *packed)
{
    const int begin = max(first_row(t, 2) * t.pitch - 1, 0);
    const int end = min(end_row(t, 2) * t.pitch + PX + 1, t.rows * t.pitch);
    for (int u = (int)get_local_id(0); u < (end - begin) * BLOCKS; u += LANES) {
        const int block = u % BLOCKS, q = begin + u / BLOCKS;
        const vec result = VLOAD(block, second + q * PADDED);
        vec d = (vec)0.0f;
        EACH_TAP for (int tap = 0; tap < TAPS; tap++)
            d = MULTIPLY_ADD(VLOAD(block, packed + THIRD_WEIGHT + tap * PADDED),
                             (vec)dy[q - tap_distance(tap, t.pitch)], d);
        VSTORE(relu_gradient(d, result), block, second + q * PADDED);
    }
}

/* first (a1) becomes the gradient of the norm's result, at most a row from its own pixels. 2 x 9 C FLOPs a channel. */
static inline void first_slopes(__local float *first, __local const float *slope, tile t, __global const float *packed)
{
    const int begin = first_row(t, 1) * t.pitch, end = end_row(t, 1) * t.pitch;
    for (int u = (int)get_local_id(0); u < (end - begin + PX - 1) / PX * BLOCKS; u += LANES) {
        const int block = u % BLOCKS, q = begin + u / BLOCKS * PX;
        vec sum[PX];
        UNROLL for (int i = 0; i < PX; i++) sum[i] = (vec)0.0f;
        gather_taps(sum, slope + q * PADDED, t.pitch, packed + SECOND_BACK, block);
        UNROLL for (int i = 0; i < PX; i++)
            if (q + i < end) {
                __local float *at = first + (q + i) * PADDED;
                VSTORE(relu_gradient(sum[i], VLOAD(block, at)), block, at);
            }
    }
}

/* The tile's sums for norm and first layer, from the gradient d of the norm's result (map `first`): along[c] and
 * plain[c] = sums of d n and of d, n the normalised value. Of n = (W1 x + bias1 - mean) scale the sums of d x at each tap
 * give the first. `box` holds LINES * PADDED floats. Returns, in every item, the sums over channels that the norm's
 * gradient needs: of weight x plain and of weight x along. */
static inline float2 norm_sums(__global float *record, __local const float *first, __local const float *value, tile t,
                               __global const float *packed, float mean, float scale, __local float *box)
{
    for (int u = (int)get_local_id(0); u < LINES / HELD * BLOCKS; u += LANES) {
        const int block = u % BLOCKS, line = u / BLOCKS * HELD;
        const vec weight = VLOAD(block, packed + NORM_WEIGHT);
        vec sum[HELD];
        tap_sums(sum, first, value, t, line, block, 1);
        UNROLL for (int k = 0; k < HELD; k++) {
            VSTORE(sum[k], block, box + (line + k) * PADDED);
            add_vector(record + FIRST_SUMS + (line + k) * PADDED + block * VW, scale * weight * sum[k]);
        }
    }
    local_wait();
    float2 total = (float2)(0.0f, 0.0f);
    NOUNROLL for (int block = 0; block < BLOCKS; block++) {
        const vec weight = VLOAD(block, packed + NORM_WEIGHT), plain = VLOAD(block, box + TAPS * PADDED);
        vec along = plain * (VLOAD(block, packed + FIRST_BIAS) - mean);
        NOUNROLL for (int tap = 0; tap < TAPS; tap++)
            along = MULTIPLY_ADD(VLOAD(block, packed + FIRST_WEIGHT + tap * PADDED), VLOAD(block, box + tap * PADDED),
                                 along);
        along *= scale;
        total.x += sum_lanes(weight * plain);
        total.y += sum_lanes(weight * along);
        if ((int)get_local_id(0) == block % LANES) {
            add_vector(record + NORM_SUMS + block * VW, along);
            add_vector(record + NORM_SUMS + PADDED + block * VW, plain);
        }
    }
    return total;
}

/* The third layer's weights and bias. */
static inline void third_sums(__global float *record, __local const float *second, __local const float *dy, tile t)
{
    for (int u = (int)get_local_id(0); u < LINES / HELD * BLOCKS; u += LANES) {
        const int block = u % BLOCKS, line = u / BLOCKS * HELD;
        vec sum[HELD];
        tap_sums(sum, second, dy, t, line, block, -1);
        UNROLL for (int k = 0; k < HELD; k++)
            add_vector(record + THIRD_SUMS + (line + k) * PADDED + block * VW, sum[k]);
    }
    if ((int)get_local_id(0) < LANES - 1) return;
    float sum = 0.0f;
    for (int row = t.own_top; row < t.own_bottom; row++)
        for (int q = row * t.pitch + t.own_left; q < row * t.pitch + t.own_right; q++) sum += dy[q];
    record[THIRD_PLAIN] += sum;
}

/* Everything but what the norm's means give: records [groups x RECORD] (written anew), spread [values] (the first layer's
 * transpose of scale x weight x gradient of the norm's result), sums [crops x PARTS x 2] (norm_sums of each unit).
 * trained 0: only what x needs. scratch: maps of x, of dy, two of channels; LINES lines. Staged pixels cost 2 x 9 C C + 4
 * x 9 C FLOPs, own ones twice that. */
__kernel GROUP_OF(LANES) void mask_cnn_gradient(__global const float *restrict x, __global const float *restrict dy,
                                                __global const crop *restrict crops, int count,
                                                __global const float *restrict packed,
                                                __global const float *restrict statistics,
                                                __global float *restrict records, __global float *restrict spread,
                                                __global float *restrict sums, int side, int trained,
                                                __local float *scratch)
{
    const int lane = (int)get_local_id(0), map = map_pixels(side), start = map_start(side);
    __local float *value = scratch + start, *slope = value + map, *first = scratch + 2 * map + start * PADDED;
    __local float *second = first + map * PADDED, *box = scratch + 2 * map * (PADDED + 1);
    __global float *record = records + get_group_id(0) * RECORD;
    for (int i = lane; i < RECORD; i += LANES) record[i] = 0.0f;
    group_wait();
    NOUNROLL for (int u = (int)get_group_id(0); u < count * PARTS; u += (int)get_num_groups(0)) {
        const int i = u % count, part = u / count;
        const crop c = crops[i];
        const int tiles = tiles_of(c, side, 4);
        const float mean = statistics[2 * i], scale = statistics[2 * i + 1];
        float2 total = (float2)(0.0f, 0.0f);
        NOUNROLL for (int k = part; k < tiles; k += PARTS) {
            const tile t = tile_of(c, k, side, 4);
            stage_values(value, x, t);
            stage_values(slope, dy, t);
            local_wait();
            first_layer(first, value, t, packed, mean, scale, 1, 0.0f);
            local_wait();
            second_layer(second, first, t, packed, 2);
            local_wait();
            if (trained) {
                third_sums(record, second, slope, t);
                local_wait();
            }
            second_slopes(second, slope, t, packed);
            local_wait();
            if (trained) {
                second_sums(record, first, second, t);
                local_wait();
            }
            first_slopes(first, second, t, packed);
            local_wait();
            total += norm_sums(record, first, value, t, packed, mean, scale, box);
            for (int p = lane; p < own_pixels(t); p += LANES) {
                const int q = own_place(t, p);
                spread[value_of(t, q)] = scale * narrow_at(first + q * PADDED, t.pitch, packed + SCALED_WEIGHT, -1);
            }
            local_wait();
        }
        if (lane == 0) {
            sums[2 * (i * PARTS + part)] = total.x;
            sums[2 * (i * PARTS + part) + 1] = total.y;
        }
        group_wait();
    }
}

/* The rest: dx [values] (NULL: not wanted) (+)= spread - scale x the first layer's transpose of m = mean(g) + n mean(g n),
 * the means over the crop, and what m gives the first layer's weights and bias, taken from the records. scratch: a map
 * of x, one of channels. 6 x 9 C FLOPs a pixel. */
__kernel GROUP_OF(LANES) void mask_cnn_finish(__global const float *restrict x, __global const crop *restrict crops,
                                              int count, __global const float *restrict packed,
                                              __global const float *restrict statistics,
                                              __global const float *restrict sums,
                                              __global const float *restrict spread, __global float *restrict records,
                                              __global float *restrict dx, int side, int accumulate,
                                              __local float *scratch)
{
    const int lane = (int)get_local_id(0), map = map_pixels(side), start = map_start(side);
    __local float *value = scratch + start, *means = scratch + map + start * PADDED;
    __global float *record = records + get_group_id(0) * RECORD;
    NOUNROLL for (int u = (int)get_group_id(0); u < count * PARTS; u += (int)get_num_groups(0)) {
        const int i = u % count;
        const crop c = crops[i];
        const int tiles = tiles_of(c, side, 2);
        const float mean = statistics[2 * i], scale = statistics[2 * i + 1];
        float2 total = (float2)(0.0f, 0.0f);
        for (int part = 0; part < PARTS; part++) total += vload2(i * PARTS + part, sums);
        total /= (float)max(c.height * c.width, 1) * CHANNELS;
        NOUNROLL for (int k = u / count; k < tiles; k += PARTS) {
            const tile t = tile_of(c, k, side, 2);
            stage_values(value, x, t);
            local_wait();
            first_layer(means, value, t, packed, mean, scale * total.y, 0, total.x);
            local_wait();
            for (int v = lane; v < LINES / HELD * BLOCKS; v += LANES) {
                const int block = v % BLOCKS, line = v / BLOCKS * HELD;
                vec sum[HELD];
                tap_sums(sum, means, value, t, line, block, 1);
                UNROLL for (int j = 0; j < HELD; j++)
                    add_vector(record + FIRST_SUMS + (line + j) * PADDED + block * VW, -scale * sum[j]);
            }
            for (int p = lane; dx && p < own_pixels(t); p += LANES) {
                const int q = own_place(t, p), at = value_of(t, q);
                const float d = spread[at] - scale * narrow_at(means + q * PADDED, t.pitch, packed + FIRST_WEIGHT, -1);
                dx[at] = accumulate ? dx[at] + d : d;
            }
            local_wait();
        }
    }
}

static inline void hand_out(__global float *to, int i, float value, int accumulate)
{
    if (to) to[i] = accumulate ? to[i] + value : value;
}

/* A record's sums to the gradients of the parameters (NULL: not wanted), in their own layouts. Bit k of accumulate: add
 * to gradient k. A group handles `each` floats of the record. */
__kernel GROUP_OF(LANES) void mask_cnn_hand_out(__global const float *restrict record, __global float *restrict weight1,
                                                __global float *restrict bias1, __global float *restrict norm_weight,
                                                __global float *restrict norm_bias, __global float *restrict weight2,
                                                __global float *restrict bias2, __global float *restrict weight3,
                                                __global float *restrict bias3, int accumulate, int each)
{
    const int begin = (int)get_group_id(0) * each, end = min(begin + each, (int)RECORD);
    for (int i = begin + (int)get_local_id(0); i < end; i += LANES) {
        const int c = i % PADDED, line = i / PADDED;
        const float v = record[i];
        if (c >= CHANNELS) continue;
        if (line < TAPS) hand_out(weight1, c * TAPS + line, v, accumulate & 1);
        else if (line == TAPS) hand_out(bias1, c, v, accumulate & 2);
        else if (line < LINES + TAPS) hand_out(weight3, c * TAPS + line - LINES, v, accumulate & 64);
        else if (line == 2 * LINES) hand_out(norm_weight, c, v, accumulate & 4);
        else if (line == 2 * LINES + 1) hand_out(norm_bias, c, v, accumulate & 8);
        else if (line == 2 * LINES + 2) hand_out(bias2, c, v, accumulate & 32);
        else if (line == 2 * LINES + 3 && c == 0) hand_out(bias3, 0, v, accumulate & 128);
        else if (i >= SECOND_SUMS) {
            const int k = (i - SECOND_SUMS) / PADDED, from = k % PADDED;
            if (from < CHANNELS) hand_out(weight2, (c * CHANNELS + from) * TAPS + k / PADDED, v, accumulate & 16);
        }
    }
}
