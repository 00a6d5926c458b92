/* A published network: its configuration, and how it is built on a net. */
#ifndef FURROW_MODEL_MODEL_H
#define FURROW_MODEL_MODEL_H

#include "base/schema.h"
#include "net/net.h"

/* What a batch of parcels gives a network; all inputs of the tape. */
typedef struct parcel_inputs {
    tensor *x;         /* [frames x npixel x bands] */
    tensor *mask;      /* [frames x npixel] */
    tensor *extra;     /* [frames x E]; NULL: none */
    tensor *offsets;   /* [parcels + 1] (int) */
    tensor *positions; /* [frames] (int), 0-based rows of the position table: position - first_position */
    int first_position, position_lines; /* the table covers first_position .. first_position + lines - 1 */
    tensor *position_table; /* [lines x channels] in the sinusoids' place (reference results carry one); NULL: none */
    int longest;            /* the most dates of one parcel in the data set */
} parcel_inputs;

typedef struct model model;

/* `config` is the object with "arch" and the published constructor's arguments; where names file and path for errors.
 * "positions" may be "dates", "bespoke", a list (all: days as positions), "order" or null (1, 2, ...). */
int model_new(const cJSON *config, const char *where, model **out);
void model_free(model *m);
const char *model_arch(const model *m);
bool model_positions_are_dates(const model *m);
int model_bands(const model *m);
int model_extra(const model *m);     /* length of the extra features it expects, 0: none */
int model_classes(const model *m);   /* outputs of the decoder */
cJSON *model_config(const model *m); /* resolved, every key; caller deletes */
char *model_help(void);              /* keys of every architecture */

typedef struct parcel_outputs {
    tensor *spatial;   /* [frames x channels] of the pixel-set encoder */
    tensor *logits;    /* [parcels x classes] */
    tensor *attention; /* [frames x heads] */
} parcel_outputs;

/* Records the network on n (after net_begin). Errors are the net's. Refuses, through the net, inputs that the
 * configuration does not fit (bands, extra, a series longer than L-TAE's norm allows). */
parcel_outputs model_build(const model *m, net *n, const parcel_inputs *in);

#endif
