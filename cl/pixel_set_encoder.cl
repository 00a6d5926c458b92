/* The pixel-set encoder evaluating, in one pass: MLP on every pixel, pooling over the pixels, `extra` behind.
 * Source: Garnot et al., "Satellite image time series classification with pixel-set encoders and temporal
 * self-attention", CVPR 2020.
 *
 * Macros beside pixel_mlp.clh's: E extra features, POOLS and POOL0 .. POOL3 (the numbers of enum pooling, op.h).
 *
 * check: -DVW=1 -DLANES=64 -DLAYERS=2 -DS=64 -DROWS=32 -DC0=10 -DC1=32 -DC2=64 -DE=4 -DPOOLS=2 -DPOOL0=0 -DPOOL1=1
 * check: -DVW=1 -DLANES=32 -DLAYERS=3 -DS=37 -DROWS=8 -DC0=10 -DC1=20 -DC2=33 -DC3=17 -DE=0 -DPOOLS=1 -DPOOL0=3
 */
#include "pixel_mlp.clh"

#define POOL_MEAN 0
#define POOL_STD 1
#define POOL_MAX 2
#define POOL_MIN 3
#define POOL_IS(i, kind) (POOLS > i && POOL##i == kind)
#define HAS(kind) (POOL_IS(0, kind) || POOL_IS(1, kind) || POOL_IS(2, kind) || POOL_IS(3, kind))
#ifndef POOL1
#define POOL1 0
#endif
#ifndef POOL2
#define POOL2 0
#endif
#ifndef POOL3
#define POOL3 0
#endif

/* C: width of the last layer, whose output goes to its block of pixels' lines of y; the other layers' go to a and b in
 * turn (TOi), of HIDDEN_A and HIDDEN_B floats. */
#define LARGER(a, b) ((a) > (b) ? (a) : (b))
#if LAYERS == 1
#define C C1
#define TO1 block
#elif LAYERS == 2
#define C C2
#define TO1 a
#define TO2 block
#define HIDDEN_A (ROWS * ROW(C1))
#elif LAYERS == 3
#define C C3
#define TO1 a
#define TO2 b
#define TO3 block
#define HIDDEN_A (ROWS * ROW(C1))
#define HIDDEN_B (ROWS * ROW(C2))
#else
#define C C4
#define TO1 a
#define TO2 b
#define TO3 a
#define TO4 block
#define HIDDEN_A (ROWS * LARGER(ROW(C1), ROW(C3)))
#define HIDDEN_B (ROWS * ROW(C2))
#endif
#define BLOCKS_OF_ROWS ((S + ROWS - 1) / ROWS)
#ifndef WIDTH
#define WIDTH (POOLS * C + E) /* of an output row */
#endif

/* affine [2 x ROW(c)] so that batch_norm(z + bias) = z affine[0] + affine[1], by the running statistics. */
static inline void fold_norm(int c, __global const float *bias, __global const float *weight,
                             __global const float *shift, __global const float *mean, __global const float *variance,
                             FAST float *affine)
{
    ROLLED for (int i = LANE; i < ROW(c); i += LANES) {
        float a = 0.0f, b = 0.0f;
        if (i < c) {
            a = weight[i] / sqrt(variance[i] + 1e-5f);
            b = fma(bias[i] - mean[i], a, shift[i]);
        }
        affine[i] = a;
        affine[ROW(c) + i] = b;
    }
}

