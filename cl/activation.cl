/* Element by element, `count` floats: an item takes `each` neighbouring vectors.
 *
 * check: -DVW=1 -DLANES=64 -DTEAM=1
 * check-cpu: -DVW=16 */
#include "team.clh"

#define SIGMOID 0
#define SOFTPLUS 1

static inline vec logistic(vec x)
{
    return 1.0f / (1.0f + exp(-x));
}

/* y = 1 / (1 + exp(-x)), or log(1 + exp(x)), which is x above 20 as in torch.nn.Softplus. 4 FLOPs and a function of each. */
__kernel GROUP_OF(LANES) void activate(__global const float *restrict x, __global float *restrict y, int count, int each,
                                       int kind)
{
    const int first = ((int)get_group_id(0) * each * LANES + (int)get_local_id(0)) * VW;
    for (int i = 0, at = first; i < each && at < count; i++, at += LANES * VW) {
        const vec v = load_tail(x + at, count - at);
        store_tail(kind == SIGMOID ? logistic(v) : select(log1p(exp(v)), v, isgreater(v, (vec)20.0f)), y + at, count - at);
    }
}

/* dx (+)= dy y (1 - y), or dy (1 - exp(-y)): the slope from the result alone. */
__kernel GROUP_OF(LANES) void activate_backward(__global const float *restrict y, __global const float *restrict dy,
                                                __global float *restrict dx, int count, int each, int kind, int add)
{
    const int first = ((int)get_group_id(0) * each * LANES + (int)get_local_id(0)) * VW;
    for (int i = 0, at = first; i < each && at < count; i++, at += LANES * VW) {
        const int left = count - at;
        const vec v = load_tail(y + at, left), slope = kind == SIGMOID ? v * (1.0f - v) : -expm1(-v);
        vec d = load_tail(dy + at, left) * slope;
        if (add) d += load_tail(dx + at, left);
        store_tail(d, dx + at, left);
    }
}
