/* The pixel-set encoder's first half in training: backward; see pixel_set_training.clh.
 *
 * check: -DVW=1 -DLANES=64 -DS=64 -DROWS=32 -DC0=10 -DC1=32 -DC2=64 -DE=4 -DMEAN_AT=0 -DSTD_AT=64 -DWIDTH=132
 * check: -DVW=1 -DLANES=32 -DS=37 -DROWS=8 -DC0=3 -DC1=20 -DC2=33 -DE=0 -DMEAN_AT=33 -DSTD_AT=0 -DWIDTH=66
 */
#include "pixel_set_training.clh"

/* Columns of a group's partial gradients. */
#define PARTIAL_W2 0                              /* [C1 x ROW(C2)]: sum of h1 dz2 */
#define PARTIAL_XDY (PARTIAL_W2 + C1 * ROW(C2))   /* [C0 x ROW(C1)]: sum of x dy1, x less the shift */
#define PARTIAL_XQ (PARTIAL_XDY + C0 * ROW(C1))   /* [C0 x ROW(C1)]: sum of x q1, likewise */
#define PARTIAL_DY (PARTIAL_XQ + C0 * ROW(C1))    /* [ROW(C1)]: sum of dy1 */
#define PARTIAL_DYQ (PARTIAL_DY + ROW(C1))        /* [ROW(C1)]: sum of dy1 q1 */
#define PARTIAL_X (PARTIAL_DYQ + ROW(C1))         /* [ROW(C0)]: sum of x, likewise */
#define PARTIAL (PARTIAL_X + ROW(C0))

/* slopes [frames x 2 x ROW(C2)]: alpha and kappa of each frame; partial [groups x 2 x ROW(C2)]: sums of dy2 and dy2 q2.
 * A lane owns vectors of channels. Reads d_out's poolings and the extracts once. */
