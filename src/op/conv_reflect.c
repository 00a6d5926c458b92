/* The gradient of padding by reflection; see conv.h.
 *
 * The data gradient of a convolution of the padded image, at a place of its
 * padding, belongs to the pixel that is mirrored there. So the ring is computed
 * like the rest, as up to eight windows (four sides, four corners) of the same
 * transposed convolution that lie outside the image, and each is added at its
 * mirror image: y's rows and columns run backwards. A window's places are
 * mirrored onto different pixels, and windows follow one another: no sum
 * depends on scheduling, in images of any size.
 *
 * Only few taps reach a place outside: FLOPs are about (perimeter x padding) x
 * kernel instead of kernel^2 a place. */
#include "base/error.h"
#include "op/conv.h"

/* One axis of a window: `size` places from `start` (of the image) on, which
 * taps reach them, and where the first one goes in y and in which direction. */
typedef struct stretch {
    int start, size, first, end, target, direction;
} stretch;

enum { BEFORE, INSIDE, BEHIND, STRETCHES };

/* Place u is reached from output o by the forward's tap u + padding - stride o,
 * which is tap kernel - 1 - (u + padding - stride o) here: before the image by
 * the last `padding` taps, behind it by those that the last output puts there.
 * dy_size: outputs along this axis; size: pixels. */
static void stretches_of(const conv_call *c, int padding, int dy_size, int size, stretch out[STRETCHES])
{
    const int first = c->kernel - padding, end = c->kernel - size - padding + c->dilation * (dy_size - 1);
    out[BEFORE] = (stretch){-padding, padding, first > 0 ? first : 0, c->kernel, padding, -1};
    out[INSIDE] = (stretch){0, size, 0, c->kernel, 0, 1};
    out[BEHIND] = (stretch){size, padding, 0, end < c->kernel ? end : c->kernel, size - 2, -1};
}

int conv_reflect_fold(device *d, const conv_call *c, int padding)
{
    stretch rows[STRETCHES], columns[STRETCHES];
    conv_window windows[STRETCHES * STRETCHES];
    conv_call fold = *c;
    int count = 0;
    stretches_of(c, padding, c->height, c->out_height, rows);
    stretches_of(c, padding, c->width, c->out_width, columns);
    for (int i = 0; i < STRETCHES; i++)
        for (int j = 0; j < STRETCHES; j++) {
            const stretch *r = rows + i, *s = columns + j;
            if (i == INSIDE && j == INSIDE) continue;
            windows[count++] = (conv_window){.height = r->size,
                                             .width = s->size,
                                             .padding_y = c->padding - r->start,
                                             .padding_x = c->padding - s->start,
                                             .first_y = r->first,
                                             .end_y = r->end,
                                             .first_x = s->first,
                                             .end_x = s->end,
                                             .y_frame = c->out_height * c->out_width,
                                             .y_origin = r->target * c->out_width + s->target,
                                             .y_row = r->direction * c->out_width,
                                             .y_column = s->direction};
        }
    fold.accumulate = true;
    return conv_direct_windows(d, &fold, windows, count);
}
