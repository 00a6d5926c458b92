/* Temporal encoders: from the dates of each sequence to one vector, under the published names.
 * TAE: Garnot et al., CVPR 2020. L-TAE: Garnot and Landrieu, Lightweight Temporal Self-Attention, AALTD 2020, which
 * compares it with a GRU (Garnot et al., Time-Space Tradeoff in Deep Learning Models for Crop Classification, IGARSS
 * 2019) and with TempCNN (Pelletier, Webb and Petitjean, Temporal Convolutional Neural Network, Remote Sensing 2019). */
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
    int most_dates;          /* of a sequence */
    bool placed;             /* GRU, TempCNN: add the positions' sinusoids to the dates */
    int hidden;              /* GRU: channels of its state */
    int_list kernels;        /* TempCNN: channels of its convolutions */
    int dates;               /* TempCNN: that its first linear layer has weights for; missing ones count as zeros */
} temporal_config;

/* Rows of a sinusoid table for positions first .. first + lines - 1 (see semantics: sine at even channels). */
typedef struct position_range {
    tensor *rows; /* [frames] (int), position - first */
    int first, lines;
    tensor *given; /* [lines x channels] instead of the sinusoids; NULL: none */
} position_range;

/* Its line for one position, alone. */
void position_row(int position, int channels, int width, int period, float *out);

/* The table of sinusoids of `width` channels, repeated to fill `channels`: angle p / period^(2 floor(i / 2) / width). */
position_rows position_lookup(net *n, position_range range, int channels, int width, int period);

/* x [frames x channels], offsets [sequences + 1] -> [sequences x channels of the last layer: mlp3's or hidden];
 * *map [frames x heads], the attention, NULL where there is none. */
tensor *temporal_attention(net *n, const char *prefix, tensor *x, tensor *offsets, position_range positions,
                           const temporal_config *c, tensor **map);
tensor *lightweight_temporal_attention(net *n, const char *prefix, tensor *x, tensor *offsets, position_range positions,
                                       const temporal_config *c, tensor **map);
tensor *gated_recurrent_unit(net *n, const char *prefix, tensor *x, tensor *offsets, position_range positions,
                             const temporal_config *c, tensor **map);
tensor *temporal_convolutions(net *n, const char *prefix, tensor *x, tensor *offsets, position_range positions,
                              const temporal_config *c, tensor **map);

#endif
