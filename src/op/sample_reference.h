/* sample_pixels in plain C, for checks. */
#ifndef FURROW_OP_SAMPLE_REFERENCE_H
#define FURROW_OP_SAMPLE_REFERENCE_H

#include "op/op.h"

/* The pixel of each of a parcel's slots, exactly as the device chooses. */
void sample_choice(const uint32_t stream[2], uint32_t pixels, int npixel, uint32_t *chosen);

/* The gaussian (mean 0, deviation 1) of value `slot x bands + band` at a date, in double precision. */
double sample_gaussian(const uint32_t stream[2], uint32_t date, uint32_t value);

/* Everything: raw as doubles; mean and std [bands], or [T x bands] per date; x [frames x npixel x bands], mask
 * [frames x npixel]. FAILED when out of memory. */
int sample_reference(const double *raw, const sample_parcel *parcels, int count, const double *mean, const double *std,
                     const sample_options *options, double *x, double *mask);

#endif
