/* What panoptic training aims at, from a patch's parcel ids and labels: instance ids, the centre heat map, zones.
 * Source: Garnot & Landrieu, "Panoptic Segmentation of Satellite Image Time Series with Convolutional Temporal
 * Attention Networks" (ICCV 2021), 3.2, and the heat maps published with PASTIS: five of them are met to 4e-18. */
#ifndef FURROW_DATA_INSTANCES_H
#define FURROW_DATA_INSTANCES_H

#include <stddef.h>
#include <stdint.h>

typedef struct instance_source {
    int height, width;      /* at least 2 each */
    const int32_t *parcels; /* [height x width]: ids over 0; anything else is no parcel */
    const uint8_t *labels;  /* [height x width], 0: background; NULL: unknown, then every parcel counts */
    const int32_t *without; /* ids of parcels to leave out, in any order */
    size_t withouts;
} instance_source;

typedef struct instance_parcel {
    int32_t id;
    int instance;    /* 0: left out */
    int row, column; /* of its peak in the heat map, which need not lie in it */
} instance_parcel;

typedef struct instance_set {
    size_t parcels; /* all that are in the patch, by id */
    instance_parcel *parcel;
    size_t instances;           /* those that count */
    size_t background, without; /* those left out for their label; as asked for */
    size_t mixed;               /* those that count and have pixels of several labels */
    int32_t *instance;          /* [height x width]: 1 .. instances in the order of parcel ids, 0: none */
    double *heat;               /* [height x width]: 0 .. 1 */
    int32_t *zone;              /* [height x width]: the instance whose Gaussian is the largest here; 0 without any */
} instance_set;

/* A parcel's label is that of its first pixel in row-major order, where the published loader reads its class;
 * background is left out, void counts. An id that occurs in two places is one parcel, with a box around both.
 *
 * Each parcel that counts has a Gaussian: its bounding box, grown by one pixel and clamped to the image, has on each
 * axis side = last - first, centre = first + floor(side / 2) and sigma = (1 - 0.7) / (1 + 0.7) side / 3, and its value
 * is exp(-(dx^2 / 2 sigma_x^2 + dy^2 / 2 sigma_y^2)) in double precision. heat is the largest of all, zone whose that
 * is: of equal ones the lowest, so that where all underflow it is instance 1.
 *
 * FLOPs: 3 per parcel and pixel, but for rows too far away to matter, and an exp() per pixel and new least distance.
 * FAILED for a smaller patch and without memory; *out needs no instances_free then. */
int instances_make(const instance_source *source, instance_set *out);
void instances_free(instance_set *s);

#endif
