/* Batch normalisation over the rows of z [rows x columns] (Ioffe and Szegedy 2015), training and evaluating:
 *
 *   y = relu?(xhat weight + bias), xhat = (z - mean) rstd, rstd = 1 / sqrt(variance + 1e-5)
 *   d = dy where y > 0 (all of dy without ReLU);  dweight = sum d xhat;  dbias = sum d
 *   dz = weight rstd (d - dbias / rows - xhat dweight / rows)
 *
 * The rows are cut into chunks of rows_each, each with partial moments or sums that one more launch merges in order;
 * few rows go through whole_forward and whole_backward, one launch each. y is not kept: its sign is computed again.
 *
 * An item owns EACH vectors of columns (VW <= columns: the last slides back) of one chunk: neighbouring items, the
 * lanes of a group, have neighbouring columns. On CPUs VW is 16 or 8, EACH 4, 2 or 1, and a group has one item; on GPUs
 * VW and EACH are 1.
 *
 * check: -DVW=1 -DEACH=1 -DLANES=64
 * check: -DVW=1 -DEACH=1 -DLANES=32 */
#include "norm.clh"

#ifndef LANES
#define LANES 1
#endif
#ifndef EACH
#define EACH 1
#endif
#define VECTORS UNROLL for (int e = 0; e < EACH; e++)

/* An item's place: vectors of columns at column[e], of which the lanes before first[e] are another's; rows
 * [begin, end). */
typedef struct place {
    int column[EACH], first[EACH], begin, end;
} place;

static inline void find_place(place *at, int columns, int rows, int rows_each)
{
    VECTORS at->column[e] = vector_start((int)get_global_id(0) * EACH + e, columns, &at->first[e]);
    at->begin = (int)get_global_id(1) * rows_each;
    at->end = min(at->begin + rows_each, rows);
}

/* Vectors of the item's columns from a line of such values, and back. */
static inline void load(const place *at, __global const float *line, vec v[EACH])
{
    VECTORS v[e] = VLOAD(0, line + at->column[e]);
}

static inline void store(const place *at, const vec v[EACH], __global float *line, int add)
{
    VECTORS store_from(v[e], line + at->column[e], at->first[e], add);
}

/* Mean and M2 of the item's columns over its rows: two passes, the second from cache. */
static inline void moments_of(const place *at, __global const float *z, int columns, vec mean[EACH], vec m2[EACH])
{
    VECTORS mean[e] = m2[e] = (vec)0.0f;
    for (int row = at->begin; row < at->end; row++)
        VECTORS mean[e] += VLOAD(0, z + (size_t)row * columns + at->column[e]);
    VECTORS mean[e] *= 1.0f / (float)(at->end - at->begin);
    for (int row = at->begin; row < at->end; row++)
        VECTORS {
            const vec distance = VLOAD(0, z + (size_t)row * columns + at->column[e]) - mean[e];
            m2[e] = MULTIPLY_ADD(distance, distance, m2[e]);
        }
}

/* The item's rows of y = relu?((z - mean) scale + bias). */
static inline void apply(const place *at, __global const float *z, __global float *y, int columns,
                         const vec mean[EACH], const vec scale[EACH], const vec bias[EACH], int with_relu)
{
    for (int row = at->begin; row < at->end; row++)
        VECTORS {
            const size_t here = (size_t)row * columns + at->column[e];
            const vec value = MULTIPLY_ADD(VLOAD(0, z + here) - mean[e], scale[e], bias[e]);
            store_from(with_relu ? relu(value) : value, y + here, at->first[e], 0);
        }
}

/* From the moments of all rows: the statistics, the running ones, and rstd. */
static inline void keep_statistics(const place *at, int columns, float rows, const vec mean[EACH], const vec m2[EACH],
                                   vec rstd[EACH], __global float *statistics, __global float *running_mean,
                                   __global float *running_var)
{
    VECTORS rstd[e] = norm_update(rows, mean[e], m2[e], running_mean + at->column[e], running_var + at->column[e],
                                  at->first[e]);
    store(at, mean, statistics, 0);
    store(at, rstd, statistics + columns, 0);
}

/* ---- forward ---- */

/* statistics [2 x columns] = the running mean and rstd: what frozen norms go by. */
__kernel GROUP_OF(LANES) void frozen_statistics(__global const float *restrict running_mean,
                                                __global const float *restrict running_var, int columns,
                                                __global float *restrict statistics)
{
    place at;
    vec mean[EACH], rstd[EACH];
    find_place(&at, columns, 1, 1);
    if (at.first[0] >= VW) return;
    load(&at, running_mean, mean);
    load(&at, running_var, rstd);
    VECTORS rstd[e] = norm_rstd(rstd[e]);
    store(&at, mean, statistics, 0);
    store(&at, rstd, statistics + columns, 0);
}

/* moments [chunks x 2 x columns]: each chunk's mean and M2. Reads z once from memory, once from cache. */
__kernel GROUP_OF(LANES) void chunk_moments(__global const float *restrict z, __global float *restrict moments,
                                            int rows, int columns, int rows_each)
{
    place at;
    vec mean[EACH], m2[EACH];
    find_place(&at, columns, rows, rows_each);
    if (at.first[0] >= VW) return;
    moments_of(&at, z, columns, mean, m2);
    moments += get_global_id(1) * 2 * (size_t)columns;
    store(&at, mean, moments, 0);
    store(&at, m2, moments + columns, 0);
}

