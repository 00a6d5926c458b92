/* The parcels as they will be written: gathered, filled, without what was never seen. */
#ifndef FURROW_DATA_TOOLS_GEOTIFF_SAMPLES_H
#define FURROW_DATA_TOOLS_GEOTIFF_SAMPLES_H

#include "data-tools/geotiff_gather.h"

typedef struct geotiff_samples {
    const geotiff_gather *gathered;
    size_t count;
    size_t *parcel;  /* [count] in gathered->parcels; sorted as they are */
    int32_t *pixels; /* [count] */
    const char **ids;
    double missing; /* share of pixels and dates, 0 to 1 */
    void *values;   /* of the largest parcel, and which of its pixels and dates are missing */
    uint8_t *hidden;
} geotiff_samples;

/* Parcels that were seen too little are left out, and listed in `parcels`. */
int geotiff_samples_new(const geotiff_gather *g, geotiff_parcels *parcels, int least_pixels, geotiff_samples *out);
void geotiff_samples_free(geotiff_samples *s);

/* T x S x C values of sample i, until the next call. */
int geotiff_samples_read(geotiff_samples *s, size_t i, const void **values, size_t *count);

/* The labels and features of the samples alone, [count] each; features [count x GEOMETRIC_FEATURES]. New arrays. */
int geotiff_samples_labels(const geotiff_samples *s, const pack_labels *all, int32_t **out);
int geotiff_samples_features(const geotiff_samples *s, float **out);

/* As the published folder: DATA/ID.npy (T x C x S), META/labels.json, dates.json, sizes.json, geomfeat.json, and
 * classes.json where labels are texts. */
int geotiff_folder_write(geotiff_samples *s, const char *folder);

#endif
