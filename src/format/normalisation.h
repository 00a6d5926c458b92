/* Normalisation values of a pixel set as the published code keeps them: a pickled tuple (means, standard deviations). */
#ifndef FURROW_FORMAT_NORMALISATION_H
#define FURROW_FORMAT_NORMALISATION_H

#include <stddef.h>

typedef struct normalisation {
    int rows, columns;  /* 1 x 1: one value for all; 1 x C; T x C; T x 1 after reading only */
    double *mean, *std; /* rows x columns; std may be 0 (readers use 1), never negative or NaN */
} normalisation;

/* Reads a .pkl whose arrays have 0, 1 or 2 dimensions, and brings them into one of the forms 1 x 1, 1 x C or T x C for
 * data of `bands` C and, where all series are equally long, `dates` T (else 0). One dimension: C values (as the
 * published code means them), else T (as its document says), repeated over the bands. FAILED with what would fit. */
int normalisation_read(const char *path, int dates, int bands, normalisation *out);
void normalisation_free(normalisation *n);

#endif