/* Merges the chunks' moments in order: statistics [2 x columns] = mean and rstd; moves the running statistics. Global
 * size 1 in dimension 1. Reads moments once. */
__kernel GROUP_OF(LANES) void merge_chunks(__global const float *restrict moments, int rows, int columns, int rows_each,
                                           __global float *restrict statistics, __global float *restrict running_mean,
                                           __global float *restrict running_var)
{
    place at;
    vec mean[EACH], m2[EACH], rstd[EACH];
    find_place(&at, columns, rows, rows);
    if (at.first[0] >= VW) return;
    load(&at, moments, mean);
    load(&at, moments + columns, m2);
    float count = (float)min(rows_each, rows);
    for (int from = rows_each; from < rows; from += rows_each) {
        const float more = (float)min(rows_each, rows - from);
        vec other_mean[EACH], other_m2[EACH];
        moments += 2 * (size_t)columns;
        load(&at, moments, other_mean);
        load(&at, moments + columns, other_m2);
        VECTORS {
            float before = count;
            merge_moments(&before, &mean[e], &m2[e], more, other_mean[e], other_m2[e]);
        }
        count += more;
    }
    keep_statistics(&at, columns, count, mean, m2, rstd, statistics, running_mean, running_var);
}

/* y from z by the batch's statistics, or by the running ones where `statistics` is NULL. Reads z, writes y once. */
__kernel GROUP_OF(LANES) void normalise(__global const float *restrict z, __global float *restrict y, int rows,
                                        int columns, int rows_each, __global const float *restrict statistics,
                                        __global const float *restrict running_mean,
                                        __global const float *restrict running_var,
                                        __global const float *restrict weight, __global const float *restrict bias,
                                        int with_relu)
{
    place at;
    vec mean[EACH], scale[EACH], gain[EACH], offset[EACH];
    find_place(&at, columns, rows, rows_each);
    if (at.first[0] >= VW) return;
    load(&at, statistics ? statistics : running_mean, mean);
    load(&at, statistics ? statistics + columns : running_var, scale);
    load(&at, weight, gain);
    load(&at, bias, offset);
    VECTORS scale[e] = (statistics ? scale[e] : norm_rstd(scale[e])) * gain[e];
    apply(&at, z, y, columns, mean, scale, offset, with_relu);
}

/* All of a training forward for few rows: reads z once from memory, twice from cache. */
__kernel GROUP_OF(LANES) void whole_forward(__global const float *restrict z, __global float *restrict y, int rows,
                                            int columns, __global float *restrict statistics,
                                            __global float *restrict running_mean,
                                            __global float *restrict running_var,
                                            __global const float *restrict weight, __global const float *restrict bias,
                                            int with_relu)
{
    place at;
    vec mean[EACH], m2[EACH], scale[EACH], gain[EACH], offset[EACH];
    find_place(&at, columns, rows, rows);
    if (at.first[0] >= VW) return;
    moments_of(&at, z, columns, mean, m2);
    keep_statistics(&at, columns, (float)rows, mean, m2, scale, statistics, running_mean, running_var);
    load(&at, weight, gain);
    load(&at, bias, offset);
    VECTORS scale[e] *= gain[e];
    apply(&at, z, y, columns, mean, scale, offset, with_relu);
}

/* ---- backward ---- */

/* What backward knows of the item's columns. */
typedef struct known {
    vec mean[EACH], rstd[EACH], weight[EACH], bias[EACH];
} known;

static inline void load_known(const place *at, int columns, __global const float *statistics,
                              __global const float *weight, __global const float *bias, known *k)
{
    load(at, statistics, k->mean);
    load(at, statistics + columns, k->rstd);
    load(at, weight, k->weight);
    load(at, bias, k->bias);
}

/* d of vector e of a row and, in *xhat, its normalised value. */
static inline vec masked(const known *k, int e, vec dy, vec z, int with_relu, vec *xhat)
{
    *xhat = (z - k->mean[e]) * k->rstd[e];
    return with_relu ? relu_gradient(dy, MULTIPLY_ADD(z - k->mean[e], k->rstd[e] * k->weight[e], k->bias[e])) : dy;
}

/* The sums of d xhat and of d over the item's rows. */
static inline void sums_of(const place *at, const known *k, __global const float *dy, __global const float *z,
                           int columns, int with_relu, vec weighted[EACH], vec plain[EACH])
{
    VECTORS weighted[e] = plain[e] = (vec)0.0f;
    for (int row = at->begin; row < at->end; row++)
        VECTORS {
            const size_t here = (size_t)row * columns + at->column[e];
            vec xhat;
            const vec d = masked(k, e, VLOAD(0, dy + here), VLOAD(0, z + here), with_relu, &xhat);
            weighted[e] = MULTIPLY_ADD(d, xhat, weighted[e]);
            plain[e] += d;
        }
}

