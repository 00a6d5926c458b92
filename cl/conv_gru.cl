/* One date's step of a convolutional GRU, forward and back: what stands around the convolutions (src/op/conv_gru.c).
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

#define ROWS                                                                                                           \
    for (int row = (int)get_group_id(0) * each + (int)get_local_id(0) / TEAM,                                          \
             end = min(((int)get_group_id(0) + 1) * each, rows);                                                       \
         row < end; row += TEAMS)
#define CHANNELS for (int c = VW * ((int)get_local_id(0) % TEAM); c < channels; c += VW * TEAM)

/* The two gates: gates [.. x 2 channels], from line `first` on the input's part of update and reset, to which `state`'s
 * is added (NULL: the first step's, zero), become their functions' values; opened [rows x channels] = reset x hidden. */
__kernel GROUP_OF(LANES) void gru_open(__global float *restrict gates, int first, __global const float *restrict state,
                                       __global const float *restrict hidden, __global float *restrict opened, int rows,
                                       int channels, int each)
{
    ROWS CHANNELS
    {
        const int left = channels - c;
        vec g[2];
        UNROLL for (int i = 0; i < 2; i++)
        {
            __global float *at = gates + ((size_t)(first + row) * 2 + i) * channels + c;
            g[i] = ROW_LOAD(at, left);
            if (state) g[i] += ROW_LOAD(state + ((size_t)row * 2 + i) * channels + c, left);
            g[i] = gate_sigmoid(g[i]);
            ROW_STORE(g[i], at, left);
        }
        const size_t at = (size_t)row * channels + c;
        ROW_STORE(g[1] * ROW_LOAD(hidden + at, left), opened + at, left);
    }
}

/* The state: hidden = (1 - update) hidden + update fresh, fresh the tanh of its input's part and `state`'s (NULL: zero).
 * A patch whose series is over keeps its own. Where backward follows (before not NULL), `fresh` is written back, and the
 * hidden state before the step goes to its line of `before`. */
__kernel GROUP_OF(LANES) void gru_close(__global const float *restrict gates, __global float *restrict fresh, int first,
                                        __global const float *restrict state, __global float *restrict hidden,
                                        __global float *restrict before, __global const int *restrict offsets, int from, int step,
                                        int rows, int pixels, int channels, int each)
{
    ROWS CHANNELS
    {
        const int left = channels - c;
        const size_t at = (size_t)row * channels + c, line = (size_t)(first + row) * channels + c;
        const vec was = ROW_LOAD(hidden + at, left);
        if (before) ROW_STORE(was, before + line, left);
        if (!goes_on(offsets, from, step, row, pixels)) continue;
        vec f = ROW_LOAD(fresh + line, left);
        if (state) f += ROW_LOAD(state + at, left);
        f = gate_tanh(f);
        if (before) ROW_STORE(f, fresh + line, left);
        const vec update = ROW_LOAD(gates + (size_t)(first + row) * 2 * channels + c, left);
        ROW_STORE(MULTIPLY_ADD(update, f - was, was), hidden + at, left);
    }
}

/* gru_close back: dhidden goes to before the step, all but what comes through the gates' and fresh's products. Written:
 * the gradients of what update's and fresh's functions were given, to dgates (its first half) and dfresh, and the latter
 * to dstep [rows x channels] too. Zero for series that are over. */
__kernel GROUP_OF(LANES) void gru_close_backward(__global const float *restrict gates,
                                                 __global const float *restrict fresh,
                                                 __global const float *restrict before, int first,
                                                 __global float *restrict dhidden, __global float *restrict dgates,
                                                 __global float *restrict dfresh, __global float *restrict dstep,
                                                 __global const int *restrict offsets, int from, int step, int rows, int pixels,
                                                 int channels, int each)
{
    ROWS
    {
        const bool active = goes_on(offsets, from, step, row, pixels);
        CHANNELS
        {
            const int left = channels - c;
            const size_t at = (size_t)row * channels + c, line = (size_t)(first + row) * channels + c;
            const size_t wide = (size_t)(first + row) * 2 * channels + c;
            vec dupdate = (vec)0.0f, df = (vec)0.0f;
            if (active) {
                const vec update = ROW_LOAD(gates + wide, left), f = ROW_LOAD(fresh + line, left);
                const vec d = ROW_LOAD(dhidden + at, left);
                df = d * update * (1.0f - f * f);
                dupdate = d * (f - ROW_LOAD(before + line, left)) * update * (1.0f - update);
                ROW_STORE(d * (1.0f - update), dhidden + at, left);
            }
            ROW_STORE(dupdate, dgates + wide, left);
            ROW_STORE(df, dfresh + line, left);
            ROW_STORE(df, dstep + at, left);
        }
    }
}

/* gru_open back: dopened [rows x channels] (NULL: zero) is the gradient of reset x hidden. dhidden += its share; the
 * reset gate's gradient goes to the second half of dgates, and both gates' to dstep [rows x 2 channels]; reset x hidden is
 * written again, to its line of `opened`. */
__kernel GROUP_OF(LANES) void gru_open_backward(__global const float *restrict gates,
                                                __global const float *restrict before, int first,
                                                __global const float *restrict dopened, __global float *restrict dhidden,
                                                __global float *restrict dgates, __global float *restrict dstep,
                                                __global float *restrict opened, int rows, int channels, int each)
{
    ROWS CHANNELS
    {
        const int left = channels - c;
        const size_t at = (size_t)row * channels + c, line = (size_t)(first + row) * channels + c;
        const size_t update = (size_t)(first + row) * 2 * channels + c, reset = update + channels;
        const size_t to = (size_t)row * 2 * channels + c;
        const vec r = ROW_LOAD(gates + reset, left), was = ROW_LOAD(before + line, left);
        vec dreset = (vec)0.0f;
        if (dopened) {
            const vec d = ROW_LOAD(dopened + at, left);
            dreset = d * was * r * (1.0f - r);
            ROW_STORE(MULTIPLY_ADD(d, r, ROW_LOAD(dhidden + at, left)), dhidden + at, left);
        }
        ROW_STORE(dreset, dgates + reset, left);
        ROW_STORE(ROW_LOAD(dgates + update, left), dstep + to, left);
        ROW_STORE(dreset, dstep + to + channels, left);
        ROW_STORE(r * was, opened + line, left);
    }
}