/* Pools y [S x ROW(C)] with weights mask [S] into out [POOLS C]. A lane owns BLOCK vectors of channels at a time. */
static inline void pool(FAST const float *y, __global const float *mask, __global float *out)
{
    enum { block = BLOCK_OF(VECS(C)) };
    const float count = mask_sum(mask);
    ROLLED for (int o0 = LANE * block; o0 < VECS(C); o0 += LANES * block) {
        vec mean[block], high[block], low[block], squares[block];
        UNROLL for (int o = 0; o < block; o++) {
            mean[o] = squares[o] = 0.0f;
            high[o] = low[o] = VLOAD(o0 + o, y);
        }
        ROLLED for (int p = 0; p < S; p++) {
            const vec m = (vec)(mask[p]);
            UNROLL for (int o = 0; o < block; o++) {
                const vec v = VLOAD(o0 + o, y + p * ROW(C));
                mean[o] = fma(m, v, mean[o]);
                if (HAS(POOL_MAX)) high[o] = fmax(high[o], v);
                if (HAS(POOL_MIN)) low[o] = fmin(low[o], v);
            }
        }
        UNROLL for (int o = 0; o < block; o++) mean[o] /= count;
        if (HAS(POOL_STD)) {
            ROLLED for (int p = 0; p < S; p++) {
                const vec m = (vec)(mask[p]);
                UNROLL for (int o = 0; o < block; o++) {
                    const vec distance = (VLOAD(o0 + o, y + p * ROW(C)) - mean[o]) * m;
                    squares[o] = fma(distance, distance, squares[o]);
                }
            }
            const float divisor = variance_divisor(count);
            UNROLL for (int o = 0; o < block; o++) squares[o] = sqrt(squares[o] / divisor + 1e-31f);
        }
        UNROLL for (int o = 0; o < block; o++) {
            const int at = (o0 + o) * VW;
            const int kinds[4] = {POOL0, POOL1, POOL2, POOL3};
            UNROLL for (int i = 0; i < POOLS; i++) {
                const int kind = kinds[i];
                const vec v = kind == POOL_MEAN ? mean[o] : kind == POOL_STD ? squares[o]
                            : kind == POOL_MAX  ? high[o] : low[o];
                store_tail(v, out + i * C + at, C - at);
            }
        }
    }
}

#define LAYER_ARGUMENTS(i)                                                                                             \
    INPUT w##i, INPUT bias##i,                                                                                         \
        INPUT norm_weight##i, INPUT norm_bias##i,                                                                      \
        INPUT mean##i, INPUT variance##i
#define FOLD(i) fold_norm(C##i, bias##i, norm_weight##i, norm_bias##i, mean##i, variance##i, affine##i)

/* A group owns `share` frames, one after the other. x [frames x S x C0], mask [frames x S], extra [frames x E], each
 * read once; wi [C(i-1) x ROW(Ci)] transposed weights, read once a tile from cache; out [frames x WIDTH], written once.
 * 2 S (C0 C1 + C1 C2 + ..) FLOPs a frame and about 8 S C for pooling. */
__kernel GROUP_OF(LANES) void pixel_set_encoder(INPUT x, INPUT mask,
                                                INPUT extra, OUTPUT out,
                                                int frames, int share, LAYER_ARGUMENTS(1)
#if LAYERS >= 2
                                                , LAYER_ARGUMENTS(2)
#endif
#if LAYERS >= 3
                                                , LAYER_ARGUMENTS(3)
#endif
#if LAYERS >= 4
                                                , LAYER_ARGUMENTS(4)
#endif
)
{
    FAST float y[BLOCKS_OF_ROWS * ROWS * ROW(C)] ALIGNED;
    FAST float affine1[2 * ROW(C1)] ALIGNED;
    FOLD(1);
#if LAYERS >= 2
    FAST float a[HIDDEN_A] ALIGNED, affine2[2 * ROW(C2)] ALIGNED;
    FOLD(2);
#endif
#if LAYERS >= 3
    FAST float b[HIDDEN_B] ALIGNED, affine3[2 * ROW(C3)] ALIGNED;
    FOLD(3);
#endif
#if LAYERS >= 4
    FAST float affine4[2 * ROW(C4)] ALIGNED;
    FOLD(4);
#endif
    const int first = (int)get_group_id(0) * share, last = min(first + share, frames);
    for (int f = first; f < last; f++) {
        __global const float *frame = x + (size_t)f * S * C0;
        __global float *row = out + (size_t)f * WIDTH;
        ROLLED for (int start = 0; start < S; start += ROWS) {
            SYNC();
            FAST float *block = y + start * ROW(C);
            layer_1(frame + start * C0, ROWS_FROM(start), w1, affine1, EPILOGUE_NORM_RELU, TO1);
#if LAYERS >= 2
            SYNC();
            layer_2(a, ROWS, w2, affine2, EPILOGUE_NORM_RELU, TO2);
#endif
#if LAYERS >= 3
            SYNC();
            layer_3(b, ROWS, w3, affine3, EPILOGUE_NORM_RELU, TO3);
#endif
#if LAYERS >= 4
            SYNC();
            layer_4(a, ROWS, w4, affine4, EPILOGUE_NORM_RELU, TO4);
#endif
        }
        SYNC();
        pool(y, mask + (size_t)f * S, row);
        for (int e = LANE; e < E; e += LANES) row[POOLS * C + e] = extra[(size_t)f * E + e];
    }
}
