/* The data set of a run, of parcels or of image patches: what the runs ask of it, whichever it is. */
#ifndef FURROW_NETWORK_SAMPLES_H
#define FURROW_NETWORK_SAMPLES_H

#include "data/patches.h"
#include "data/pixelset.h"
#include "network/config.h"
#include "network/network.h"

typedef struct sample_set {
    enum model_kind kind;
    pixelset *parcels; /* one of the two */
    patches *images;
} sample_set;

/* `labels`: they are needed. As pixelset_open and patches_open. */
int samples_open(const run_config *c, bool labels, sample_set *out);
void samples_close(sample_set *s);

const char *samples_noun(const sample_set *s);      /* "parcels" or "patches" */
const char *samples_rows_noun(const sample_set *s); /* "parcels" or "pixels": what measures count */
int samples_count(const sample_set *s);
int samples_dates(const sample_set *s, int sample);
int samples_classes(const sample_set *s); /* 0 when there are no labels */
int samples_rows(const sample_set *s);    /* outputs a sample has: 1, or its pixels */
const char *samples_class_name(const sample_set *s, int class_index);
const char *samples_id(const sample_set *s, int sample);
data_sizes samples_sizes(const sample_set *s);
/* The days of batches count from *day (since 1970-01-01); false: the set has no dates, they count 0, 1, 2, ... */
bool samples_reference(const sample_set *s, int32_t *day);
void samples_days(const sample_set *s, int *first, int *last); /* smallest and largest of all samples */

/* The fold's parts: of all samples by the published shuffle (parcels), or by the patches' fold numbers. What is odd
 * about them is warned of; FAILED when too few are left to train on. `title` comes first in messages. */
int samples_split(const sample_set *s, const train_options *t, int fold, fold_split *out);
int samples_split_check(const sample_set *s, const fold_split *split, const char *title);

network_input samples_input(const sample_set *s, const model *m, const run_config *c);

/* Says in one list all that keeps the network from running on the set. `classes`: whether labels count. */
int samples_fit(const sample_set *s, const model *m, bool classes, const char *where);

#endif
