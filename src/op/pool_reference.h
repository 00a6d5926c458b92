/* The poolings in plain double-precision C, for checks. */
#ifndef FURROW_OP_POOL_REFERENCE_H
#define FURROW_OP_POOL_REFERENCE_H

#include "op/op.h"

/* x [pixels x channels], mask [pixels] -> out [pools x channels], one frame */
void pool_reference(const double *x, const double *mask, int pixels, int channels, pooling_list pools, double *out);

/* A check's fill of masks: 1 or 0, never all 0 over the first of each `*user` (int) pixels. */
void check_fill_mask(const void *pixels, size_t count, uint64_t stream, double *values);

#endif
