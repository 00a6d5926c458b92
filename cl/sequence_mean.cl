/* Means over the dates of each sequence.
 *
 * check: -DVW=1 -DLANES=64 -DTEAM=64 */
#include "team.clh"

/* y [sequences x channels] from x [frames x channels]; sequence s owns the frames offsets[s] .. offsets[s + 1] - 1; one
 * without frames gives 0. An item owns vectors of channels of one sequence; every value is read once. */
__kernel GROUP_OF(LANES) void sequence_mean(__global const float *restrict x, __global const int *restrict offsets,
                                            __global float *restrict y, int channels)
{
    const int s = (int)get_group_id(0), first = offsets[s], end = offsets[s + 1];
    const float share = end > first ? 1.0f / (end - first) : 0.0f;
    for (int c = VW * (int)get_local_id(0); c < channels; c += VW * LANES) {
        vec sum = (vec)0.0f;
        for (int f = first; f < end; f++) sum += ROW_LOAD(x + (size_t)f * channels + c, channels - c);
        ROW_STORE(sum * share, y + (size_t)s * channels + c, channels - c);
    }
}

/* dx (+)= dy / dates, the same for every date of the sequence. */
__kernel GROUP_OF(LANES) void sequence_mean_backward(__global const float *restrict dy,
                                                     __global const int *restrict offsets, __global float *restrict dx,
                                                     int channels, int accumulate)
{
    const int s = (int)get_group_id(0), first = offsets[s], end = offsets[s + 1];
    const float share = end > first ? 1.0f / (end - first) : 0.0f;
    for (int c = VW * (int)get_local_id(0); c < channels; c += VW * LANES) {
        const int left = channels - c;
        const vec d = ROW_LOAD(dy + (size_t)s * channels + c, left) * share;
        for (int f = first; f < end; f++) {
            __global float *to = dx + (size_t)f * channels + c;
            ROW_STORE(accumulate ? d + ROW_LOAD(to, left) : d, to, left);
        }
    }
}
