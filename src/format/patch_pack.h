/* A pack of image patches (PASTIS and its like) for reading; docs/formats.md has the layout. patch_pack_write.h writes
 * one.
 *
 * Every patch of a pack has the same height and width; a satellite (S2, S1A, S1D) has the same bands and number type for
 * all of them, and for each patch its own dates. Opening checks everything but the images; each has a checksum, which is
 * compared when it is read. Pointers that are handed out live until the pack is closed. What fails gives FAILED with the
 * file's name. One thread at a time per pack. */
#ifndef FURROW_FORMAT_PATCH_PACK_H
#define FURROW_FORMAT_PATCH_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/number.h"

typedef struct patch_pack patch_pack;

int patch_pack_open(const char *path, patch_pack **out);
void patch_pack_close(patch_pack *p); /* NULL is fine */

const char *patch_pack_path(const patch_pack *p);
size_t patch_pack_count(const patch_pack *p); /* patches, at least 1, sorted by id (as integers) */
int patch_pack_height(const patch_pack *p);
int patch_pack_width(const patch_pack *p);
const char *patch_pack_id(const patch_pack *p, size_t patch);
int patch_pack_fold(const patch_pack *p, size_t patch); /* 1 .. 5; 0: none */
/* The footprint in `crs` (an EPSG code, 0: unknown): the corners x, y of the metadata's polygon, upper left first,
 * clockwise, or NULL. */
const double *patch_pack_corners(const patch_pack *p, size_t patch, int *crs);

/* ---- satellites --------------------------------------------------------------------------------------------------- */

typedef struct patch_satellite {
    const char *name; /* "S2", "S1A", "S1D" */
    int bands;
    enum number_type type; /* I16, U16, U8, F16 or F32 */
    int folds;             /* of the normalisation values, 0: none */
    /* Per fold (1 .. folds): mean and standard deviation of each band, as in NORM_<name>_patch.json, or computed while
     * packing ("computed" in source). NaN for a fold that no patch is of. Where no patch has a fold and the values are
     * computed, there is one row, over all patches. [folds x bands] */
    const double *mean, *std;
    const char *source;
} patch_satellite;

int patch_pack_satellites(const patch_pack *p);
const patch_satellite *patch_pack_satellite(const patch_pack *p, int index);
int patch_pack_find_satellite(const patch_pack *p, const char *name, int *index); /* USAGE, with what there is */

int patch_pack_dates(const patch_pack *p, int satellite, size_t patch); /* T, 0: the satellite has none here */
const int32_t *patch_pack_days(const patch_pack *p, int satellite, size_t patch); /* [T] days since 1970-01-01 */
/* Frames as they are stored, bands x height x width each, of the dates named (indices into 0 .. T - 1). */
size_t patch_pack_frame_bytes(const patch_pack *p, int satellite);
int patch_pack_read_frames(patch_pack *p, int satellite, size_t patch, const int *date, int dates, void *out);

/* ---- labels ------------------------------------------------------------------------------------------------------- */

bool patch_pack_has_labels(const patch_pack *p);
bool patch_pack_has_label(const patch_pack *p, size_t patch);
int patch_pack_read_labels(patch_pack *p, size_t patch, uint8_t *out);  /* [height x width] classes */
const int64_t *patch_pack_histogram(const patch_pack *p, size_t patch); /* [256] pixels of each class, or NULL */
/* The source's label_names.json, or PASTIS's own where there is none and the highest label is 18 or 19; NULL where a
 * class has no name. colour: 0xRRGGBB; where the source gives none, PASTIS's of that number. */
const char *patch_pack_class_name(const patch_pack *p, int label);
uint32_t patch_pack_class_colour(const patch_pack *p, int label);

/* ---- parcels ------------------------------------------------------------------------------------------------------ */

bool patch_pack_has_parcels(const patch_pack *p);
bool patch_pack_has_parcel(const patch_pack *p, size_t patch); /* ids, or instances of its own */
/* [height x width] parcel ids, 0: none. Of a patch that has nothing but instances of its own: these. */
int patch_pack_read_parcels(patch_pack *p, size_t patch, int32_t *out);

/* What panoptic training aims at follows from parcel ids and labels (data/instances.h), so a pack holds it only where
 * the source had a file that says something else. */
enum patch_target { PATCH_INSTANCES, PATCH_HEATMAP, PATCH_ZONES, PATCH_TARGETS };
enum patch_origin {
    PATCH_MADE,    /* there was no file */
    PATCH_AS_MADE, /* there was one, of the same values as are made */
    PATCH_OWN,     /* there was one of other values, which are in the pack */
};
enum patch_origin patch_pack_origin(const patch_pack *p, enum patch_target target, size_t patch);

/* [height x width] of a patch that has its own: instances (int32, each value over 0 an instance, whatever its label), the
 * heat map of centres (float), zones (int32, an instance's place among the patch's instances by number, from 1; 0: none).
 * Values are as they are in the file: not looked at. */
int patch_pack_read_target(patch_pack *p, enum patch_target target, size_t patch, void *out);

#endif
