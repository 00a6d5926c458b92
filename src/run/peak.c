#include "run/peak.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/error.h"

enum { ACCUMULATORS = 12, REPEATS = 5, CPU_GROUPS = 8, GPU_GROUPS = 64, GPU_LANES = 64 };

typedef struct plan {
    kernel *kernel;
    size_t groups, lanes, width;
    buffer *out;
} plan;

static int plan_new(device *d, plan *p)
{
    int rc = OK;
    const device_info *about = device_about(d);
    bool lanes = device_tiles(d) == TILE_GPU && about->work_group_limit >= GPU_LANES;
    char options[64];
    p->lanes = lanes ? GPU_LANES : 1;
    p->width = lanes ? 4 : about->vector_width >= 16 ? 16 : about->vector_width >= 8 ? 8 : 4;
    p->groups = about->compute_units * (size_t)(lanes ? GPU_GROUPS : CPU_GROUPS);
    snprintf(options, sizeof options, "-DVW=%zu -DLANES=%zu", p->width, p->lanes);
    TRY(kernel_get(d, "peak", options, "peak", &p->kernel));
    TRY(buffer_new(d, p->groups * p->lanes * sizeof(float), &p->out));
done:
    return rc;
}

static int run_once(device *d, const plan *p, int rounds, double *seconds)
{
    int rc = OK;
    double start = seconds_now();
    TRY(LAUNCH(p->kernel, p->groups, 1, 1, p->lanes, ((cost){0}), arg_buffer(p->out), arg_float(0.999f),
               arg_float(0.001f), arg_int(rounds)));
    TRY(device_finish(d));
    *seconds = seconds_now() - start;
done:
    return rc;
}

int peak_gflops(device *d, double *out)
{
    int rc = OK, rounds = 256;
    double seconds = 0;
    plan p = {0};
    TRY(plan_new(d, &p));
    TRY(run_once(d, &p, rounds, &seconds)); /* compiles */
    for (seconds = 0; seconds < 0.02 && rounds < 1 << 24; rounds *= 2) TRY(run_once(d, &p, rounds * 2, &seconds));
    *out = 0;
    for (int i = 0; i < REPEATS; i++) {
        TRY(run_once(d, &p, rounds, &seconds));
        double flops = 2.0 * ACCUMULATORS * (double)(p.width * p.lanes * p.groups) * rounds;
        if (flops / seconds * 1e-9 > *out) *out = flops / seconds * 1e-9;
    }
done:
    buffer_free(p.out);
    return rc;
}
