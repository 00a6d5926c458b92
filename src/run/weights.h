/* Where weights are: one checkpoint, or a run folder with one a fold. */
#ifndef FURROW_RUN_WEIGHTS_H
#define FURROW_RUN_WEIGHTS_H

typedef struct weight_files {
    int count;
    char **path;
    int *fold; /* 0: a file that stands for itself */
} weight_files;

/* `path` is a file, a folder with model.h5, or a folder with Fold_k/model.h5, of which all are taken in order of k, or
 * the one of `fold` when that is not 0. */
int weights_find(const char *path, int fold, weight_files *out);
void weights_free(weight_files *w);

/* The file for a fold: its own, else the only one; NULL when there is none. */
const char *weight_file_of(const weight_files *w, int fold);

#endif
