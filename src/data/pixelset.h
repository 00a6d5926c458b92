/* A pixel-set pack as a data set: which parcels, which classes, what a batch holds. Host memory only; the device's
 * part (drawing pixels, normalising, jitter) is op/sample_pixels. */
#ifndef FURROW_DATA_PIXELSET_H
#define FURROW_DATA_PIXELSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/schema.h"

typedef struct pixelset pixelset;

/* The config's "data" object; the fields are pixelset_fields (names as the published scripts, see contracts). */
typedef struct pixelset_options {
    char *pack;           /* data.pack */
    char *nomenclature;   /* NULL: the pack's only one */
    int_list sub_classes; /* count -1: every label, in increasing order */
    int npixel;
    char *extra_feature; /* NULL: none */
    char *norm;          /* "pack": the pack's values; "none" or NULL; or the path of a .pkl or of another pack */
    bool jitter;
    bool preload;   /* hold all pixels in host memory */
    char *ref_date; /* YYYY-MM-DD or YYYYMMDD; NULL: shared dates: the set's first; else the earliest in the pack */
} pixelset_options;
extern const field pixelset_fields[];

/* `labels_needed`: train and eval. Everything that is wrong with the data is said in one list before any work starts
 * (missing labels, a class without any parcel, gaps without sub_classes, features for some parcels only, ...). */
int pixelset_open(const pixelset_options *options, bool labels_needed, pixelset **out);
void pixelset_close(pixelset *s);

/* After sub_classes: n samples, sorted by id. */
int pixelset_count(const pixelset *s);
int pixelset_classes(const pixelset *s);                             /* 0 when there are no labels */
int pixelset_label(const pixelset *s, int sample);                   /* class index, -1: none */
const char *pixelset_class_name(const pixelset *s, int class_index); /* the label as in the nomenclature */
const char *pixelset_id(const pixelset *s, int sample);
int pixelset_bands(const pixelset *s);
int pixelset_extra(const pixelset *s);                                /* length of the feature vector, 0: none */
int pixelset_longest(const pixelset *s);                              /* the most dates of any sample */
int pixelset_dates(const pixelset *s, int sample);                    /* its T */
void pixelset_positions(const pixelset *s, int sample, int32_t *out); /* its T days since the reference */
bool pixelset_dates_are_shared(const pixelset *s);                    /* one list of dates for all */
bool pixelset_has_dates(const pixelset *s);     /* false: positions count 0, 1, 2, ... in each series */
int32_t pixelset_reference(const pixelset *s);  /* the day that counts as 0, since 1970-01-01; 0 without dates */
int pixelset_first_position(const pixelset *s); /* smallest and largest day of any sample since the reference */
int pixelset_last_position(const pixelset *s);
/* Normalisation as the device wants it: rows x bands (rows 1, or T where it is per date), std with 0 replaced by 1. */
int pixelset_normalisation(const pixelset *s, int *rows, const float **mean, const float **std);

/* ---- folds: as published (numpy's legacy shuffle, scikit-learn's KFold in order; semantics: K folds) ------------- */
typedef struct fold_split {
    uint32_t *train, *validation, *test;
    int train_count, validation_count, test_count;
} fold_split;
/* USAGE: folds below 2, or a fold that does not exist; FAILED: fewer samples than folds. Parts are in the published
 * order; `train` is empty where two folds leave nothing for it. */
int fold_split_new(int samples, int folds, int fold /* 1.. */, uint32_t seed, fold_split *out);
void fold_split_free(fold_split *f);
/* One log_warning for each part of the split that lacks classes, naming them; `title` comes first ("Fold 2"). */
void fold_split_warn(const pixelset *s, const fold_split *f, const char *title);

/* ---- batches ----------------------------------------------------------------------------------------------------- */
enum pixel_type { PIXEL_U8, PIXEL_I16, PIXEL_U16, PIXEL_F32 };

typedef struct parcel_batch { /* everything a step needs, ready to upload; owned by the loader until released */
    int parcels, frames;
    const void *raw; /* the parcels' T x S x C values one after the other */
    size_t raw_bytes;
    enum pixel_type raw_type;
    const uint64_t *raw_start;     /* [parcels] in values */
    const int32_t *pixels, *dates; /* [parcels] S_i, T_i */
    const int32_t *offsets;        /* [parcels + 1] first frame of each */
    const int32_t *frame_parcel;   /* [frames] */
    const int32_t *days;           /* [frames] days since the reference date */
    const float *extra;            /* [frames x E] standardised, repeated over the dates; NULL when E is 0 */
    const int32_t *target;         /* [parcels], -1: none */
    const uint32_t *sample;        /* [parcels] indices into the data set */
} parcel_batch;

/* A thread that reads batches ahead (two in flight): `order` is copied, cut into pieces of batch_size, the last one
 * shorter. Ends after the last batch; an error inside arrives at loader_next. */
typedef struct loader loader;
/* Samples must exist, batch_size be 1 or more. One error ends it and is given again by every later loader_next;
 * batches read before it are still handed out. Ctrl-C (interrupt_requested) is such an error: INTERRUPTED. */
int loader_start(pixelset *s, const uint32_t *order, int count, int batch_size, loader **out);
int loader_next(loader *l, const parcel_batch **out); /* NULL after the last; valid until the second call after it */
void loader_stop(loader *l);                          /* at any time; NULL is fine */

#endif