__kernel GROUP_OF(LANES) void pool_gradient(INPUT extract, INPUT d_out, OUTPUT slopes, OUTPUT partial, int frames,
                                            int share)
{
    const int first = (int)get_group_id(0) * share, last = min(first + share, frames);
    partial += get_group_id(0) * 2 * ROW(C2);
    ROLLED for (int o = LANE; o < VECS(C2); o += LANES) {
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

/* In place, z2 -> dz2 of `rows` pixels; zeros in the other lines of the block. totals: sums of dy2 and dy2 q2. */
static inline void pixel_dz(FAST float *z, int rows, __global const float *mask, __global const float *norm2,
                            __global const float *mean, __global const float *slopes, __global const float *totals,
                            float pixels)
{
    ROLLED for (int o = LANE; o < VECS(C2); o += LANES) {
        const vec inverse = VLOAD(o, norm2 + NORM_INVERSE * ROW(C2)), offset = VLOAD(o, norm2 + NORM_OFFSET * ROW(C2));
        const vec weight = VLOAD(o, norm2 + NORM_WEIGHT * ROW(C2)), bias = VLOAD(o, norm2 + NORM_BIAS * ROW(C2));
        const vec scale = VLOAD(o, norm2 + NORM_SCALE * ROW(C2)), mu = VLOAD(o, mean);
        const vec alpha = VLOAD(o, slopes), kappa = VLOAD(o, slopes + ROW(C2));
        const vec mean_dy = VLOAD(o, totals) / pixels, mean_dyq = VLOAD(o, totals + ROW(C2)) / pixels;
        ROLLED for (int p = 0; p < rows; p++) {
            const vec m = (vec)(mask[p]);
            const vec q = fma(VLOAD(o, z + p * ROW(C2)), inverse, offset), y = fma(q, weight, bias);
            const vec dy = relu_gradient(m * fma(m * kappa, y - mu, alpha), y);
            VSTORE(scale * (dy - fma(q, mean_dyq, mean_dy)), o, z + p * ROW(C2));
        }
        ROLLED for (int p = rows; p < ROWS; p++) VSTORE((vec)0.0f, o, z + p * ROW(C2));
    }
}

/* partial_w2 += h^T dz. A tile is 4 lines of W2's gradient by BLOCK vectors. */
static inline void weight_gradient_2(FAST const float *h, FAST const float *dz, int rows, __global float *partial_w2)
{
    enum { lines = TILE_VECS / BLOCK_MAX, block = BLOCK_OF(VECS(C2)), blocks = VECS(C2) / block };
    ROLLED for (int tile = LANE; tile < (C1 + lines - 1) / lines * blocks; tile += LANES) {
        const int k0 = tile / blocks * lines, o0 = tile % blocks * block;
        vec sum[lines][block];
        UNROLL for (int k = 0; k < lines; k++) UNROLL for (int o = 0; o < block; o++) sum[k][o] = 0.0f;
        NOUNROLL for (int p = 0; p < rows; p++) {
            vec d[block];
            UNROLL for (int o = 0; o < block; o++) d[o] = VLOAD(o0 + o, dz + p * ROW(C2));
            UNROLL for (int k = 0; k < lines; k++) {
                const vec a = (vec)(h[p * ROW(C1) + (C1 % lines ? min(k0 + k, C1 - 1) : k0 + k)]);
                UNROLL for (int o = 0; o < block; o++) sum[k][o] = MULTIPLY_ADD(a, d[o], sum[k][o]);
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
static inline void hidden_gradient(FAST const float *dz, __global const float *weight2, FAST float *h)
{
    enum { block = BLOCK_OF(VECS(C1)), blocks = VECS(C1) / block, pixels = PIXELS_OF(block) };
    ROLLED for (int tile = LANE; tile < ROWS / pixels * blocks; tile += LANES) {
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
                UNROLL for (int o = 0; o < block; o++) dh[p][o] = MULTIPLY_ADD(d, w[o], dh[p][o]);
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

static inline void input_products(__global const float *x, __global const float *shift, FAST const float *a, int rows,
                                  int tile, __global float *partial, __global float *column_sums)
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
            UNROLL for (int o = 0; o < INPUT_BLOCK; o++) sum[c][o] = MULTIPLY_ADD(s, v[o], sum[c][o]);
        }
    }
    UNROLL for (int c = 0; c < INPUT_LINES; c++) {
        if (C0 % INPUT_LINES && c0 + c >= C0) continue;
        __global float *line = partial + (c0 + c) * ROW(C1);
        UNROLL for (int o = 0; o < INPUT_BLOCK; o++)
            VSTORE(VLOAD(o0 + o, line) + fma((vec)(-shift[c0 + c]), column[o], sum[c][o]), o0 + o, line);
    }
    if (c0 == 0 && column_sums)
        UNROLL for (int o = 0; o < INPUT_BLOCK; o++)
            VSTORE(VLOAD(o0 + o, column_sums) + column[o], o0 + o, column_sums);
}

/* Adds the block's sums of dy1 q1 and of x - shift to the group's partial ones. */
static inline void plain_sums(__global const float *x, __global const float *shift, FAST const float *dy,
                              FAST const float *q, int rows, __global float *partial)
{
    ROLLED for (int o = LANE; o < VECS(C1); o += LANES) {
        vec sum = 0.0f;
        ROLLED for (int p = 0; p < rows; p++) sum = fma(VLOAD(o, dy + p * ROW(C1)), VLOAD(o, q + p * ROW(C1)), sum);
        VSTORE(VLOAD(o, partial + PARTIAL_DYQ) + sum, o, partial + PARTIAL_DYQ);
    }
    enum { own = (C0 + LANES - 1) / LANES };
    float sum[own];
    UNROLL for (int i = 0; i < own; i++) sum[i] = 0.0f;
    ROLLED for (int p = 0; p < rows; p++)
        UNROLL for (int i = 0; i < own; i++)
            if (LANE + i * LANES < C0) sum[i] += x[p * C0 + LANE + i * LANES] - shift[LANE + i * LANES];
    UNROLL for (int i = 0; i < own; i++)
        if (LANE + i * LANES < C0) partial[PARTIAL_X + LANE + i * LANES] += sum[i];
}

/* partial [groups x PARTIAL]: the sums that all gradients are made of; x counts from the batch's first
 * pixel. totals [2 x ROW(C2)] from pool_gradient's partials. Reads x three times a block (from cache), mask and slopes
 * once; the group's partial line is its accumulator. 2 S (3 C1 C2 + 3 C0 C1) + 16 S C2 FLOPs a frame. */
__kernel GROUP_OF(LANES) void pixel_gradient(INPUT x, INPUT mask, INPUT w1, INPUT norm1, INPUT w2, INPUT weight2,
                                             INPUT norm2, INPUT extract, INPUT slopes, INPUT totals, OUTPUT partial,
                                             int frames, int share)
{
    FAST float q[ROWS * ROW(C1)] ALIGNED, h[ROWS * ROW(C1)] ALIGNED, z[ROWS * ROW(C2)] ALIGNED;
    partial += get_group_id(0) * PARTIAL;
    ROLLED for (int i = LANE; i < PARTIAL; i += LANES) partial[i] = 0.0f;
    SYNC_GLOBAL();
    const float pixels = (float)frames * S;
    const int first = (int)get_group_id(0) * share, last = min(first + share, frames);
    for (int f = first; f < last; f++)
        ROLLED for (int start = 0; start < S; start += ROWS) {
            __global const float *block = x + ((size_t)f * S + start) * C0;
            const int rows = ROWS_FROM(start);
            SYNC();
            layer_1(block, rows, w1, norm1 + NORM_INVERSE * ROW(C1), EPILOGUE_NORM, q);
            SYNC();
            ROLLED for (int i = LANE; i < ROWS * VECS(C1); i += LANES) {
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
            ROLLED for (int tile = LANE; tile < 2 * INPUT_TILES; tile += LANES)
                if (tile < INPUT_TILES)
                    input_products(block, x, h, rows, tile, partial + PARTIAL_XDY, partial + PARTIAL_DY);
                else
                    input_products(block, x, q, rows, tile - INPUT_TILES, partial + PARTIAL_XQ, 0);
            plain_sums(block, x, h, q, rows, partial);
        }
}

/* Writes a gradient's element, or adds to it; NULL: not wanted. */
static inline void put(__global float *gradient, int i, float value, int add)
{
    if (gradient) gradient[i] = add ? gradient[i] + value : value;
}

/* From the sums over all groups, sums [PARTIAL] and totals [2 x ROW(C2)], the gradients of layer 1's weight [C1 x C0],
 * bias, norm weight and bias [C1] and layer 2's. Bits 0 .. 7 of accumulate, in the order of the
 * arguments: add instead; NULL: not wanted.
 * One work-item an output channel of either layer. The linear biases cancel in the batch norms: 0. */
__kernel GROUP_OF(CHANNEL_LANES) void finish_gradients(INPUT sums, INPUT totals, INPUT norm1, OUTPUT d_weight1,
                                                       OUTPUT d_bias1, OUTPUT d_norm_weight1, OUTPUT d_norm_bias1,
                                                       OUTPUT d_weight2, OUTPUT d_bias2, OUTPUT d_norm_weight2,
                                                       OUTPUT d_norm_bias2, int frames, int accumulate)
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
