#include "run/picture.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

enum { GAP = 8, SIDE_WANTED = 256 /* of a panel */ };

int picture_new(int width, int height, int panels, picture *out)
{
    const int longer = width > height ? width : height, scale = longer >= SIDE_WANTED ? 1 : SIDE_WANTED / longer;
    *out = (picture){.panel_width = width * scale, .panel_height = height * scale, .scale = scale, .panels = panels};
    out->width = panels * (out->panel_width + GAP) + GAP;
    out->height = out->panel_height + 2 * GAP;
    const size_t bytes = 3 * (size_t)out->width * (size_t)out->height;
    out->rgb = memory_new(bytes, 1);
    if (!out->rgb) return FAILED;
    memset(out->rgb, 255, bytes);
    return OK;
}

void picture_free(picture *p)
{
    free(p->rgb);
    p->rgb = NULL;
}

void picture_panel(picture *p, int panel, const uint8_t *rgb)
{
    const int columns = p->panel_width / p->scale, left = GAP + panel * (p->panel_width + GAP);
    for (int y = 0; y < p->panel_height; y++)
        for (int x = 0; x < p->panel_width; x++) {
            const size_t from = (size_t)(y / p->scale) * (size_t)columns + (size_t)(x / p->scale);
            const size_t to = (size_t)(y + GAP) * (size_t)p->width + (size_t)(x + left);
            memcpy(p->rgb + 3 * to, rgb + 3 * from, 3);
        }
}

/* Is the enlarged pixel within the line between two ids? A line is a twelfth of an original pixel, 1 at least, on each
 * side. */
static bool on_outline(const picture *p, const int32_t *ids, int x, int y)
{
    const int columns = p->panel_width / p->scale, rows = p->panel_height / p->scale;
    const int reach = p->scale > 12 ? p->scale / 12 : 1;
    const int32_t id = ids[y / p->scale * columns + x / p->scale];
    for (int side = 0; side < 4; side++) {
        const int u = (x + (side == 0 ? reach : side == 1 ? -reach : 0) + p->scale) / p->scale - 1;
        const int v = (y + (side == 2 ? reach : side == 3 ? -reach : 0) + p->scale) / p->scale - 1;
        const bool inside = u >= 0 && v >= 0 && u < columns && v < rows;
        if ((inside ? ids[v * columns + u] : 0) != id) return true;
    }
    return false;
}

void picture_parcels(picture *p, int panel, const uint8_t *rgb, const int32_t *ids, const uint32_t *colour)
{
    enum { TINT = 90 /* of 255 */ };
    const int columns = p->panel_width / p->scale, left = GAP + panel * (p->panel_width + GAP);
    picture_panel(p, panel, rgb);
    for (int y = 0; y < p->panel_height; y++)
        for (int x = 0; x < p->panel_width; x++) {
            const int32_t id = ids[y / p->scale * columns + x / p->scale];
            uint8_t *to = p->rgb + 3 * ((size_t)(y + GAP) * (size_t)p->width + (size_t)(x + left));
            const int share = !id ? 0 : on_outline(p, ids, x, y) ? 255 : TINT;
            for (int c = 0; c < 3 && id; c++) {
                const int wanted = (int)(colour[id] >> (16 - 8 * c) & 255);
                to[c] = (uint8_t)((to[c] * (255 - share) + wanted * share) / 255);
            }
        }
}

/* ---- composites -------------------------------------------------------------------------------------------------- */

static int visible(int bands)
{
    return bands >= 3 ? 3 : 1;
}

/* Mean plus deviation of the visible bands: clouds are bright, and half a cloud is uneven. Infinite: no contrast. */
static double cloudiness(const float *frame, int pixels, int bands)
{
    double sum = 0, squares = 0;
    const double count = (double)pixels * visible(bands);
    for (int p = 0; p < pixels; p++)
        for (int c = 0; c < visible(bands); c++) sum += (double)frame[(size_t)p * (size_t)bands + (size_t)c];
    const double mean = sum / count;
    for (int p = 0; p < pixels; p++)
        for (int c = 0; c < visible(bands); c++) {
            const double d = (double)frame[(size_t)p * (size_t)bands + (size_t)c] - mean;
            squares += d * d;
        }
    const double deviation = sqrt(squares / count);
    return deviation > 1e-6 ? mean + deviation : (double)INFINITY;
}

int picture_clearest(const float *frames, int dates, int pixels, int bands)
{
    int best = 0;
    double least = (double)INFINITY;
    for (int t = 0; t < dates; t++) {
        const double value = cloudiness(frames + (size_t)t * (size_t)pixels * (size_t)bands, pixels, bands);
        if (!(value < least)) continue;
        least = value;
        best = t;
    }
    return best;
}

static int by_value(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static uint8_t stretched(float value, float low, float high)
{
    const float share = high > low ? (value - low) / (high - low) : 0.5f;
    return (uint8_t)(share < 0 ? 0 : share > 1 ? 255 : 255 * share + 0.5f);
}

int picture_natural(const float *frame, int pixels, int bands, uint8_t *rgb)
{
    float *sorted = memory_new((size_t)pixels, sizeof *sorted);
    if (!sorted) return FAILED;
    for (int channel = 0; channel < 3; channel++) {
        const int band = bands >= 3 ? 2 - channel : 0;
        for (int p = 0; p < pixels; p++) sorted[p] = frame[(size_t)p * (size_t)bands + (size_t)band];
        qsort(sorted, (size_t)pixels, sizeof *sorted, by_value);
        const float low = sorted[pixels * 2 / 100], high = sorted[(pixels - 1) * 98 / 100];
        for (int p = 0; p < pixels; p++)
            rgb[3 * (size_t)p + (size_t)channel] =
                stretched(frame[(size_t)p * (size_t)bands + (size_t)band], low, high);
    }
    free(sorted);
    return OK;
}
