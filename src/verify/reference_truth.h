/* The true parcels of reference results: the target that the published code trains PaPs with. */
#ifndef FURROW_VERIFY_REFERENCE_TRUTH_H
#define FURROW_VERIFY_REFERENCE_TRUTH_H

#include "verify/reference.h"

/* Maps are [patches x height x width]. */
typedef struct reference_truth {
    float *heatmap;
    int32_t *instance, *zone, *label; /* label: the pixel's class, void as it is */
    paps_truth parcels;               /* zone, and the parcels' sizes and classes */
    int32_t *first, *area;            /* first as in parcels; area[first[p] + id]: pixels of the parcel */
    paps_parcel *parcel;
} reference_truth;

/* Reads /input/target, patches x height x width x {heat, instance, zone, height, width, class of the parcel, class of the
 * pixel}, and uploads what the batch of r wants. */
int reference_read_truth(reference_input *r, int classes, reference_truth *out);
void reference_truth_free(reference_truth *t);

int reference_truth_area(const void *truth, int patch, int id);

#endif
