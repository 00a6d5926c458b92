/* Which rows of a tensor in sequence order belong to which pixel's series: see pixel_sequences in src/op/image.h.
 *
 * check: -DLANES=64 */
#include "common.clh"

/* Patch b, dates offsets[b] .. offsets[b + 1] - 1, has `pixels` sequences of as many rows as it has dates:
 * sequences [patches pixels + 1]: where each starts, and the end; rows [frames pixels]: its dates' positions [frames].
 * Group (patch, blocks of its pixels in turn); the group of patch number `patches` writes the end. No FLOPs. */
__kernel GROUP_OF(LANES) void pixel_sequences(__global const int *restrict offsets,
                                              __global const int *restrict positions, int patches, int pixels,
                                              __global int *restrict sequences, __global int *restrict rows)
{
    const int b = (int)get_group_id(0), first = offsets[b];
    const int start = (int)(get_group_id(1) * LANES + get_local_id(0)), step = (int)get_num_groups(1) * LANES;
    if (b == patches) {
        if (start == 0) sequences[(size_t)patches * pixels] = first * pixels;
        return;
    }
    const int dates = offsets[b + 1] - first;
    for (int p = start; p < pixels; p += step) {
        const int row = first * pixels + p * dates;
        sequences[(size_t)b * pixels + p] = row;
        for (int t = 0; t < dates; t++) rows[row + t] = positions[first + t];
    }
}
