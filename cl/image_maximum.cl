/* The largest value of each channel of an image, at all of its pixels, and its gradient (src/op/image_maximum.c). A group
 * owns TEAM vectors of channels of one frame (group_id 0: which, 1: frame); its teams share out the pixels.
 *
 * check: -DVW=1 -DLANES=64 -DTEAM=16
 * check: -DVW=1 -DLANES=64 -DTEAM=64 */
#include "team.clh"

/* where [frames x channels]: the first pixel of x [frames x pixels x channels] that has its channel's largest value, or
 * is no number. Each value is read once. */
__kernel GROUP_OF(LANES) void maximum_find(__global const float *restrict x, __global int *restrict where, int pixels,
                                           int channels)
{
    const int lane = (int)get_local_id(0), frame = (int)get_group_id(1);
    const int c = VW * ((int)get_group_id(0) * TEAM + lane % TEAM), left = channels - c;
    x += (size_t)frame * pixels * channels;
    vec best = (vec)-INFINITY;
    int_vec at = (int_vec)0;
    for (int p = lane / TEAM; p < pixels && left > 0; p += TEAMS) {
        const vec v = ROW_LOAD(x + (size_t)p * channels + c, left);
        const int_vec better = (isgreater(v, best) | isnan(v)) & isequal(best, best);
        best = select(best, v, better);
        at = select(at, (int_vec)p, better);
    }
#if LANES > 1 /* VW is 1 */
    __local float value[LANES];
    __local int place[LANES];
    value[lane] = best;
    place[lane] = at;
    barrier(CLK_LOCAL_MEM_FENCE);
    if (lane >= TEAM || left <= 0) return;
    NOUNROLL for (int other = lane + TEAM; other < LANES; other += TEAM)
    {
        const float v = value[other];
        const bool first = place[other] < at;
        if ((isnan(v) && (!isnan(best) || first)) || v > best || (v == best && first)) {
            best = v;
            at = place[other];
        }
    }
    where[(size_t)frame * channels + c] = at;
#else
    int lanes[VW];
#if VW == 1
    lanes[0] = at;
#else
    PASTE(vstore, VW)(at, 0, lanes);
#endif
    for (int i = 0; i < VW && i < left; i++) where[(size_t)frame * channels + c + i] = lanes[i];
#endif
}

/* y [frames x pixels x channels]: each channel's value at `where`. Group (part of `each` pixels, frame); each value is
 * written once. */
__kernel GROUP_OF(LANES) void maximum_spread(__global const float *restrict x, __global const int *restrict where,
                                             __global float *restrict y, int pixels, int channels, int each)
{
    const int lane = (int)get_local_id(0), frame = (int)get_group_id(1);
    const int begin = (int)get_group_id(0) * each, end = min(begin + each, pixels);
    x += (size_t)frame * pixels * channels;
    y += (size_t)frame * pixels * channels;
    where += (size_t)frame * channels;
    for (int c = VW * (lane % TEAM); c < channels; c += VW * TEAM) {
        float lanes[VW] ALIGNED;
        for (int i = 0; i < VW; i++) lanes[i] = c + i < channels ? x[(size_t)where[c + i] * channels + c + i] : 0.0f;
#if VW == 1
        const vec v = lanes[0];
#else
        const vec v = VLOAD(0, lanes);
#endif
        for (int p = begin + lane / TEAM; p < end; p += TEAMS)
            ROW_STORE(v, y + (size_t)p * channels + c, channels - c);
    }
}

/* dx at `where` += the sum of dy over the pixels. */
__kernel GROUP_OF(LANES) void maximum_backward(__global const float *restrict dy, __global const int *restrict where,
                                               __global float *restrict dx, int pixels, int channels)
{
    const int lane = (int)get_local_id(0), frame = (int)get_group_id(1);
    const int c = VW * ((int)get_group_id(0) * TEAM + lane % TEAM), left = channels - c;
    dy += (size_t)frame * pixels * channels;
    dx += (size_t)frame * pixels * channels;
    vec sum = (vec)0.0f;
    for (int p = lane / TEAM; p < pixels && left > 0; p += TEAMS)
        sum += ROW_LOAD(dy + (size_t)p * channels + c, left);
    float lanes[VW] ALIGNED;
#if LANES > 1
    __local float box[LANES];
    box[lane] = sum;
    barrier(CLK_LOCAL_MEM_FENCE);
    if (lane >= TEAM) return;
    NOUNROLL for (int other = lane + TEAM; other < LANES; other += TEAM) sum += box[other];
#endif
#if VW == 1
    lanes[0] = sum;
#else
    VSTORE(sum, 0, lanes);
#endif
    for (int i = 0; i < VW && i < left; i++)
        dx[(size_t)where[(size_t)frame * channels + c + i] * channels + c + i] += lanes[i];
}
