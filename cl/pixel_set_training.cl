/* The pixel-set encoder's first half in training, for two layers and any of mean and std: the batch norms' statistics,
 * pooling, and backward, all recomputed from the input of C0 channels instead of storing what the layers give.
 *
 * Forward:  pixel_statistics_1, finish_norm, pixel_statistics_2, finish_norm, pixel_pool.
 * Backward: pool_gradient, sum_partials, pixel_gradient, sum_partials, finish_gradients.
 *
 * With z = x W^T, q = (z - mean) / deviation, h = max(norm_weight q + norm_bias, 0) (the linear bias cancels in a batch
 * norm), layers 1 and 2, pooled over the frame's pixels with mask m, n = sum m:
 *   mu = sum m h / n;  e = h - mu;  std = sqrt(sum (m e)^2 / d + 1e-31), d = n - 1 (1 for n = 1)
 *   dh = m alpha + m^2 kappa e,  kappa = dstd / (d std),  alpha = (dmu - kappa sum m^2 e) / n
 *   dy = dh where h > 0 else 0;  norm_bias's gradient is sum dy, norm_weight's sum dy q
 *   dz = norm_weight / deviation (dy - mean of dy - q mean of (dy q))
 * The first layer's input takes no gradient, so its dz is not needed: dW = sum dz x comes from sums of dy x, q x and x.
 * pixel_pool leaves per frame and channel what sum dy and sum dy q are made of once dmu and dstd are known (EXTRACT).
 *
 * A group owns `share` frames. Sums over all pixels go through one partial result a group, then one lane a column adds
 * the partials in order. Macros beside pixel_mlp.clh's: LAYERS is 2; E extra features; MEAN_AT, STD_AT: where in the
 * output row these poolings begin, -1 for not there; WIDTH of an output row.
 *
 * check: -DVW=1 -DLANES=64 -DLAYERS=2 -DS=64 -DROWS=32 -DC0=10 -DC1=32 -DC2=64 -DE=4 -DMEAN_AT=0 -DSTD_AT=64 -DWIDTH=132
 * check: -DVW=1 -DLANES=32 -DLAYERS=2 -DS=37 -DROWS=8 -DC0=3 -DC1=20 -DC2=33 -DE=0 -DMEAN_AT=33 -DSTD_AT=0 -DWIDTH=66
 */
#include "pixel_mlp.clh"

/* Lines of a layer's norm [NORM_LINES x ROW(C)], zeros behind C; made by finish_norm. */
enum norm_line {
    NORM_SCALE,   /* y = z scale + shift */
    NORM_SHIFT,
    NORM_INVERSE, /* q = z inverse + offset; inverse is 1 / deviation */
    NORM_OFFSET,
    NORM_WEIGHT,  /* y = q weight + bias */
    NORM_BIAS,
    NORM_LINES
};

/* Lines of a frame's extract [EXTRACT_LINES x ROW(C2)]; a sum "over h" is over the pixels where h > 0. */
enum extract_line {
    EXTRACT_MEAN,     /* mu */
    EXTRACT_M,        /* sum over h of m */
    EXTRACT_MQ,       /* sum over h of m q */
    EXTRACT_ME,       /* sum over h of m^2 e */
    EXTRACT_MEQ,      /* sum over h of m^2 e q */
    EXTRACT_E,        /* sum of m^2 e; 0 for masks of 0 and 1 */
    EXTRACT_SLOPE,    /* 1 / (d std), or 0 where std is rounding error */
    EXTRACT_SHARE,    /* 1 / n */
    EXTRACT_LINES
};
#define EXTRACT (EXTRACT_LINES * ROW(C2))

/* A std below this part of the mean is rounding error: all pixels are equal, and std has no slope. */
#define EQUAL_PIXELS 1e-6f

#define POOL_BLOCK (BLOCK_OF(VECS(C2)) % 2 == 0 ? 2 : 1)

/* Columns of a group's partial gradients. */
#define PARTIAL_W2 0                              /* [C1 x ROW(C2)]: sum of h1 dz2 */
#define PARTIAL_XDY (PARTIAL_W2 + C1 * ROW(C2))   /* [C0 x ROW(C1)]: sum of x dy1, x less the shift */
#define PARTIAL_XQ (PARTIAL_XDY + C0 * ROW(C1))   /* [C0 x ROW(C1)]: sum of x q1, likewise */
#define PARTIAL_DY (PARTIAL_XQ + C0 * ROW(C1))    /* [ROW(C1)]: sum of dy1 */
#define PARTIAL_DYQ (PARTIAL_DY + ROW(C1))        /* [ROW(C1)]: sum of dy1 q1 */
#define PARTIAL_X (PARTIAL_DYQ + ROW(C1))         /* [ROW(C0)]: sum of x, likewise */
#define PARTIAL (PARTIAL_X + ROW(C0))

