/* Columns of one matrix copied into columns of another.
 *
 * check: -DVW=1 -DLANES=64 -DTEAM=16 */
#include "team.clh"

/* to[r, to_column + i] (+)= from[r, from_column + i] for i < columns. A group owns `each` rows, a team
 * one of them at a time; every value is read and written once. */
__kernel GROUP_OF(LANES) void copy_columns(__global const float *restrict from, int from_stride, int from_column,
                                           __global float *restrict to, int to_stride, int to_column, int rows,
                                           int columns, int each, int accumulate)
{
    const int first = (int)get_group_id(0) * each, end = min(first + each, rows);
    for (int row = first + (int)get_local_id(0) / TEAM; row < end; row += TEAMS)
        for (int c = VW * ((int)get_local_id(0) % TEAM); c < columns; c += VW * TEAM) {
            const int left = columns - c;
            __global float *target = to + (size_t)row * to_stride + to_column + c;
            vec v = ROW_LOAD(from + (size_t)row * from_stride + from_column + c, left);
            if (accumulate) v += ROW_LOAD(target, left);
            ROW_STORE(v, target, left);
        }
}
