/* The pixel-set encoder's first half in training: forward; see pixel_set_training.clh.
 *
 * check: -DVW=1 -DLANES=64 -DS=64 -DROWS=32 -DC0=10 -DC1=32 -DC2=64 -DE=4 -DMEAN_AT=0 -DSTD_AT=64 -DWIDTH=132
 * check: -DVW=1 -DLANES=32 -DS=37 -DROWS=8 -DC0=3 -DC1=20 -DC2=33 -DE=0 -DMEAN_AT=33 -DSTD_AT=0 -DWIDTH=66
 */
#include "pixel_set_training.clh"

/* A std below this part of the mean is rounding error: all pixels are equal, and std has no slope. */
#define EQUAL_PIXELS 1e-6f

#define POOL_BLOCK (BLOCK_OF(VECS(C2)) % 2 == 0 ? 2 : 1)

/* ---- statistics ------------------------------------------------------------------------------------------------- */

/* Merges the first `rows` lines of z into moments [2 x ROW(c)] (mean, M2) of `count` others: two passes over the block,
 * then Chan's rule, so that a mean far from 0 costs no digits. */
#define DEFINE_MERGE(name, c)                                                                                          \
    static inline void name(FAST const float *z, int rows, int count, FAST float *moments)                             \
    {                                                                                                                  \
        enum { block = BLOCK_OF(VECS(c)) };                                                                            \
        ROLLED for (int o0 = LANE * block; o0 < VECS(c); o0 += LANES * block) {                                        \
            vec mean[block], m2[block];                                                                                \
            UNROLL for (int o = 0; o < block; o++) mean[o] = m2[o] = 0.0f;                                             \
            ROLLED for (int p = 0; p < rows; p++)                                                                      \
                UNROLL for (int o = 0; o < block; o++) mean[o] += VLOAD(o0 + o, z + p * ROW(c));                       \
            UNROLL for (int o = 0; o < block; o++) mean[o] /= (float)rows;                                             \
            ROLLED for (int p = 0; p < rows; p++)                                                                      \
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
__kernel GROUP_OF(LANES) void pixel_statistics_1(INPUT x, INPUT w1, OUTPUT partial, int frames, int share)
{
    FAST float z[ROWS * ROW(C1)] ALIGNED, moments[2 * ROW(C1)] ALIGNED;
    ROLLED for (int i = LANE; i < 2 * ROW(C1); i += LANES) moments[i] = 0.0f;
    const int first = (int)get_group_id(0) * share, last = min(first + share, frames);
    for (int f = first; f < last; f++)
        ROLLED for (int start = 0; start < S; start += ROWS) {
            SYNC();
            layer_1(x + ((size_t)f * S + start) * C0, ROWS_FROM(start), w1, 0, EPILOGUE_NONE, z);
            SYNC();
            merge_1(z, ROWS_FROM(start), (f - first) * S + start, moments);
        }
    SYNC();
    partial += get_group_id(0) * 2 * ROW(C1);
    ROLLED for (int i = LANE; i < 2 * ROW(C1); i += LANES) partial[i] = moments[i];
}

/* partial [groups x 2 x ROW(C2)]: the same of z2. Reads x once; 2 S (C0 C1 + C1 C2) + 4 S C2 FLOPs a frame. */
__kernel GROUP_OF(LANES) void pixel_statistics_2(INPUT x, INPUT w1, INPUT norm1, INPUT w2, OUTPUT partial, int frames,
                                                 int share)
{
    FAST float h[ROWS * ROW(C1)] ALIGNED, z[ROWS * ROW(C2)] ALIGNED;
    FAST float moments[2 * ROW(C2)] ALIGNED;
    ROLLED for (int i = LANE; i < 2 * ROW(C2); i += LANES) moments[i] = 0.0f;
    const int first = (int)get_group_id(0) * share, last = min(first + share, frames);
    for (int f = first; f < last; f++)
        ROLLED for (int start = 0; start < S; start += ROWS) {
            SYNC();
            layer_1(x + ((size_t)f * S + start) * C0, ROWS_FROM(start), w1, norm1 + NORM_SCALE * ROW(C1),
                    EPILOGUE_NORM_RELU, h);
            SYNC();
            layer_2(h, ROWS, w2, 0, EPILOGUE_NONE, z);
            SYNC();
            merge_2(z, ROWS_FROM(start), (f - first) * S + start, moments);
        }
    SYNC();
    partial += get_group_id(0) * 2 * ROW(C2);
    ROLLED for (int i = LANE; i < 2 * ROW(C2); i += LANES) partial[i] = moments[i];
}

/* One work-item a channel of the ROW(c) that there are: merges `groups` partials (each of share S pixels, the last of
 * fewer) into norm [NORM_LINES x ROW(c)] and moves the running statistics (momentum 0.1, variance unbiased). */
__kernel GROUP_OF(CHANNEL_LANES) void finish_norm(INPUT partial, int groups, int frames, int share, int c, INPUT bias,
                                                  INPUT weight, INPUT shift, OUTPUT running_mean, OUTPUT running_var,
                                                  OUTPUT norm)
{
    const int i = (int)get_global_id(0), row = ROW(c);
    const float all = (float)frames * S, full = (float)share * S;
    const float rest = (float)(frames - (groups - 1) * share) * S;
    float a = 0.0f, b = 0.0f, inverse = 0.0f, offset = 0.0f;
    if (i < c) {
        float mean = 0.0f, m2 = 0.0f;
        for (int g = 0; g < groups; g++)
            mean += partial[(size_t)g * 2 * row + i] * ((g < groups - 1 ? full : rest) / all);
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

/* Pools a frame: q [S x ROW(C2)] normalised, row the frame's output, extract its lines. A lane owns POOL_BLOCK vectors
 * of channels at a time. */
static inline void pool_frame(FAST const float *q, __global const float *mask, __global const float *norm2,
                              __global float *row, __global float *extract)
{
    enum { block = POOL_BLOCK };
    const float count = mask_sum(mask), divisor = variance_divisor(count);
    ROLLED for (int o0 = LANE * block; o0 < VECS(C2); o0 += LANES * block) {
        vec weight[block], bias[block], mean[block], sum_m[block], sum_mq[block];
        UNROLL for (int o = 0; o < block; o++) {
            weight[o] = VLOAD(o0 + o, norm2 + NORM_WEIGHT * ROW(C2));
            bias[o] = VLOAD(o0 + o, norm2 + NORM_BIAS * ROW(C2));
            mean[o] = sum_m[o] = sum_mq[o] = 0.0f;
        }
        ROLLED for (int p = 0; p < S; p++) {
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
        ROLLED for (int p = 0; p < S; p++) {
            const vec m = (vec)(mask[p]);
            UNROLL for (int o = 0; o < block; o++) {
                const vec v = VLOAD(o0 + o, q + p * ROW(C2)), y = fma(v, weight[o], bias[o]);
                const vec distance = m * (relu(y) - mean[o]), weighted = m * distance;
                const vec active = relu_gradient(weighted, y);
                squares[o] = fma(distance, distance, squares[o]);
                sum_e[o] += weighted;
                sum_me[o] += active;
                sum_meq[o] = fma(active, v, sum_meq[o]);
            }
        }
        UNROLL for (int o = 0; o < block; o++) {
            const vec deviation = sqrt(squares[o] / divisor + 1e-31f);
            const vec slope = select((vec)0.0f, 1.0f / (divisor * deviation),
                                     isgreater(deviation, EQUAL_PIXELS * mean[o] + 1e-15f));
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
__kernel GROUP_OF(LANES) void pixel_pool(INPUT x, INPUT mask, INPUT extra, INPUT w1, INPUT norm1, INPUT w2, INPUT norm2,
                                         OUTPUT out, OUTPUT extract, int frames, int share)
{
    FAST float h[ROWS * ROW(C1)] ALIGNED, q[(S + ROWS - 1) / ROWS * ROWS * ROW(C2)] ALIGNED;
    const int first = (int)get_group_id(0) * share, last = min(first + share, frames);
    for (int f = first; f < last; f++) {
        __global float *row = out + (size_t)f * WIDTH;
        ROLLED for (int start = 0; start < S; start += ROWS) {
            SYNC();
            layer_1(x + ((size_t)f * S + start) * C0, ROWS_FROM(start), w1, norm1 + NORM_SCALE * ROW(C1),
                    EPILOGUE_NORM_RELU, h);
            SYNC();
            layer_2(h, ROWS, w2, norm2 + NORM_INVERSE * ROW(C2), EPILOGUE_NORM, q + start * ROW(C2));
        }
        SYNC();
        pool_frame(q, mask + (size_t)f * S, norm2, row, extract + (size_t)f * EXTRACT);
        for (int e = LANE; e < E; e += LANES) row[WIDTH - E + e] = extra[(size_t)f * E + e];
    }
}
