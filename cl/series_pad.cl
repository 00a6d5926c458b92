/* Ragged series filled up to one length.
 *
 * check: -DVW=4 -DEACH=1 -DLANES=64
 * check-cpu: -DVW=16 -DEACH=4 -DLANES=1 */
#include "image_part.clh"

/* y [series x dates x pixels x channels] = x [frames x pixels x channels], of which series s owns the frames offsets[s] ..
 * offsets[s + 1] - 1; `value` where it has none. Groups: image_part.clh, over y. Each value is read and written once. */
__kernel GROUP_OF(LANES) void series_pad(__global const float *restrict x, __global const int *restrict offsets,
                                         __global float *restrict y, int dates, int pixels, int channels,
                                         int pixels_each, int team, float value)
{
    const place at = find_place(channels, pixels, pixels_each, team);
    const int series = at.frame / dates, from = offsets[series] + at.frame - series * dates;
    const int there = from < offsets[series + 1];
    x += (size_t)(there ? from : 0) * pixels * channels + at.c;
    y += (size_t)at.frame * pixels * channels + at.c;
    for (int p = at.begin; p < at.end; p += at.step) {
        const size_t here = (size_t)p * channels;
        VECTORS VSTORE(there ? VLOAD(e, x + here) : (vec)value, e, y + here);
    }
}
