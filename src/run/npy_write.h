/* A table as .npy (version 1.0, little-endian int64, C order), for the run folder's conf_mat.npy. */
#ifndef FURROW_RUN_NPY_WRITE_H
#define FURROW_RUN_NPY_WRITE_H

#include <stddef.h>
#include <stdint.h>

int npy_write_int64(const char *path, const int64_t *values, int rows, int columns);

/* Reads back what npy_write_int64 wrote, of exactly this size. */
int npy_read_int64(const char *path, int64_t *values, int rows, int columns);

#endif
