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

/* What a batch of image patches gives a network. */
enum { DENSE_PARTS_MAX = 24, DENSE_MAPS_MAX = 16 };
typedef struct dense_inputs {
    tensor *part[DENSE_PARTS_MAX]; /* [frames x H x W x bands]: the batch's frames, cut into parts to save memory */
    int parts;
    tensor *offsets;                    /* [patches + 1] (int) */
    tensor *positions;                  /* [frames] (int): day - first_position */
    int first_position, position_lines; /* as for parcels */
    int longest;                        /* dates of the batch's longest series */
    int dates;                          /* that every series counts as having (the published padding); 0: its own */
    bool exact;                         /* direct convolutions only */
    bool features_only;                 /* no logits: a head takes the maps */
} dense_inputs;

typedef struct dense_outputs {
    tensor *logits;              /* [patches x H x W x classes]; NULL: features_only */
    tensor *attention;           /* [frames h w x heads], rows as pixel_sequences orders them; NULL: none */
    int map_height, map_width;   /* h, w */
    tensor *map[DENSE_MAPS_MAX]; /* features for heads, coarse to fine: [patches x h x w x C] */
    int maps;
} dense_outputs;

/* A head that finds parcels (model/paps.h): "head": {"arch": "paps", ...} beside the settings of an image network. */
typedef struct paps_config {
    int num_classes, shape_size;
    bool mask_conv;
    double min_confidence, min_remain, mask_threshold;
} paps_config;

typedef struct model model;
enum model_kind { MODEL_PARCEL, MODEL_DENSE };

/* `config` is the object with "arch" and the published constructor's arguments, and for some "head"; {"arch": "paps",
 * "encoder": {...}, ...}, as published, says the same; where names file and path for errors.
 * "positions" may be "dates", "bespoke", a list (all: days as positions), "order" or null (1, 2, ...). */
int model_new(const cJSON *config, const char *where, model **out);
void model_free(model *m);
const char *model_arch(const model *m);
const char *model_title(const model *m); /* as in the papers */
enum model_kind model_kind_of(const model *m);
int model_arch_kind(const char *arch, enum model_kind *out); /* USAGE, with the nearest name */
/* The same of a "model" object, and whether it has a head. */
int model_config_kind(const cJSON *config, enum model_kind *out, bool *head);
/* Other ways to say the same, as this program's own: the published form of a head around an encoder, as an image network
 * with a "head"; "recunet" with its "temporal"; "temporal" of a network for parcels, as its "arch". USAGE: there is no encoder in it, or no such one. */
int model_config_normalise(cJSON **config, const char *where);
/* Whether the network of a normalised "model" object has a setting of that name. */
bool model_has_setting(const cJSON *config, const char *key);
const paps_config *model_head(const model *m); /* NULL: none */
bool model_positions_are_dates(const model *m);
/* Parcels: the position table that published weights carry, a line a position: its width, and the line of one. */
int model_position_channels(const model *m);
void model_position_row(const model *m, int position, float *out);
int model_bands(const model *m);
int model_extra(const model *m);   /* parcels: length of the extra features it expects, 0: none */
int model_longest(const model *m); /* most dates that its weights are for; 0: any number */
int model_classes(const model *m); /* outputs of the decoder, or of the head */
/* Images: the sizes of a patch that the strides divide. USAGE, with the sizes around it that work. */
int model_size_fits(const model *m, int height, int width, const char *where);
bool model_frames_divide(const model *m); /* images: frames may be cut into parts (no statistics over all of them) */
int model_least_dates(const model *m);    /* images: of the longest series of a batch */
/* Images: the series of a batch must be of one length, or padded to it: a result depends on the padding. */
bool model_equal_series(const model *m);
/* Images: what a network's settings call its bands and its classes (or the list whose last width these are). */
typedef struct size_keys {
    const char *bands, *classes;
} size_keys;
size_keys model_size_keys(const model *m);
size_keys model_config_size_keys(const cJSON *config); /* of a normalised "model" object; NULLs: of no network */
/* Whether `key` is a parameter of the last layers, those with an output a class: the decoder's, with a head its class_mlp's,
 * and those that the network has but does not use. */
bool model_is_last(const model *m, const char *key);
cJSON *model_config(const model *m); /* resolved, every key; caller deletes */
char *model_help(void);              /* keys of every architecture */

typedef struct parcel_outputs {
    tensor *spatial;   /* [frames x channels] of the pixel-set encoder */
    tensor *logits;    /* [parcels x classes] */
    tensor *attention; /* [frames x heads] */
} parcel_outputs;

/* For MODEL_PARCEL. Records the network on n (after net_begin). Errors are the net's. Refuses, through the net, inputs
 * that the configuration does not fit (bands, extra, a series longer than L-TAE's norm allows). */
parcel_outputs model_build(const model *m, net *n, const parcel_inputs *in);

/* For MODEL_DENSE, likewise. With a head: the features alone, under the published keys ("encoder.*"). */
dense_outputs model_build_dense(const model *m, net *n, const dense_inputs *in);

#endif
