/* How fast the device multiplies and adds: what furrow bench holds its figures against. */
// check: -DVW=4 -DLANES=64
#include "common.clh"

#ifndef LANES
#define LANES 1
#endif

/* mad is two instructions on some CPU drivers; fma is a library call where there is no such instruction. */
#ifdef FP_FAST_FMAF
#define STEP(x) x = fma(x, f, s)
#else
#define STEP(x) x = mad(x, f, s)
#endif

/* A work-item holds 12 independent vectors, enough to hide the latency of a fused multiply-add on any core we know of,
 * and steps each `rounds` times: 12 x VW x 2 x rounds FLOPs. Reads nothing, writes its sum once, so that nothing is
 * left out as unused. The values neither grow nor become denormal: they tend to shift / (1 - factor). */
__kernel GROUP_OF(LANES) void peak(__global float *out, float factor, float shift, int rounds)
{
    vec f = (vec)(factor), s = (vec)(shift);
    float start = 1.0f + (float)(get_global_id(0) & 1023) * 0.001f;
    vec a = (vec)(start), b = a + 0.1f, c = a + 0.2f, d = a + 0.3f, e = a + 0.4f, g = a + 0.5f;
    vec h = a + 0.6f, i = a + 0.7f, j = a + 0.8f, k = a + 0.9f, l = a + 1.0f, m = a + 1.1f;
    NOUNROLL
    for (int round = 0; round < rounds; round++) {
        STEP(a);
        STEP(b);
        STEP(c);
        STEP(d);
        STEP(e);
        STEP(g);
        STEP(h);
        STEP(i);
        STEP(j);
        STEP(k);
        STEP(l);
        STEP(m);
    }
    out[get_global_id(0)] = sum_lanes(a + b + c + d + e + g + h + i + j + k + l + m);
}
