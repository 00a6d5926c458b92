/* Weights in, weights out: between furrow's checkpoints and the files of others. */
#ifndef FURROW_RUN_WEIGHTS_IMPORT_H
#define FURROW_RUN_WEIGHTS_IMPORT_H

#include "format/tensor_file.h"

/* All of `from` as a checkpoint of furrow's at `path`, bit by bit, whole or not at all: weights with their types, Adam's
 * state, and of a checkpoint of furrow's its attributes. At most one tensor is in memory. */
int weights_import(tensor_file *from, const char *path);

#endif
