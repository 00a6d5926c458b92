/* Convolutional recurrences over series of images, under the published names. */
#ifndef FURROW_LAYER_RECURRENT_H
#define FURROW_LAYER_RECURRENT_H

#include "net/net.h"

/* How a recurrence runs over a batch's series. */
typedef struct recurrent_settings {
    tensor *offsets; /* [patches + 1] */
    int steps;       /* dates of the longest series */
    int hidden;      /* channels of the state */
    int kernel;
    float pad_value; /* what a series that is over goes on with, when it does not skip */
    bool skip;       /* its state stays as it is instead */
    bool exact;
} recurrent_settings;

/* PREFIX.cell_list.0: one ConvLSTM or ConvGRU over x [frames x H x W x C] (may be pending), one list of frames a patch ->
 * [patches x H x W x hidden]. reverse: from the last date to the first; what a series is padded with then comes first, as
 * zeros. */
tensor *conv_lstm_layer(net *n, const char *prefix, tensor *x, const recurrent_settings *s, bool reverse);
tensor *conv_gru_layer(net *n, const char *prefix, tensor *x, const recurrent_settings *s);

/* PREFIX: a convolution with a bias and zeros around the image, that keeps its size. */
tensor *plain_conv(net *n, const char *prefix, tensor *x, int outputs, int side, bool exact);

#endif
