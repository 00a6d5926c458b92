/* Layer normalisation (Ba, Kiros and Hinton 2016): every row by its own mean and variance over the channels.
 *
 * A group owns `each` neighbouring rows, a team one of them at a time. statistics [rows x 2]: mean and 1 / deviation.
 *
 * check: -DVW=1 -DLANES=64 -DTEAM=16
 * check: -DVW=1 -DLANES=16 -DTEAM=16 */
#include "team.clh"

#define EPSILON 1e-5f

/* One row written: y = (x - mean) scale weight + bias [+ place], by the members of a team. */
static inline void write_row(__global const float *from, float mean, float scale, __global const float *weight,
                             __global const float *bias, __global const float *place, __global float *y, int channels,
                             int start)
{
    for (int c = start; c < channels; c += VW * TEAM) {
        const int left = channels - c;
        vec v = (ROW_LOAD(from + c, left) - mean) * scale;
        v = MULTIPLY_ADD(v, ROW_LOAD(weight + c, left), ROW_LOAD(bias + c, left));
        if (place) v += ROW_LOAD(place + c, left);
        ROW_STORE(v, y + c, left);
    }
}

/* y = (x - mean) / deviation weight + bias [+ table[position of the row]]. x and y [rows x channels]; table [lines x
 * channels] and positions [rows] may be NULL, as may statistics (evaluation). Reads x three times, twice from cache,
 * and writes y once; about 8 FLOPs a value. */
__kernel GROUP_OF(LANES) void layer_norm(__global const float *restrict x, __global const float *restrict weight,
                                         __global const float *restrict bias, __global const float *restrict table,
                                         __global const int *restrict positions, int lines,
                                         __global float *restrict y, __global float *restrict statistics, int rows,
                                         int channels, int each)
{
    TEAM_BOX;
    const int lane = (int)get_local_id(0), member = lane % TEAM, start = VW * member;
    const int first = (int)get_group_id(0) * each, end = min(first + each, rows);
    for (int r = first; r < end; r += TEAMS) {
        const int row = min(r + lane / TEAM, rows - 1);
        const bool mine = r + lane / TEAM < end;
        __global const float *from = x + (size_t)row * channels;
        vec sum = (vec)0.0f, squares = (vec)0.0f;
        for (int c = start; c < channels; c += VW * TEAM) sum += ROW_LOAD(from + c, channels - c);
        const float mean = team_sum(sum_lanes(sum), box) / channels;
        for (int c = start; c < channels; c += VW * TEAM) {
            const vec d = ROW_ONLY(ROW_LOAD(from + c, channels - c) - mean, channels - c);
            squares = MULTIPLY_ADD(d, d, squares);
        }
        const float scale = 1.0f / sqrt(team_sum(sum_lanes(squares), box) / channels + EPSILON);
        if (mine) {
            __global const float *place = table ? table + (size_t)clamp(positions[row], 0, lines - 1) * channels : 0;
            write_row(from, mean, scale, weight, bias, place, y + (size_t)row * channels, channels, start);
        }
        if (mine && statistics && member == 0) {
            statistics[2 * row] = mean;
            statistics[2 * row + 1] = scale;
        }
    }
}

/* One row of dx; see layer_norm_backward. */
static inline void write_row_gradient(__global const float *from, __global const float *back, float mean, float scale,
                                      __global const float *weight, float mean_g, float mean_gn, __global float *dx,
                                      int channels, int start, int accumulate)
{
    for (int c = start; c < channels; c += VW * TEAM) {
        const int left = channels - c;
        const vec g = ROW_LOAD(back + c, left) * ROW_LOAD(weight + c, left);
        const vec n = (ROW_LOAD(from + c, left) - mean) * scale;
        vec d = (g - mean_g - n * mean_gn) * scale;
        if (accumulate) d += ROW_LOAD(dx + c, left);
        ROW_STORE(d, dx + c, left);
    }
}

/* dx (+)= (g - mean(g) - n mean(g n)) / deviation with g = dy weight and n the normalised x. dx [rows x channels].
 * Reads x and dy twice, the second time from cache; about 12 FLOPs a value. */
__kernel GROUP_OF(LANES) void layer_norm_backward(__global const float *restrict x, __global const float *restrict dy,
                                                  __global const float *restrict weight,
                                                  __global const float *restrict statistics,
                                                  __global float *restrict dx, int rows, int channels, int each,
                                                  int accumulate)
{
    TEAM_BOX;
    const int lane = (int)get_local_id(0), member = lane % TEAM, start = VW * member;
    const int first = (int)get_group_id(0) * each, end = min(first + each, rows);
    for (int r = first; r < end; r += TEAMS) {
        const int row = min(r + lane / TEAM, rows - 1);
        const bool mine = r + lane / TEAM < end;
        const float mean = statistics[2 * row], scale = statistics[2 * row + 1];
        __global const float *from = x + (size_t)row * channels, *back = dy + (size_t)row * channels;
        vec sum = (vec)0.0f, along = (vec)0.0f;
        for (int c = start; c < channels; c += VW * TEAM) {
            const int left = channels - c;
            const vec g = ROW_LOAD(back + c, left) * ROW_LOAD(weight + c, left);
            sum += g;
            along = MULTIPLY_ADD(g, (ROW_LOAD(from + c, left) - mean) * scale, along);
        }
        const float mean_g = team_sum(sum_lanes(sum), box) / channels;
        const float mean_gn = team_sum(sum_lanes(along), box) / channels;
        if (mine)
            write_row_gradient(from, back, mean, scale, weight, mean_g, mean_gn, dx + (size_t)row * channels, channels,
                               start, accumulate);
    }
}

/* The group's share of the parameters' gradients: part [groups x 2 channels], row g: sums over its rows of dy n, then
 * of dy. An item owns vectors of channels and walks down the rows; 4 FLOPs a value. */
__kernel GROUP_OF(LANES) void layer_norm_parameters(__global const float *restrict x, __global const float *restrict dy,
                                                    __global const float *restrict statistics,
                                                    __global float *restrict part, int rows, int channels, int each)
{
    const int first = (int)get_group_id(0) * each, end = min(first + each, rows);
    __global float *mine = part + (size_t)get_group_id(0) * 2 * channels;
    for (int c = VW * (int)get_local_id(0); c < channels; c += VW * LANES) {
        const int left = channels - c;
        vec weight = (vec)0.0f, bias = (vec)0.0f;
        for (int row = first; row < end; row++) {
            const vec d = ROW_LOAD(dy + (size_t)row * channels + c, left);
            const vec n = (ROW_LOAD(x + (size_t)row * channels + c, left) - statistics[2 * row]) *
                          statistics[2 * row + 1];
            weight = MULTIPLY_ADD(d, n, weight);
            bias += d;
        }
        ROW_STORE(weight, mine + c, left);
        ROW_STORE(bias, mine + channels + c, left);
    }
}
