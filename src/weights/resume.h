/* Where a fold goes on: the newest whole checkpoint of its folder. Two are kept, last.h5 and, of the epoch before it,
 * previous.h5; one that is damaged is passed over with a warning. */
#ifndef FURROW_WEIGHTS_RESUME_H
#define FURROW_WEIGHTS_RESUME_H

#include "network/network.h"

typedef struct resumed {
    int epoch, best_epoch; /* epochs done; that of the best validation, 0: none yet */
    double best;           /* its score; negative: none yet */
    bool imported;         /* weights of others (`weights import`), whatever their settings were */
} resumed;

/* Loads weights, Adam's state and kernel forms (imported weights have none) into `w`, and fills *out; leaves both alone
 * where the folder has no checkpoint. `settings`: the run's (fold_state_settings). USAGE where the checkpoint's run had
 * others; FAILED where no checkpoint is whole. */
int resume_load(const char *folder, const char *settings, network *w, resumed *out);

/* Writes last.h5, with what was there before as previous.h5: at any moment one of them is whole. */
int resume_save(const char *folder, network *w, const cJSON *state);

#endif
