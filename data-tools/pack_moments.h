/* Mean and standard deviation of each band over all pixels and dates, in one pass over any amount of data. */
#ifndef FURROW_DATA_TOOLS_PACK_MOMENTS_H
#define FURROW_DATA_TOOLS_PACK_MOMENTS_H

#include <stddef.h>

#include "format/normalisation.h"
#include "format/number.h"

typedef struct moments {
    int bands;
    double count;           /* values of one band so far */
    double *mean, *squares; /* [bands]; squares: sum of squared distances from the mean */
    double *part_mean, *part_squares;
} moments;

int moments_new(int bands, moments *out);
void moments_free(moments *m);
void moments_clear(moments *m); /* as new */

/* rows x bands values of one parcel. Each parcel's own moments are taken in two passes and merged with those so far
 * (Chan, Golub and LeVeque 1983): large means cancel nothing. */
void moments_add(moments *m, enum number_type type, const void *values, size_t rows);

/* The same for `frames` images of bands x pixels, each plane's own moments first. */
void moments_add_planes(moments *m, enum number_type type, const void *values, size_t frames, size_t pixels);

/* Moments of `count` more values of each band: their mean and sum of squared distances from it, [bands] both. */
void moments_merge(moments *m, double count, const double *mean, const double *squares);

/* Mean and sample standard deviation (n - 1) of each column of values [rows x width] over the rows that have it (are not
 * NaN); 0 where n is too small. */
void moments_of_columns(const float *values, size_t rows, size_t width, double *mean, double *std);

/* Mean and population standard deviation as 1 x C; 0 and 0 when there was no pixel. */
int moments_result(const moments *m, normalisation *out);

#endif
