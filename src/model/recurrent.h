/* What the plain recurrent networks for images share: a ConvLSTM or ConvGRU on the images themselves, and a convolution
 * to the classes; and their settings. */
#ifndef FURROW_MODEL_RECURRENT_H
#define FURROW_MODEL_RECURRENT_H

#include "layer/recurrent.h"
#include "model/definition.h"

typedef struct recurrent_config {
    int input_dim, num_classes, hidden_dim;
    int_list kernel_size;
    double pad_value;
    char *lstm_padding; /* published or skip */
} recurrent_config;

/* clang-format off */
/* A setting of every network with a recurrence over images. */
#define LSTM_PADDING_FIELD(config)                                                                                     \
    {"lstm_padding", FIELD_CHOICE, offsetof(config, lstm_padding), "\"published\"", 0, 0, "published|skip",            \
     "training: a series that is over goes on with padding to the batch's longest, as published, or its state is kept"}

/* The settings' table with the default that differs. */
#define RECURRENT_FIELDS(hidden)                                                                                       \
    {"input_dim", FIELD_INT, offsetof(recurrent_config, input_dim), "10", 1, 4096, NULL, "bands of the input"},        \
    {"num_classes", FIELD_INT, offsetof(recurrent_config, num_classes), "20", 1, 65536, NULL, "classes"},              \
    {"hidden_dim", FIELD_INT, offsetof(recurrent_config, hidden_dim), hidden, 1, 65536, NULL, "channels of the state"}, \
    {"kernel_size", FIELD_INT_LIST, offsetof(recurrent_config, kernel_size), "[3, 3]", 1, 15, NULL,                    \
     "height and width of the convolutions' kernels, equal and odd"},                                                  \
    {"pad_value", FIELD_REAL, offsetof(recurrent_config, pad_value), "0", -1e6, 1e6, NULL,                             \
     "value of the frames that a batch is padded with (see lstm_padding)"},                                            \
    LSTM_PADDING_FIELD(recurrent_config),                                                                              \
    {NULL, FIELD_INT, 0, NULL, 0, 0, NULL, NULL}
/* clang-format on */

int recurrent_check(const void *config, const char *where);
dense_facts recurrent_facts(const void *config);

/* How the recurrence runs over a batch; `lstm_padding` as in the settings. */
recurrent_settings recurrent_settings_of(const dense_inputs *in, int hidden, int side, double pad_value,
                                         const char *lstm_padding);
recurrent_settings recurrent_config_settings(const recurrent_config *c, const dense_inputs *in);

#endif
