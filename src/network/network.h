/* A network ready to run on a device: the model, its net, the tape of the current batch shape, Adam's state. */
#ifndef FURROW_NETWORK_NETWORK_H
#define FURROW_NETWORK_NETWORK_H

#include "model/model.h"
#include "network/batch.h"

/* When a batch's series count as padded to its longest one, as the published code pads them (semantics of series_norm):
 * never; in training; always (reference results). */
enum padding_rule { PADDING_SKIP, PADDING_TRAINING, PADDING_ALWAYS };

/* What the tape needs to know beside a batch's size. */
typedef struct network_input {
    int bands;
    int npixel, extra;                  /* parcels; extra 0: none */
    int height, width;                  /* patches */
    int first_position, position_lines; /* of the position table */
    int longest;                        /* most dates of one sample */
    buffer *position_table;             /* [position_lines x table_channels] instead of sinusoids; NULL: none */
    int table_channels;
} network_input;

/* How the work on images is laid out in memory: chosen for a batch such that it fits (network_record). */
typedef struct memory_layout {
    int parts;      /* that a batch's frames are cut into */
    bool recompute; /* the first convolution's output is made again for backward */
    size_t bytes;   /* of the arena */
} memory_layout;

typedef struct network {
    device *device;
    model *model; /* owned */
    net *net;
    network_input input;
    float gamma;         /* parcels: of the focal loss */
    int ignore_class;    /* patches: weighs nothing in the loss; -1: none */
    float *class_weight; /* [classes] in the training loss; NULL: 1 each (network_class_weights) */
    enum padding_rule padding;
    bool exact;            /* patches: no Winograd */
    uint64_t memory_limit; /* bytes for arena, batch and parameters; 0: what the device has */
    paps_loss head_loss;   /* of a head */
    bool heatmap_only;     /* a head looks at no centres: warm-up */
    bool truth;            /* of a head's batches the parcels are known, when evaluating too */
    bool keep_attention;   /* network_attention can be read after a forward pass, as the logits can */
    bool keep_spatial;     /* parcels: the encoder's output can be read after a forward pass, as the logits can */
    /* the tape */
    bool recorded, training;
    bool recorded_truth, recorded_heatmap_only; /* with a head */
    int samples, frames, longest;
    parcel_inputs in;
    dense_inputs images;
    buffer *part_view[DENSE_PARTS_MAX]; /* of the batch's x */
    memory_layout layout;
    tensor *target, *loss; /* training only; with a head also where the truth is known */
    tensor *logits;        /* [rows x classes]; NULL: with a head */
    paps *head;            /* NULL: none */
    paps_outputs head_out;
    tensor *true_heatmap, *true_instances; /* with a head where the truth is known */
    parcel_outputs out;
    dense_outputs image_out;
    size_t peak_bytes; /* the largest arena so far */
    /* the optimiser: made at the first training step */
    adam_options adam;
    buffer *exp_avg, *exp_avg_sq;
    int64_t adam_step; /* steps taken */
} network;

/* `m` is taken over, also on failure. The parameters exist afterwards, with their initial values of `seed`. */
int network_new(device *d, model *m, network_input input, uint64_t seed, network **out);
void network_free(network *w); /* NULL is fine */

/* What each class weighs in the loss: [classes], copied. To be said before the first training step. */
int network_class_weights(network *w, const float *weight);

/* Records the tape for batches of this size, unless it is there already. longest: dates of the batch's longest series.
 * Images: lays the work out such that it fits memory_limit; FAILED, with what would fit, when it cannot. */
int network_record(network *w, bool training, int samples, int frames, int longest);
/* Records for the batch's size and makes the tape read the batch's buffers. */
int network_use(network *w, bool training, const batch *b);

/* Queue the work and return: the logits are in w->logits->data, the loss in w->loss->data. `step` names the draws of
 * dropout, and must differ from step to step. */
int network_forward(network *w, uint64_t step);
int network_learn(network *w, uint64_t step); /* backward and Adam, after network_forward */

/* The weights of dates, as the heads of the tape see them, after network_record: [frames x heads] of parcels, [frames h w
 * x heads] of images (rows as pixel_sequences orders them). NULL: the network has no attention. */
const tensor *network_attention(const network *w);

int network_optimiser(network *w); /* makes Adam's state (zeros) when it is not there */

/* The values of all parameters and running statistics, in the order of making; a new array. And their return. */
size_t network_value_count(const network *w);
int network_values(network *w, float **out);
int network_set_values(network *w, const float *values);

/* Bytes beside the arena: parameters with gradients, Adam's moments, the batch's images. */
size_t network_fixed_bytes(const network *w, int frames);

#endif
