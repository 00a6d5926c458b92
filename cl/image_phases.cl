/* Images as interlaced smaller ones, and back (src/op/image_phases.c).
 *
 * With a step of d, phase (a, b) of an image is its pixels (a + d u, b + d v): d^2 images, which follow one another, of the
 * height and width divided by d, rounded up. Around each lie `margin` pixels of the same phase beyond the image's edge,
 * which is continued by reflection (without repeating the edge); what lies further out than that is zero.
 *
 * check: -DVW=1 -DLANES=64 -DTEAM=16
 * check: -DVW=1 -DLANES=64 -DTEAM=1 */
#include "team.clh"

static inline int mirror(int i, int size)
{
    i = i < 0 ? -i : i;
    return i >= size ? 2 * size - 2 - i : i;
}

/* y [frames step^2 x rows x columns x channels] from x [frames x height x width x channels]; rows = height / step + 2
 * margin. Group (row, phase image) owns a line of y; each value is read about once and written once. */
__kernel GROUP_OF(LANES) void to_phases(__global const float *restrict x, __global float *restrict y, int height,
                                        int width, int channels, int step, int margin, int columns, int accumulate)
{
    const int u = (int)get_group_id(0), rows = (int)get_num_groups(0), image = (int)get_group_id(1);
    const int frame = image / (step * step), a = image / step % step, b = image % step, reach = margin * step;
    const int i = a + step * (u - margin);
    const bool inside = i >= -reach && i < height + reach;
    x += ((size_t)frame * height + (inside ? mirror(i, height) : 0)) * width * channels;
    y += ((size_t)image * rows + u) * columns * channels;
    for (int v = (int)get_local_id(0) / TEAM; v < columns; v += TEAMS) {
        const int j = b + step * (v - margin);
        const bool there = inside && j >= -reach && j < width + reach;
        __global const float *from = x + (size_t)(there ? mirror(j, width) : 0) * channels;
        __global float *to = y + (size_t)v * channels;
        for (int c = VW * ((int)get_local_id(0) % TEAM); c < channels; c += VW * TEAM) {
            vec value = there ? ROW_LOAD(from + c, channels - c) : (vec)0.0f;
            if (accumulate) value += ROW_LOAD(to + c, channels - c);
            ROW_STORE(value, to + c, channels - c);
        }
    }
}

/* The places that line i of an image stands at: itself, its reflections before and behind. Place k; false: none. */
static inline bool place_of(int k, int i, int size, int reach, int *place)
{
    *place = k == 0 ? i : k == 1 ? -i : 2 * size - 2 - i;
    return k == 0 || (k == 1 ? i > 0 && i <= reach : i < size - 1 && *place < size + reach);
}

/* The transpose: x (+)= the sum of y over the up to nine places of each pixel, in a fixed order. Group (row, frame) owns a
 * line of x. */
__kernel GROUP_OF(LANES) void from_phases(__global const float *restrict y, __global float *restrict x, int height,
                                          int width, int channels, int step, int margin, int rows, int columns,
                                          int accumulate)
{
    const int i = (int)get_group_id(0), frame = (int)get_group_id(1), reach = margin * step;
    x += ((size_t)frame * height + i) * width * channels;
    y += (size_t)frame * step * step * rows * columns * channels;
    for (int j = (int)get_local_id(0) / TEAM; j < width; j += TEAMS)
        for (int c = VW * ((int)get_local_id(0) % TEAM); c < channels; c += VW * TEAM) {
            __global float *to = x + (size_t)j * channels + c;
            vec sum = accumulate ? ROW_LOAD(to, channels - c) : (vec)0.0f;
            for (int k = 0; k < 9; k++) {
                int row, column;
                if (!place_of(k / 3, i, height, reach, &row) || !place_of(k % 3, j, width, reach, &column)) continue;
                row += reach; /* from 0 on */
                column += reach;
                const int image = row % step * step + column % step;
                const size_t at = ((size_t)image * rows + row / step) * columns + column / step;
                sum += ROW_LOAD(y + at * channels + c, channels - c);
            }
            ROW_STORE(sum, to, channels - c);
        }
}
