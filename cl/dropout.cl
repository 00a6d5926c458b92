/* Dropout (Srivastava et al. 2014), and its gradient: the same multiplication.
 *
 * check: -DVW=1 -DLANES=64 -DTEAM=64 */
#include "dropout.clh"

/* y[i] (+)= x[i] factor of draw i, i < count. A group owns `each` values (a multiple of 64); every value is read and
 * written once. */
__kernel GROUP_OF(LANES) void dropout(__global const float *restrict x, __global float *restrict y, int count, int each,
                                      uint key_low, uint key_high, uint limit, float scale, int accumulate)
{
    const drop d = {(uint2)(key_low, key_high), limit, scale};
    const int first = (int)get_group_id(0) * each;
    drop_values(d, (uint)first, x + first, y + first, min(each, count - first), accumulate);
}
