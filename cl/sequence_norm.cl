/* L-TAE's normalisation (Garnot and Landrieu 2020): every sequence by the mean and variance of all its values, dates x
 * channels. statistics [sequences x 2]: mean and 1 / deviation.
 *
 * A group owns a sequence, frames offsets[s] .. offsets[s + 1] - 1 of x [frames x channels]; its items share each row.
 * Weight and bias come transposed, [longest x stride] with the channels side by side; both may be NULL (1 and 0). A
 * date from `longest` on uses the last line: the host refuses such a sequence, nothing is read outside.
 *
 * check: -DVW=1 -DLANES=64 -DTEAM=64
 * check: -DVW=1 -DLANES=16 -DTEAM=16 */
#include "team.clh"

#define EPSILON 1e-5f
#define HELD 4 /* vectors of channels whose sums an item of sequence_norm_parameters holds */

static inline vec parameter(__global const float *transposed, int line, int stride, int c, int left, float otherwise)
{
    return transposed ? ROW_LOAD(transposed + (size_t)line * stride + c, left) : (vec)otherwise;
}

/* y = (x - mean) / deviation weight + bias [+ table[position of the frame]]. table [lines x channels] and positions
 * [frames] may be NULL, as may statistics (evaluation). Reads x three times; about 8 FLOPs a value. */
__kernel GROUP_OF(LANES) void sequence_norm(__global const float *restrict x, __global const int *restrict offsets,
                                            __global const float *restrict weight, __global const float *restrict bias,
                                            int stride, int longest, __global const float *restrict table,
                                            __global const int *restrict positions, int lines,
                                            __global float *restrict y, __global float *restrict statistics,
                                            int channels)
{
    TEAM_BOX;
    const int s = (int)get_group_id(0), start = VW * (int)get_local_id(0);
    const int first = offsets[s], dates = offsets[s + 1] - first;
    const float count = (float)max(dates, 1) * channels;
    __global const float *from = x + (size_t)first * channels;
    vec sum = (vec)0.0f, squares = (vec)0.0f;
    for (int t = 0; t < dates; t++)
        for (int c = start; c < channels; c += VW * LANES)
            sum += ROW_LOAD(from + (size_t)t * channels + c, channels - c);
    const float mean = team_sum(sum_lanes(sum), box) / count;
    for (int t = 0; t < dates; t++)
        for (int c = start; c < channels; c += VW * LANES) {
            const int left = channels - c;
            const vec d = ROW_ONLY(ROW_LOAD(from + (size_t)t * channels + c, left) - mean, left);
            squares = MULTIPLY_ADD(d, d, squares);
        }
    const float scale = 1.0f / sqrt(team_sum(sum_lanes(squares), box) / count + EPSILON);
    for (int t = 0; t < dates; t++) {
        __global const float *place =
            table ? table + (size_t)clamp(positions[first + t], 0, lines - 1) * channels : 0;
        for (int c = start; c < channels; c += VW * LANES) {
            const int left = channels - c, line = min(t, longest - 1);
            vec v = (ROW_LOAD(from + (size_t)t * channels + c, left) - mean) * scale;
            v = MULTIPLY_ADD(v, parameter(weight, line, stride, c, left, 1.0f),
                             parameter(bias, line, stride, c, left, 0.0f));
            if (place) v += ROW_LOAD(place + c, left);
            ROW_STORE(v, y + ((size_t)first + t) * channels + c, left);
        }
    }
    if (statistics && start == 0) {
        statistics[2 * s] = mean;
        statistics[2 * s + 1] = scale;
    }
}

/* dx (+)= (g - mean(g) - n mean(g n)) / deviation with g = dy weight, n the normalised x and the means over the whole
 * sequence. Reads x and dy twice; about 12 FLOPs a value. */
