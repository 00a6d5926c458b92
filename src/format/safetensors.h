/* Writing safetensors: a header of JSON, then the tensors one after the other.
 * Source: the format's description in github.com/huggingface/safetensors. */
#ifndef FURROW_FORMAT_SAFETENSORS_H
#define FURROW_FORMAT_SAFETENSORS_H

#include "format/tensor_file.h"

/* All weights of `from`, bit by bit, into a new file at `path`, as file_write: whole or not at all. Elements of more
 * bytes come first, so that each tensor lies where its type wants it; at most one tensor is in memory. */
int safetensors_write(const char *path, tensor_file *from);

#endif
