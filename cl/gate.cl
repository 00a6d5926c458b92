/* One map opening another: y = sigmoid(a) sigmoid(b), value by value. A group owns `each` values, an item every LANES-th
 * vector of them; each value is read and written once, 2 exponentials.
 *
 * check: -DVW=1 -DLANES=64
 * check: -DVW=4 -DLANES=64 */
#include "common.clh"

static inline vec sigmoid_of(vec x)
{
    return 1.0f / (1.0f + exp(-x));
}

__kernel GROUP_OF(LANES) void gate(__global const float *restrict a, __global const float *restrict b,
                                   __global float *restrict y, int count, int each)
{
    const int begin = (int)get_group_id(0) * each, end = min(begin + each, count);
    for (int i = begin + VW * (int)get_local_id(0); i < end; i += VW * LANES)
        store_tail(sigmoid_of(load_tail(a + i, end - i)) * sigmoid_of(load_tail(b + i, end - i)), y + i, end - i);
}

/* da (+)= dy y (1 - sigmoid(a)), db likewise; either may be NULL. They are not `restrict`: one may lie where dy does. */
__kernel GROUP_OF(LANES) void gate_gradient(__global const float *restrict a, __global const float *restrict b,
                                            __global const float *dy, __global float *da, __global float *db,
                                            int count, int each, int add_a, int add_b)
{
    const int begin = (int)get_group_id(0) * each, end = min(begin + each, count);
    for (int i = begin + VW * (int)get_local_id(0); i < end; i += VW * LANES) {
        const int left = end - i;
        const vec p = sigmoid_of(load_tail(a + i, left)), q = sigmoid_of(load_tail(b + i, left));
        const vec d = load_tail(dy + i, left) * p * q;
        if (da) store_tail(MULTIPLY_ADD(d, 1.0f - p, add_a ? load_tail(da + i, left) : (vec)0.0f), da + i, left);
        if (db) store_tail(MULTIPLY_ADD(d, 1.0f - q, add_b ? load_tail(db + i, left) : (vec)0.0f), db + i, left);
    }
}
