/* Which pixels stand for a parcel, and the boxes around them: what Parcels-as-Points decides on the host, between two
 * passes over the device (a heat map is small, its centres few). */
#ifndef FURROW_LAYER_CENTRES_H
#define FURROW_LAYER_CENTRES_H

#include "op/panoptic.h"

typedef struct centre { /* device layout of centre_features */
    int32_t patch, row, column;
} centre;

typedef struct centre_list {
    centre *item;
    int count;
    size_t capacity;
} centre_list;
void centre_list_free(centre_list *l);

/* Local maxima of heat [patches x height x width] in 3 x 3 windows, above the mean of all: the published CenterExtractor.
 * In the order patch, row, column. */
int centres_of_maxima(const float *heat, int patches, int height, int width, centre_list *out);

/* The hottest pixel of each zone (the first of equals); zone 0 is no parcel's. zone as heat; first [patches + 1]: the
 * zones of patch p are numbered below first[p + 1] - first[p]. Same order. FAILED: a zone out of range. */
int centres_of_zones(const float *heat, const int32_t *zone, const int32_t *first, int patches, int height, int width,
                     centre_list *out);

/* The boxes of predicted sizes [centres x 2] (height, width: rounded half to even, at least 1) around their centres, the
 * remainder of a half behind, and what of them lies in the image. Returns the number of values in all crops; FAILED
 * when that is more than 2^31 - 1. crops [count] */
int crops_of_sizes(const centre_list *l, const float *size, int height, int width, crop *crops, int *values);

#endif
