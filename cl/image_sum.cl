/* Sums and copies of images that may carry norms which are not yet applied.
 *
 * check: -DVW=4 -DEACH=1 -DLANES=64
 * check: -DVW=1 -DEACH=1 -DLANES=64
 * check-cpu: -DVW=16 -DEACH=4 -DLANES=1 */
#include "image_part.clh"
#include "pending.clh"

/* to = a, or a + b where b is not NULL. Of rows of `stride` floats (one a pixel), each takes the `channels` from
 * `column` on, from frame `first` on. scale_shift (NULL: none) has a line every `line` floats for each frame; what is
 * below zero then is multiplied by `slope`. `to` may be b (to add): these are not `restrict`, and an item reads a place
 * before it writes it. Each value is read and written once; 1 FLOP, and 2 for each norm. */
__kernel GROUP_OF(LANES) void image_sum(__global const float *restrict a, int a_stride, int a_column, int a_first,
                                        __global const float *restrict a_scale_shift, int a_line, float a_slope,
                                        __global const float *b, int b_stride, int b_column, int b_first,
                                        __global const float *restrict b_scale_shift, int b_line, float b_slope,
                                        __global float *to, int to_stride, int to_column, int to_first, int pixels,
                                        int channels, int pixels_each, int team)
{
    const place at = find_place(channels, pixels, pixels_each, team);
    pending_vector a_norm[EACH], b_norm[EACH];
    if (a_scale_shift) a_scale_shift += (size_t)(a_first + at.frame) * a_line;
    if (b_scale_shift) b_scale_shift += (size_t)(b_first + at.frame) * b_line;
    VECTORS a_norm[e] = pending_vector_at(a_scale_shift, channels, at.c + e * VW, a_slope);
    VECTORS b_norm[e] = pending_vector_at(b_scale_shift, channels, at.c + e * VW, b_slope);
    a += (size_t)(a_first + at.frame) * pixels * a_stride + a_column + at.c;
    to += (size_t)(to_first + at.frame) * pixels * to_stride + to_column + at.c;
    if (!b) {
        for (int p = at.begin; p < at.end; p += at.step)
            VECTORS VSTORE(pending_vector_apply(a_norm[e], VLOAD(e, a + (size_t)p * a_stride)), e,
                           to + (size_t)p * to_stride);
        return;
    }
    b += (size_t)(b_first + at.frame) * pixels * b_stride + b_column + at.c;
    for (int p = at.begin; p < at.end; p += at.step) {
        vec sum[EACH];
        VECTORS sum[e] = pending_vector_apply(a_norm[e], VLOAD(e, a + (size_t)p * a_stride)) +
                         pending_vector_apply(b_norm[e], VLOAD(e, b + (size_t)p * b_stride));
        store_channels(sum, to + (size_t)p * to_stride, 0, 0);
    }
}
