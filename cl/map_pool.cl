/* Averages of an attention map over blocks of cells and over heads, before it weighs images: cl/temporal_aggregate.cl.
 * Maps are in sequence order: patch b, cell p of `cells`, date t in row offsets[b] cells + p dates + t.
 *
 * check: -DLANES=64 */
#include "common.clh"

/* small [rows x heads] = averages of map [rows x heads merged] over blocks of side x side cells and `merged`
 * neighbouring heads. Group (patch x cell of the small map): items own dates and heads. Cells behind the last whole
 * block count nowhere (torch.nn.AvgPool2d). Every value is read once; 1 FLOP each. */
__kernel GROUP_OF(LANES) void map_pool(__global const float *restrict map, __global const int *restrict offsets,
                                       __global float *restrict small, int map_height, int map_width, int height,
                                       int width, int heads, int side, int merged)
{
    const int cells = height * width, b = (int)get_group_id(0) / cells, p = (int)get_group_id(0) % cells;
    const int first = offsets[b], dates = offsets[b + 1] - first;
    const float share = 1.0f / (float)(side * side * merged);
    for (int i = (int)get_local_id(0); i < dates * heads; i += LANES) {
        const int t = i / heads, h = i % heads;
        float sum = 0.0f;
        for (int k = 0; k < side * side; k++) {
            const int row = p / width * side + k / side, column = p % width * side + k % side;
            const size_t from = (size_t)first * map_height * map_width + (size_t)(row * map_width + column) * dates + t;
            for (int m = 0; m < merged; m++) sum += map[(from * heads + h) * merged + m];
        }
        small[((size_t)first * cells + (size_t)p * dates + t) * heads + h] = sum * share;
    }
}

/* Its gradient: dmap (+)= share of dsmall, 0 for cells behind the last block. Group (patch x cell of the large map);
 * 1 FLOP a value. */
__kernel GROUP_OF(LANES) void map_pool_backward(__global const float *restrict dsmall,
                                                __global const int *restrict offsets, __global float *restrict dmap,
                                                int map_height, int map_width, int height, int width, int heads,
                                                int side, int merged, int accumulate)
{
    const int cells = map_height * map_width, b = (int)get_group_id(0) / cells, p = (int)get_group_id(0) % cells;
    const int first = offsets[b], dates = offsets[b + 1] - first;
    const int row = p / map_width / side, column = p % map_width / side;
    const float share = row < height && column < width ? 1.0f / (float)(side * side * merged) : 0.0f;
    const size_t from = (size_t)first * height * width;
    const int block = min(row, height - 1) * width + min(column, width - 1);
    for (int i = (int)get_local_id(0); i < dates * heads * merged; i += LANES) {
        const int t = i / (heads * merged), h = i / merged % heads;
        const size_t to = ((size_t)first * cells + (size_t)p * dates) * heads * merged + i;
        const float d = dsmall[(from + (size_t)block * dates + t) * heads + h] * share;
        dmap[to] = accumulate ? dmap[to] + d : d;
    }
}
