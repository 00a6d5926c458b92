/* A linear layer with batch norm and ReLU in training, for few rows: one launch forward, one backward (and a product
 * for dx). Formulas as in batch_norm.cl, z = x W^T + bias.
 *
 * An item owns OB vectors of columns for the whole batch, so that their statistics are its own: its part of z, and of
 * dz, is written to memory and read back from cache. VW OB divides the columns; 8 = PX <= rows; VW <= inner. For CPUs,
 * one item a group.
 *
 * check-cpu: -DVW=16 -DOB=2 */
#define PX 8
#include "gemm.clh"
#include "norm.clh"

/* x [rows x inner], wt: W transposed, lines b_stride apart. Writes z and y [rows x columns] and statistics
 * [2 x columns] (mean, 1 / deviation), moves the running statistics. Reads x once, its columns of W once per 8 rows from
 * cache. 2 rows columns inner FLOPs in all. */
__kernel ONE_ITEM void linear_norm_forward(__global const float *restrict x, __global const float *restrict wt,
                                           int b_stride, __global const float *restrict bias,
                                           __global const float *restrict norm_weight,
                                           __global const float *restrict norm_bias,
                                           __global float *restrict running_mean, __global float *restrict running_var,
                                           __global float *restrict z, __global float *restrict statistics,
                                           __global float *restrict y, int rows, int columns, int inner, int with_relu)
{
    const int column0 = (int)get_global_id(0) * OB * VW;
    int column[OB];
    vec shift[OB], mean[OB];
    UNROLL for (int o = 0; o < OB; o++) {
        column[o] = column0 + o * VW;
        shift[o] = bias ? VLOAD(0, bias + column[o]) : (vec)0.0f;
        mean[o] = (vec)0.0f;
    }
    for (int row = 0; row < rows; row += PX) {
        const int start = min(row, rows - PX), own = row - start;
        vec sum[PX][OB];
        tile_product(x + (size_t)start * inner, wt, (size_t)b_stride, column, inner, sum);
        UNROLL for (int p = 0; p < PX; p++)
            UNROLL for (int o = 0; o < OB; o++) {
                sum[p][o] += shift[o];
                VSTORE(sum[p][o], 0, z + (size_t)(start + p) * columns + column[o]);
                if (p >= own) mean[o] += sum[p][o];
            }
    }
    UNROLL for (int o = 0; o < OB; o++) {
        const int c = column[o];
        const vec middle = mean[o] / (float)rows, gain = VLOAD(0, norm_weight + c), offset = VLOAD(0, norm_bias + c);
        vec m2 = (vec)0.0f;
        for (int row = 0; row < rows; row++) {
            const vec distance = VLOAD(0, z + (size_t)row * columns + c) - middle;
            m2 = MULTIPLY_ADD(distance, distance, m2);
        }
        const vec rstd = norm_update((float)rows, middle, m2, running_mean + c, running_var + c, 0);
        VSTORE(middle, 0, statistics + c);
        VSTORE(rstd, 0, statistics + columns + c);
        for (int row = 0; row < rows; row++) {
            const vec value = MULTIPLY_ADD(VLOAD(0, z + (size_t)row * columns + c) - middle, rstd * gain, offset);
            VSTORE(with_relu ? relu(value) : value, 0, y + (size_t)row * columns + c);
        }
    }
}

/* dz [rows x columns], and the gradients of the norm's weight and bias and of W [columns x inner] (each NULL: not
 * wanted; or +=). Reads dy and z once from memory, x once per 8 columns (from cache). 2 rows columns inner FLOPs. */
__kernel ONE_ITEM void linear_norm_backward(__global const float *restrict dy, __global const float *restrict z,
                                            __global const float *restrict statistics,
                                            __global const float *restrict norm_weight,
                                            __global const float *restrict norm_bias, __global const float *restrict x,
                                            __global float *restrict dz, __global float *restrict dnorm_weight,
                                            int add_norm_weight, __global float *restrict dnorm_bias, int add_norm_bias,
                                            __global float *restrict dw, int add_w, int rows, int columns, int inner,
                                            int with_relu)
{
    const int column0 = (int)get_global_id(0) * OB * VW;
    UNROLL for (int o = 0; o < OB; o++) {
        const int c = column0 + o * VW;
        const vec mean = VLOAD(0, statistics + c), rstd = VLOAD(0, statistics + columns + c);
        const vec gain = VLOAD(0, norm_weight + c) * rstd, offset = VLOAD(0, norm_bias + c);
        vec weighted = (vec)0.0f, plain = (vec)0.0f;
        for (int row = 0; row < rows; row++) {
            const size_t at = (size_t)row * columns + c;
            const vec distance = VLOAD(0, z + at) - mean;
            vec d = VLOAD(0, dy + at);
            if (with_relu) d = relu_gradient(d, MULTIPLY_ADD(distance, gain, offset));
            VSTORE(d, 0, dz + at);
            weighted = MULTIPLY_ADD(d, distance * rstd, weighted);
            plain += d;
        }
        if (dnorm_weight) store_from(weighted, dnorm_weight + c, 0, add_norm_weight);
        if (dnorm_bias) store_from(plain, dnorm_bias + c, 0, add_norm_bias);
        weighted *= 1.0f / (float)rows;
        plain *= 1.0f / (float)rows;
        for (int row = 0; row < rows; row++) {
            const size_t at = (size_t)row * columns + c;
            const vec xhat = (VLOAD(0, z + at) - mean) * rstd;
            VSTORE(gain * (VLOAD(0, dz + at) - plain - xhat * weighted), 0, dz + at);
        }
    }
    if (!dw) return;
    const int vectors = (inner + VW - 1) / VW;
    for (int v = 0; v < vectors; v += OB) {
        int column[OB], first[OB];
        UNROLL for (int o = 0; o < OB; o++) column[o] = vector_start(v + o, inner, &first[o]);
        for (int c = column0; c < column0 + OB * VW; c += PX) {
            vec sum[PX][OB];
            tile_zero(sum);
            tile_multiply(dz + c, 1, (size_t)columns, x, (size_t)inner, column, rows, sum);
            tile_store(sum, dw + (size_t)c * inner, (size_t)inner, column, first, 0, add_w);
        }
    }
}
