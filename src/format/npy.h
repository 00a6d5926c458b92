/* numpy's .npy files, versions 1 to 3, of bool, integer or real elements (1 to 8 bytes, half precision included), in C
 * or Fortran order and either byte order.
 * Source: numpy.lib.format's description of the format.
 *
 * Nothing is believed: the header must be one dictionary of exactly descr, fortran_order and shape, at most 10,000
 * bytes long (numpy's own limit), and the elements must fill the rest of the file exactly. Objects and records are
 * refused. Errors (FAILED) name the file, the byte, the value and what was wanted. */
#ifndef FURROW_FORMAT_NPY_H
#define FURROW_FORMAT_NPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/number.h"

enum { NPY_RANK_MAX = 8 };

typedef struct npy_header {
    enum number_type type;
    bool swapped; /* the other byte order than this machine's */
    bool fortran; /* the first dimension changes fastest */
    int rank;
    size_t shape[NPY_RANK_MAX];
    size_t count; /* product of shape */
    size_t start; /* byte at which the elements start */
} npy_header;

/* The header of a file of `length` bytes whose first `have` bytes are given. where: the file's name for messages. */
int npy_parse(const void *bytes, size_t have, uint64_t length, const char *where, npy_header *out);

int npy_read_header(const char *path, npy_header *out);

/* The whole array in C order and native byte order; *values is freed with free(). `limit`: the most bytes wanted. */
int npy_read(const char *path, size_t limit, npy_header *out, void **values);

/* Version 1.0, C order, this machine's byte order. Straight to its name and not synced: for data that can be made
 * again. */
int npy_write(const char *path, enum number_type type, int rank, const size_t *shape, const void *values);
/* The same, as file_write: a reader sees the old file or the new one, whole. For results. */
int npy_save(const char *path, enum number_type type, int rank, const size_t *shape, const void *values);

#endif
