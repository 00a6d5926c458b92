/* Batch normalisation over the rows of z [rows x columns] (Ioffe and Szegedy 2015), training and evaluating:
 *
 *   y = relu?(xhat weight + bias), xhat = (z - mean) rstd, rstd = 1 / sqrt(variance + 1e-5)
 *   d = dy where y > 0 (all of dy without ReLU);  dweight = sum d xhat;  dbias = sum d
 *   dz = weight rstd (d - dbias / rows - xhat dweight / rows)
 *
 * The rows are cut into chunks of rows_each, each with partial moments or sums that one more launch merges in order; few
 * rows go through whole_forward and whole_backward, one launch each. y is not kept: its sign is computed again.
 *
 * An item owns one vector of columns (the last slides back: VW <= columns) of one chunk: neighbouring items, the lanes
 * of a group, have neighbouring columns. VW 16 or 8 and one item a group on CPUs, VW 1 on GPUs.
 *
 * check: -DVW=1 -DLANES=64
 * check: -DVW=1 -DLANES=32 */
#include "norm.clh"

#ifndef LANES
#define LANES 1
#endif

/* An item's place: columns [column, column + VW), of which the lanes before `first` are another's; rows [begin, end). */
#define PLACE(columns, rows, rows_each)                                                                                \
    int first;                                                                                                         \
    const int column = vector_start((int)get_global_id(0), (columns), &first);                                         \
    const int begin = (int)get_global_id(1) * (rows_each), end = min(begin + (rows_each), (rows));                     \
    if (first >= VW) return

/* Mean and M2 of a vector of columns over rows [begin, end): two passes, the second from cache. */
static inline void moments_of(__global const float *z, int columns, int column, int begin, int end, vec *mean,
                              vec *m2)
{
    vec sum = (vec)0.0f, squares = (vec)0.0f;
    for (int row = begin; row < end; row++) sum += VLOAD(0, z + (size_t)row * columns + column);
    *mean = sum * (1.0f / (float)(end - begin));
    for (int row = begin; row < end; row++) {
        const vec distance = VLOAD(0, z + (size_t)row * columns + column) - *mean;
        squares = fma(distance, distance, squares);
    }
    *m2 = squares;
}

/* Rows [begin, end) of y, from the scale and shift of xhat. */
static inline void apply(__global const float *z, __global float *y, int columns, int column,
                         int first, int begin, int end, vec mean, vec scale, vec bias, int with_relu)
{
    for (int row = begin; row < end; row++) {
        const size_t at = (size_t)row * columns + column;
        const vec value = fma(VLOAD(0, z + at) - mean, scale, bias);
        store_from(with_relu ? relu(value) : value, y + at, first, 0);
    }
}

/* ---- forward ---- */

/* moments [chunks x 2 x columns]: each chunk's mean and M2. Reads z once from memory, once from cache. */
__kernel GROUP_OF(LANES) void chunk_moments(__global const float *restrict z, __global float *restrict moments,
                                            int rows, int columns, int rows_each)
{
    PLACE(columns, rows, rows_each);
    vec mean, m2;
    moments_of(z, columns, column, begin, end, &mean, &m2);
    moments += get_global_id(1) * 2 * (size_t)columns;
    store_from(mean, moments + column, first, 0);
    store_from(m2, moments + columns + column, first, 0);
}

/* Merges the chunks' moments: statistics [2 x columns] = mean and rstd; moves the running statistics. Global size 1 in
 * dimension 1. Reads moments once. */
__kernel GROUP_OF(LANES) void merge_chunks(__global const float *restrict moments, int rows, int columns, int rows_each,
                                           __global float *restrict statistics, __global float *restrict running_mean,
                                           __global float *restrict running_var)
{
    PLACE(columns, rows, rows);
    vec mean = VLOAD(0, moments + column), m2 = VLOAD(0, moments + columns + column);
    float count = (float)min(rows_each, rows);
    for (int from = rows_each; from < end; from += rows_each) {
        moments += 2 * (size_t)columns;
        merge_moments(&count, &mean, &m2, (float)min(rows_each, rows - from), VLOAD(0, moments + column),
                      VLOAD(0, moments + columns + column));
    }
    const vec rstd = norm_update(count, mean, m2, running_mean + column, running_var + column, first);
    store_from(mean, statistics + column, first, 0);
    store_from(rstd, statistics + columns + column, first, 0);
    (void)begin;
}

