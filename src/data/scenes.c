#include "data/scenes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "data/scenes_internal.h"

enum { OPEN_MAX_FILES = 256 };

/* ---- files --------------------------------------------------------------------------------------------------------- */

void scenes_release(scenes *s)
{
    scenes_files *f = s->files;
    for (size_t i = 0; i < f->count && f->open; i++) {
        if (!f->file[i].raster) continue;
        geo_raster_close(f->file[i].raster);
        f->file[i].raster = NULL;
        f->open--;
    }
}

static int raster_of(scenes *s, size_t index, geo_raster **out)
{
    scenes_files *f = s->files;
    int rc = OK;
    if (!f->file[index].raster) {
        if (f->open >= OPEN_MAX_FILES) scenes_release(s);
        TRY(geo_raster_open(f->file[index].path, &f->file[index].raster));
        f->open++;
    }
    *out = f->file[index].raster;
done:
    return rc;
}

void scenes_close(scenes *s)
{
    scenes_files *f = s->files;
    if (f) {
        scenes_release(s);
        for (size_t i = 0; i < f->count; i++) free(f->file[i].path);
        free(f->file);
        free(f->source);
        free(f->coarse);
        free(f->mask_plane);
        free(f);
    }
    for (int b = 0; s->band_names && b < s->bands; b++) free(s->band_names[b]);
    free(s->band_names);
    free(s->days);
    free((void *)(uintptr_t)s->grid.crs);
    *s = (scenes){0};
}

/* ---- reading ------------------------------------------------------------------------------------------------------- */

typedef struct window {
    int x, y, width, height;
} window;

static int grow(void **items, size_t *have, size_t bytes)
{
    if (bytes <= *have) return OK;
    free(*items);
    *have = 0;
    *items = memory_new(bytes, 1);
    if (!*items) return FAILED;
    *have = bytes;
    return OK;
}

#define SPREAD(ctype)                                                                                                  \
    for (int y = 0; y < w.height; y++)                                                                                 \
        for (int x = 0; x < w.width; x++)                                                                              \
    ((ctype *)to)[(size_t)y * (size_t)w.width + (size_t)x] =                                                           \
        ((const ctype *)from)[(size_t)((w.y + y) / k - top) * (size_t)columns + (size_t)((w.x + x) / k - left)]

/* Every pixel of the window takes the coarser pixel that it lies in. */
static void spread(size_t size, const void *from, int left, int top, int columns, int k, window w, void *to)
{
    if (size == 1)
        SPREAD(uint8_t);
    else if (size == 2)
        SPREAD(uint16_t);
    else
        SPREAD(uint32_t);
}

/* `count` bands of one file, one after the other in `out`. */
static int file_read_window(scenes *s, size_t index, const int *bands, int count, window w, enum number_type type,
                            void *out)
{
    scenes_files *f = s->files;
    const int k = f->file[index].coarser, left = w.x / k, top = w.y / k;
    const int columns = (w.x + w.width - 1) / k + 1 - left, rows = (w.y + w.height - 1) / k + 1 - top;
    const size_t size = number_size(type), plane = (size_t)w.width * (size_t)w.height * size;
    const size_t coarse_plane = (size_t)columns * (size_t)rows * size;
    geo_raster *raster;
    int rc = OK;
    TRY(raster_of(s, index, &raster));
    if (k == 1) return geo_raster_read(raster, bands, count, w.x, w.y, w.width, w.height, type, out);
    TRY(grow(&f->coarse, &f->coarse_bytes, coarse_plane * (size_t)count));
    TRY(geo_raster_read(raster, bands, count, left, top, columns, rows, type, f->coarse));
    for (int b = 0; b < count; b++)
        spread(size, (char *)f->coarse + (size_t)b * coarse_plane, left, top, columns, k, w,
               (char *)out + (size_t)b * plane);
done:
    return rc;
}

