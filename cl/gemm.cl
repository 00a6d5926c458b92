/* Matrix products, row-major, in the simd form (see gemm.clh): for linear layers y = x W^T (W given transposed), for
 * their gradients dx = dz W, and dW = dz^T x. Any sizes with PX <= rows of C and VW <= its columns.
 *
 * Built for CPUs, one item a group; GPUs have gemm_simt.cl.
 *
 * check-cpu: -DVW=16 -DPX=6 -DOB=4
 * check-cpu: -DVW=8 -DPX=6 -DOB=2 */
#include "gemm.clh"
#include "norm.clh"

/* C [rows x columns] = A [rows x inner] B, B's lines b_stride apart; or C += A B where `add`.
 * Then, in registers: + bias; batch norm by running statistics (norm_weight and the rest NULL: none); ReLU.
 *
 * An item owns the rows_each rows from get_global_id(0) rows_each on (a multiple of PX, or all that are left) of OB
 * vectors of columns. It reads its rows of A once, its columns of B once per PX rows (from cache), writes its part of C
 * once. 2 rows columns inner FLOPs in all.
 *
 * moments (or NULL) [row blocks x 2 x columns]: for each rows_each rows the columns' means and M2 (sums of squared
 * distances from the mean) of what is stored, which save the training norm a pass over C. */
__kernel ONE_ITEM void multiply(__global const float *restrict a, __global const float *restrict b,
                                __global float *restrict c, int rows, int columns, int inner, int b_stride,
                                int rows_each, int add, __global const float *restrict bias,
                                __global const float *restrict norm_weight, __global const float *restrict norm_bias,
                                __global const float *restrict running_mean,
                                __global const float *restrict running_var, int with_relu,
                                __global float *restrict moments)
{
    int column[OB], first[OB];
    vec scale[OB], shift[OB], mean[OB], m2[OB];
    float count = 0;
    UNROLL for (int o = 0; o < OB; o++) {
        column[o] = vector_start((int)get_global_id(1) * OB + o, columns, &first[o]);
        scale[o] = (vec)1.0f;
        shift[o] = bias ? VLOAD(0, bias + column[o]) : (vec)0.0f;
        if (norm_weight) {
            scale[o] = VLOAD(0, norm_weight + column[o]) * norm_rstd(VLOAD(0, running_var + column[o]));
            shift[o] = MULTIPLY_ADD(shift[o] - VLOAD(0, running_mean + column[o]), scale[o],
                                    VLOAD(0, norm_bias + column[o]));
        }
        mean[o] = m2[o] = (vec)0.0f;
    }
    const int begin = (int)get_global_id(0) * rows_each, end = min(begin + rows_each, rows);
    for (int row = begin; row < end; row += PX) {
        const int start = min(row, rows - PX), own = row - start;
        vec sum[PX][OB];
        tile_product(a + (size_t)start * inner, b, (size_t)b_stride, column, inner, sum);
        UNROLL for (int p = 0; p < PX; p++)
            UNROLL for (int o = 0; o < OB; o++) {
                sum[p][o] = MULTIPLY_ADD(sum[p][o], scale[o], shift[o]);
                if (with_relu) sum[p][o] = relu(sum[p][o]);
            }
        tile_store(sum, c + (size_t)start * columns, (size_t)columns, column, first, own, add);
        if (moments) {
            const float more = (float)(PX - own), merged = count + more;
            UNROLL for (int o = 0; o < OB; o++) {
                vec block_mean = (vec)0.0f, block_m2 = (vec)0.0f;
                float before = count;
                UNROLL for (int p = 0; p < PX; p++)
                    if (p >= own) block_mean += sum[p][o];
                block_mean *= 1.0f / more;
                UNROLL for (int p = 0; p < PX; p++)
                    if (p >= own) block_m2 = MULTIPLY_ADD(sum[p][o] - block_mean, sum[p][o] - block_mean, block_m2);
                merge_moments(&before, &mean[o], &m2[o], more, block_mean, block_m2);
            }
            count = merged;
        }
    }
    if (!moments) return;
    moments += get_global_id(0) * 2 * (size_t)columns;
    UNROLL for (int o = 0; o < OB; o++) {
        store_from(mean[o], moments + column[o], first[o], 0);
        store_from(m2[o], moments + columns + column[o], first[o], 0);
    }
}

/* The columns' sums of lines [begin, end) of a [rows x columns], for the bias gradient. */
static void sum_columns(__global const float *a, int columns, int begin, int end, __global float *out,
                        int add)
{
    for (int column = 0; column < columns; column += VW) {
        vec sum = (vec)0.0f;
        for (int row = begin; row < end; row++)
            sum += load_tail(a + (size_t)row * columns + column, columns - column);
        if (add) sum += load_tail(out + column, columns - column);
        store_tail(sum, out + column, columns - column);
    }
}

/* C [rows x columns] = A^T B over rows_each of the `inner` lines of A [inner x rows] and B [inner x columns]; chunk
 * get_global_id(1) of them writes `step` floats behind the one before (one chunk: C itself; more: partial products that
 * reduce_partials adds up in order). Or += where `add` (`add_sums` for the sums).
 *
 * An item owns one tile of C in its chunk: it reads PX columns of A and OB vectors of B per line, writes its tile once.
 * One more item than there are tiles writes the columns' sums of A to `sums` (NULL: none), laid out like C from
 * sums_start on. */
__kernel ONE_ITEM void multiply_transposed(__global const float *restrict a, __global const float *restrict b,
                                           __global float *restrict c, __global float *restrict sums, int sums_start,
                                           int rows, int columns, int inner, int rows_each, int step, int add,
                                           int add_sums)
{
    const int vectors = (columns + VW - 1) / VW, across = (vectors + OB - 1) / OB, down = (rows + PX - 1) / PX;
    const int tile = (int)get_global_id(0);
    const int begin = (int)get_global_id(1) * rows_each, end = min(begin + rows_each, inner);
    const size_t chunk = get_global_id(1) * (size_t)step;
    if (tile == across * down) {
        sum_columns(a, rows, begin, end, sums + sums_start + chunk, add_sums);
        return;
    }
    int column[OB], first[OB];
    UNROLL for (int o = 0; o < OB; o++) column[o] = vector_start(tile / down * OB + o, columns, &first[o]);
    const int row = tile % down * PX, start = min(row, rows - PX);
    vec sum[PX][OB];
    tile_zero(sum);
    tile_multiply(a + (size_t)begin * rows + start, 1, (size_t)rows, b + (size_t)begin * columns, (size_t)columns,
                  column, end - begin, sum);
    tile_store(sum, c + chunk + (size_t)start * columns, (size_t)columns, column, first, row - start, add);
}
