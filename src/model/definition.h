/* What a network's file defines, and the list of them. */
#ifndef FURROW_MODEL_DEFINITION_H
#define FURROW_MODEL_DEFINITION_H

#include "model/model.h"

/* What the runs ask of an image network's settings. */
typedef struct dense_facts {
    int bands, classes;
    int stages, stride_kernel, stride, stride_padding; /* resolutions, and how one is made from the finer one */
    int maps;                                          /* feature maps for heads, each twice the size of the one before;
                                                          0: none */
    int least;                                         /* pixels a side that the coarsest image must have */
    bool frames_divide;                                /* see model_frames_divide */
    int least_dates;                                   /* see model_least_dates; 0 counts as 1 */
    bool equal_series;                                 /* see model_equal_series */
} dense_facts;

typedef struct model_def {
    const char *arch;  /* as in configs */
    const char *title; /* as in the papers */
    const char *last;  /* how the keys of its last layer start, the one with an output a class */
    const field *fields;
    size_t config_size;
    int (*check)(const void *config, const char *where); /* widths that must meet; USAGE with the keys */
    enum model_kind kind;
    parcel_outputs (*build)(const void *config, net *n, const parcel_inputs *in); /* MODEL_PARCEL */
    dense_outputs (*build_dense)(const void *config, net *n, const dense_inputs *in);
    dense_facts (*facts)(const void *config); /* MODEL_DENSE */
} model_def;

/* ---- the list of them ---------------------------------------------------------------------------------------------- */

enum { DEFINITIONS = 11 };
extern const model_def *const definitions[DEFINITIONS];
extern const model_def psetae_def, pseltae_def, psegru_def, psetempcnn_def, utae_def, convlstm_def, convgru_def,
    uconvlstm_def, buconvlstm_def, fpn_def, unet3d_def;
extern const field paps_fields[];

/* Of the "arch" in `config`. USAGE, with the nearest name; `where` is what the message calls `config`. */
int definition_find(const cJSON *config, const char *where, const model_def **out);
bool definition_has_setting(const model_def *def, const char *key);
size_keys definition_size_keys(const model_def *def); /* see model_size_keys */
bool arch_is_paps(const cJSON *arch);                 /* of a published head around an encoder, or of a "head" */

#endif
