/* A patch pack as a data set: which patches, folds, dates and classes; ragged batches of raw frames. Host memory only:
 * normalising, turning and the change to channels last are the device's (op/image.h, load_frames). */
#ifndef FURROW_DATA_PATCHES_H
#define FURROW_DATA_PATCHES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/schema.h"
#include "data/pixelset.h" /* fold_split */
#include "format/number.h"

typedef struct patches patches;

/* The config's "data" object of image networks; the fields are patches_fields. */
typedef struct patches_options {
    char *pack;      /* data.pack */
    char *satellite; /* "S2" */
    char *norm;      /* "pack": the fold means of the loaded folds' values; "none"; or the path of another pack */
    bool preload;    /* hold all frames in host memory (the published --cache) */
    char *ref_date;  /* "2018-09-01" */
    char *mono_date; /* NULL: all dates; an index, or YYYY-MM-DD / YYYYMMDD: the date closest to it */
    optional_int max_dates; /* at most so many, drawn anew each epoch in training, evenly spaced in evaluation */
    double date_dropout;    /* each date left out with this probability in training (one always stays) */
    bool augment;           /* flips and quarter turns in training */
    int_list class_map;     /* count -1: none; entry i is the class of label i, -1 void */
} patches_options;
extern const field patches_fields[];

/* Everything that is wrong with the data is said in one list before any work starts. `labels_needed`: train and eval. */
int patches_open(const patches_options *options, bool labels_needed, patches **out);
void patches_close(patches *s);

int patches_count(const patches *s);
int patches_classes(const patches *s); /* highest class + 1 that occurs or is named, after class_map; 0: no labels */
int patches_bands(const patches *s);
int patches_height(const patches *s);
int patches_width(const patches *s);
int patches_longest(const patches *s); /* dates of the longest series that a batch can hold */
int patches_dates(const patches *s, int sample);
int32_t patches_reference(const patches *s);  /* the day that counts as 0, since 1970-01-01 */
int patches_first_position(const patches *s); /* smallest and largest day since the reference date */
int patches_last_position(const patches *s);
const char *patches_id(const patches *s, int sample);
const char *patches_class_name(const patches *s, int class_index); /* "0", "1", ... where nobody named it */
uint32_t patches_class_colour(const patches *s, int class_index);  /* 0xRRGGBB; also of classes that the set lacks */
/* [256] the class of each label as it is stored, -1 void (and labels that the data must not hold): what load_labels
 * takes. */
const int32_t *patches_class_map(const patches *s);

/* Adds a sample's pixels of each class, after class_map, to pixels [patches_classes]. */
void patches_add_pixels(const patches *s, int sample, int64_t *pixels);
/* Likewise its parcels, of a set that has them; FAILED where they are damaged. */
int patches_add_parcels(patches *s, int sample, int64_t *parcels);

/* The published folds: of k = 1..5 train {k, k+1, k+2}, validation k+3, test k+4 (mod 5), by the pack's fold numbers.
 * USAGE: no such fold; FAILED: a patch without fold number, naming it. A part may be empty. */
int patches_split(const patches *s, int fold, fold_split *out);
/* Mean and std [bands] for samples, NULL: all: the mean over the folds that occur among them of the folds' values
 * (published). Where data.norm names another pack: its values, whatever the samples. The caller frees both with one
 * free(*mean). Std 0 counts as 1. */
int patches_normalisation(const patches *s, const uint32_t *sample, int count, float **mean, float **std);

/* Where a patch lies: its corners x, y, upper left first, clockwise, in the coordinate system `crs` (an EPSG code, 0: not
 * known). false: the corners are not known. */
typedef struct footprint {
    double corner[4][2];
    int crs;
} footprint;
bool patches_footprint(const patches *s, int sample, footprint *out);

bool patches_have_parcels(const patches *s); /* every patch has parcel ids and labels */

/* ---- batches ------------------------------------------------------------------------------------------------------ */

/* A parcel of a patch as the published targets count it. */
typedef struct parcel_fact {
    int32_t height, width; /* rows and columns that hold a pixel of it */
    int32_t class;         /* of its first pixel in row-major order, after class_map; -1: void */
    int32_t area;          /* pixels; 0: there is no such parcel */
} parcel_fact;

/* The parcels of a batch's patches, turned as its frames are. Ids count from 1 in each patch. */
typedef struct parcel_maps {
    const float *heatmap;    /* [patches x height x width] of centres, 1 at each centre */
    const int32_t *instance; /* likewise: the id of the parcel, 0: none */
    const int32_t *zone;     /* the id of the parcel whose centre is closest; 0: the patch has no parcel */
    const int32_t *label;    /* the pixel's class after class_map, -1: void */
    const int32_t *first;    /* [patches + 1]: fact[first[p] + id] is parcel id of patch p (id 0: unused) */
    const parcel_fact *fact;
} parcel_maps;

typedef struct patch_batch { /* owned by the loader until released */
    int patches, frames;
    int longest;     /* dates of its longest series: what the published code pads to */
    const void *raw; /* frames x bands x height x width, as stored */
    size_t raw_bytes;
    enum number_type raw_type;
    const int32_t *offsets;     /* [patches + 1] */
    const int32_t *frame_patch; /* [frames] */
    const int32_t *days;        /* [frames] days since the reference date */
    const uint8_t *labels;      /* [patches x height x width], as stored; NULL: none wanted */
    const int32_t *turn;        /* [patches] as load_frames takes it */
    const uint32_t *sample;     /* [patches] */
    const parcel_maps *parcels; /* NULL: none wanted */
} patch_batch;

typedef struct patch_pass {
    const uint32_t *order; /* copied */
    int count, batch_size;
    bool training; /* date drop-out, random date subsets and turns, drawn by (seed, epoch, id) */
    bool labels;
    bool parcels; /* of every patch; with labels */
    uint64_t seed, epoch;
} patch_pass;

/* A thread that reads batches ahead (two in flight). Errors and Ctrl-C as loader_start's of data/pixelset.h; a batch of
 * images is large, so it is the caller's only until it asks for the next. */
typedef struct patch_loader patch_loader;
int patch_loader_start(patches *s, const patch_pass *pass, patch_loader **out);
int patch_loader_next(patch_loader *l, const patch_batch **out); /* NULL after the last; valid until the next call */
void patch_loader_stop(patch_loader *l);                         /* NULL is fine */

#endif
