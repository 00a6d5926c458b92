/* Dropout (Srivastava et al. 2014), and its gradient: the same multiplication.
 *
 * check: -DVW=1 -DLANES=64 -DTEAM=64 */
#include "team.clh"
#include "dropout.clh"

/* y[i] (+)= x[i] factor[i], i < count. A group owns `each` blocks of four values, an item every LANES-th of them; every
 * value is read and written once, and a block costs one Philox draw. */
__kernel GROUP_OF(LANES) void dropout(__global const float *restrict x, __global float *restrict y, int count, int each,
                                      uint key_low, uint key_high, uint limit, float scale, int accumulate)
{
    const int first = (int)get_group_id(0) * each, end = min(first + each, count / 4 + (count % 4 != 0));
    for (int block = first + (int)get_local_id(0); block < end; block += LANES) {
        const float4 drawn = dropout_factors((uint2)(key_low, key_high), (uint)block, limit, scale);
        const float factor[4] = {drawn.x, drawn.y, drawn.z, drawn.w};
        UNROLL for (int i = 0; i < 4; i++) {
            const int at = 4 * block + i;
            if (at < count) y[at] = fma(x[at], factor[i], accumulate ? y[at] : 0.0f);
        }
    }
}