static int bands_read(scenes *s, const scene_source *source, window w, void *values)
{
    const size_t plane = (size_t)w.width * (size_t)w.height * number_size(s->type);
    int rc = OK, *bands = memory_new((size_t)s->bands, sizeof *bands);
    if (!bands) return FAILED;
    for (int b = 0, count; b < s->bands; b += count) {
        for (count = 0; b + count < s->bands && source[b + count].file == source[b].file; count++)
            bands[count] = source[b + count].band;
        TRY(file_read_window(s, source[b].file, bands, count, w, s->type, (char *)values + (size_t)b * plane));
    }
done:
    free(bands);
    return rc;
}

/* ---- what is missing ----------------------------------------------------------------------------------------------- */

#define MARK(ctype, least, most)                                                                                       \
    if (!(value >= (least) && value <= (most)) || (double)(ctype)value != value) break;                                \
    for (size_t i = 0; i < pixels; i++) missing[i] |= ((const ctype *)plane)[i] == (ctype)value;                       \
    break

/* A value that the type cannot hold marks nothing. */
static void mark_value(enum number_type type, const void *plane, double value, size_t pixels, uint8_t *missing)
{
    switch (type) {
    case NUMBER_U8: MARK(uint8_t, 0, UINT8_MAX);
    case NUMBER_I16: MARK(int16_t, INT16_MIN, INT16_MAX);
    case NUMBER_U16: MARK(uint16_t, 0, UINT16_MAX);
    default:
        for (size_t i = 0; i < pixels; i++) missing[i] |= !(fabsf(((const float *)plane)[i] - (float)value) > 0);
    }
}

static void mark_not_finite(const float *plane, size_t pixels, uint8_t *missing)
{
    for (size_t i = 0; i < pixels; i++)
        if (!isfinite(plane[i])) missing[i] = 1;
}

static bool hides(const scenes_files *f, int32_t value)
{
    for (int i = 0; i < f->mask_values; i++)
        if (f->mask_value[i] == value) return true;
    return !f->mask_values && value;
}

static int mark_mask(scenes *s, const scene_source *source, window w, uint8_t *missing)
{
    scenes_files *f = s->files;
    const size_t pixels = (size_t)w.width * (size_t)w.height;
    void *plane = f->mask_plane;
    size_t bytes = f->mask_pixels * sizeof *f->mask_plane;
    bool hidden[256];
    int rc = grow(&plane, &bytes, pixels * sizeof *f->mask_plane);
    f->mask_plane = plane;
    f->mask_pixels = bytes / sizeof *f->mask_plane;
    TRY(rc);
    TRY(file_read_window(s, source->file, &source->band, 1, w, NUMBER_I32, f->mask_plane));
    for (int v = 0; v < 256; v++) hidden[v] = hides(f, v);
    for (size_t i = 0; i < pixels; i++) {
        const int32_t value = f->mask_plane[i];
        missing[i] |= value >= 0 && value < 256 ? hidden[value] : hides(f, value);
    }
done:
    return rc;
}

int scenes_read(scenes *s, int date, int x, int y, int width, int height, void *values, uint8_t *missing)
{
    scenes_files *f = s->files;
    const window w = {x, y, width, height};
    const size_t pixels = (size_t)width * (size_t)height, plane = pixels * number_size(s->type);
    const scene_source *source = f->source + (size_t)date * (size_t)(s->bands + f->mask);
    int rc = OK;
    TRY(bands_read(s, source, w, values));
    if (!missing) return OK;
    memset(missing, 0, pixels);
    for (int b = 0; b < s->bands; b++) {
        const char *band = (const char *)values + (size_t)b * plane;
        if (source[b].has_no_data) mark_value(s->type, band, source[b].no_data, pixels, missing);
        if (s->type == NUMBER_F32) mark_not_finite((const float *)(const void *)band, pixels, missing);
    }
    if (f->mask) TRY(mark_mask(s, source + s->bands, w, missing));
done:
    return rc;
}
