/* What the networks for parcels share: a pixel-set encoder, a temporal encoder, a classifier, and their settings. */
#ifndef FURROW_MODEL_PARCEL_H
#define FURROW_MODEL_PARCEL_H

#include "layer/pixel_set.h"
#include "layer/temporal.h"
#include "model/model.h"

typedef struct parcel_config {
    char *spatial; /* "pse"; NULL: none */
    int input_dim;
    int_list mlp1, mlp2, mlp3, mlp4;
    char *pooling;
    bool with_extra;
    optional_int extra_size;
    int n_head, d_k;
    optional_int d_model, len_max_seq;
    double dropout, attention_dropout;
    int T;
    char *positions; /* dates or order */
    bool elementwise_affine;
    int hidden_dim;
    int_list nker;
    optional_int seq_len;
} parcel_config;

/* clang-format off */
/* The settings' tables, with the defaults that differ between the networks: what comes before the temporal encoder, ... */
#define PARCEL_FIRST_FIELDS                                                                                            \
    {"spatial", FIELD_TEXT, offsetof(parcel_config, spatial), "\"pse\"", 0, 0, NULL,                                   \
     "encoder of a date's pixels: pse (pixel set); null: none, each date is one vector (data.npixel 1)"},              \
    {"input_dim", FIELD_INT, offsetof(parcel_config, input_dim), "10", 1, 4096, NULL, "bands of the input"},           \
    {"mlp1", FIELD_INT_LIST, offsetof(parcel_config, mlp1), "[10, 32, 64]", 1, 65536, NULL,                            \
     "widths of the MLP on each pixel, the bands first"},                                                              \
    {"pooling", FIELD_TEXT, offsetof(parcel_config, pooling), "\"mean_std\"", 0, 0, NULL,                              \
     "mean, std, max, min over a parcel's pixels, joined by _"},                                                       \
    {"mlp2", FIELD_INT_LIST, offsetof(parcel_config, mlp2), "[132, 128]", 1, 65536, NULL,                              \
     "widths of the MLP after pooling; the first is poolings x last of mlp1 + extra_size"},                            \
    {"with_extra", FIELD_BOOL, offsetof(parcel_config, with_extra), "true", 0, 0, NULL,                                \
     "put static features behind the pooled ones"},                                                                    \
    {"extra_size", FIELD_OPTIONAL_INT, offsetof(parcel_config, extra_size), "4", 1, 65536, NULL,                       \
     "how many static features"}

/* ... where dates attend, ... */
#define PARCEL_ATTENTION_FIELDS(heads, key_size, model_size, third_mlp)                                                \
    {"n_head", FIELD_INT, offsetof(parcel_config, n_head), heads, 1, 1024, NULL, "attention heads"},                   \
    {"d_k", FIELD_INT, offsetof(parcel_config, d_k), key_size, 1, 4096, NULL, "width of keys and queries"},            \
    {"d_model", FIELD_OPTIONAL_INT, offsetof(parcel_config, d_model), model_size, 1, 65536, NULL,                      \
     "width that dates are projected to before attention; null: none"},                                                \
    {"mlp3", FIELD_INT_LIST, offsetof(parcel_config, mlp3), third_mlp, 1, 1 << 20, NULL,                               \
     "widths of the MLP on the heads' outputs"},                                                                       \
    {"dropout", FIELD_REAL, offsetof(parcel_config, dropout), "0.2", 0, 0.999, NULL, "dropout after mlp3"},            \
    {"attention_dropout", FIELD_REAL, offsetof(parcel_config, attention_dropout), "0.1", 0, 0.999, NULL,               \
     "dropout of the attention weights"},                                                                              \
    {"T", FIELD_INT, offsetof(parcel_config, T), "1000", 1, 1 << 30, NULL, "longest period of the positions' sinusoids"}, \
    {"len_max_seq", FIELD_OPTIONAL_INT, offsetof(parcel_config, len_max_seq), "24", 1, 100000, NULL,                   \
     "most dates of a series that d_model's norm has weights for; null: the data set's longest"},                      \
    {"positions", FIELD_CHOICE, offsetof(parcel_config, positions), "\"dates\"", 0, 0, "dates|order",                  \
     "positions of the dates: days since the reference date, or 1, 2, ..."},                                           \
    {"elementwise_affine", FIELD_BOOL, offsetof(parcel_config, elementwise_affine), "true", 0, 0, NULL,                \
     "whether the norm after d_model's projection has weights"}

/* ... where they do not, ... */
#define PARCEL_PLACE_FIELD                                                                                             \
    {"positions", FIELD_CHOICE, offsetof(parcel_config, positions), "\"dates\"", 0, 0, "dates|order",                  \
     "dates: sinusoids of the days since the reference date are added to each date's vector; order: nothing is"}

/* ... and the classifier. */
#define PARCEL_LAST_FIELDS(fourth_mlp)                                                                                 \
    {"mlp4", FIELD_INT_LIST, offsetof(parcel_config, mlp4), fourth_mlp, 1, 1 << 20, NULL,                              \
     "widths of the classifier; the last is the number of classes"},                                                   \
    {NULL, FIELD_INT, 0, NULL, 0, 0, NULL, NULL}
/* clang-format on */

/* The width of a date's vector in front of the temporal encoder. */
int parcel_width(const parcel_config *c);

/* Widths that must meet: says which, with both values. `embedding`: the width of the temporal encoder's output, which
 * the setting `from` gives. */
int parcel_config_check(const parcel_config *c, const char *where, int embedding, const char *from);
/* That, where mlp3 must start with head_width. */
int parcel_attention_check(const parcel_config *c, const char *where, int head_width);

typedef tensor *(*temporal_encoder)(net *n, const char *prefix, tensor *x, tensor *offsets, position_range positions,
                                    const temporal_config *c, tensor **map);

/* spatial_encoder -> temporal_encoder -> decoder, under the published names. */
parcel_outputs parcel_build(net *n, const parcel_inputs *in, const parcel_config *c, temporal_encoder temporal);

#endif