/* y from z by the batch's statistics, or by the running ones where `statistics` is NULL. Reads z, writes y once. */
__kernel GROUP_OF(LANES) void normalise(__global const float *restrict z, __global float *restrict y, int rows,
                                        int columns, int rows_each, __global const float *restrict statistics,
                                        __global const float *restrict running_mean,
                                        __global const float *restrict running_var,
                                        __global const float *restrict weight, __global const float *restrict bias,
                                        int with_relu)
{
    PLACE(columns, rows, rows_each);
    const vec mean = VLOAD(0, (statistics ? statistics : running_mean) + column);
    const vec rstd = statistics ? VLOAD(0, statistics + columns + column) : norm_rstd(VLOAD(0, running_var + column));
    apply(z, y, columns, column, first, begin, end, mean, rstd * VLOAD(0, weight + column), VLOAD(0, bias + column),
          with_relu);
}

/* All of a training forward for few rows: reads z once from memory, twice from cache. */
__kernel GROUP_OF(LANES) void whole_forward(__global const float *restrict z, __global float *restrict y, int rows,
                                            int columns, __global float *restrict statistics,
                                            __global float *restrict running_mean,
                                            __global float *restrict running_var,
                                            __global const float *restrict weight, __global const float *restrict bias,
                                            int with_relu)
{
    PLACE(columns, rows, rows);
    vec mean, m2;
    moments_of(z, columns, column, begin, end, &mean, &m2);
    const vec rstd = norm_update((float)rows, mean, m2, running_mean + column, running_var + column, first);
    store_from(mean, statistics + column, first, 0);
    store_from(rstd, statistics + columns + column, first, 0);
    apply(z, y, columns, column, first, begin, end, mean, rstd * VLOAD(0, weight + column), VLOAD(0, bias + column),
          with_relu);
}

/* ---- backward ---- */

/* What backward knows of a vector of columns. */
typedef struct columns_known {
    vec mean, rstd, weight, bias;
} columns_known;

static inline columns_known known(__global const float *statistics, __global const float *weight,
                                  __global const float *bias, int columns, int column)
{
    const columns_known c = {VLOAD(0, statistics + column), VLOAD(0, statistics + columns + column),
                             VLOAD(0, weight + column), VLOAD(0, bias + column)};
    return c;
}

/* d of a row and, in *xhat, its normalised value. */
static inline vec masked(columns_known c, vec dy, vec z, int with_relu, vec *xhat)
{
    *xhat = (z - c.mean) * c.rstd;
    return with_relu ? relu_gradient(dy, fma(z - c.mean, c.rstd * c.weight, c.bias)) : dy;
}

/* The sums of d xhat and of d over rows [begin, end). */
static inline void sums_of(columns_known c, __global const float *dy, __global const float *z,
                           int columns, int column, int begin, int end, int with_relu, vec *weighted, vec *plain)
{
    vec a = (vec)0.0f, b = (vec)0.0f;
    for (int row = begin; row < end; row++) {
        const size_t at = (size_t)row * columns + column;
        vec xhat;
        const vec d = masked(c, VLOAD(0, dy + at), VLOAD(0, z + at), with_relu, &xhat);
        a = fma(d, xhat, a);
        b += d;
    }
    *weighted = a;
    *plain = b;
}

static inline void gradient_of(columns_known c, __global const float *dy, __global const float *z,
                               __global float *dz, int columns, int column, int first, int begin, int end,
                               int with_relu, vec mean_weighted, vec mean_plain, int add)
{
    for (int row = begin; row < end; row++) {
        const size_t at = (size_t)row * columns + column;
        vec xhat;
        const vec d = masked(c, VLOAD(0, dy + at), VLOAD(0, z + at), with_relu, &xhat);
        store_from(c.weight * c.rstd * (d - mean_plain - xhat * mean_weighted), dz + at, first, add);
    }
}

