/* An exported model for catalogues: a STAC item (1.1) with the extensions Machine Learning Model (MLM, 1.5.2), Raster (1.1,
 * for the bands' names) and File Info (2.1), which say what goes into the network, how it is normalised, what comes out,
 * and which bytes the weights are.
 * Sources: github.com/radiantearth/stac-spec, github.com/stac-extensions/mlm, .../raster, .../file. */
#ifndef FURROW_RUN_STAC_ITEM_H
#define FURROW_RUN_STAC_ITEM_H

#include "run/session.h"

typedef struct stac_model {
    const session *s;
    const model *model;
    char **names; /* [classes] */
    int classes;
    const char *bands;    /* "B02,B03,...": what they are called; NULL: 1, 2, ... */
    const char *exported; /* the file of weights */
    const char *item;     /* where the item will lie */
    int64_t parameters;   /* values in all tensors of reals */
} stac_model;

/* The item as a document. USAGE where `bands` are not as many as the network's. */
int stac_item(const stac_model *m, cJSON **out);

/* What its parts are made of: the network's task, the bands' names (USAGE as above), mlm:input, mlm:output. */
const char *stac_task(const stac_model *m);
int stac_band_names(const stac_model *m, cJSON **out);
int stac_inputs(const stac_model *m, cJSON **out);
cJSON *stac_outputs(const stac_model *m);

#endif
