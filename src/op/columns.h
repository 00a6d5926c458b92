/* Columns of one matrix copied into columns of another (cl/concat.cl). */
#ifndef FURROW_OP_COLUMNS_H
#define FURROW_OP_COLUMNS_H

#include "rt/rt.h"

/* Some columns of a matrix on a device. */
typedef struct columns {
    buffer *matrix;
    int stride, first; /* floats: of a row, before the first one */
} columns;

/* to (+)= from, `count` columns of `rows` rows; one launch. */
int columns_copy(device *d, columns from, columns to, int rows, int count, bool accumulate);

#endif
