/* Ragged series of images in steps, and back (src/op/series_steps.c).
 *
 * check: -DVW=4 -DLANES=64
 * check: -DVW=1 -DLANES=64 */
#include "common.clh"

/* The frame that stands at step `step` of patch `patch` of the batch; -1: the series has none. */
static inline int frame_at(__global const int *offsets, int patch, int step, int steps, int reverse, int padding_first)
{
    const int first = offsets[patch], dates = offsets[patch + 1] - first;
    const int date = !reverse ? step : (padding_first ? steps : dates) - 1 - step;
    return date >= 0 && date < dates ? first + date : -1;
}

/* y [steps x patches x values] from the frames x [.. x values], pad_value where there is none. Group (part, step x patches
 * + patch) owns `each` values of an image; each value is read and written once. */
__kernel GROUP_OF(LANES) void series_steps(__global const float *restrict x, __global const int *restrict offsets,
                                           __global float *restrict y, int steps, int first, int patches, int values,
                                           int each, int reverse, int padding_first, float pad_value)
{
    const int to = (int)get_group_id(1), frame = frame_at(offsets, first + to % patches, to / patches, steps, reverse, padding_first);
    const int begin = (int)get_group_id(0) * each, end = min(begin + each, values);
    x += (size_t)max(frame, 0) * values;
    y += (size_t)to * values;
    for (int i = begin + VW * (int)get_local_id(0); i < end; i += VW * LANES)
        store_tail(frame < 0 ? (vec)pad_value : load_tail(x + i, end - i), y + i, end - i);
}

/* dx (+)= dy of the step that each frame stands at: every frame does. */
__kernel GROUP_OF(LANES) void series_steps_backward(__global const float *restrict dy,
                                                    __global const int *restrict offsets, __global float *restrict dx,
                                                    int steps, int first, int patches, int values,
                                                    int each, int reverse, int padding_first, int accumulate)
{
    const int from = (int)get_group_id(1);
    const int frame = frame_at(offsets, first + from % patches, from / patches, steps, reverse, padding_first);
    const int begin = (int)get_group_id(0) * each, end = min(begin + each, values);
    if (frame < 0) return;
    dx += (size_t)frame * values;
    dy += (size_t)from * values;
    for (int i = begin + VW * (int)get_local_id(0); i < end; i += VW * LANES) {
        const int left = end - i;
        vec d = load_tail(dy + i, left);
        if (accumulate) d += load_tail(dx + i, left);
        store_tail(d, dx + i, left);
    }
}
