/* The state that a fold's checkpoints carry: how far it is, and under which settings it got there. */
#ifndef FURROW_RUN_FOLD_STATE_H
#define FURROW_RUN_FOLD_STATE_H

#include "run/session.h"

typedef struct fold_progress {
    int fold, epoch, best_epoch; /* epochs done; of the best one, 0: none yet */
    double best;                 /* score_value; negative: none yet */
} fold_progress;

/* {"epoch", "step", "best_epoch", "best", "fold", "kfold", "rdm_seed", "settings", "classes", and where all parcels have
 * the same dates "positions": days since the reference}. Caller deletes. */
int fold_state_new(const session *s, const network *w, fold_progress p, cJSON **out);

/* A name for all settings that the weights depend on: a run resumes only under the same. */
int fold_state_settings(const session *s, char text[17]);

#endif
