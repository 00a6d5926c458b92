/* Raw frames and labels to the network's input and target, on the device: see image.h. A launch each, bound by memory:
 * what is stored is read once, what the network reads is written once. */
#include <stdio.h>

#include "base/error.h"
#include "op/image.h"

enum { GPU_LANES = 128, GPU_TILE = 16 /* pixels, as in load_frames.cl */, BANDS_MAX = 4096 };

static const struct {
    const char *macro;
    size_t size;
} raw_types[] = {[RAW_U8] = {"VALUE=uchar", 1},
                 [RAW_I16] = {"VALUE=short", 2},
                 [RAW_U16] = {"VALUE=ushort", 2},
                 [RAW_F32] = {"VALUE=float", 4},
                 [RAW_F16] = {"HALF", 2}};

static int room_check(const char *operation, const char *name, buffer *b, size_t wanted)
{
    if (buffer_size(b) >= wanted) return OK;
    return fail(FAILED, "%s: %s holds %zu bytes, wanted %zu", operation, name, buffer_size(b), wanted);
}

static int sizes_check(const char *operation, int count, int height, int width)
{
    if (count < 0) return fail(FAILED, "%s: %d images, wanted no fewer than 0", operation, count);
    if (height < 1 || width < 1 || (int64_t)height * width > INT32_MAX)
        return fail(FAILED, "%s: images of %d x %d, wanted 1 x 1 or more and at most %d pixels", operation, height,
                    width, INT32_MAX);
    return OK;
}

static size_t lanes_of(device *d)
{
    size_t lanes = device_tiles(d) == TILE_CPU ? 1 : GPU_LANES;
    while (lanes > 1 && lanes > device_about(d)->work_group_limit) lanes /= 2;
    return lanes;
}

/* The widest vector of the device that a row holds. */
static int vector_of(const device *d, size_t lanes, int width)
{
    int vector = lanes > 1 ? 1 : device_about(d)->vector_width >= 16 ? 16 : 8;
    while (vector > width) vector /= 2;
    return vector;
}

static size_t up(int count, int part)
{
    return ((size_t)count + (size_t)part - 1) / (size_t)part;
}

int load_frames(device *d, buffer *raw, buffer *frame_patch, buffer *turn, buffer *mean, buffer *std,
                frame_options options, buffer *x)
{
    int rc = OK;
    kernel *k = NULL;
    const frame_options *o = &options;
    const size_t lanes = lanes_of(d), type_size = raw_types[o->type].size;
    if (o->bands < 1 || o->bands > BANDS_MAX)
        return fail(FAILED, "load_frames: %d bands, wanted 1 to %d", o->bands, BANDS_MAX);
    TRY(sizes_check("load_frames", o->frames, o->height, o->width));
    const size_t values = (size_t)o->frames * (size_t)o->height * (size_t)o->width * (size_t)o->bands;
    TRY(room_check("load_frames", "raw", raw, values * type_size));
    TRY(room_check("load_frames", "frame_patch", frame_patch, (size_t)o->frames * sizeof(int32_t)));
    TRY(room_check("load_frames", "x", x, values * sizeof(float)));
    const int vector = vector_of(d, lanes, o->width);
    const size_t groups = lanes > 1 ? up(o->height, GPU_TILE) * up(o->width, GPU_TILE) : up(o->height, vector);
    char macros[96];
    snprintf(macros, sizeof macros, "-DVW=%d -DLANES=%zu -DBANDS=%d -D%s", vector, lanes, o->bands,
             raw_types[o->type].macro);
    TRY(kernel_get(d, "load_frames", macros, "load_frames", &k));
    const cost work = {2 * (double)values, (double)values * (double)(type_size + sizeof(float))};
    TRY(LAUNCH(k, groups, (size_t)o->frames, 1, lanes, work, arg_buffer(raw), arg_buffer(frame_patch), arg_buffer(turn),
               arg_buffer(mean), arg_buffer(std), arg_int(o->height), arg_int(o->width), arg_buffer(x)));
done:
    return rc;
}

int load_labels(device *d, buffer *raw, buffer *turn, buffer *class_map, int patches, int height, int width,
                buffer *target)
{
    int rc = OK;
    kernel *k = NULL;
    const size_t lanes = lanes_of(d);
    TRY(sizes_check("load_labels", patches, height, width));
    const size_t pixels = (size_t)patches * (size_t)height * (size_t)width;
    TRY(room_check("load_labels", "raw", raw, pixels));
    TRY(room_check("load_labels", "turn", turn, (size_t)patches * sizeof(int32_t)));
    TRY(room_check("load_labels", "class_map", class_map, 256 * sizeof(int32_t)));
    TRY(room_check("load_labels", "target", target, pixels * sizeof(int32_t)));
    char macros[32];
    snprintf(macros, sizeof macros, "-DLANES=%zu", lanes);
    TRY(kernel_get(d, "load_labels", macros, "load_labels", &k));
    TRY(LAUNCH(k, (size_t)height, (size_t)patches, 1, lanes, ((cost){0, 5 * (double)pixels}), arg_buffer(raw),
               arg_buffer(turn), arg_buffer(class_map), arg_int(height), arg_int(width), arg_buffer(target)));
done:
    return rc;
}
