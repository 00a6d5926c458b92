#include "op/image_part.h"

#include <stdio.h>

#include "base/error.h"

enum {
    GPU_LANES = 64,
    CPU_PART_FLOATS = 1 << 15, /* 128 KiB: two images' parts stay in a second-level cache */
    CPU_PIXELS_MIN = 32,       /* of a part: what starting one costs is forgotten by then */
    GPU_PIXELS_MAX = 512,
    GPU_PIXELS_MIN = 64,
    PARTS_A_UNIT = 8, /* of all frames together, at least, so that compute units end at about the same time */
};

/* The largest power of two up to `limit` that divides n. */
static int power_dividing(int n, int limit)
{
    int power = 1;
    while (power < limit && n % (2 * power) == 0) power *= 2;
    return power;
}

/* The largest number up to `limit` that divides n. */
static int number_dividing(int n, int limit)
{
    while (n % limit) limit--;
    return limit;
}

static void cpu_form(const device *d, image_part *p)
{
    p->width = power_dividing(p->channels, device_about(d)->vector_width >= 16 ? 16 : 8);
    p->each = number_dividing(p->channels / p->width, p->width >= 8 ? 4 : 8);
    p->lanes = p->team = 1;
}

static void gpu_form(const device *d, image_part *p)
{
    p->width = power_dividing(p->channels, 4);
    p->each = p->lanes = p->team = 1;
    while (p->lanes < GPU_LANES && (size_t)p->lanes * 2 <= device_about(d)->work_group_limit) p->lanes *= 2;
    while (p->team < p->lanes && p->team * p->width < p->channels) p->team *= 2;
}

static int clamp(int64_t value, int low, int high)
{
    return value < low ? low : value > high ? high : (int)value;
}

image_part image_part_of(const device *d, int frames, int pixels, int channels)
{
    image_part p = {.frames = frames, .pixels = pixels, .channels = channels};
    const bool cpu = device_tiles(d) == TILE_CPU;
    if (cpu)
        cpu_form(d, &p);
    else
        gpu_form(d, &p);
    const int64_t units = (int64_t)device_about(d)->compute_units * PARTS_A_UNIT;
    const int64_t share = (int64_t)frames * pixels / (units ? units : 1);
    const int largest = cpu ? clamp(CPU_PART_FLOATS / channels, CPU_PIXELS_MIN, CPU_PART_FLOATS) : GPU_PIXELS_MAX;
    p.pixels_each = clamp(share, cpu ? CPU_PIXELS_MIN : GPU_PIXELS_MIN, largest);
    p.parts = (size_t)((pixels - 1) / p.pixels_each + 1);
    const int width = p.width * p.each * p.team;
    p.chunks = (size_t)((channels - 1) / width + 1);
    return p;
}

image_part image_part_of_tensor(const device *d, const tensor *t)
{
    return image_part_of(d, t->shape.size[0], t->shape.size[1] * t->shape.size[2], t->shape.size[3]);
}

void image_part_options(const image_part *p, char *options, size_t size)
{
    snprintf(options, size, "-DVW=%d -DEACH=%d -DLANES=%d", p->width, p->each, p->lanes);
}

int image_part_kernel(device *d, const image_part *p, const char *program, const char *name, kernel **out)
{
    char options[64];
    image_part_options(p, options, sizeof options);
    return kernel_get(d, program, options, name, out);
}

size_t image_part_line_groups(const image_part *p)
{
    const int width = p->width * p->each * p->lanes;
    return (size_t)((p->channels - 1) / width + 1);
}

int image_wanted(const node *n, int i)
{
    const tensor *t = n->in[i];
    if (t->element == ELEMENT_FLOAT && t->shape.rank == 4 && tensor_count(t)) return OK;
    return node_refuse(n, i, "should be frames x height x width x channels of reals");
}
