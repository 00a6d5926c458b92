/* What a network's file defines; the list of them is in model.c. */
#ifndef FURROW_MODEL_DEFINITION_H
#define FURROW_MODEL_DEFINITION_H

#include "model/model.h"

typedef struct model_def {
    const char *arch;  /* as in configs */
    const char *title; /* as in the papers */
    const field *fields;
    size_t config_size;
    int (*check)(const void *config, const char *where); /* widths that must meet; USAGE with the keys */
    parcel_outputs (*build)(const void *config, net *n, const parcel_inputs *in);
} model_def;

extern const model_def psetae_def, pseltae_def;

#endif
