/* The input of reference results, as a batch on the device. */
#ifndef FURROW_VERIFY_REFERENCE_H
#define FURROW_VERIFY_REFERENCE_H

#include "format/h5.h"
#include "network/network.h"

typedef struct reference_input {
    h5 *file;
    h5 *weights; /* the file whose position table counts; NULL: file */
    device *device;
    batch batch;
    network_input input; /* a network's, for it */
    buffer *table;       /* the position table stored with the weights, a line a date; NULL: it has none */
} reference_input;

/* Reads /input for the model m; r->file and r->device are set. Labels must be classes of m's, positions sensible. */
int reference_read_parcels(reference_input *r, const model *m);
int reference_read_images(reference_input *r, const model *m, double pad_value);
void reference_free(reference_input *r); /* the batch's buffers */

/* From images x channels x pixels, as files have it, to images x pixels x channels. */
void reference_channels_last(const float *from, size_t images, size_t channels, size_t pixels, float *to);

/* Uploads count values of 4 bytes. */
int reference_upload(reference_input *r, const void *values, size_t count, buffer **out);

enum { REFERENCE_VALUES_MAX = 1 << 28, REFERENCE_DAY_MAX = 1 << 20 };

#endif
