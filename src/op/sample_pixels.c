/* Raw parcels to the network's input, on the device: see op.h. Three launches: the choice of pixels, one work-item a
 * parcel, kept in the mask's memory; gathering, normalisation and jitter, a group a frame; the mask itself. */
#include "base/error.h"
#include "op/op.h"

#include <stdio.h>

/* The kernels read it as one ulong and six uints. */
_Static_assert(sizeof(sample_parcel) == 32, "sample_parcel is not laid out as the device reads it");
_Static_assert(offsetof(sample_parcel, pixels) == 8 && offsetof(sample_parcel, stream) == 24, "as above");

enum { GPU_LANES = 64, BANDS_MAX = 4096 };

static const struct {
    const char *name;
    size_t size;
} raw_types[] = {
    [RAW_U8] = {"uchar", 1}, [RAW_I16] = {"short", 2}, [RAW_U16] = {"ushort", 2}, [RAW_F32] = {"float", 4}};

static int sizes_check(int count, int frames, const sample_options *o, buffer *x, buffer *mask)
{
    if (o->npixel < 1) return fail(FAILED, "sample_pixels: npixel is %d, wanted 1 or more", o->npixel);
    if (o->bands < 1 || o->bands > BANDS_MAX)
        return fail(FAILED, "sample_pixels: %d bands, wanted 1 to %d", o->bands, BANDS_MAX);
    if (count < 0 || frames < 0)
        return fail(FAILED, "sample_pixels: %d parcels of %d frames, wanted no fewer than 0", count, frames);
    const size_t pixels = (size_t)frames * (size_t)o->npixel;
    if (pixels * (size_t)o->bands > INT32_MAX)
        return fail(FAILED, "sample_pixels: %d frames of %d pixels of %d bands are too many: use a smaller batch",
                    frames, o->npixel, o->bands);
    if (buffer_size(x) / sizeof(float) < pixels * (size_t)o->bands)
        return fail(FAILED, "sample_pixels: x holds %zu bytes, wanted %zu", buffer_size(x),
                    pixels * (size_t)o->bands * sizeof(float));
    if (buffer_size(mask) / sizeof(float) < pixels)
        return fail(FAILED, "sample_pixels: mask holds %zu bytes, wanted %zu", buffer_size(mask),
                    pixels * sizeof(float));
    return OK;
}

int sample_pixels(device *d, buffer *raw, buffer *parcels, int count, buffer *frame_parcel, int frames, buffer *mean,
                  buffer *std, sample_options options, buffer *x, buffer *mask)
{
    int rc = OK;
    kernel *choose = NULL, *gather = NULL, *finish = NULL;
    const sample_options *o = &options;
    const bool cpu = device_tiles(d) == TILE_CPU, jitter = o->jitter_sigma > 0;
    int lanes = cpu ? 1 : GPU_LANES;
    while (lanes > 1 && (size_t)lanes > device_about(d)->work_group_limit) lanes /= 2;
    const int width = !cpu ? 1 : device_about(d)->vector_width >= 16 ? 16 : 8;
    char macros[128];
    TRY(sizes_check(count, frames, o, x, mask));
    snprintf(macros, sizeof macros, "-DVW=%d -DLANES=%d -DBANDS=%d -DVALUE=%s -DNORM_PER_DATE=%d -DJITTER=%d", width,
             lanes, o->bands, raw_types[o->type].name, o->norm_per_date, jitter);
    TRY(kernel_get(d, "sample_pixels", macros, "choose_pixels", &choose));
    TRY(kernel_get(d, "sample_pixels", macros, "gather_pixels", &gather));
    TRY(kernel_get(d, "sample_pixels", macros, "mask_pixels", &finish));

    const size_t groups = (size_t)frames, items = (size_t)lanes, parcel_groups = ((size_t)count + items - 1) / items;
    const double slots = (double)frames * o->npixel, values = slots * o->bands;
    const cost gathering = {jitter ? 32 * values : 2 * values, values * (4 + (double)raw_types[o->type].size)};
    TRY(LAUNCH(choose, parcel_groups, 1, 1, items, ((cost){0, 0}), arg_buffer(parcels), arg_int(count),
               arg_int(o->npixel), arg_buffer(mask)));
    TRY(LAUNCH(gather, groups, 1, 1, items, gathering, arg_buffer(raw), arg_buffer(parcels), arg_buffer(frame_parcel),
               arg_buffer(mean), arg_buffer(std), arg_int(o->npixel), arg_float(o->jitter_sigma),
               arg_float(o->jitter_clip), arg_buffer(mask), arg_buffer(x)));
    TRY(LAUNCH(finish, groups, 1, 1, items, ((cost){0, 4 * slots}), arg_buffer(parcels), arg_buffer(frame_parcel),
               arg_int(o->npixel), arg_buffer(mask)));
done:
    return rc;
}