static inline void copy_lines(__global const float *restrict from, int count, FAST float *restrict to)
{
    for (int i = LANE; i < count; i += LANES) to[i] = from[i];
}

/* ---- statistics ------------------------------------------------------------------------------------------------- */

/* Merges the first `rows` lines of z into moments [2 x ROW(c)] (mean, M2) of `count` others: two passes over the block,
 * then Chan's rule, so that a mean far from 0 costs no digits. */
#define DEFINE_MERGE(name, c)                                                                                          \
    static inline void name(FAST const float *restrict z, int rows, int count, FAST float *restrict moments)           \
    {                                                                                                                  \
        enum { block = BLOCK_OF(VECS(c)) };                                                                            \
        for (int o0 = LANE * block; o0 < VECS(c); o0 += LANES * block) {                                               \
            vec mean[block], m2[block];                                                                                \
            UNROLL for (int o = 0; o < block; o++) mean[o] = m2[o] = 0.0f;                                             \
            for (int p = 0; p < rows; p++)                                                                             \
                UNROLL for (int o = 0; o < block; o++) mean[o] += VLOAD(o0 + o, z + p * ROW(c));                       \
            UNROLL for (int o = 0; o < block; o++) mean[o] /= (float)rows;                                             \
            for (int p = 0; p < rows; p++)                                                                             \
                UNROLL for (int o = 0; o < block; o++)                                                                 \
                {                                                                                                      \
                    const vec distance = VLOAD(o0 + o, z + p * ROW(c)) - mean[o];                                      \
                    m2[o] = fma(distance, distance, m2[o]);                                                            \
                }                                                                                                      \
            UNROLL for (int o = 0; o < block; o++)                                                                     \
            {                                                                                                          \
                float n = (float)count;                                                                                \
                vec a = VLOAD(o0 + o, moments), b = VLOAD(o0 + o, moments + ROW(c));                                   \
                merge_moments(&n, &a, &b, (float)rows, mean[o], m2[o]);                                                \
                VSTORE(a, o0 + o, moments);                                                                            \
                VSTORE(b, o0 + o, moments + ROW(c));                                                                   \
            }                                                                                                          \
        }                                                                                                              \
    }
DEFINE_MERGE(merge_1, C1)
DEFINE_MERGE(merge_2, C2)

/* partial [groups x 2 x ROW(C1)]: mean and M2 of z1 over the group's pixels. Reads x once; 2 S C0 C1 + 4 S C1 FLOPs a
 * frame. */
__kernel GROUP_OF(LANES) void pixel_statistics_1(__global const float *restrict x, __global const float *restrict w1,
                                                 __global float *restrict partial, int frames, int share)
{
    FAST float z[ROWS * ROW(C1)] ALIGNED, moments[2 * ROW(C1)] ALIGNED;
    for (int i = LANE; i < 2 * ROW(C1); i += LANES) moments[i] = 0.0f;
    const int first = (int)get_group_id(0) * share, last = min(first + share, frames);
    for (int f = first; f < last; f++)
        for (int start = 0; start < S; start += ROWS) {
            SYNC();
            layer_1(x + ((size_t)f * S + start) * C0, ROWS_FROM(start), w1, 0, EPILOGUE_NONE, z);
            SYNC();
            merge_1(z, ROWS_FROM(start), (f - first) * S + start, moments);
        }
    SYNC();
    partial += get_group_id(0) * 2 * ROW(C1);
    for (int i = LANE; i < 2 * ROW(C1); i += LANES) partial[i] = moments[i];
}

