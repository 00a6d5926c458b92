/* One fold: trained, validated, tested, with its files in RES_DIR/Fold_k (contracts: Run folder). */
#ifndef FURROW_RUN_FOLD_H
#define FURROW_RUN_FOLD_H

#include "run/session.h"

typedef struct fold_task {
    int fold;            /* 1 .. kfold */
    const char *weights; /* start from these; NULL: from the seed */
    bool resume;         /* go on from the newest checkpoint where there is one (weights/resume.h) */
} fold_task;

/* *result: {"fold", "best_epoch", "val_IoU", "test_accuracy", "test_loss", "test_IoU"}, or with a head {"fold",
 * "best_epoch", "val_PQ", "test_loss", ..., "test_SQ", "test_RQ", "test_PQ"}; caller deletes. */
int fold_train(session *s, fold_task task, cJSON **result);

/* RES_DIR/Fold_K, or a file in it; a new string. */
char *fold_path(const session *s, int fold, const char *file);

/* The seed of all that differs between the folds of one run: initial weights, shuffling, dropout. */
uint64_t fold_seed(const session *s, int fold);

#endif
