/* Focal loss (Lin et al. 2017) of rows of logits, as the published crop-mapping code takes it: the factor (1 - p)^gamma
 * is not differentiated. Per row with target t and p = softmax(logits): w_t (1 - p_t)^gamma (-log p_t).
 *
 * A negative target (void) weighs nothing; one beyond the last class is read as that: nothing is read outside.
 *
 * check: -DVW=1 -DLANES=64 -DTEAM=1
 * check: -DVW=1 -DLANES=16 -DTEAM=1 */
#include "team.clh"

/* What a row of this target weighs; weight [classes] may be NULL (1). */
static inline float row_weight(__global const float *weight, int target, int t)
{
    return target < 0 ? 0.0f : weight ? weight[t] : 1.0f;
}

/* log of the sum of exp(logits - *top), *top their largest. One item; 2 reads of the row, the second from cache. */
static inline float log_sum(__global const float *logits, int classes, float *top)
{
    vec largest = (vec)-INFINITY, sum = (vec)0.0f;
    for (int c = 0; c < classes; c += VW)
        largest = fmax(largest, tail_or(load_tail(logits + c, classes - c), classes - c, -INFINITY));
    *top = max_lanes(largest);
    for (int c = 0; c < classes; c += VW)
        sum += tail_or(exp(load_tail(logits + c, classes - c) - *top), classes - c, 0.0f);
    return log(sum_lanes(sum));
}

/* (1 - p)^gamma for p = exp(-loss), exact where p is near 1. */
static inline float focus(float loss, float gamma)
{
    if (gamma == 0.0f) return 1.0f;
    const float other = -expm1(-loss);
    return gamma == 1.0f ? other : pow(other, gamma);
}

/* The group's sums over its `each` rows, in the order of items and then of their rows: part [groups x 2] = sums of
 * w_t (1 - p_t)^gamma (-log p_t) and of w_t. An item takes every LANES-th row. */
__kernel GROUP_OF(LANES) void focal_rows(__global const float *restrict logits, __global const int *restrict target,
                                         __global const float *restrict weight, __global float *restrict part, int rows,
                                         int classes, int each, float gamma)
{
    const int first = (int)get_group_id(0) * each, end = min(first + each, rows);
    float sum = 0.0f, count = 0.0f;
    for (int row = first + (int)get_local_id(0); row < end; row += LANES) {
        __global const float *line = logits + (size_t)row * classes;
        const int t = clamp(target[row], 0, classes - 1);
        const float w = row_weight(weight, target[row], t);
        float top;
        const float loss = log_sum(line, classes, &top) - (line[t] - top);
        sum = fma(w * focus(loss, gamma), loss, sum);
        count += w;
    }
#if LANES > 1
    __local float sums[LANES], counts[LANES];
    const int lane = (int)get_local_id(0);
    sums[lane] = sum;
    counts[lane] = count;
    barrier(CLK_LOCAL_MEM_FENCE);
    if (lane == 0)
        for (int i = 1; i < LANES; i++) {
            sum += sums[i];
            count += counts[i];
        }
    if (lane > 0) return;
#endif
    part[2 * get_group_id(0)] = sum;
    part[2 * get_group_id(0) + 1] = count;
}

/* One item: the parts in order; loss[0] = sum / weights, total[0] (may be NULL) = 1 / weights. Nothing weighs: 0. */
__kernel void focal_total(__global const float *restrict part, int parts, __global float *restrict loss,
                          __global float *restrict total)
{
    float sum = 0.0f, count = 0.0f;
    for (int p = 0; p < parts; p++) {
        sum += part[2 * p];
        count += part[2 * p + 1];
    }
    const float share = count > 0.0f ? 1.0f / count : 0.0f;
    loss[0] = sum * share;
    if (total) total[0] = share;
}

/* dlogits (+)= dloss w_t (1 - p_t)^gamma / weights (p - onehot(t)). Reads the logits again; an item takes every
 * LANES-th row of its group's `each`. */
__kernel GROUP_OF(LANES) void focal_backward(__global const float *restrict logits, __global const int *restrict target,
                                             __global const float *restrict weight,
                                             __global const float *restrict total, __global const float *restrict dloss,
                                             __global float *restrict dlogits, int rows, int classes, int each,
                                             float gamma, int accumulate)
{
    const int first = (int)get_group_id(0) * each, end = min(first + each, rows);
    for (int row = first + (int)get_local_id(0); row < end; row += LANES) {
        __global const float *line = logits + (size_t)row * classes;
        __global float *to = dlogits + (size_t)row * classes;
        const int t = clamp(target[row], 0, classes - 1);
        float top;
        const float sum = log_sum(line, classes, &top), loss = sum - (line[t] - top);
        const float share = dloss[0] * total[0] * row_weight(weight, target[row], t) * focus(loss, gamma);
        for (int c = 0; c < classes; c += VW) {
            const int left = classes - c;
            vec d = exp(load_tail(line + c, left) - top - sum) * share;
            if (accumulate) d += load_tail(to + c, left);
            store_tail(d, to + c, left);
        }
        to[t] -= share;
    }
}