/* partial [groups x 2 x ROW(C2)]: the same of z2. Reads x once; 2 S (C0 C1 + C1 C2) + 4 S C2 FLOPs a frame. */
__kernel GROUP_OF(LANES) void pixel_statistics_2(__global const float *restrict x, __global const float *restrict w1,
                                                 __global const float *restrict norm1, __global const float *restrict w2,
                                                 __global float *restrict partial, int frames, int share)
{
    FAST float h[ROWS * ROW(C1)] ALIGNED, z[ROWS * ROW(C2)] ALIGNED;
    FAST float affine1[2 * ROW(C1)] ALIGNED, moments[2 * ROW(C2)] ALIGNED;
    copy_lines(norm1 + NORM_SCALE * ROW(C1), 2 * ROW(C1), affine1);
    for (int i = LANE; i < 2 * ROW(C2); i += LANES) moments[i] = 0.0f;
    const int first = (int)get_group_id(0) * share, last = min(first + share, frames);
    for (int f = first; f < last; f++)
        for (int start = 0; start < S; start += ROWS) {
            SYNC();
            layer_1(x + ((size_t)f * S + start) * C0, ROWS_FROM(start), w1, affine1, EPILOGUE_NORM_RELU, h);
            SYNC();
            layer_2(h, ROWS, w2, 0, EPILOGUE_NONE, z);
            SYNC();
            merge_2(z, ROWS_FROM(start), (f - first) * S + start, moments);
        }
    SYNC();
    partial += get_group_id(0) * 2 * ROW(C2);
    for (int i = LANE; i < 2 * ROW(C2); i += LANES) partial[i] = moments[i];
}

/* One work-item a channel of the ROW(c) that there are: merges `groups` partials (each of share S pixels, the last of
 * fewer) into norm [NORM_LINES x ROW(c)] and moves the running statistics (momentum 0.1, variance unbiased). */
__kernel GROUP_OF(16) void finish_norm(__global const float *restrict partial, int groups, int frames, int share, int c,
                                       __global const float *restrict bias, __global const float *restrict weight,
                                       __global const float *restrict shift, __global float *restrict running_mean,
                                       __global float *restrict running_var, __global float *restrict norm)
{
    const int i = (int)get_global_id(0), row = ROW(c);
    const float all = (float)frames * S, full = (float)share * S;
    const float rest = (float)(frames - (groups - 1) * share) * S;
    float a = 0.0f, b = 0.0f, inverse = 0.0f, offset = 0.0f;
    if (i < c) {
        float mean = 0.0f, m2 = 0.0f;
        for (int g = 0; g < groups; g++) mean += partial[(size_t)g * 2 * row + i] * ((g < groups - 1 ? full : rest) / all);
        for (int g = 0; g < groups; g++) {
            const float distance = partial[(size_t)g * 2 * row + i] - mean;
            m2 += fma(distance * distance, g < groups - 1 ? full : rest, partial[((size_t)g * 2 + 1) * row + i]);
        }
        inverse = 1.0f / sqrt(m2 / all + 1e-5f);
        offset = -mean * inverse;
        a = weight[i];
        b = shift[i];
        running_mean[i] = fma(0.1f, mean + bias[i] - running_mean[i], running_mean[i]);
        running_var[i] = fma(0.1f, m2 / (all - 1.0f) - running_var[i], running_var[i]);
    }
    norm[NORM_SCALE * row + i] = a * inverse;
    norm[NORM_SHIFT * row + i] = fma(a, offset, b);
    norm[NORM_INVERSE * row + i] = inverse;
    norm[NORM_OFFSET * row + i] = offset;
    norm[NORM_WEIGHT * row + i] = a;
    norm[NORM_BIAS * row + i] = b;
}

/* ---- pooling ---------------------------------------------------------------------------------------------------- */

