/* Matrix products, row-major, in the simt form: a group of LANES items shares tiles of A and B in local memory, each
 * item sums a register tile of 4 rows x 4 columns (GPUs). Any sizes: what lies outside a matrix is read as zero and not
 * written. The counterpart of gemm.cl, with the same results to rounding.
 *
 * A group owns SIDE x SIDE of C: LANES = (SIDE / 4)^2 items. It steps through the inner dimension DEPTH at a time:
 * loads SIDE x DEPTH of A and DEPTH x SIDE of B, each number once, coalesced; each is then used SIDE times from local
 * memory (8.3 KB at SIDE 64).
 *
 * check: -DVW=4 -DSIDE=64
 * check: -DVW=4 -DSIDE=32
 * check: -DVW=4 -DSIDE=16 */
#include "common.clh"
#include "norm.clh"

#define DEPTH 16
#define EDGE (SIDE / 4)      /* items along a side */
#define LANES (EDGE * EDGE)

/* The sums of one item of a group: its 4 rows from row0, its 4 columns from column0 within the group's tile whose first
 * row and column are given. A(r, i) = a[r row_step + i inner_step]. lines_a, lines_b: the shared tiles. */
static inline void tile_multiply(__global const float *a, size_t row_step, size_t inner_step,
                                 __global const float *b, size_t b_stride, int rows, int columns, int begin,
                                 int end, int row, int column, __local float (*lines_a)[SIDE + 1],
                                 __local float (*lines_b)[SIDE], vec sum[4])
{
    const int lane = (int)get_local_id(0), row0 = lane / EDGE * 4, column0 = lane % EDGE * 4;
    UNROLL for (int p = 0; p < 4; p++) sum[p] = (vec)0.0f;
    NOUNROLL for (int i0 = begin; i0 < end; i0 += DEPTH) {
        /* Neighbouring lanes read neighbouring numbers of A: along its lines, which are rows or inner steps. */
        NOUNROLL for (int at = lane; at < SIDE * DEPTH; at += LANES) {
            const int r = inner_step == 1 ? at / DEPTH : at % SIDE, i = inner_step == 1 ? at % DEPTH : at / SIDE;
            const int inside = row + r < rows && i0 + i < end;
            lines_a[i][r] = inside ? a[(row + r) * row_step + (i0 + i) * inner_step] : 0.0f;
        }
        NOUNROLL for (int at = lane; at < SIDE * DEPTH; at += LANES) {
            const int c = at % SIDE, i = at / SIDE;
            lines_b[i][c] = column + c < columns && i0 + i < end ? b[(i0 + i) * b_stride + column + c] : 0.0f;
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        NOUNROLL for (int i = 0; i < DEPTH; i++) {
            const vec line = VLOAD(0, lines_b[i] + column0);
            UNROLL for (int p = 0; p < 4; p++) sum[p] = MULTIPLY_ADD((vec)(lines_a[i][row0 + p]), line, sum[p]);
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
}

/* C = A B, or +=, then bias, batch norm by running statistics, ReLU: as `multiply` in gemm.cl, one tile a group. */
__kernel GROUP_OF(LANES) void multiply(__global const float *restrict a, __global const float *restrict b,
                                       __global float *restrict c, int rows, int columns, int inner, int b_stride,
                                       int add, __global const float *restrict bias,
                                       __global const float *restrict norm_weight,
                                       __global const float *restrict norm_bias,
                                       __global const float *restrict running_mean,
                                       __global const float *restrict running_var, int with_relu)
{
    __local float lines_a[DEPTH][SIDE + 1], lines_b[DEPTH][SIDE];
    const int lane = (int)get_local_id(0), row = (int)get_group_id(0) * SIDE, column = (int)get_group_id(1) * SIDE;
    vec sum[4];
    tile_multiply(a, (size_t)inner, 1, b, (size_t)b_stride, rows, columns, 0, inner, row, column, lines_a, lines_b,
                  sum);

    const int own_row = row + lane / EDGE * 4, own_column = column + lane % EDGE * 4, left = columns - own_column;
    vec scale = (vec)1.0f, shift = bias ? load_tail(bias + own_column, left) : (vec)0.0f;
    if (norm_weight) {
        scale = load_tail(norm_weight + own_column, left) * norm_rstd(load_tail(running_var + own_column, left));
        shift = MULTIPLY_ADD(shift - load_tail(running_mean + own_column, left), scale,
                             load_tail(norm_bias + own_column, left));
    }
    UNROLL for (int p = 0; p < 4; p++) {
        __global float *at = c + (size_t)(own_row + p) * columns + own_column;
        const int lanes = own_row + p < rows ? left : 0;
        vec value = MULTIPLY_ADD(sum[p], scale, shift);
        if (with_relu) value = relu(value);
        if (add) value += load_tail(at, lanes);
        store_tail(value, at, lanes);
    }
}

/* C = A^T B over a chunk of lines: as `multiply_transposed` in gemm.cl, one tile a group. A's column sums are
 * gemm_finish.cl's. */
__kernel GROUP_OF(LANES) void multiply_transposed(__global const float *restrict a, __global const float *restrict b,
                                                  __global float *restrict c, int rows, int columns, int inner,
                                                  int rows_each, int step, int add)
{
    __local float lines_a[DEPTH][SIDE + 1], lines_b[DEPTH][SIDE];
    const int down = (rows + SIDE - 1) / SIDE, tile = (int)get_group_id(0), lane = (int)get_local_id(0);
    const int row = tile % down * SIDE, column = tile / down * SIDE;
    const int begin = (int)get_group_id(1) * rows_each, end = min(begin + rows_each, inner);
    vec sum[4];
    tile_multiply(a, 1, (size_t)rows, b, (size_t)columns, rows, columns, begin, end, row, column, lines_a, lines_b,
                  sum);

    const int own_row = row + lane / EDGE * 4, own_column = column + lane % EDGE * 4;
    c += get_group_id(1) * (size_t)step;
    UNROLL for (int p = 0; p < 4; p++) {
        __global float *at = c + (size_t)(own_row + p) * columns + own_column;
        const int lanes = own_row + p < rows ? columns - own_column : 0;
        vec value = sum[p];
        if (add) value += load_tail(at, lanes);
        store_tail(value, at, lanes);
    }
}
