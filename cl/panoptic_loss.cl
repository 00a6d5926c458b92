/* The losses of Parcels-as-Points (Sainte Fare Garnot and Landrieu, ICCV 2021; src/op/panoptic_loss.c has the formulas).
 *
 * Each is a sum over a count. Groups leave both for their rows in part [groups x 2]; loss_total adds them in order.
 *
 * check: -DVW=1 -DLANES=64 -DTEAM=1
 * check-cpu: -DVW=8 */
#include "crop.clh"
#include "team.clh"

static __constant float tiny = 1e-8f;

/* The group's sums in the order of its items. */
static inline void leave(float sum, float count, __global float *part, __local float *box)
{
#if LANES > 1
    const int lane = (int)get_local_id(0);
    box[lane] = sum;
    box[LANES + lane] = count;
    barrier(CLK_LOCAL_MEM_FENCE);
    if (lane > 0) return;
    NOUNROLL for (int i = 1; i < LANES; i++) {
        sum += box[i];
        count += box[LANES + i];
    }
#endif
    part[2 * get_group_id(0)] = sum;
    part[2 * get_group_id(0) + 1] = count;
}

#if LANES > 1
#define SUMS_BOX __local float box[2 * LANES]
#else
#define SUMS_BOX __local float *const box = 0
#endif

/* One item: loss[0] = sum share, with share = 1 / count, or `otherwise` where nothing counts; kept in total[0] (may be
 * NULL). */
__kernel void loss_total(__global const float *restrict part, int parts, __global float *restrict loss,
                         __global float *restrict total, float otherwise)
{
    float sum = 0.0f, count = 0.0f;
    for (int p = 0; p < parts; p++) {
        sum += part[2 * p];
        count += part[2 * p + 1];
    }
    const float share = count > 0.0f ? 1.0f / count : otherwise;
    loss[0] = sum * share;
    if (total) total[0] = share;
}

/* ---- centres ---- */

/* A group sums `each` pixels; counts those whose target is 1. A logarithm and a power of each pixel. */
__kernel GROUP_OF(LANES) void centre_rows(__global const float *restrict heat, __global const float *restrict target,
                                          __global float *restrict part, int rows, int each, float beta)
{
    const int first = (int)get_group_id(0) * each, end = min(first + each, rows);
    float sum = 0.0f, count = 0.0f;
    SUMS_BOX;
    for (int i = first + (int)get_local_id(0); i < end; i += LANES) {
        const float g = target[i];
        if (g == 1.0f) {
            sum -= log(heat[i] + tiny);
            count += 1.0f;
        } else if (g < 1.0f) {
            sum -= log(1.0f - heat[i] + tiny) * pow(1.0f - g, beta);
        }
    }
    leave(sum, count, part, box);
}

/* dheat (+)= dloss share times -1 / (p + tiny) at centres, else (1 - g)^beta / (1 - p + tiny) */
__kernel GROUP_OF(LANES) void centre_backward(__global const float *restrict heat, __global const float *restrict target,
                                              __global const float *restrict total, __global const float *restrict dloss,
                                              __global float *restrict dheat, int rows, int each, float beta, int add)
{
    const int first = (int)get_group_id(0) * each, end = min(first + each, rows);
    const float share = dloss[0] * total[0];
    for (int i = first + (int)get_local_id(0); i < end; i += LANES) {
        const float g = target[i], p = heat[i];
        float d = 0.0f;
        if (g == 1.0f)
            d = -share / (p + tiny);
        else if (g < 1.0f)
            d = share * pow(1.0f - g, beta) / (1.0f - p + tiny);
        dheat[i] = add ? dheat[i] + d : d;
    }
}

/* ---- sizes ---- */

/* A group sums `each` rows of height and width; a row whose first target is negative does not count. */
__kernel GROUP_OF(LANES) void size_rows(__global const float *restrict size, __global const float *restrict target,
                                        __global float *restrict part, int rows, int each)
{
    const int first = (int)get_group_id(0) * each, end = min(first + each, rows);
    float sum = 0.0f, count = 0.0f;
    SUMS_BOX;
    for (int i = first + (int)get_local_id(0); i < end; i += LANES) {
        const float height = target[2 * i], width = target[2 * i + 1];
        if (height < 0.0f) continue;
        sum += fabs(height - size[2 * i]) / (height + tiny) + fabs(width - size[2 * i + 1]) / (width + tiny);
        count += 1.0f;
    }
    leave(sum, count, part, box);
}