/* Pools a frame: q [S x ROW(C2)] normalised, row the frame's output, extract its lines. A lane owns POOL_BLOCK vectors. */
static inline void pool_frame(FAST const float *restrict q, __global const float *restrict mask,
                              __global const float *restrict norm2, __global float *restrict row,
                              __global float *restrict extract)
{
    enum { block = POOL_BLOCK };
    const float count = mask_sum(mask), divisor = variance_divisor(count);
    for (int o0 = LANE * block; o0 < VECS(C2); o0 += LANES * block) {
        vec weight[block], bias[block], mean[block], sum_m[block], sum_mq[block];
        UNROLL for (int o = 0; o < block; o++) {
            weight[o] = VLOAD(o0 + o, norm2 + NORM_WEIGHT * ROW(C2));
            bias[o] = VLOAD(o0 + o, norm2 + NORM_BIAS * ROW(C2));
            mean[o] = sum_m[o] = sum_mq[o] = 0.0f;
        }
        for (int p = 0; p < S; p++) {
            const vec m = (vec)(mask[p]);
            UNROLL for (int o = 0; o < block; o++) {
                const vec v = VLOAD(o0 + o, q + p * ROW(C2)), y = fma(v, weight[o], bias[o]);
                const vec active = relu_gradient(m, y);
                mean[o] = fma(active, y, mean[o]);
                sum_m[o] += active;
                sum_mq[o] = fma(active, v, sum_mq[o]);
            }
        }
        UNROLL for (int o = 0; o < block; o++) {
            mean[o] /= count;
            VSTORE(mean[o], o0 + o, extract + EXTRACT_MEAN * ROW(C2));
            VSTORE(sum_m[o], o0 + o, extract + EXTRACT_M * ROW(C2));
            VSTORE(sum_mq[o], o0 + o, extract + EXTRACT_MQ * ROW(C2));
            VSTORE((vec)(1.0f / count), o0 + o, extract + EXTRACT_SHARE * ROW(C2));
            const int at = (o0 + o) * VW;
            if (MEAN_AT >= 0) store_tail(mean[o], row + MEAN_AT + at, C2 - at);
        }
        if (STD_AT < 0) continue;
        vec squares[block], sum_e[block], sum_me[block], sum_meq[block];
        UNROLL for (int o = 0; o < block; o++) squares[o] = sum_e[o] = sum_me[o] = sum_meq[o] = 0.0f;
        for (int p = 0; p < S; p++) {
            const vec m = (vec)(mask[p]);
            UNROLL for (int o = 0; o < block; o++) {
                const vec v = VLOAD(o0 + o, q + p * ROW(C2)), y = fma(v, weight[o], bias[o]);
                const vec distance = m * (relu(y) - mean[o]), weighted = m * distance, active = relu_gradient(weighted, y);
                squares[o] = fma(distance, distance, squares[o]);
                sum_e[o] += weighted;
                sum_me[o] += active;
                sum_meq[o] = fma(active, v, sum_meq[o]);
            }
        }
        UNROLL for (int o = 0; o < block; o++) {
            const vec deviation = sqrt(squares[o] / divisor + 1e-31f);
            const vec slope = select((vec)0.0f, 1.0f / (divisor * deviation), isgreater(deviation, EQUAL_PIXELS * mean[o] + 1e-15f));
            VSTORE(sum_me[o], o0 + o, extract + EXTRACT_ME * ROW(C2));
            VSTORE(sum_meq[o], o0 + o, extract + EXTRACT_MEQ * ROW(C2));
            VSTORE(sum_e[o], o0 + o, extract + EXTRACT_E * ROW(C2));
            VSTORE(slope, o0 + o, extract + EXTRACT_SLOPE * ROW(C2));
            const int at = (o0 + o) * VW;
            store_tail(deviation, row + STD_AT + at, C2 - at);
        }
    }
}

/* out [frames x WIDTH], extract [frames x EXTRACT_LINES x ROW(C2)]. Reads x and mask once;
 * 2 S (C0 C1 + C1 C2) + 24 S C2 FLOPs a frame. */
__kernel GROUP_OF(LANES) void pixel_pool(__global const float *restrict x, __global const float *restrict mask,
                                         __global const float *restrict extra, __global const float *restrict w1,
                                         __global const float *restrict norm1, __global const float *restrict w2,
                                         __global const float *restrict norm2, __global float *restrict out,
                                         __global float *restrict extract, int frames, int share)
{
    FAST float h[ROWS * ROW(C1)] ALIGNED, q[(S + ROWS - 1) / ROWS * ROWS * ROW(C2)] ALIGNED;
    FAST float affine1[2 * ROW(C1)] ALIGNED, affine2[2 * ROW(C2)] ALIGNED;
    copy_lines(norm1 + NORM_SCALE * ROW(C1), 2 * ROW(C1), affine1);
    copy_lines(norm2 + NORM_INVERSE * ROW(C2), 2 * ROW(C2), affine2);
    const int first = (int)get_group_id(0) * share, last = min(first + share, frames);
    for (int f = first; f < last; f++) {
        __global float *row = out + (size_t)f * WIDTH;
        for (int start = 0; start < S; start += ROWS) {
            SYNC();
            layer_1(x + ((size_t)f * S + start) * C0, ROWS_FROM(start), w1, affine1, EPILOGUE_NORM_RELU, h);
            SYNC();
            layer_2(h, ROWS, w2, affine2, EPILOGUE_NORM, q + start * ROW(C2));
        }
        SYNC();
        pool_frame(q, mask + (size_t)f * S, norm2, row, extract + (size_t)f * EXTRACT);
        for (int e = LANE; e < E; e += LANES) row[WIDTH - E + e] = extra[(size_t)f * E + e];
    }
}

/* ---- backward --------------------------------------------------------------------------------------------------- */

/* slopes [frames x 2 x ROW(C2)]: alpha and kappa of each frame; partial [groups x 2 x ROW(C2)]: sums of dy2 and dy2 q2.
 * A lane owns vectors of channels. Reads d_out's poolings and the extracts once. */