/* dz, or +=, of the item's rows from the means of d xhat and of d over all rows. */
static inline void gradient_of(const place *at, const known *k, __global const float *dy, __global const float *z,
                               __global float *dz, int columns, int with_relu, const vec mean_weighted[EACH],
                               const vec mean_plain[EACH], int add)
{
    for (int row = at->begin; row < at->end; row++)
        VECTORS {
            const size_t here = (size_t)row * columns + at->column[e];
            vec xhat;
            const vec d = masked(k, e, VLOAD(0, dy + here), VLOAD(0, z + here), with_relu, &xhat);
            store_from(k->weight[e] * k->rstd[e] * (d - mean_plain[e] - xhat * mean_weighted[e]), dz + here,
                       at->first[e], add);
        }
}

/* sums [chunks x 2 x columns]: of d xhat, of d. Reads dy and z once. */
__kernel GROUP_OF(LANES) void chunk_sums(__global const float *restrict dy, __global const float *restrict z,
                                         __global float *restrict sums, int rows, int columns, int rows_each,
                                         __global const float *restrict statistics,
                                         __global const float *restrict weight, __global const float *restrict bias,
                                         int with_relu)
{
    place at;
    known k;
    vec weighted[EACH], plain[EACH];
    find_place(&at, columns, rows, rows_each);
    if (at.first[0] >= VW) return;
    load_known(&at, columns, statistics, weight, bias, &k);
    sums_of(&at, &k, dy, z, columns, with_relu, weighted, plain);
    sums += get_global_id(1) * 2 * (size_t)columns;
    store(&at, weighted, sums, 0);
    store(&at, plain, sums + columns, 0);
}

/* Adds the chunks' sums up in order: into the gradients of weight and bias (NULL: not wanted; or +=), and their means
 * over the rows into means [2 x columns]. Global size 1 in dimension 1. */
__kernel GROUP_OF(LANES) void merge_sums(__global const float *restrict sums, int chunks, int rows, int columns,
                                         __global float *restrict means, __global float *restrict dweight,
                                         int add_weight, __global float *restrict dbias, int add_bias)
{
    place at;
    vec weighted[EACH], plain[EACH];
    find_place(&at, columns, rows, rows);
    if (at.first[0] >= VW) return;
    VECTORS weighted[e] = plain[e] = (vec)0.0f;
    for (int chunk = 0; chunk < chunks; chunk++, sums += 2 * (size_t)columns)
        VECTORS {
            weighted[e] += VLOAD(0, sums + at.column[e]);
            plain[e] += VLOAD(0, sums + columns + at.column[e]);
        }
    if (dweight) store(&at, weighted, dweight, add_weight);
    if (dbias) store(&at, plain, dbias, add_bias);
    VECTORS weighted[e] *= 1.0f / (float)rows;
    VECTORS plain[e] *= 1.0f / (float)rows;
    store(&at, weighted, means, 0);
    store(&at, plain, means + columns, 0);
}

/* dz, or +=, from the means of merge_sums. Reads dy and z, writes dz once. */
__kernel GROUP_OF(LANES) void gradient(__global const float *restrict dy, __global const float *restrict z,
                                       __global float *restrict dz, int rows, int columns, int rows_each,
                                       __global const float *restrict statistics, __global const float *restrict means,
                                       __global const float *restrict weight, __global const float *restrict bias,
                                       int with_relu, int add)
{
    place at;
    known k;
    vec mean_weighted[EACH], mean_plain[EACH];
    find_place(&at, columns, rows, rows_each);
    if (at.first[0] >= VW) return;
    load_known(&at, columns, statistics, weight, bias, &k);
    load(&at, means, mean_weighted);
    load(&at, means + columns, mean_plain);
    gradient_of(&at, &k, dy, z, dz, columns, with_relu, mean_weighted, mean_plain, add);
}

/* All of backward for few rows: dy and z are read once from memory, once from cache. dz may be NULL (not wanted). */
__kernel GROUP_OF(LANES) void whole_backward(__global const float *restrict dy, __global const float *restrict z,
                                             __global float *restrict dz, int rows, int columns,
                                             __global const float *restrict statistics,
                                             __global const float *restrict weight, __global const float *restrict bias,
                                             int with_relu, int add, __global float *restrict dweight, int add_weight,
                                             __global float *restrict dbias, int add_bias, int frozen)
{
    place at;
    known k;
    vec weighted[EACH], plain[EACH];
    const float share = frozen ? 0.0f : 1.0f / (float)rows; /* frozen statistics do not follow z */
    find_place(&at, columns, rows, rows);
    if (at.first[0] >= VW) return;
    load_known(&at, columns, statistics, weight, bias, &k);
    sums_of(&at, &k, dy, z, columns, with_relu, weighted, plain);
    if (dweight) store(&at, weighted, dweight, add_weight);
    if (dbias) store(&at, plain, dbias, add_bias);
    if (!dz) return;
    VECTORS weighted[e] *= share;
    VECTORS plain[e] *= share;
    gradient_of(&at, &k, dy, z, dz, columns, with_relu, weighted, plain, add);
}
