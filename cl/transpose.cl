/* Weights as the matrix product streams them: W [N x K] -> [K x stride], zeros in the columns from N on.
 *
 * check: -DLANES=64 */
#include "common.clh"

#ifndef LANES
#define LANES 1
#endif
#define SIDE 16 /* of a tile */

/* A group turns tiles of SIDE x SIDE of matrix get_group_id(1): every get_num_groups(0)-th of them. Table: for each
 * matrix {source offset, target offset, N, K, stride} in floats. Each value is read and written once. With one item
 * a group, a line of the tile is read as it lies and written down SIDE columns; with LANES items the tile passes
 * through local memory, so that both reading and writing are coalesced. */
__kernel GROUP_OF(LANES) void transpose_parameters(__global const float *restrict values,
                                                   __global float *restrict transposed,
                                                   __global const int *restrict table)
{
    __global const int *line = table + 5 * get_group_id(1);
    __global const float *source = values + line[0];
    __global float *target = transposed + line[1];
    const int outputs = line[2], inputs = line[3], stride = line[4];
    const int across = (stride + SIDE - 1) / SIDE, tiles = across * ((inputs + SIDE - 1) / SIDE);
#if LANES > 1
    __local float tile[SIDE][SIDE + 1];
    const int lane = (int)get_local_id(0);
#endif
    for (int t = (int)get_group_id(0); t < tiles; t += (int)get_num_groups(0)) {
        const int n0 = t % across * SIDE, k0 = t / across * SIDE;
#if LANES > 1
        for (int i = lane; i < SIDE * SIDE; i += LANES) {
            const int n = n0 + i / SIDE, k = k0 + i % SIDE;
            tile[i / SIDE][i % SIDE] = n < outputs && k < inputs ? source[(size_t)n * inputs + k] : 0.0f;
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        for (int i = lane; i < SIDE * SIDE; i += LANES) {
            const int n = n0 + i % SIDE, k = k0 + i / SIDE;
            if (n < stride && k < inputs) target[(size_t)k * stride + n] = tile[i % SIDE][i / SIDE];
        }
        barrier(CLK_LOCAL_MEM_FENCE);
#else
        const int last = min(SIDE, inputs - k0);
        for (int n = n0; n < min(n0 + SIDE, stride); n++)
            for (int k = 0; k < last; k++)
                target[(size_t)(k0 + k) * stride + n] = n < outputs ? source[(size_t)n * inputs + k0 + k] : 0.0f;
#endif
    }
}
