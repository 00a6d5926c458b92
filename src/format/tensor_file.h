/* Files of named tensors, whatever their format: PyTorch's checkpoints (its zip format and the older stream), safetensors,
 * and furrow's own checkpoints. The format is known by what the file starts with, never by its name; a genuine tar (which
 * .pth.tar files are not) is refused.
 *
 * `module.` before all names (of nn.DataParallel) is taken away. Of PyTorch's checkpoints, a dictionary with a `state_dict`
 * or that alone, these are the weights. An Adam optimiser's state beside it is read too: PyTorch numbers parameters in
 * the order of registration, which is the order of the state_dict without running statistics; a frozen
 * position_enc.weight takes a number.
 *
 * Names are what HDF5 can take: not empty, "." or "..", without '/' and control characters, 1000 bytes at most. What
 * fails gives FAILED, with the file and the tensor. */
#ifndef FURROW_FORMAT_TENSOR_FILE_H
#define FURROW_FORMAT_TENSOR_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/h5.h"

typedef struct tensor_entry {
    const char *name;
    enum number_type type;
    bool truth; /* of NUMBER_U8: the elements are booleans */
    int rank;
    size_t shape[H5_RANK_MAX];
    size_t count;       /* product of shape */
    const void *own;    /* the reader's */
    const float *given; /* the elements, of what tensor_file_give added; NULL: they are in the file */
} tensor_entry;

enum tensor_group { TENSOR_WEIGHTS, TENSOR_EXP_AVG, TENSOR_EXP_AVG_SQ, TENSOR_GROUPS };

typedef struct tensor_file tensor_file;

int tensor_file_open(const char *path, tensor_file **out);
void tensor_file_close(tensor_file *f); /* NULL is fine */

const char *tensor_file_path(const tensor_file *f);
const char *tensor_file_format(const tensor_file *f); /* "PyTorch's zip format", ... */
h5 *tensor_file_h5(tensor_file *f);                   /* of furrow's own, for its attributes; else NULL */

/* In the file's order. The groups of Adam's moments are empty where there is no optimiser state, or none to take over. */
size_t tensor_file_count(const tensor_file *f, enum tensor_group g);
const tensor_entry *tensor_file_at(const tensor_file *f, enum tensor_group g, size_t i);
const tensor_entry *tensor_file_find(const tensor_file *f, enum tensor_group g, const char *name); /* NULL: none */

bool tensor_file_step(const tensor_file *f, int64_t *step);   /* of the optimiser; false: there is none */
const char *tensor_file_optimiser_note(const tensor_file *f); /* why a state that is there was left; NULL: it was not */
bool tensor_file_epoch(const tensor_file *f, int64_t *epoch); /* epochs done; false: not said */

/* Adds a weight of float32 that the file does not have, as if it had; the values are copied. */
int tensor_file_give(tensor_file *f, const char *name, int rank, const size_t *shape, const float *values);

/* All elements in C order and native byte order, as `type` (the entry's own: bit by bit). */
int tensor_file_read(tensor_file *f, const tensor_entry *e, enum number_type type, void *out);
size_t tensor_bytes(const tensor_entry *e); /* count x the type's size; it fits */

size_t tensor_file_largest(const tensor_file *f); /* bytes of the largest of the weights and moments */
/* Memory for one tensor after the other: that many bytes. */
int tensor_file_room(const tensor_file *f, void **out);

const char *tensor_type_name(const tensor_entry *e); /* "float32", ..., "bool" */

#endif
