/* One date's step of a convolutional LSTM, forward and back: what stands around the convolutions (src/op/conv_lstm.c).
 * Rows are pixels, those of a step's patches one after the other. A group owns `each` rows, a team one of them at a time.
 *
 * check: -DVW=1 -DLANES=64 -DTEAM=16
 * check-cpu: -DVW=16 -DLANES=1 -DTEAM=1 -DTAIL=0 */
#include "gates.clh"
#include "team.clh"

/* Does the series of the row's patch, one behind patch `from` of the batch, go on at `step`? offsets NULL: all do. */
static inline bool goes_on(__global const int *offsets, int from, int step, int row, int pixels)
{
    const int patch = from + row / pixels;
    return !offsets || step < offsets[patch + 1] - offsets[patch];
}

/* cell and hidden [rows x channels] go on by a step; of a patch whose series is over, cell stays and hidden is left alone.
 * gates [.. x 4 channels], from line `first` on: the input's part of in, forget, out, fresh, to which `state`'s (NULL, as
 * the cell: zero, the first step) is added. Where backward follows (before not NULL), gates are written back after their
 * functions, and the cell before the step goes to its line of `before`. 14 values read and written a channel, about 110
 * FLOPs. */
__kernel GROUP_OF(LANES) void lstm_step(__global float *restrict gates, int first, __global const float *restrict state,
                                        __global float *restrict cell, __global float *restrict hidden,
                                        __global float *restrict before, __global const int *restrict offsets, int from, int step,
                                        int rows, int pixels, int channels, int each)
{
    const int begin = (int)get_group_id(0) * each, end = min(begin + each, rows);
    for (int row = begin + (int)get_local_id(0) / TEAM; row < end; row += TEAMS) {
        const bool active = goes_on(offsets, from, step, row, pixels);
        __global float *line = gates + (size_t)(first + row) * 4 * channels;
        __global const float *added = state + (size_t)row * 4 * channels;
        for (int c = VW * ((int)get_local_id(0) % TEAM); c < channels; c += VW * TEAM) {
            const int left = channels - c;
            const size_t at = (size_t)row * channels + c;
            const vec was = state ? ROW_LOAD(cell + at, left) : (vec)0.0f;
            if (before) ROW_STORE(was, before + (size_t)first * channels + at, left);
            if (!active) {
                ROW_STORE(was, cell + at, left);
                continue;
            }
            vec g[4];
            UNROLL for (int i = 0; i < 4; i++)
            {
                g[i] = ROW_LOAD(line + i * channels + c, left);
                if (state) g[i] += ROW_LOAD(added + i * channels + c, left);
                g[i] = i < 3 ? gate_sigmoid(g[i]) : gate_tanh(g[i]);
                if (before) ROW_STORE(g[i], line + i * channels + c, left);
            }
            const vec now = MULTIPLY_ADD(g[1], was, g[0] * g[3]);
            ROW_STORE(now, cell + at, left);
            ROW_STORE(g[2] * gate_tanh(now), hidden + at, left);
        }
    }
}

/* The same back: dcell [rows x channels] goes from behind the step to before it; dhidden (NULL: zero) is the gradient of
 * the hidden state behind it. Written: the gradient of what the gates' functions were given, to its line of dgates and
 * to dstep [rows x 4 channels] (zero for series that are over); the hidden state behind the step, to the line of `states`
 * that belongs to the next one (states NULL: not wanted). */
__kernel GROUP_OF(LANES) void lstm_step_backward(__global const float *restrict gates,
                                                 __global const float *restrict before, int first,
                                                 __global float *restrict dcell, __global const float *restrict dhidden,
                                                 __global float *restrict dgates, __global float *restrict dstep,
                                                 __global float *restrict states, __global const int *restrict offsets, int from,
                                                 int step, int rows, int pixels, int channels, int each)
{
    const int begin = (int)get_group_id(0) * each, end = min(begin + each, rows);
    for (int row = begin + (int)get_local_id(0) / TEAM; row < end; row += TEAMS) {
        const bool active = goes_on(offsets, from, step, row, pixels);
        const size_t wide = (size_t)(first + row) * 4 * channels, next = (size_t)(first + rows + row) * channels;
        for (int c = VW * ((int)get_local_id(0) % TEAM); c < channels; c += VW * TEAM) {
            const int left = channels - c;
            const size_t at = (size_t)row * channels + c;
            vec d[4] = {(vec)0.0f, (vec)0.0f, (vec)0.0f, (vec)0.0f}, hidden = (vec)0.0f;
            if (active) {
                vec g[4];
                UNROLL for (int i = 0; i < 4; i++) g[i] = ROW_LOAD(gates + wide + i * channels + c, left);
                const vec was = ROW_LOAD(before + (size_t)first * channels + at, left);
                const vec bent = gate_tanh(MULTIPLY_ADD(g[1], was, g[0] * g[3]));
                vec dc = ROW_LOAD(dcell + at, left);
                if (dhidden) {
                    const vec dh = ROW_LOAD(dhidden + at, left);
                    dc = MULTIPLY_ADD(dh * g[2], 1.0f - bent * bent, dc);
                    d[2] = dh * bent * g[2] * (1.0f - g[2]);
                }
                d[0] = dc * g[3] * g[0] * (1.0f - g[0]);
                d[1] = dc * was * g[1] * (1.0f - g[1]);
                d[3] = dc * g[0] * (1.0f - g[3] * g[3]);
                ROW_STORE(dc * g[1], dcell + at, left);
                hidden = g[2] * bent;
            }
            UNROLL for (int i = 0; i < 4; i++)
            {
                ROW_STORE(d[i], dgates + wide + i * channels + c, left);
                ROW_STORE(d[i], dstep + (size_t)row * 4 * channels + i * channels + c, left);
            }
            if (states) ROW_STORE(hidden, states + next + c, left);
        }
    }
}
