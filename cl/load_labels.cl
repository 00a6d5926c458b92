/* Label images to classes, flipped and turned as their frames are; see op/image.h.
 *
 * check: -DLANES=64 */
#include "common.clh"
#include "turn.clh"

#ifndef LANES
#define LANES 1
#endif

/* target [patches x height x width] from labels [patches x height x width] by class_map [256]. A group owns a row. */
__kernel GROUP_OF(LANES) void load_labels(__global const uchar *restrict labels, __global const int *restrict turn,
                                          __global const int *restrict class_map, int height, int width,
                                          __global int *restrict target)
{
    const size_t patch = get_group_id(1), plane = (size_t)height * width;
    const int row = (int)get_group_id(0);
    const path p = path_of(turn[patch], height, width);
    labels += patch * plane + p.start + row * p.down;
    target += patch * plane + (size_t)row * width;
    for (int column = (int)get_local_id(0); column < width; column += LANES)
        target[column] = class_map[labels[column * p.along]];
}
