/* Where weights are: one file, or a folder, of a run or published, with one a fold. */
#ifndef FURROW_WEIGHTS_WEIGHTS_H
#define FURROW_WEIGHTS_WEIGHTS_H

typedef struct weight_files {
    int count;
    char **path;
    int *fold; /* 0: a file that stands for itself */
} weight_files;

/* `path` is a file, a folder with a model's file, or a folder with one in each Fold_k, of which all are taken in order of
 * k, or the one of `fold` when that is not 0. A model's file is model.h5, else model.pth.tar, .pth, .pt or
 * .safetensors. */
int weights_find(const char *path, int fold, weight_files *out);
void weights_free(weight_files *w);

/* The file for a fold: its own, else the only one; NULL when there is none. */
const char *weight_file_of(const weight_files *w, int fold);

#endif