__kernel GROUP_OF(LANES) void pool_gradient(__global const float *restrict extract, __global const float *restrict d_out,
                                            __global float *restrict slopes, __global float *restrict partial,
                                            int frames, int share)
{
    const int first = (int)get_group_id(0) * share, last = min(first + share, frames);
    partial += get_group_id(0) * 2 * ROW(C2);
    for (int o = LANE; o < VECS(C2); o += LANES) {
        const int at = o * VW, left = C2 - at;
        vec sum_dy = 0.0f, sum_dyq = 0.0f;
        for (int f = first; f < last; f++) {
            __global const float *from = extract + (size_t)f * EXTRACT, *d_row = d_out + (size_t)f * WIDTH;
            __global float *to = slopes + (size_t)f * 2 * ROW(C2);
            vec alpha = 0.0f, kappa = 0.0f;
            if (MEAN_AT >= 0) alpha = load_tail(d_row + MEAN_AT + at, left);
            if (STD_AT >= 0) {
                kappa = load_tail(d_row + STD_AT + at, left) * VLOAD(o, from + EXTRACT_SLOPE * ROW(C2));
                alpha -= kappa * VLOAD(o, from + EXTRACT_E * ROW(C2));
            }
            alpha *= VLOAD(o, from + EXTRACT_SHARE * ROW(C2));
            sum_dy = fma(alpha, VLOAD(o, from + EXTRACT_M * ROW(C2)), sum_dy);
            sum_dyq = fma(alpha, VLOAD(o, from + EXTRACT_MQ * ROW(C2)), sum_dyq);
            if (STD_AT >= 0) {
                sum_dy = fma(kappa, VLOAD(o, from + EXTRACT_ME * ROW(C2)), sum_dy);
                sum_dyq = fma(kappa, VLOAD(o, from + EXTRACT_MEQ * ROW(C2)), sum_dyq);
            }
            VSTORE(alpha, o, to);
            VSTORE(kappa, o, to + ROW(C2));
        }
        VSTORE(sum_dy, o, partial);
        VSTORE(sum_dyq, o, partial + ROW(C2));
    }
}

/* total [columns] = sum over the lines of partial [groups x columns], in order; columns is a multiple of 16. Work-item i
 * adds the columns of vector i. */
__kernel GROUP_OF(LANES) void sum_partials(__global const float *restrict partial, int groups, int columns,
                                           __global float *restrict total)
{
    const int o = (int)get_global_id(0);
    if (o >= columns / VW) return;
    vec sum = 0.0f;
    for (int g = 0; g < groups; g++) sum += VLOAD(o, partial + (size_t)g * columns);
    VSTORE(sum, o, total);
}

/* In place, z2 -> dz2 of `rows` pixels; zeros in the other lines of the block. totals: sums of dy2 and dy2 q2. */
static inline void pixel_dz(FAST float *restrict z, int rows, __global const float *restrict mask,
                            __global const float *restrict norm2, __global const float *restrict mean,
                            __global const float *restrict slopes, __global const float *restrict totals, float pixels)
{
    for (int o = LANE; o < VECS(C2); o += LANES) {
        const vec inverse = VLOAD(o, norm2 + NORM_INVERSE * ROW(C2)), offset = VLOAD(o, norm2 + NORM_OFFSET * ROW(C2));
        const vec weight = VLOAD(o, norm2 + NORM_WEIGHT * ROW(C2)), bias = VLOAD(o, norm2 + NORM_BIAS * ROW(C2));
        const vec scale = VLOAD(o, norm2 + NORM_SCALE * ROW(C2)), mu = VLOAD(o, mean);
        const vec alpha = VLOAD(o, slopes), kappa = VLOAD(o, slopes + ROW(C2));
        const vec mean_dy = VLOAD(o, totals) / pixels, mean_dyq = VLOAD(o, totals + ROW(C2)) / pixels;
        for (int p = 0; p < rows; p++) {
            const vec m = (vec)(mask[p]);
            const vec q = fma(VLOAD(o, z + p * ROW(C2)), inverse, offset), y = fma(q, weight, bias);
            const vec dy = relu_gradient(m * fma(m * kappa, y - mu, alpha), y);
            VSTORE(scale * (dy - fma(q, mean_dyq, mean_dy)), o, z + p * ROW(C2));
        }
        for (int p = rows; p < ROWS; p++) VSTORE((vec)0.0f, o, z + p * ROW(C2));
    }
}

