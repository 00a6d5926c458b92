/* One made-up image patch: its land, and what satellites saw of it over a year. */
#ifndef FURROW_DATA_TOOLS_SYNTH_PATCH_H
#define FURROW_DATA_TOOLS_SYNTH_PATCH_H

#include <stdbool.h>

#include "data-tools/synth_parcels.h"
#include "data-tools/synth_pastis.h"
#include "data-tools/synth_world.h"

enum {
    SYNTH_FIRST_DAY = 17775, /* 2018-09-01, since 1970-01-01 */
    SYNTH_YEAR = 365,        /* days from then */
    SYNTH_FOLDS = 5,
};

typedef struct synth_cell { /* around a point: a parcel, or background */
    double x, y, ground;
    int class_index, id; /* id 0: no parcel */
    synth_season_curve season;
} synth_cell;

typedef struct synth_patch {
    int index, fold, dates, cells, parcels; /* fold from 0 */
    int32_t *days;                          /* [dates] since SYNTH_FIRST_DAY */
    synth_cell *cell;
    int *nearest;    /* [size x size] */
    bool *border;    /* [size x size] */
    int32_t *given;  /* [cells - 1] ids of real parcels, sorted, of cells 1 ..; cell 0 is background; NULL: none */
    double cover;    /* share of pixels that lie in a parcel */
    int16_t *values; /* [dates x bands x size x size] */
    uint8_t *target; /* [3 x size x size] as ANNOTATIONS/TARGET has them */
    int32_t *ids;    /* [size x size] */
} synth_patch;

/* Patch `index` of the options: land and images. With `real` parcels (count 0: none) its parcels are those of one of their
 * files. The caller frees it, after a failure too. FAILED: out of memory, or a file cannot be read. */
int synth_patch_new(const synth_pastis_options *o, const synth_parcels *real, int index, synth_patch *p);
void synth_patch_free(synth_patch *p);

#endif
