/* How the pixel-set encoder's kernels are built for a device. */
#include "op/pixel_set.h"

#include <stdio.h>

#include "base/error.h"

enum {
    GPU_LANES = 64,
    CPU_ROWS_MAX = 64, /* pixels of a block: its hidden layers stay in the first-level cache */
    GPU_ROWS_MAX = 32,
    ROWS_UNIT = 8,
    CPU_PRIVATE_BYTES = 256 << 10, /* of a work-item: it lives on a driver thread's stack */
    GROUPS_A_UNIT = 32,            /* a compute unit: enough to even the load out */
    GROUPS_MAX = 512,              /* partial sums that are added one after the other */
};

static int larger(int a, int b)
{
    return a > b ? a : b;
}

static int round_up(int n, int unit)
{
    return (n + unit - 1) / unit * unit;
}

/* Floats of the largest kernel's arrays; each mirrors the declarations at the kernel's top. */
static size_t floats_evaluating(const pixel_set *p, int rows)
{
    const int *w = p->widths;
    size_t last = (size_t)pixel_row(w[p->layers]), count = (size_t)round_up(p->pixels, rows) * last;
    for (int i = 1; i <= p->layers; i++) count += 2 * (size_t)pixel_row(w[i]);
    if (p->layers >= 2) count += (size_t)rows * (size_t)larger(pixel_row(w[1]), p->layers == 4 ? pixel_row(w[3]) : 0);
    if (p->layers >= 3) count += (size_t)rows * (size_t)pixel_row(w[2]);
    return count;
}

static size_t floats_training(const pixel_set *p, int rows)
{
    size_t row1 = (size_t)pixel_row(p->widths[1]), row2 = (size_t)pixel_row(p->widths[2]), lines = (size_t)rows;
    size_t pool = lines * row1 + (size_t)round_up(p->pixels, rows) * row2;
    size_t gradient = lines * (2 * row1 + row2), statistics = lines * (row1 + row2) + 2 * row2;
    size_t most = pool > gradient ? pool : gradient;
    return most > statistics ? most : statistics;
}

/* The pixels cut into as few blocks as rows_max allows, evenly. */
static int rows_of(int pixels, int rows_max)
{
    int blocks = (pixels + rows_max - 1) / rows_max;
    return round_up((pixels + blocks - 1) / blocks, ROWS_UNIT);
}

bool pixel_form_of(const device *d, bool training, const pixel_set *p, pixel_form *out)
{
    const device_info *about = device_about(d);
    const bool cpu = device_tiles(d) == TILE_CPU;
    const size_t limit = (cpu ? CPU_PRIVATE_BYTES : about->local_memory) / sizeof(float);
    pixel_form f = {.vector = 1, .lanes = 1, .channel_lanes = 16};
    if (cpu) f.vector = about->vector_width >= 16 ? 16 : about->vector_width >= 8 ? 8 : 4;
    if (!cpu)
        for (f.lanes = GPU_LANES; f.lanes > 1 && (size_t)f.lanes > about->work_group_limit;) f.lanes /= 2;
    while ((size_t)f.channel_lanes > about->work_group_limit && f.channel_lanes > 1) f.channel_lanes /= 2;
    for (int rows_max = cpu ? CPU_ROWS_MAX : GPU_ROWS_MAX; rows_max >= ROWS_UNIT; rows_max /= 2) {
        f.rows = rows_of(p->pixels, rows_max);
        *out = f;
        if ((training ? floats_training(p, f.rows) : floats_evaluating(p, f.rows)) <= limit) return true;
    }
    return false;
}

/* Where a pooling begins in an output row; -1: it is not there. */
static int pool_start(const pixel_set *p, enum pooling kind)
{
    for (int i = 0; i < p->pools.count; i++)
        if (p->pools.kind[i] == kind) return i * p->widths[p->layers];
    return -1;
}

void pixel_options(const pixel_set *p, const pixel_form *f, char options[PIXEL_OPTIONS_MAX])
{
    int used = snprintf(options, PIXEL_OPTIONS_MAX,
                        "-DVW=%d -DLANES=%d -DCHANNEL_LANES=%d -DROWS=%d -DS=%d -DE=%d -DWIDTH=%d -DLAYERS=%d "
                        "-DMEAN_AT=%d -DSTD_AT=%d -DPOOLS=%d",
                        f->vector, f->lanes, f->channel_lanes, f->rows, p->pixels, p->extra, p->width, p->layers,
                        pool_start(p, POOL_MEAN), pool_start(p, POOL_STD), p->pools.count);
    for (int i = 0; i <= p->layers; i++)
        used += snprintf(options + used, PIXEL_OPTIONS_MAX - (size_t)used, " -DC%d=%d", i, p->widths[i]);
    for (int i = 0; i < p->pools.count; i++)
        used += snprintf(options + used, PIXEL_OPTIONS_MAX - (size_t)used, " -DPOOL%d=%d", i, p->pools.kind[i]);
}

int pixel_share(const device *d, int frames)
{
    const unsigned units = device_about(d)->compute_units;
    const int groups = units > GROUPS_MAX / GROUPS_A_UNIT ? GROUPS_MAX : (int)(units ? units : 1) * GROUPS_A_UNIT;
    return larger(1, (frames + groups - 1) / groups);
}

size_t pixel_groups(int frames, int share)
{
    return (size_t)((frames + share - 1) / share);
}
