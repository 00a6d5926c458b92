/* What is particular about reference results of PaPs (kind "panoptic"); the rest is as of any network. */
#ifndef FURROW_VERIFY_VERIFY_PAPS_H
#define FURROW_VERIFY_VERIFY_PAPS_H

#include "network/network.h"
#include "verify/reference_truth.h"
#include "verify/verify.h"

/* After an evaluating pass of the file's weights: /eval. Centres are compared with those of the file; one that rounding
 * decides (its heat within 1e-5 of a neighbour's or of the mean) and boxes that it decides (a size within 1e-4 of a
 * half) are left out, at most 2 % of all. The pseudo-NMS and the metrics are checked on the file's own masks. */
int verify_paps_eval(h5 *file, network *w, const reference_truth *t, verify_report *r);

/* After a training pass: the centres, the four losses, the masks' IoU. */
int verify_paps_train(h5 *file, network *w, const reference_truth *t, double loss_limit, verify_report *r);

#endif
