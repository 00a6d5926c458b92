/* The last step of every sum that many groups share: parts, added in order.
 *
 * check: -DVW=1 -DLANES=64 -DTEAM=64 */
#include "team.clh"

/* total[i] (+)= sum over p < parts of part[p stride + start + i], i < count. An item owns one vector of columns: it
 * reads it from every part and writes it once. parts x count FLOPs. */
__kernel GROUP_OF(LANES) void sum_parts(__global const float *restrict part, int parts, int stride, int start,
                                        int count, __global float *restrict total, int accumulate)
{
    const int i = (int)get_global_id(0) * VW;
    if (i >= count) return;
    vec sum = (vec)0.0f;
    for (int p = 0; p < parts; p++) sum += load_tail(part + (size_t)p * stride + start + i, count - i);
    if (accumulate) sum += load_tail(total + i, count - i);
    store_tail(sum, total + i, count - i);
}
