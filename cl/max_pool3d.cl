/* The largest of 2 x 2 x 2 neighbours in dates, rows and columns, and its gradient: see src/op/max_pool3d.c.
 *
 * x [series x dates x height x width x channels] under its pending norm (scale_shift NULL: none; a line every `line`
 * floats for each frame; what is below zero then times `slope`). Groups: image_part.clh.
 *
 * check: -DVW=4 -DEACH=1 -DLANES=64
 * check: -DVW=1 -DEACH=1 -DLANES=64
 * check-cpu: -DVW=16 -DEACH=4 -DLANES=1 */
#include "image_part.clh"
#include "pending.clh"

/* The images that a group's outputs come from, and the norms of both dates. */
typedef struct source {
    __global const float *first; /* of the two images, at the item's channels */
    size_t image;                /* floats of one */
    pending_vector norm[2][EACH];
} source;

static inline source source_of(__global const float *x, __global const float *scale_shift, int line, float slope,
                               int frame, int dates, int pixels, int channels, int c)
{
    source s;
    s.image = (size_t)pixels * channels;
    s.first = x + frame * s.image + c;
    UNROLL for (int t = 0; t < 2; t++)
        VECTORS {
            __global const float *norm = scale_shift ? scale_shift + (size_t)(frame + t) * line : 0;
            s.norm[t][e] = pending_vector_at(norm, channels, c + e * VW, slope);
        }
    return s;
}

/* Vector e of neighbour number k, of the eight at `corner` of the first image. */
static inline vec neighbour(const source *s, size_t corner, int k, int width, int channels, int e)
{
    const size_t at = corner + (k / 4) * s->image + ((size_t)(k / 2 % 2) * width + k % 2) * channels;
    return pending_vector_apply(s->norm[k / 4][e], VLOAD(e, s->first + at));
}

/* NaN counts as larger than anything, as in PyTorch. */
static inline int_vec larger(vec a, vec than)
{
    return isgreater(a, than) | isnan(a);
}

/* y [series x dates / 2 x height / 2 x width / 2 x channels]; the group's frame and pixels are y's. Reads x and writes y
 * once. */
__kernel GROUP_OF(LANES) void max_pool3d(__global const float *restrict x, __global const float *restrict scale_shift,
                                         int line, float slope, __global float *restrict y, int dates, int height,
                                         int width, int channels, int pixels_each, int team)
{
    const int across = width / 2, pixels = height / 2 * across, pairs = dates / 2;
    const place at = find_place(channels, pixels, pixels_each, team);
    const int frame = at.frame / pairs * dates + at.frame % pairs * 2;
    const source s = source_of(x, scale_shift, line, slope, frame, dates, height * width, channels, at.c);
    y += (size_t)at.frame * pixels * channels + at.c;
    for (int p = at.begin; p < at.end; p += at.step) {
        const size_t corner = ((size_t)(p / across * 2) * width + p % across * 2) * channels;
        VECTORS {
            vec most = neighbour(&s, corner, 0, width, channels, e);
            UNROLL for (int k = 1; k < 8; k++) {
                const vec v = neighbour(&s, corner, k, width, channels, e);
                most = select(most, v, larger(v, most));
            }
            VSTORE(most, e, y + (size_t)p * channels);
        }
    }
}

/* dx (+)= dy at the first of the largest, 0 elsewhere. The group's frame and pixels are those of cells of 2 x 2 x 2, the
 * last of which may be cut off: (dates + 1) / 2 a series by (height + 1) / 2 by (width + 1) / 2. Reads x and dy, writes dx
 * once (reads it too where it adds). */
__kernel GROUP_OF(LANES) void max_pool3d_backward(__global const float *restrict x,
                                                  __global const float *restrict scale_shift, int line, float slope,
                                                  __global const float *restrict dy, __global float *restrict dx,
                                                  int dates, int height, int width, int channels, int pixels_each,
                                                  int team, int add)
{
    const int across = (width + 1) / 2, pixels = (height + 1) / 2 * across, pairs = (dates + 1) / 2;
    const place at = find_place(channels, pixels, pixels_each, team);
    const int series = at.frame / pairs, t = at.frame - series * pairs, frame = series * dates + t * 2;
    const int whole_dates = t < dates / 2, images = min(2, dates - t * 2);
    const source s = source_of(x, scale_shift, line, slope, frame, dates, height * width, channels, at.c);
    dx += frame * s.image + at.c;
    dy += (size_t)(series * (dates / 2) + t) * (height / 2) * (width / 2) * channels + at.c;
    for (int p = at.begin; p < at.end; p += at.step) {
        const int row = p / across * 2, column = p % across * 2;
        const int rows = min(2, height - row), columns = min(2, width - column);
        const int whole = whole_dates && rows == 2 && columns == 2;
        const size_t corner = ((size_t)row * width + column) * channels;
        VECTORS {
            vec d = (vec)0.0f, first = (vec)0.0f; /* the number of the first of the largest */
            if (whole) {
                vec most = neighbour(&s, corner, 0, width, channels, e);
                d = VLOAD(e, dy + ((size_t)(row / 2) * (width / 2) + column / 2) * channels);
                UNROLL for (int k = 1; k < 8; k++) {
                    const vec v = neighbour(&s, corner, k, width, channels, e);
                    first = select(first, (vec)(float)k, larger(v, most));
                    most = select(most, v, larger(v, most));
                }
            }
            NOUNROLL for (int k = 0; k < images * 4; k++) {
                const int i = k / 2 % 2, j = k % 2;
                if (i >= rows || j >= columns) continue;
                __global float *to = dx + corner + (k / 4) * s.image + ((size_t)i * width + j) * channels;
                const vec own = select((vec)0.0f, d, isequal(first, (vec)(float)k));
                VSTORE(add ? own + VLOAD(e, to) : own, e, to);
            }
        }
    }
}
