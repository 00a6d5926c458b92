/* Adding each row's line of a position table, and passing a gradient on.
 *
 * check: -DVW=1 -DLANES=64 -DTEAM=16
 * check: -DVW=1 -DLANES=16 -DTEAM=16 */
#include "team.clh"

/* y = x + table[positions of the row], x and y [rows x channels], table [lines x channels], positions [rows]. With
 * table NULL: y (+)= x. A group owns `each` neighbouring rows, a team one of them at a time; every value is read and
 * written once, 1 FLOP each. */
__kernel GROUP_OF(LANES) void add_positions(__global const float *restrict x, __global const float *restrict table,
                                            __global const int *restrict positions, int lines,
                                            __global float *restrict y, int rows, int channels, int each,
                                            int accumulate)
{
    const int team = (int)get_local_id(0) / TEAM, start = VW * ((int)get_local_id(0) % TEAM);
    const int first = (int)get_group_id(0) * each, end = min(first + each, rows);
    for (int row = first + team; row < end; row += TEAMS) {
        __global const float *from = x + (size_t)row * channels;
        __global const float *line = table ? table + (size_t)clamp(positions[row], 0, lines - 1) * channels : 0;
        __global float *to = y + (size_t)row * channels;
        for (int c = start; c < channels; c += VW * TEAM) {
            const int left = channels - c;
            vec v = ROW_LOAD(from + c, left);
            if (line) v += ROW_LOAD(line + c, left);
            if (accumulate) v += ROW_LOAD(to + c, left);
            ROW_STORE(v, to + c, left);
        }
    }
}
