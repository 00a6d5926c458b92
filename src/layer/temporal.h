/* Temporal attention encoders over the dates of each sequence.
 * TAE: Garnot et al., CVPR 2020. L-TAE: Garnot and Landrieu, Lightweight Temporal Self-Attention, AALTD 2020. */
#ifndef FURROW_LAYER_TEMPORAL_H
#define FURROW_LAYER_TEMPORAL_H

#include "base/schema.h"
#include "net/net.h"

typedef struct temporal_config {
    int heads, d_k;
    optional_int d_model; /* absent: the input's channels, no projection */
    int_list mlp3;
    double dropout, attention_dropout;
    int period;              /* T of the sinusoids */
    int longest;             /* dates that the projection's norm has weights for */
    bool projection_weights; /* does that norm have weights */
} temporal_config;

/* Rows of a sinusoid table for positions first .. first + lines - 1 (see semantics: sine at even channels). */
typedef struct position_range {
    tensor *rows; /* [frames] (int), position - first */
    int first, lines;
    tensor *given; /* [lines x channels] instead of the sinusoids; NULL: none */
} position_range;

/* The table of sinusoids of `width` channels, repeated to fill `channels`: angle p / period^(2 floor(i / 2) / width). */
position_rows position_lookup(net *n, position_range range, int channels, int width, int period);

/* x [frames x channels], offsets [sequences + 1] -> [sequences x last of mlp3]; *map [frames x heads] */
tensor *temporal_attention(net *n, const char *prefix, tensor *x, tensor *offsets, position_range positions,
                           const temporal_config *c, tensor **map);
tensor *lightweight_temporal_attention(net *n, const char *prefix, tensor *x, tensor *offsets, position_range positions,
                                       const temporal_config *c, tensor **map);

#endif
