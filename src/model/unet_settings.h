/* Settings that the U-Nets with an encoder that sees each date by itself share (utae.c, recunet.c), under the names of the
 * published constructors. */
#ifndef FURROW_MODEL_UNET_SETTINGS_H
#define FURROW_MODEL_UNET_SETTINGS_H

#include "layer/unet.h"
#include "model/definition.h"

typedef struct unet_settings {
    int input_dim;
    int_list encoder_widths, decoder_widths, out_conv; /* decoder_widths as given: see unet_decoder_widths */
    int str_conv_k, str_conv_s, str_conv_p;
    char *encoder_norm, *padding_mode;
    double pad_value;
} unet_settings;

/* clang-format off */
/* Those that mean and default to the same everywhere, in a config whose member `unet` they are. */
#define UNET_SHAPE_FIELDS(config)                                                                                      \
    {"input_dim", FIELD_INT, offsetof(config, unet.input_dim), "10", 1, 4096, NULL, "bands of the input"},             \
    {"encoder_widths", FIELD_INT_LIST, offsetof(config, unet.encoder_widths), "[64, 64, 64, 128]", 1, 65536, NULL,     \
     "channels at each resolution of the encoder, fine to coarse"},                                                    \
    {"decoder_widths", FIELD_INT_LIST, offsetof(config, unet.decoder_widths), "[32, 32, 64, 128]", 1, 65536, NULL,     \
     "the same of the decoder; its last is the encoder's; null: the encoder's"},                                       \
    {"out_conv", FIELD_INT_LIST, offsetof(config, unet.out_conv), "[32, 20]", 1, 65536, NULL,                          \
     "channels of the last convolutions; the last is the number of classes"},                                          \
    {"str_conv_k", FIELD_INT, offsetof(config, unet.str_conv_k), "4", 1, 15, NULL, "kernel of strided convolutions"},  \
    {"str_conv_s", FIELD_INT, offsetof(config, unet.str_conv_s), "2", 1, 8, NULL, "their stride"},                     \
    {"str_conv_p", FIELD_INT, offsetof(config, unet.str_conv_p), "1", 0, 7, NULL, "their padding"}
/* clang-format on */

int unet_last(const int_list *widths); /* of 1 or more */
const int_list *unet_decoder_widths(const unet_settings *s);

/* USAGE, with the keys, where the widths of the two halves do not meet. */
int unet_check(const unet_settings *s, const char *where);
/* USAGE where one of the setting `key`'s widths is no multiple of the groups of the norm behind it. */
int unet_groups_check(const char *where, const char *key, const int_list *widths);

dense_facts unet_facts(const unet_settings *s);
conv_settings unet_conv_settings(const unet_settings *s, enum image_norm_kind norm, enum padding_mode padding,
                                 bool exact);

#endif
