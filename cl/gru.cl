/* One date's step of a gated recurrent unit, forward and back, for all sequences: what stands around the matrix products
 * (src/op/gru.c).
 *
 * check: -DVW=1 -DLANES=64 -DTEAM=64
 * check-cpu: -DVW=16 -DLANES=1 -DTEAM=1 -DTAIL=1 */
#include "gates.clh"
#include "team.clh"

/* h [sequences x channels] goes from before the sequence's frame number `step` to behind it; sequences that have no such
 * frame keep theirs. x [frames x 3 channels], state [sequences x 3 channels]: the two products, reset, update, new.
 * Where backward follows (gates not NULL) the frame's line of each of gates [frames x 3 channels] (after their
 * functions), hidden [frames x channels] (the state's part of new) and before (h) is written.
 * A group owns a sequence, an item vectors of its channels; about 60 FLOPs a channel. */
__kernel GROUP_OF(LANES) void gru_step(__global const float *restrict x, __global const float *restrict state,
                                       __global const int *restrict offsets, int step, __global float *restrict h,
                                       int channels, __global float *restrict gates, __global float *restrict hidden,
                                       __global float *restrict before)
{
    const int s = (int)get_group_id(0), frame = offsets[s] + step;
    if (frame >= offsets[s + 1]) return;
    x += (size_t)frame * 3 * channels;
    state += (size_t)s * 3 * channels;
    h += (size_t)s * channels;
    for (int c = VW * (int)get_local_id(0); c < channels; c += VW * LANES) {
        const int left = channels - c;
        const vec was = ROW_LOAD(h + c, left), part = ROW_LOAD(state + 2 * channels + c, left);
        const vec reset = gate_sigmoid(ROW_LOAD(x + c, left) + ROW_LOAD(state + c, left));
        const vec update = gate_sigmoid(ROW_LOAD(x + channels + c, left) + ROW_LOAD(state + channels + c, left));
        const vec fresh = gate_tanh(MULTIPLY_ADD(reset, part, ROW_LOAD(x + 2 * channels + c, left)));
        ROW_STORE(MULTIPLY_ADD(update, was - fresh, fresh), h + c, left);
        if (!gates) continue;
        __global float *line = gates + (size_t)frame * 3 * channels + c;
        ROW_STORE(reset, line, left);
        ROW_STORE(update, line + channels, left);
        ROW_STORE(fresh, line + 2 * channels, left);
        ROW_STORE(part, hidden + (size_t)frame * channels + c, left);
        ROW_STORE(was, before + (size_t)frame * channels + c, left);
    }
}

/* The same back: dh [sequences x channels] goes from behind the frame to before it, all but what comes through the
 * state's product. dx (+)= the gradient of x's line; that of the state's product is written to its line of dproduct
 * [frames x 3 channels] and to dstate [sequences x 3 channels] (zero where there is no such frame). */
__kernel GROUP_OF(LANES) void gru_step_backward(__global const float *restrict gates,
                                                __global const float *restrict hidden,
                                                __global const float *restrict before,
                                                __global const int *restrict offsets, int step,
                                                __global float *restrict dh, int channels, __global float *restrict dx,
                                                int accumulate, __global float *restrict dproduct,
                                                __global float *restrict dstate)
{
    const int s = (int)get_group_id(0), frame = offsets[s] + step;
    const bool there = frame < offsets[s + 1];
    dstate += (size_t)s * 3 * channels;
    dh += (size_t)s * channels;
    for (int c = VW * (int)get_local_id(0); c < channels; c += VW * LANES) {
        const int left = channels - c;
        vec d[3] = {(vec)0.0f, (vec)0.0f, (vec)0.0f};
        if (there) {
            __global const float *line = gates + (size_t)frame * 3 * channels + c;
            const vec reset = ROW_LOAD(line, left), update = ROW_LOAD(line + channels, left);
            const vec fresh = ROW_LOAD(line + 2 * channels, left), back = ROW_LOAD(dh + c, left);
            const vec part = ROW_LOAD(hidden + (size_t)frame * channels + c, left);
            const vec was = ROW_LOAD(before + (size_t)frame * channels + c, left);
            const vec dfresh = back * (1.0f - update) * (1.0f - fresh * fresh);
            d[0] = dfresh * part * reset * (1.0f - reset);
            d[1] = back * (was - fresh) * update * (1.0f - update);
            d[2] = dfresh * reset;
            ROW_STORE(back * update, dh + c, left);
            __global float *to = dx + (size_t)frame * 3 * channels + c;
            const vec own[3] = {d[0], d[1], dfresh};
            UNROLL for (int i = 0; i < 3; i++)
            {
                const vec sum = accumulate ? own[i] + ROW_LOAD(to + i * channels, left) : own[i];
                ROW_STORE(sum, to + i * channels, left);
                ROW_STORE(d[i], dproduct + (size_t)frame * 3 * channels + i * channels + c, left);
            }
        }
        UNROLL for (int i = 0; i < 3; i++) ROW_STORE(d[i], dstate + i * channels + c, left);
    }
}
