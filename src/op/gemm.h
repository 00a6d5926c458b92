/* Matrix products, row-major, in the form that is fastest on the device for the shape (tune_choose): what linear layers
 * and their gradients are made of. Forms: simd (cl/gemm.cl: a register tile an item, CPUs), simt (cl/gemm_simt.cl: a
 * local-memory tile a group, GPUs), clblast. On CPUs CLBlast is only tried with FURROW_TUNE=all (`devices --tune`): it
 * compiles for seconds. Results differ between forms by rounding alone, and not at all between runs. */
#ifndef FURROW_OP_GEMM_H
#define FURROW_OP_GEMM_H

#include <stdbool.h>
#include <stddef.h>

#include "rt/rt.h"

/* What follows a product while it is in registers: + bias, batch norm by running statistics, ReLU. */
typedef struct gemm_epilogue {
    buffer *bias;                                                 /* NULL: none */
    buffer *norm_weight, *norm_bias, *running_mean, *running_var; /* all of them, or all NULL */
    bool relu;
} gemm_epilogue;

/* C [rows x columns] = A [rows x inner] B [inner x columns], the lines of B b_stride floats apart. */
typedef struct gemm_call {
    int rows, columns, inner; /* 1 or more */
    buffer *a, *b, *c;
    int b_stride;
    buffer *b_transposed; /* optional: the same B as [columns x inner], for CLBlast where b_stride is not columns */
    bool accumulate;      /* C += A B; without an epilogue */
    gemm_epilogue epilogue;
    buffer *moments; /* optional [norm_chunks(rows) x 2 x columns]: see norm.h; without norm and ReLU */
} gemm_call;
int gemm(device *d, const gemm_call *call);

/* C [rows x columns] = A^T B for A [inner x rows], B [inner x columns], and the sums of A's columns. Many lines go in
 * chunks to partial products, added up in order: one more launch, and `partial` of gemm_partial_size floats (0: not
 * needed). */
typedef struct gemm_transposed_call {
    int rows, columns, inner;
    buffer *a, *b, *c;
    buffer *sums; /* [rows]; NULL: not wanted */
    bool accumulate, accumulate_sums;
    buffer *partial;
} gemm_transposed_call;
int gemm_transposed(device *d, const gemm_transposed_call *call);
size_t gemm_partial_size(int rows, int columns, int inner);

/* The sums of A's columns alone: A [rows x columns]; one launch. */
int gemm_sum_columns(device *d, int rows, int columns, buffer *a, buffer *sums, bool accumulate);

#endif
