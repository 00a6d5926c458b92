/* Batch normalisation's launches (cl/batch_norm.cl), shared by batch_norm and linear_norm. */
#ifndef FURROW_OP_NORM_H
#define FURROW_OP_NORM_H

#include <stdbool.h>

#include "rt/rt.h"

/* z and y [rows x columns], the vectors [columns]. */
typedef struct norm_call {
    int rows, columns;
    bool relu;
    buffer *z, *y, *weight, *bias, *running_mean, *running_var;
    buffer *statistics; /* training: [2 x columns], mean and 1 / deviation of this batch */
    buffer *moments;    /* training forward, scratch: [norm_chunks x 2 x columns] */
} norm_call;

typedef struct norm_gradients {
    buffer *dy, *dz, *weight, *bias; /* all but dy NULL where not wanted */
    bool add_z, add_weight, add_bias;
    bool frozen;   /* the statistics are no function of z (norm_frozen); sums and means are not needed then */
    buffer *sums;  /* scratch: [norm_chunks x 2 x columns] */
    buffer *means; /* scratch: [2 x columns] */
} norm_gradients;

/* y by the running statistics: one launch. */
int norm_evaluate(device *d, const norm_call *c);
/* The same, and c->statistics for backward: two launches. */
int norm_frozen(device *d, const norm_call *c);
/* y by the batch's statistics, running ones moved. One launch for few rows, else three; one less when the chunks'
 * moments are in c->moments already (moments_ready). */
int norm_train(device *d, const norm_call *c, bool moments_ready);
/* One launch for few rows and frozen norms, else three. */
int norm_backward(device *d, const norm_call *c, const norm_gradients *g);

/* Partial moments and sums are of norm_chunk_rows rows each, a multiple of 24, so that they are whole tiles of any
 * product's form. */
int norm_chunk_rows(device *d, int rows);
int norm_chunks(device *d, int rows);
bool norm_few_rows(int rows);
int norm_chunk_moments(device *d, buffer *z, buffer *moments, int rows, int columns);

#endif