/* dsize (+)= dloss share sign(size - target) / (target + tiny); an item a value */
__kernel GROUP_OF(LANES) void size_backward(__global const float *restrict size, __global const float *restrict target,
                                            __global const float *restrict total, __global const float *restrict dloss,
                                            __global float *restrict dsize, int values, int add)
{
    const int i = (int)get_global_id(0);
    if (i >= values) return;
    const float share = dloss[0] * total[0], difference = size[i] - target[i];
    const float slope = difference > 0.0f ? 1.0f : difference < 0.0f ? -1.0f : 0.0f;
    const float d = target[i / 2 * 2] < 0.0f ? 0.0f : share * slope / (target[i] + tiny);
    dsize[i] = add ? dsize[i] + d : d;
}

/* ---- shapes ---- */

/* Does value i of the crop belong to the parcel? instance: the patch's map. */
static inline bool is_inside(__global const int *instance, crop c, int i, int parcel, int image_width)
{
    return instance[(c.top + i / c.width) * image_width + c.left + i % c.width] == parcel;
}

/* A group sums one crop. An exponential and a logarithm of each value. */
__kernel GROUP_OF(LANES) void shape_rows(__global const float *restrict mask, __global const int *restrict instances,
                                         __global const crop *restrict crops, __global const int *restrict parcels,
                                         __global float *restrict part, int image_height, int image_width)
{
    const crop c = crops[get_group_id(0)];
    const int parcel = parcels[get_group_id(0)];
    __global const int *instance = instances + (size_t)c.patch * image_height * image_width;
    float sum = 0.0f, count = 0.0f;
    SUMS_BOX;
    if (parcel >= 0)
        for (int i = (int)get_local_id(0); i < c.height * c.width; i += LANES) {
            const float other = 1.0f - 2.0f * mask[c.first + i];
            sum += log1p(exp(is_inside(instance, c, i, parcel, image_width) ? other : -other));
            count += 1.0f;
        }
    leave(sum, count, part, box);
}

/* dmask (+)= dloss share times -2 / (1 + exp(2 p - 1)) inside, else 2 / (1 + exp(1 - 2 p)) */
__kernel GROUP_OF(LANES) void shape_backward(__global const float *restrict mask, __global const int *restrict instances,
                                             __global const crop *restrict crops, __global const int *restrict parcels,
                                             __global const float *restrict total, __global const float *restrict dloss,
                                             __global float *restrict dmask, int image_height, int image_width, int add)
{
    const crop c = crops[get_group_id(0)];
    const int parcel = parcels[get_group_id(0)];
    __global const int *instance = instances + (size_t)c.patch * image_height * image_width;
    const float share = parcel < 0 ? 0.0f : 2.0f * dloss[0] * total[0];
    for (int i = (int)get_local_id(0); i < c.height * c.width; i += LANES) {
        const float other = 1.0f - 2.0f * mask[c.first + i];
        const bool inside = is_inside(instance, c, i, parcel, image_width);
        const float d = inside ? -share / (1.0f + exp(-other)) : share / (1.0f + exp(other));
        dmask[c.first + i] = add ? dmask[c.first + i] + d : d;
    }
}

/* ---- their sum ---- */

/* One item: total = sum of coefficient times loss, NULL ones left out. */
__kernel void loss_sum(__global const float *a, float of_a, __global const float *b, float of_b, __global const float *c,
                       float of_c, __global const float *d, float of_d, __global float *restrict total)
{
    total[0] = (a ? of_a * a[0] : 0.0f) + (b ? of_b * b[0] : 0.0f) + (c ? of_c * c[0] : 0.0f) + (d ? of_d * d[0] : 0.0f);
}

/* One item: dloss (+)= coefficient dtotal */
__kernel void loss_sum_backward(__global const float *restrict dtotal, float coefficient, __global float *restrict dloss,
                                int add)
{
    dloss[0] = coefficient * dtotal[0] + (add ? dloss[0] : 0.0f);
}
