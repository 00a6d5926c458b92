/* Means over the dates of series under shifts: see src/op/date_means.c.
 *
 *   y[s, j] = 1 / n sum over t < n of x[s, t + j - TAPS / 2], n = min(dates of s in offsets, dates of x)
 *
 * x [series x dates x pixels x channels] under its pending norm, y [series x TAPS x pixels x channels]. In shift j, date t
 * of x counts where j - TAPS / 2 <= t < n + j - TAPS / 2. Groups: image_part.clh.
 *
 * check: -DVW=4 -DEACH=1 -DLANES=64 -DTAPS=3
 * check-cpu: -DVW=16 -DEACH=1 -DLANES=1 -DTAPS=3 */
#include "image_part.clh"
#include "pending.clh"

#ifndef TAPS
#define TAPS 3
#endif

static inline int dates_counted(__global const int *offsets, int series, int dates)
{
    return clamp(offsets[series + 1] - offsets[series], 1, dates);
}

static inline int counts(int t, int j, int counted)
{
    const int first = j - TAPS / 2;
    return t >= first && t < counted + first;
}

/* The group's frame is a series. Reads x once; y stays in cache while the dates go by. */
__kernel GROUP_OF(LANES) void date_means(__global const float *restrict x, __global const float *restrict scale_shift,
                                         int line, float slope, __global const int *restrict offsets,
                                         __global float *restrict y, int dates, int pixels, int channels,
                                         int pixels_each, int team)
{
    const place at = find_place(channels, pixels, pixels_each, team);
    const int counted = dates_counted(offsets, at.frame, dates);
    const float share = 1.0f / (float)counted;
    const size_t image = (size_t)pixels * channels;
    y += at.frame * TAPS * image + at.c;
    x += at.frame * dates * image + at.c;
    for (int j = 0; j < TAPS; j++)
        for (int p = at.begin; p < at.end; p += at.step)
            VECTORS VSTORE((vec)0.0f, e, y + j * image + (size_t)p * channels);
    for (int t = 0; t < dates; t++) {
        pending_vector norm[EACH];
        __global const float *own = scale_shift ? scale_shift + ((size_t)at.frame * dates + t) * line : 0;
        VECTORS norm[e] = pending_vector_at(own, channels, at.c + e * VW, slope);
        for (int p = at.begin; p < at.end; p += at.step)
            VECTORS {
                const size_t here = (size_t)p * channels;
                const vec v = share * pending_vector_apply(norm[e], VLOAD(e, x + t * image + here));
                UNROLL for (int j = 0; j < TAPS; j++)
                    if (counts(t, j, counted)) VSTORE(VLOAD(e, y + j * image + here) + v, e, y + j * image + here);
            }
    }
}

/* dx (+)= of each shift in which the date counts, 1 / n dy. The group's frame is x's. Reads dy TAPS times, mostly from
 * cache; writes dx once. */
__kernel GROUP_OF(LANES) void date_means_backward(__global const float *restrict dy,
                                                  __global const int *restrict offsets, __global float *restrict dx,
                                                  int dates, int pixels, int channels, int pixels_each, int team,
                                                  int add)
{
    const place at = find_place(channels, pixels, pixels_each, team);
    const int series = at.frame / dates, t = at.frame - series * dates;
    const int counted = dates_counted(offsets, series, dates);
    const float share = 1.0f / (float)counted;
    const size_t image = (size_t)pixels * channels;
    dy += series * TAPS * image + at.c;
    dx += at.frame * image + at.c;
    for (int p = at.begin; p < at.end; p += at.step)
        VECTORS {
            const size_t here = (size_t)p * channels;
            vec d = (vec)0.0f;
            UNROLL for (int j = 0; j < TAPS; j++)
                if (counts(t, j, counted)) d += VLOAD(e, dy + j * image + here);
            d *= share;
            VSTORE(add ? d + VLOAD(e, dx + here) : d, e, dx + here);
        }
}