/* partial_w2 += h^T dz. A tile is 4 lines of W2's gradient by BLOCK vectors. */
static inline void weight_gradient_2(FAST const float *restrict h, FAST const float *restrict dz, int rows,
                                     __global float *restrict partial_w2)
{
    enum { lines = TILE_VECS / BLOCK_MAX, block = BLOCK_OF(VECS(C2)), blocks = VECS(C2) / block };
    for (int tile = LANE; tile < (C1 + lines - 1) / lines * blocks; tile += LANES) {
        const int k0 = tile / blocks * lines, o0 = tile % blocks * block;
        vec sum[lines][block];
        UNROLL for (int k = 0; k < lines; k++) UNROLL for (int o = 0; o < block; o++) sum[k][o] = 0.0f;
        NOUNROLL for (int p = 0; p < rows; p++) {
            vec d[block];
            UNROLL for (int o = 0; o < block; o++) d[o] = VLOAD(o0 + o, dz + p * ROW(C2));
            UNROLL for (int k = 0; k < lines; k++) {
                const vec a = (vec)(h[p * ROW(C1) + (C1 % lines ? min(k0 + k, C1 - 1) : k0 + k)]);
                UNROLL for (int o = 0; o < block; o++) sum[k][o] = fma(a, d[o], sum[k][o]);
            }
        }
        UNROLL for (int k = 0; k < lines; k++) {
            if (C1 % lines && k0 + k >= C1) continue;
            __global float *line = partial_w2 + (k0 + k) * ROW(C2);
            UNROLL for (int o = 0; o < block; o++) VSTORE(VLOAD(o0 + o, line) + sum[k][o], o0 + o, line);
        }
    }
}

/* In place, h1 -> dy1 = dz2 W2 where h1 > 0; W2 [C2 x C1] as it is. The lines of pixels that are not there get 0. */
static inline void hidden_gradient(FAST const float *restrict dz, __global const float *restrict weight2,
                                   FAST float *restrict h)
{
    enum { block = BLOCK_OF(VECS(C1)), blocks = VECS(C1) / block, pixels = PIXELS_OF(block) };
    for (int tile = LANE; tile < ROWS / pixels * blocks; tile += LANES) {
        const int p0 = tile / blocks * pixels, o0 = tile % blocks * block;
        vec dh[pixels][block];
        UNROLL for (int p = 0; p < pixels; p++) UNROLL for (int o = 0; o < block; o++) dh[p][o] = 0.0f;
        NOUNROLL for (int n = 0; n < C2; n++) {
            vec w[block];
            UNROLL for (int o = 0; o < block; o++) {
                const int at = (o0 + o) * VW;
                w[o] = load_tail(weight2 + n * C1 + at, C1 % VW ? C1 - at : VW);
            }
            UNROLL for (int p = 0; p < pixels; p++) {
                const vec d = (vec)(dz[(p0 + p) * ROW(C2) + n]);
                UNROLL for (int o = 0; o < block; o++) dh[p][o] = fma(d, w[o], dh[p][o]);
            }
        }
        UNROLL for (int p = 0; p < pixels; p++) UNROLL for (int o = 0; o < block; o++) {
            FAST float *line = h + (p0 + p) * ROW(C1);
            VSTORE(relu_gradient(dh[p][o], VLOAD(o0 + o, line)), o0 + o, line);
        }
    }
}

/* partial += sums over the pixels of (x - shift) times a [rows x ROW(C1)]: [C0 x ROW(C1)], and, unless NULL,
 * column_sums += sums of a. A tile: some lines by some vectors. The gradients do not depend on the shift, which keeps
 * their sums small where x is far from 0. */
#define INPUT_LINES_MAX (VW >= 16 ? 12 : 5)
#define INPUT_PARTS ((C0 + INPUT_LINES_MAX - 1) / INPUT_LINES_MAX)
#define INPUT_LINES ((C0 + INPUT_PARTS - 1) / INPUT_PARTS)
#define INPUT_BLOCK (BLOCK_OF(VECS(C1)) % 2 == 0 ? 2 : 1)
#define INPUT_BLOCKS (VECS(C1) / INPUT_BLOCK)
#define INPUT_TILES (INPUT_PARTS * INPUT_BLOCKS)

