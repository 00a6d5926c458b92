#include "op/channels.h"

#include <stdio.h>

enum { GPU_LANES = 64 };

int cpu_vector(const device *d, int columns)
{
    int width = device_about(d)->vector_width >= 16 ? 16 : 8;
    while (width > columns) width /= 2;
    return width;
}

channel_form channel_form_of(const device *d, int channels)
{
    channel_form f = {.width = 1, .lanes = 1};
    if (device_tiles(d) == TILE_CPU)
        f.width = cpu_vector(d, channels);
    else
        for (f.lanes = GPU_LANES;
             f.lanes > 1 && (f.lanes / 2 >= channels || (size_t)f.lanes > device_about(d)->work_group_limit);)
            f.lanes /= 2;
    const int vectors = (channels + f.width - 1) / f.width;
    f.groups = (size_t)((vectors + f.lanes - 1) / f.lanes);
    return f;
}

int channel_kernel(device *d, channel_form f, const char *program, const char *name, kernel **out)
{
    char options[48];
    snprintf(options, sizeof options, "-DVW=%d -DLANES=%d", f.width, f.lanes);
    return kernel_get(d, program, options, name, out);
}