/* sums [chunks x 2 x columns]: of d xhat, of d. Reads dy and z once. */
__kernel GROUP_OF(LANES) void chunk_sums(__global const float *restrict dy, __global const float *restrict z,
                                         __global float *restrict sums, int rows, int columns, int rows_each,
                                         __global const float *restrict statistics,
                                         __global const float *restrict weight, __global const float *restrict bias,
                                         int with_relu)
{
    PLACE(columns, rows, rows_each);
    vec weighted, plain;
    sums_of(known(statistics, weight, bias, columns, column), dy, z, columns, column, begin, end, with_relu, &weighted,
            &plain);
    sums += get_global_id(1) * 2 * (size_t)columns;
    store_from(weighted, sums + column, first, 0);
    store_from(plain, sums + columns + column, first, 0);
}

/* Adds the chunks' sums up in order: into the gradients of weight and bias (NULL: not wanted; or +=), and their means
 * over the rows into means [2 x columns]. Global size 1 in dimension 1. */
__kernel GROUP_OF(LANES) void merge_sums(__global const float *restrict sums, int chunks, int rows, int columns,
                                         __global float *restrict means, __global float *restrict dweight,
                                         int add_weight, __global float *restrict dbias, int add_bias)
{
    PLACE(columns, rows, rows);
    vec weighted = (vec)0.0f, plain = (vec)0.0f;
    for (int chunk = 0; chunk < chunks; chunk++, sums += 2 * (size_t)columns) {
        weighted += VLOAD(0, sums + column);
        plain += VLOAD(0, sums + columns + column);
    }
    if (dweight) store_from(weighted, dweight + column, first, add_weight);
    if (dbias) store_from(plain, dbias + column, first, add_bias);
    store_from(weighted * (1.0f / (float)rows), means + column, first, 0);
    store_from(plain * (1.0f / (float)rows), means + columns + column, first, 0);
    (void)begin;
    (void)end;
}

/* dz, or +=, from the means of merge_sums. Reads dy and z, writes dz once. */
__kernel GROUP_OF(LANES) void gradient(__global const float *restrict dy, __global const float *restrict z,
                                       __global float *restrict dz, int rows, int columns, int rows_each,
                                       __global const float *restrict statistics, __global const float *restrict means,
                                       __global const float *restrict weight, __global const float *restrict bias,
                                       int with_relu, int add)
{
    PLACE(columns, rows, rows_each);
    gradient_of(known(statistics, weight, bias, columns, column), dy, z, dz, columns, column, first, begin, end,
                with_relu, VLOAD(0, means + column), VLOAD(0, means + columns + column), add);
}

/* All of backward for few rows: dy and z are read once from memory, once from cache. dz may be NULL (not wanted). */
__kernel GROUP_OF(LANES) void whole_backward(__global const float *restrict dy, __global const float *restrict z,
                                             __global float *restrict dz, int rows, int columns,
                                             __global const float *restrict statistics,
                                             __global const float *restrict weight, __global const float *restrict bias,
                                             int with_relu, int add, __global float *restrict dweight, int add_weight,
                                             __global float *restrict dbias, int add_bias)
{
    PLACE(columns, rows, rows);
    const columns_known c = known(statistics, weight, bias, columns, column);
    vec weighted, plain;
    sums_of(c, dy, z, columns, column, begin, end, with_relu, &weighted, &plain);
    if (dweight) store_from(weighted, dweight + column, first, add_weight);
    if (dbias) store_from(plain, dbias + column, first, add_bias);
    if (!dz) return;
    const vec share = (vec)(1.0f / (float)rows);
    gradient_of(c, dy, z, dz, columns, column, first, begin, end, with_relu, weighted * share, plain * share, add);
}
