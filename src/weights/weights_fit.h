/* Fitting a run to weights that were trained elsewhere. */
#ifndef FURROW_WEIGHTS_WEIGHTS_FIT_H
#define FURROW_WEIGHTS_WEIGHTS_FIT_H

#include "format/tensor_file.h"
#include "network/samples.h"

/* Keys of the model that the configuration leaves open come from what is stored with the weights at `path`, or, of L-TAE's
 * projection norm, from the weights themselves: its dates (len_max_seq), and whether it has any (elementwise_affine).
 * USAGE: they are of another network. `where`: the configuration's file and path. */
int weights_fill_model(cJSON *config, const char *where, const char *path);

/* Published weights carry a table of the positions they were trained with. It is never used; where it is not the one that
 * follows from the set's dates and the model, that is a warning. */
int weights_compare_positions(const sample_set *set, const model *m, const char *path);

/* As many classes as the set's, of other names: the last layer is kept, which is a warning. */
int weights_compare_classes(const sample_set *set, const char *path);

/* The other way: of a checkpoint that was trained here, the table that the published class keeps with its weights, so that
 * it can load them. Nothing is added where there is one, where the network has none, or where each parcel had dates of its
 * own, which the published class cannot have. */
int weights_give_positions(tensor_file *f);

#endif
