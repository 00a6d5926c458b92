/* Features of some pixels: what the maps of an image network hold where a centre lies.
 *
 * A centre is {patch, row, column} of the finest map; `shift` halvings lead to this one. An item owns VW neighbouring
 * channels (tails masked).
 *
 * check: -DVW=1 -DLANES=64 -DTEAM=1
 * check-cpu: -DVW=16 */
#include "team.clh"

static inline size_t pixel_of(__global const int *centre, int shift, int height, int width)
{
    return ((size_t)centre[0] * height + (centre[1] >> shift)) * width + (centre[2] >> shift);
}

/* y [centres x stride], columns from `column` on = the map's channels. Group (channels, centre). */
__kernel GROUP_OF(LANES) void gather(__global const float *restrict map, __global const int *restrict centres,
                                     __global float *restrict y, int height, int width, int channels, int shift,
                                     int column, int stride)
{
    const int c = (int)get_global_id(0) * VW, i = (int)get_global_id(1);
    if (c >= channels) return;
    const size_t from = pixel_of(centres + 3 * i, shift, height, width) * channels;
    store_tail(load_tail(map + from + c, channels - c), y + (size_t)i * stride + column + c, channels - c);
}

/* dmap += the centres' rows, in their order: two may lie in one pixel. An item goes through all centres. */
__kernel GROUP_OF(LANES) void scatter(__global const float *restrict dy, __global const int *restrict centres, int count,
                                      __global float *restrict dmap, int height, int width, int channels, int shift,
                                      int column, int stride)
{
    const int c = (int)get_global_id(0) * VW;
    if (c >= channels) return;
    for (int i = 0; i < count; i++) {
        __global float *to = dmap + pixel_of(centres + 3 * i, shift, height, width) * channels + c;
        const int left = channels - c;
        store_tail(load_tail(to, left) + load_tail(dy + (size_t)i * stride + column + c, left), to, left);
    }
}
