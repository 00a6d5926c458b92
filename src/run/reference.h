/* The input of a parcel network's reference results, as a batch on the device. */
#ifndef FURROW_RUN_REFERENCE_H
#define FURROW_RUN_REFERENCE_H

#include "format/h5.h"
#include "run/network.h"

typedef struct reference_input {
    h5 *file;
    device *device;
    feed_batch batch;
    int parcels, dates, bands, pixels, features; /* B, T, C, S, E */
    int first_position, position_lines;
    buffer *table; /* the file's own position table, a line a date; NULL: it has none */
    int table_channels;
} reference_input;

/* Reads /input for the model m; r->file and r->device are set. Labels must be classes of m's, positions sensible. */
int reference_read(reference_input *r, const model *m);
void reference_free(reference_input *r); /* the batch's buffers */

#endif