__kernel GROUP_OF(LANES) void sequence_norm_backward(__global const float *restrict x,
                                                     __global const int *restrict offsets,
                                                     __global const float *restrict weight, int stride, int longest,
                                                     __global const float *restrict dy,
                                                     __global const float *restrict statistics,
                                                     __global float *restrict dx, int channels, int accumulate)
{
    TEAM_BOX;
    const int s = (int)get_group_id(0), start = VW * (int)get_local_id(0);
    const int first = offsets[s], dates = offsets[s + 1] - first;
    const float count = (float)max(dates, 1) * channels, mean = statistics[2 * s], scale = statistics[2 * s + 1];
    vec sum = (vec)0.0f, along = (vec)0.0f;
    for (int t = 0; t < dates; t++)
        for (int c = start; c < channels; c += VW * LANES) {
            const int left = channels - c;
            const size_t at = ((size_t)first + t) * channels + c;
            const vec w = parameter(weight, min(t, longest - 1), stride, c, left, 1.0f);
            const vec g = ROW_LOAD(dy + at, left) * w;
            sum += g;
            along = MULTIPLY_ADD(g, (ROW_LOAD(x + at, left) - mean) * scale, along);
        }
    const float mean_g = team_sum(sum_lanes(sum), box) / count;
    const float mean_gn = team_sum(sum_lanes(along), box) / count;
    for (int t = 0; t < dates; t++)
        for (int c = start; c < channels; c += VW * LANES) {
            const int left = channels - c;
            const size_t at = ((size_t)first + t) * channels + c;
            const vec w = parameter(weight, min(t, longest - 1), stride, c, left, 1.0f);
            const vec n = (ROW_LOAD(x + at, left) - mean) * scale;
            vec d = (ROW_LOAD(dy + at, left) * w - mean_g - n * mean_gn) * scale;
            if (accumulate) d += ROW_LOAD(dx + at, left);
            ROW_STORE(d, dx + at, left);
        }
}

static inline void put_column(vec v, __global float *to, int longest, int left, int accumulate)
{
    float lane[VW];
    VSTORE(v, 0, lane);
    UNROLL for (int i = 0; i < VW; i++)
        if (i < left) to[(size_t)i * longest] = accumulate ? to[(size_t)i * longest] + lane[i] : lane[i];
}

/* Gradients of weight and bias [channels x longest], each NULL where not wanted: for date t = get_group_id(1) the sums
 * of dy n and of dy over the sequences that have it, in their order (0 where none has). An item owns HELD vectors of
 * channels at one date. x and dy are read once; 4 FLOPs a value. */
__kernel GROUP_OF(LANES) void sequence_norm_parameters(__global const float *restrict x,
                                                       __global const int *restrict offsets, int sequences,
                                                       __global const float *restrict dy,
                                                       __global const float *restrict statistics,
                                                       __global float *restrict dweight,
                                                       __global float *restrict dbias, int channels,
                                                       int accumulate_weight, int accumulate_bias)
{
    const int t = (int)get_group_id(1), longest = (int)get_num_groups(1);
    const int c0 = VW * (int)(get_group_id(0) * LANES * HELD + get_local_id(0));
    vec along[HELD], sum[HELD];
    UNROLL for (int i = 0; i < HELD; i++) along[i] = sum[i] = (vec)0.0f;
    for (int s = 0; s < sequences; s++) {
        if (t >= offsets[s + 1] - offsets[s]) continue;
        const size_t row = ((size_t)offsets[s] + t) * channels;
        UNROLL for (int i = 0; i < HELD; i++) {
            const int c = c0 + i * VW * LANES, left = channels - c;
            if (left <= 0) continue;
            const vec d = ROW_LOAD(dy + row + c, left);
            const vec n = (ROW_LOAD(x + row + c, left) - statistics[2 * s]) * statistics[2 * s + 1];
            along[i] = MULTIPLY_ADD(d, n, along[i]);
            sum[i] += d;
        }
    }
    UNROLL for (int i = 0; i < HELD; i++) {
        const int c = c0 + i * VW * LANES;
        const size_t at = (size_t)c * longest + t;
        if (dweight) put_column(along[i], dweight + at, longest, channels - c, accumulate_weight);
        if (dbias) put_column(sum[i], dbias + at, longest, channels - c, accumulate_bias);
    }
}
