/* Adam with PyTorch's arithmetic; see op.h and cl/adam.cl. One launch. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "op/channels.h"
#include "op/op.h"

enum { CPU_EACH = 64, GPU_VECTOR = 4, GPU_LANES = 64 };

/* The decimal number that was meant: 0.999, not the float next to it (1 - 0.999f is off by 1e-5 of itself). */
static double meant(float value)
{
    char text[32];
    snprintf(text, sizeof text, "%.7g", (double)value);
    return strtod(text, NULL);
}

int adam_step(device *d, buffer *weights, buffer *gradients, buffer *exp_avg, buffer *exp_avg_sq, size_t count,
              adam_options options, int64_t step)
{
    if (step < 1) return fail(FAILED, "adam: step %" PRId64 ", wanted 1 or more", step);
    if (count > UINT32_MAX)
        return fail(FAILED, "adam: %zu floats, at most %" PRIu32 " go in one launch", count, UINT32_MAX);
    const double beta1 = meant(options.beta1), beta2 = meant(options.beta2);
    const double step_size = meant(options.learning_rate) / (1 - pow(beta1, (double)step));
    const double root = sqrt(1 - pow(beta2, (double)step));
    const bool wide = device_tiles(d) == TILE_CPU;
    const int width = wide ? cpu_vector(d, INT32_MAX) : GPU_VECTOR, each = wide ? CPU_EACH : 1;
    const int lanes = wide || device_about(d)->work_group_limit < GPU_LANES ? 1 : GPU_LANES;
    const size_t group = (size_t)width * (size_t)each * (size_t)lanes;
    char macros[64];
    kernel *k = NULL;
    snprintf(macros, sizeof macros, "-DVW=%d -DEACH=%d -DLANES=%d", width, each, lanes);
    int rc = kernel_get(d, "adam", macros, "adam", &k);
    return rc ? rc
              : LAUNCH(k, (count + group - 1) / group, 1, 1, (size_t)lanes,
                       ((cost){12 * (double)count, 28 * (double)count}), arg_buffer(weights), arg_buffer(gradients),
                       arg_buffer(exp_avg), arg_buffer(exp_avg_sq), arg_uint((uint32_t)count),
                       arg_float((float)step_size), arg_float((float)root), arg_float((float)(1 - beta1)),
                       arg_float((float)beta2), arg_float((float)(1 - beta2)), arg_float(options.epsilon));
}
