/* A network ready to run on a device: the model, its net, the tape of the current batch shape, Adam's state. */
#ifndef FURROW_RUN_NETWORK_H
#define FURROW_RUN_NETWORK_H

#include "model/model.h"
#include "run/feed.h"

/* What the tape needs to know beside a batch's size. */
typedef struct network_input {
    int npixel, bands, extra;           /* extra 0: none */
    int first_position, position_lines; /* of the position table */
    int longest;                        /* most dates of one parcel */
    buffer *position_table;             /* [position_lines x table_channels] instead of sinusoids; NULL: none */
    int table_channels;
} network_input;

typedef struct network {
    device *device;
    model *model; /* owned */
    net *net;
    network_input input;
    float gamma;
    bool keep_spatial; /* the pixel-set encoder's output can be read after a forward pass, as the logits can */
    /* the tape */
    bool recorded, training;
    int parcels, frames;
    parcel_inputs in;
    tensor *target, *loss; /* training only */
    parcel_outputs out;
    size_t peak_bytes; /* the largest arena so far */
    /* the optimiser: made at the first training step */
    adam_options adam;
    buffer *exp_avg, *exp_avg_sq;
    int64_t adam_step; /* steps taken */
} network;

/* `m` is taken over, also on failure. The parameters exist afterwards, with their initial values of `seed`. */
int network_new(device *d, model *m, network_input input, uint64_t seed, network **out);
void network_free(network *w); /* NULL is fine */

/* Records the tape for batches of this size, unless it is there already. */
int network_record(network *w, bool training, int parcels, int frames);
/* Records for the batch's size and makes the tape read the batch's buffers. */
int network_use(network *w, bool training, const feed_batch *b);

/* Queue the work and return: the logits are in w->out.logits->data, the loss in w->loss->data. `step` names the draws
 * of dropout, and must differ from step to step. */
int network_forward(network *w, uint64_t step);
int network_learn(network *w, uint64_t step); /* backward and Adam, after network_forward */

int network_optimiser(network *w); /* makes Adam's state (zeros) when it is not there */

/* What a set of parcels looks like to a network; positions are days, or 1, 2, ... */
network_input network_input_of(const pixelset *s, const model *m, int npixel);

/* Says in one list all that keeps the network from running on the set. `classes`: whether labels count. */
int network_fits(const model *m, const pixelset *s, bool classes, const char *where);

#endif
