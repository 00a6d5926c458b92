/* What each class counts in the training loss (train.class_weights). */
#ifndef FURROW_RUN_CLASS_WEIGHTS_H
#define FURROW_RUN_CLASS_WEIGHTS_H

#include "run/session.h"

/* Tells the network of the given weights, or, where they are to be balanced, of n / (K n_k) for a class with n_k of the
 * n samples that `split` trains on, K the classes that occur there (scikit-learn's "balanced"); one that does not occur
 * weighs 1, and nobody notices. Samples are parcels, or pixels of patches, or with a head the parcels in them; void ones
 * do not count. The weights are noted, `title` first ("fold 1 of 5"). Nothing is told where they are all the same. */
int class_weights_apply(const session *s, const fold_split *split, const char *title, network *w);

#endif