static inline void input_products(__global const float *restrict x, FAST const float *restrict shift,
                                  FAST const float *restrict a, int rows, int tile, __global float *restrict partial,
                                  __global float *restrict column_sums)
{
    const int c0 = tile / INPUT_BLOCKS * INPUT_LINES, o0 = tile % INPUT_BLOCKS * INPUT_BLOCK;
    vec sum[INPUT_LINES][INPUT_BLOCK], column[INPUT_BLOCK];
    UNROLL for (int o = 0; o < INPUT_BLOCK; o++) column[o] = 0.0f;
    UNROLL for (int c = 0; c < INPUT_LINES; c++) UNROLL for (int o = 0; o < INPUT_BLOCK; o++) sum[c][o] = 0.0f;
    NOUNROLL for (int p = 0; p < rows; p++) {
        vec v[INPUT_BLOCK];
        UNROLL for (int o = 0; o < INPUT_BLOCK; o++) {
            v[o] = VLOAD(o0 + o, a + p * ROW(C1));
            column[o] += v[o];
        }
        UNROLL for (int c = 0; c < INPUT_LINES; c++) {
            const vec s = (vec)(x[p * C0 + (C0 % INPUT_LINES ? min(c0 + c, C0 - 1) : c0 + c)]);
            UNROLL for (int o = 0; o < INPUT_BLOCK; o++) sum[c][o] = fma(s, v[o], sum[c][o]);
        }
    }
    UNROLL for (int c = 0; c < INPUT_LINES; c++) {
        if (C0 % INPUT_LINES && c0 + c >= C0) continue;
        __global float *line = partial + (c0 + c) * ROW(C1);
        UNROLL for (int o = 0; o < INPUT_BLOCK; o++)
            VSTORE(VLOAD(o0 + o, line) + fma((vec)(-shift[c0 + c]), column[o], sum[c][o]), o0 + o, line);
    }
    if (c0 == 0 && column_sums)
        UNROLL for (int o = 0; o < INPUT_BLOCK; o++) VSTORE(VLOAD(o0 + o, column_sums) + column[o], o0 + o, column_sums);
}

/* Adds the block's sums of dy1 q1 and of x - shift to the group's partial ones. */
static inline void plain_sums(__global const float *restrict x, FAST const float *restrict shift,
                              FAST const float *restrict dy, FAST const float *restrict q, int rows,
                              __global float *restrict partial)
{
    for (int o = LANE; o < VECS(C1); o += LANES) {
        vec sum = 0.0f;
        for (int p = 0; p < rows; p++) sum = fma(VLOAD(o, dy + p * ROW(C1)), VLOAD(o, q + p * ROW(C1)), sum);
        VSTORE(VLOAD(o, partial + PARTIAL_DYQ) + sum, o, partial + PARTIAL_DYQ);
    }
    enum { own = (C0 + LANES - 1) / LANES };
    float sum[own];
    UNROLL for (int i = 0; i < own; i++) sum[i] = 0.0f;
    for (int p = 0; p < rows; p++)
        UNROLL for (int i = 0; i < own; i++)
            if (LANE + i * LANES < C0) sum[i] += x[p * C0 + LANE + i * LANES] - shift[LANE + i * LANES];
    UNROLL for (int i = 0; i < own; i++)
        if (LANE + i * LANES < C0) partial[PARTIAL_X + LANE + i * LANES] += sum[i];
}

/* partial [groups x PARTIAL]: the sums that all gradients are made of; x counts from the first frame's mean. totals [2 x ROW(C2)] from pool_gradient's
 * partials; pixels: frames x S. Reads x three times a block (from cache), mask and slopes once; the group's partial line
 * is its accumulator. 2 S (3 C1 C2 + 3 C0 C1) + 16 S C2 FLOPs a frame. */
