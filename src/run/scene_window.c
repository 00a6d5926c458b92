#include "run/scene_window.h"

#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"

enum { WINDOW_BYTES = 256 << 20 };

int scene_window_new(device *d, scenes *s, const tile_plan *p, scene_scale scale, scene_window *out)
{
    const size_t side = (size_t)p->side, step = side - 2 * (size_t)p->margin, dates = (size_t)s->dates;
    const size_t column = side * dates * ((size_t)s->bands * number_size(s->type) + 1), fit = WINDOW_BYTES / column;
    const size_t tiles = fit > side ? (fit - side) / step + 1 : 1;
    int rc = OK;
    scene_window *w = out;
    *w = (scene_window){.scenes = s, .plan = p, .scale = scale};
    w->tiles = tiles < (size_t)p->across ? (int)tiles : p->across;
    const size_t width = side + step * ((size_t)w->tiles - 1), pixels = side * width;
    TRY_NEW(w->values = memory_new(pixels, dates * (size_t)s->bands * number_size(s->type)));
    if (s->gaps) TRY_NEW(w->missing = memory_new(pixels, dates));
    TRY_NEW(w->x = memory_new(side * side * dates, (size_t)s->bands * sizeof *w->x));
    TRY_NEW(w->positions = memory_new(dates, sizeof *w->positions));
    TRY(buffer_new(d, side * side * dates * (size_t)s->bands * sizeof *w->x, &w->x_buffer));
    TRY(buffer_new(d, 2 * sizeof(int32_t), &w->offsets_buffer));
    TRY(buffer_new(d, dates * sizeof *w->positions, &w->positions_buffer));
done:
    return rc;
}

void scene_window_free(scene_window *w)
{
    buffer_free(w->x_buffer);
    buffer_free(w->offsets_buffer);
    buffer_free(w->positions_buffer);
    free(w->values);
    free(w->missing);
    free(w->x);
    free(w->positions);
    *w = (scene_window){0};
}

int scene_window_read(scene_window *w, int row, int first, int count)
{
    const scenes *s = w->scenes;
    const int side = w->plan->side, top = tile_span_of(w->plan, s->grid.height, row).start;
    int rc = OK;
    w->left = tile_span_of(w->plan, s->grid.width, first).start;
    w->width = tile_span_of(w->plan, s->grid.width, first + count - 1).start + side - w->left;
    const size_t pixels = (size_t)side * (size_t)w->width, date = pixels * (size_t)s->bands * number_size(s->type);
    for (int d = 0; d < s->dates; d++) {
        TRY(interrupt_check());
        TRY(scenes_read(w->scenes, d, w->left, top, w->width, side, (char *)w->values + (size_t)d * date,
                        w->missing ? w->missing + (size_t)d * pixels : NULL));
    }
done:
    return rc;
}

/* ---- one tile ------------------------------------------------------------------------------------------------------ */

static bool is_seen(const scene_window *w, int date, int left)
{
    const size_t side = (size_t)w->plan->side, width = (size_t)w->width;
    if (!w->missing) return true;
    const uint8_t *plane = w->missing + (size_t)date * side * width;
    for (size_t y = 0; y < side; y++)
        for (size_t x = 0; x < side; x++)
            if (!plane[y * width + (size_t)left + x]) return true;
    return false;
}

#define NORMALISE(ctype)                                                                                               \
    for (size_t c = 0; c < bands; c++) {                                                                               \
        const float mean = w->scale.mean[c], std = w->scale.std[c] > 0 ? w->scale.std[c] : 1;                          \
        const ctype *plane = (const ctype *)w->values + ((size_t)date * bands + c) * side * width + (size_t)left;      \
        for (size_t y = 0; y < side; y++)                                                                              \
            for (size_t x = 0; x < side; x++) {                                                                        \
                const float value = (float)plane[y * width + x];                                                       \
                to[(y * side + x) * bands + c] = ((isfinite(value) ? value : 0) - mean) / std;                         \
            }                                                                                                          \
    }                                                                                                                  \
    break

/* A date of the tile, channels last. */
static void date_normalise(const scene_window *w, int date, int left, float *to)
{
    const size_t side = (size_t)w->plan->side, width = (size_t)w->width, bands = (size_t)w->scenes->bands;
    switch (w->scenes->type) {
    case NUMBER_U8: NORMALISE(uint8_t);
    case NUMBER_I16: NORMALISE(int16_t);
    case NUMBER_U16: NORMALISE(uint16_t);
    case NUMBER_F32: NORMALISE(float);
    default: panic("images of %s", number_name(w->scenes->type));
    }
}

/* The dates at which anything of the tile was seen; how many. */
static int dates_take(scene_window *w, int left)
{
    const size_t frame = (size_t)w->plan->side * (size_t)w->plan->side * (size_t)w->scenes->bands;
    int count = 0;
    for (int d = 0; d < w->scenes->dates; d++) {
        if (!is_seen(w, d, left)) continue;
        date_normalise(w, d, left, w->x + (size_t)count * frame);
        w->positions[count++] = w->scenes->days[d] - w->scale.first_day;
    }
    return count;
}

int scene_window_batch(scene_window *w, int column, batch *out)
{
    const int side = w->plan->side, left = tile_span_of(w->plan, w->scenes->grid.width, column).start - w->left;
    const size_t frame = (size_t)side * (size_t)side * (size_t)w->scenes->bands;
    const int dates = dates_take(w, left);
    const int32_t offsets[2] = {0, dates};
    int rc = OK;
    *out = (batch){
        .samples = dates > 0,
        .frames = dates,
        .longest = dates,
        .rows = side * side,
        .x = w->x_buffer,
        .offsets = w->offsets_buffer,
        .positions = w->positions_buffer,
    };
    if (!dates) return OK;
    TRY(buffer_write(w->x_buffer, 0, w->x, (size_t)dates * frame * sizeof *w->x));
    TRY(buffer_write(w->offsets_buffer, 0, offsets, sizeof offsets));
    TRY(buffer_write(w->positions_buffer, 0, w->positions, (size_t)dates * sizeof *w->positions));
done:
    return rc;
}
