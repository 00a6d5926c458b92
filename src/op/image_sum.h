/* One launch that sums or copies images (cl/image_sum.cl): what materialise, image_add, image_concat and frames_join
 * are made of. */
#ifndef FURROW_OP_IMAGE_SUM_H
#define FURROW_OP_IMAGE_SUM_H

#include "op/image.h"

/* Some frames and channels of an image. */
typedef struct image_slice {
    buffer *data;
    int stride;          /* channels that lie in memory a pixel */
    int column, first;   /* channel and frame that it starts with */
    buffer *scale_shift; /* of a pending norm; NULL: none */
    int line;            /* pending_stride */
    enum relu relu;      /* what follows that norm */
} image_slice;

/* All of a tensor's values, or of its gradient. */
image_slice slice_of_values(const tensor *t);
image_slice slice_of_gradient(const tensor *t);

/* to = a (+ b, NULL: none; to itself adds) for the frames and channels of `like`, an image's tensor. */
int image_sum(device *d, const tensor *like, image_slice a, const image_slice *b, image_slice to);

/* to = a or to += a, where they are not the same bytes already. */
int image_copy(device *d, const tensor *like, image_slice a, image_slice to, bool accumulate);

#endif
