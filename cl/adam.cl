/* Adam as torch.optim.Adam computes it (Kingma and Ba 2015).
 *
 * check: -DVW=4 -DEACH=1 -DLANES=64 */
#include "common.clh"

#ifndef LANES
#define LANES 1
#endif
#ifndef EACH
#define EACH 64 /* vectors of an item, one behind the other */
#endif

/* One step over `count` floats. The host computes in double: step_size = lr / (1 - b1^t), root = sqrt(1 - b2^t),
 * rest1 = 1 - b1, rest2 = 1 - b2. An item owns EACH vectors; each of the four buffers is read once, three are written.
 * 12 FLOPs a float. */
__kernel GROUP_OF(LANES) void adam(__global float *restrict weights, __global const float *restrict gradients,
                                   __global float *restrict exp_avg, __global float *restrict exp_avg_sq, uint count,
                                   float step_size, float root, float rest1, float beta2, float rest2, float epsilon)
{
    const size_t begin = get_global_id(0) * (size_t)(EACH * VW);
    const int left = begin < count ? (int)min((uint)(count - begin), (uint)(EACH * VW)) : 0;
    weights += begin;
    gradients += begin;
    exp_avg += begin;
    exp_avg_sq += begin;
    for (int i = 0; i < EACH; i++) {
        if (i * VW >= left) return;
        const int lanes = left - i * VW;
        const vec g = load_tail(gradients + i * VW, lanes);
        const vec m_old = load_tail(exp_avg + i * VW, lanes);
        const vec m = fma((vec)rest1, g - m_old, m_old);
        const vec v = fma(rest2 * g, g, beta2 * load_tail(exp_avg_sq + i * VW, lanes));
        const vec w = load_tail(weights + i * VW, lanes) - step_size * (m / (sqrt(v) / root + epsilon));
        store_tail(m, exp_avg + i * VW, lanes);
        store_tail(v, exp_avg_sq + i * VW, lanes);
        store_tail(w, weights + i * VW, lanes);
    }
}