__kernel GROUP_OF(LANES) void pixel_gradient(__global const float *restrict x, __global const float *restrict mask,
                                             __global const float *restrict w1, __global const float *restrict norm1,
                                             __global const float *restrict w2, __global const float *restrict weight2,
                                             __global const float *restrict norm2, __global const float *restrict extract,
                                             __global const float *restrict slopes, __global const float *restrict totals,
                                             __global float *restrict partial, int frames, int share)
{
    FAST float q[ROWS * ROW(C1)] ALIGNED, h[ROWS * ROW(C1)] ALIGNED, z[ROWS * ROW(C2)] ALIGNED;
    FAST float affine1[2 * ROW(C1)] ALIGNED, shift[C0];
    copy_lines(norm1 + NORM_INVERSE * ROW(C1), 2 * ROW(C1), affine1);
    for (int c = LANE; c < C0; c += LANES) {
        float sum = 0.0f;
        for (int p = 0; p < S; p++) sum += x[p * C0 + c];
        shift[c] = sum / S;
    }
    partial += get_group_id(0) * PARTIAL;
    for (int i = LANE; i < PARTIAL; i += LANES) partial[i] = 0.0f;
    SYNC_GLOBAL();
    const float pixels = (float)frames * S;
    const int first = (int)get_group_id(0) * share, last = min(first + share, frames);
    for (int f = first; f < last; f++)
        for (int start = 0; start < S; start += ROWS) {
            __global const float *block = x + ((size_t)f * S + start) * C0;
            const int rows = ROWS_FROM(start);
            SYNC();
            layer_1(block, rows, w1, affine1, EPILOGUE_NORM, q);
            SYNC();
            for (int i = LANE; i < ROWS * VECS(C1); i += LANES) {
                const int at = i / VECS(C1) * ROW(C1), o = i % VECS(C1);
                VSTORE(relu(fma(VLOAD(o, q + at), VLOAD(o, norm1 + NORM_WEIGHT * ROW(C1)),
                                VLOAD(o, norm1 + NORM_BIAS * ROW(C1)))), o, h + at);
            }
            SYNC();
            layer_2(h, ROWS, w2, 0, EPILOGUE_NONE, z);
            SYNC();
            pixel_dz(z, rows, mask + (size_t)f * S + start, norm2,
                     extract + (size_t)f * EXTRACT + EXTRACT_MEAN * ROW(C2), slopes + (size_t)f * 2 * ROW(C2), totals,
                     pixels);
            SYNC();
            weight_gradient_2(h, z, rows, partial + PARTIAL_W2);
            SYNC();
            hidden_gradient(z, weight2, h);
            SYNC();
            for (int tile = LANE; tile < 2 * INPUT_TILES; tile += LANES)
                if (tile < INPUT_TILES)
                    input_products(block, shift, h, rows, tile, partial + PARTIAL_XDY, partial + PARTIAL_DY);
                else
                    input_products(block, shift, q, rows, tile - INPUT_TILES, partial + PARTIAL_XQ, 0);
            plain_sums(block, shift, h, q, rows, partial);
        }
}

/* Writes a gradient's element, or adds to it where its bit of `accumulate` is set. */
static inline void put(__global float *gradient, int i, float value, int add)
{
    gradient[i] = add ? gradient[i] + value : value;
}

/* From the sums over all groups, sums [PARTIAL] and totals [2 x ROW(C2)], the gradients of layer 1's weight [C1 x C0],
 * bias, norm weight and bias [C1] and layer 2's. Bits 0 .. 7 of accumulate: add instead, in the order of the arguments.
 * One work-item an output channel of either layer. The linear biases cancel in the batch norms: 0. */
__kernel GROUP_OF(16) void finish_gradients(__global const float *restrict sums, __global const float *restrict totals,
                                            __global const float *restrict norm1, __global float *restrict d_weight1,
                                            __global float *restrict d_bias1, __global float *restrict d_norm_weight1,
                                            __global float *restrict d_norm_bias1, __global float *restrict d_weight2,
                                            __global float *restrict d_bias2, __global float *restrict d_norm_weight2,
                                            __global float *restrict d_norm_bias2, int frames, int accumulate)
{
    const int i = (int)get_global_id(0);
    const float pixels = (float)frames * S;
    if (i < C1) {
        const float sum_dy = sums[PARTIAL_DY + i], sum_dyq = sums[PARTIAL_DYQ + i];
        const float mean_dy = sum_dy / pixels, mean_dyq = sum_dyq / pixels, scale = norm1[NORM_SCALE * ROW(C1) + i];
        for (int c = 0; c < C0; c++) {
            const float dy_x = sums[PARTIAL_XDY + c * ROW(C1) + i], q_x = sums[PARTIAL_XQ + c * ROW(C1) + i];
            put(d_weight1, i * C0 + c, scale * (dy_x - mean_dy * sums[PARTIAL_X + c] - mean_dyq * q_x), accumulate & 1);
        }
        put(d_bias1, i, 0.0f, accumulate & 2);
        put(d_norm_weight1, i, sum_dyq, accumulate & 4);
        put(d_norm_bias1, i, sum_dy, accumulate & 8);
    } else if (i < C1 + C2) {
        const int n = i - C1;
        for (int k = 0; k < C1; k++) put(d_weight2, n * C1 + k, sums[PARTIAL_W2 + k * ROW(C2) + n], accumulate & 16);
        put(d_bias2, n, 0.0f, accumulate & 32);
        put(d_norm_weight2, n, totals[ROW(C2) + n], accumulate & 64);
        put(d_norm_bias2, n, totals[n], accumulate & 128);
    }
}
