/* Launching kernels that walk through images once, frames x pixels x channels (cl/image_part.clh): which part of them
 * a work-item owns. */
#ifndef FURROW_OP_IMAGE_PART_H
#define FURROW_OP_IMAGE_PART_H

#include "op/op.h"

typedef struct image_part {
    int frames, pixels, channels;
    int width, each, lanes, team; /* the macros VW, EACH and LANES; items that share a pixel */
    int pixels_each;              /* of a part */
    size_t chunks, parts;         /* of the channels, of a frame's pixels */
} image_part;

/* For images of that size (none of it 0). A frame's parts stay in a core's cache between two passes. */
image_part image_part_of(const device *d, int frames, int pixels, int channels);

/* For a tensor [frames x height x width x channels]. */
image_part image_part_of_tensor(const device *d, const tensor *t);

/* That form's macros. */
void image_part_options(const image_part *p, char *options, size_t size);

/* The kernel in that form. */
int image_part_kernel(device *d, const image_part *p, const char *program, const char *name, kernel **out);

/* Groups over the vectors of one line of channels, for kernels whose items own EACH of them. */
size_t image_part_line_groups(const image_part *p);

/* For shape(): input i must be frames x height x width x channels of reals, none of it 0. */
int image_wanted(const node *n, int i);

#endif
