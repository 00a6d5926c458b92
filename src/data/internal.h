/* What the files of a data set share. Each xxx_find fills its part of a pixelset that has its pack, adds what is wrong
 * to the list of problems, and returns a code only where work cannot go on (memory, a file that cannot be read). */
#ifndef FURROW_DATA_INTERNAL_H
#define FURROW_DATA_INTERNAL_H

#include <pthread.h>

#include "data/pixelset.h"
#include "data/problems.h"
#include "format/pixelset_pack.h"

struct pixelset {
    pixelset_pack *pack;
    pthread_mutex_t reading; /* the pack serves one thread at a time */

    /* classes.c: which parcels, which classes */
    int count, classes;
    uint32_t *parcel;  /* [count] places in the pack, increasing */
    int32_t *label;    /* [count] class index, -1: none */
    char **class_name; /* [classes] */

    /* positions.c */
    bool has_dates;
    int32_t reference; /* days since 1970-01-01 */
    int first_position, last_position, longest;

    /* features.c */
    int extra;
    float *features; /* [count x extra] standardised */

    /* pixel_norm.c */
    int norm_rows;
    float *mean, *std; /* [norm_rows x bands] */

    /* pixels.c: NULL unless preloaded */
    unsigned char *pixels;
    size_t *pixels_start; /* [count + 1] bytes */
};

int classes_find(pixelset *s, const pixelset_options *o, bool labels_needed, problems *p);
int positions_find(pixelset *s, const pixelset_options *o, problems *p);
int features_find(pixelset *s, const pixelset_options *o, problems *p);
int normalisation_find(pixelset *s, const pixelset_options *o, problems *p);

/* Days since the reference date, or 0, 1, 2, ... in a pack without dates, into out [T of the sample]. */
void positions_of(const pixelset *s, int sample, int32_t *out);

/* A sample's pixels, T x S x C of the pack's type. Thread safe. Fails on damage and on values that are not finite. */
int pixels_preload(pixelset *s);
size_t pixels_bytes(const pixelset *s, int sample);
int pixels_read(pixelset *s, int sample, void *out);

#endif
