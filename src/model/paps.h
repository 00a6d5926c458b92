/* Parcels-as-Points (PaPs; Sainte Fare Garnot and Landrieu, Panoptic Segmentation of Satellite Image Time Series with
 * Convolutional Temporal Attention Networks, ICCV 2021): a head that finds, outlines and names parcels, on any image
 * network that gives feature maps.
 *
 * The trunk's tape holds the heat map of centres and the saliency. What follows depends on the centres that the heat map
 * shows, and then on their sizes: two branches (net/branch.h), one in the other. */
#ifndef FURROW_MODEL_PAPS_H
#define FURROW_MODEL_PAPS_H

#include "layer/centres.h"
#include "model/model.h"

/* The stored buffer that overrides the configured threshold. */
#define PAPS_MIN_CONFIDENCE "min_confidence"

/* A network's head while it runs: its branches, and what the last pass found. */
typedef struct paps paps;

/* The true parcels of a batch, on the host. */
typedef struct paps_parcel {
    int32_t height, width, class; /* class: negative: void, as paps_loss.void_class is */
} paps_parcel;
typedef struct paps_truth {
    const int32_t *zone;  /* [patches x height x width] the parcel whose centre is closest; 0: none */
    const int32_t *first; /* [patches + 1]: parcel id of patch p is parcel[first[p] + id]; ids count from 1 */
    const paps_parcel *parcel;
} paps_truth;

typedef struct paps_loss {
    float centre, size, shape, class; /* coefficients */
    float beta;
    int void_class;            /* parcels of it have no part in the classes' loss; -1: there is none */
    const float *class_weight; /* [classes] of the classes' loss; NULL: 1 each */
    bool every_maximum;        /* training: supervise all maxima, rather than the hottest pixel of each parcel's zone */
    bool zones_always;         /* evaluating: centres of zones too, where the truth is given (measurements) */
} paps_loss;

int paps_new(const paps_config *c, net *trunk, paps **out);
void paps_free(paps *p); /* NULL is fine */

/* The trunk's part of a tape. */
typedef struct paps_inputs {
    const dense_outputs *features;
    tensor *heatmap, *instances; /* [patches x H x W] true heat (float), parcel of each pixel (int); NULL: no losses */
    bool heatmap_only;           /* no centres are looked at: warm-up */
    bool exact;
} paps_inputs;
typedef struct paps_outputs {
    tensor *heatmap, *saliency; /* [patches x H x W x 1]; probabilities, logits */
    tensor *centre_loss;        /* NULL: no losses */
    tensor *loss;               /* all terms, weighed */
} paps_outputs;
paps_outputs paps_build(paps *p, net *n, const paps_inputs *in, const paps_loss *loss);

/* Before a forward pass: the truth of its batch (NULL: none), which must live until the pass is over. */
void paps_use(paps *p, const paps_truth *truth);

/* ---- after a forward pass ------------------------------------------------------------------------------------------ */

typedef struct paps_found {
    int count; /* centres */
    int patches, height, width;
    const centre *centre;
    const int32_t *parcel; /* [count] the true parcel whose zone the centre lies in; 0: none. NULL without truth */
    const crop *crop;
    const float *confidence; /* [count] heat at the centre */
    const float *size;       /* [count x 2] predicted height, width */
    const float *score;      /* [count x classes] logits */
    const float *mask;       /* probabilities, crop[i].first on */
    size_t mask_values;
    float size_loss, shape_loss, class_loss; /* NAN: not computed */
} paps_found;
/* Reads it from the device: valid until the next forward pass. */
int paps_read(paps *p, paps_found *out);

#endif
