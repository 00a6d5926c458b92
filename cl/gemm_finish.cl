/* What is left to do after a matrix product: adding partial products up, columns' sums, an epilogue of its own.
 * Channels are columns; an item owns one vector of them (VW 16 or 8 and one item a group on CPUs, VW 1 on GPUs).
 *
 * check: -DVW=1 -DLANES=64
 * check: -DVW=1 -DLANES=32 */
#include "common.clh"
#include "norm.clh"

#ifndef LANES
#define LANES 1
#endif

/* Vector `v` of `count` values: out = the sum of `chunks` partial vectors, `step` floats apart, in order; or +=. */
static inline void reduce(__global const float *partial, size_t step, int chunks, __global float *out,
                          int count, int v, int add)
{
    const int left = count - v * VW;
    if (left <= 0) return;
    vec sum = (vec)0.0f;
    for (int chunk = 0; chunk < chunks; chunk++) sum += load_tail(partial + chunk * step + v * VW, left);
    if (add) sum += load_tail(out + v * VW, left);
    store_tail(sum, out + v * VW, left);
}

/* c [size] and, behind it in each partial, sums [columns] (NULL: none). Reads chunks (size + columns) floats once. */
__kernel GROUP_OF(LANES) void reduce_partials(__global const float *restrict partial, int chunks, int step,
                                              __global float *restrict c, int size, int add,
                                              __global float *restrict sums, int columns, int add_sums)
{
    const int v = (int)get_global_id(0);
    reduce(partial, (size_t)step, chunks, c, size, v, add);
    if (sums) reduce(partial + size, (size_t)step, chunks, sums, columns, v, add_sums);
}

/* Sums of each column of lines [chunk rows_each, + rows_each) of a [rows x columns], to `out` from `start` on, chunk
 * get_global_id(1) `step` floats behind the one before; or +=. Reads a once. */
__kernel GROUP_OF(LANES) void sum_columns(__global const float *restrict a, int rows, int columns, int rows_each,
                                          __global float *restrict out, int start, int step, int add)
{
    const int column = (int)get_global_id(0) * VW, left = columns - column;
    const int begin = (int)get_global_id(1) * rows_each, end = min(begin + rows_each, rows);
    if (left <= 0) return;
    vec sum = (vec)0.0f;
    for (int row = begin; row < end; row++) sum += load_tail(a + (size_t)row * columns + column, left);
    out += start + get_global_id(1) * (size_t)step + column;
    if (add) sum += load_tail(out, left);
    store_tail(sum, out, left);
}

/* For products without an epilogue (CLBlast): c = relu?(norm?(c + bias?)) in place, rows_each rows of a vector of
 * columns an item. Reads and writes c once. */
__kernel GROUP_OF(LANES) void epilogue(__global float *restrict c, int rows, int columns, int rows_each,
                                       __global const float *restrict bias,
                                       __global const float *restrict norm_weight,
                                       __global const float *restrict norm_bias,
                                       __global const float *restrict running_mean,
                                       __global const float *restrict running_var, int with_relu)
{
    const int column = (int)get_global_id(0) * VW, left = columns - column;
    const int begin = (int)get_global_id(1) * rows_each, end = min(begin + rows_each, rows);
    if (left <= 0) return;
    vec scale = (vec)1.0f, shift = bias ? load_tail(bias + column, left) : (vec)0.0f;
    if (norm_weight) {
        scale = load_tail(norm_weight + column, left) * norm_rstd(load_tail(running_var + column, left));
        shift = MULTIPLY_ADD(shift - load_tail(running_mean + column, left), scale,
                             load_tail(norm_bias + column, left));
    }
    for (int row = begin; row < end; row++) {
        __global float *at = c + (size_t)row * columns + column;
        vec value = MULTIPLY_ADD(load_tail(at, left), scale, shift);
        if (with_relu) value = relu(value);
        store_tail(value, at, left);
    }
}
