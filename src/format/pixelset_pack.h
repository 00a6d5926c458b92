/* A pixel-set pack for reading; docs/formats.md has the layout. pixelset_pack_write.h writes one.
 *
 * Opening checks everything but the pixels themselves (lengths, offsets, counts, days, types, finiteness) and holds
 * all but the pixels in memory: about 100 bytes a parcel. Pointers that are handed out live until the pack is closed.
 * What fails gives FAILED with the file's name; asking for a nomenclature or feature that is not there gives USAGE and
 * lists what there is. One thread at a time per pack. */
#ifndef FURROW_FORMAT_PIXELSET_PACK_H
#define FURROW_FORMAT_PIXELSET_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/number.h"

#define PACK_NO_LABEL INT32_MIN

typedef struct pixelset_pack pixelset_pack;

int pixelset_pack_open(const char *path, pixelset_pack **out);
void pixelset_pack_close(pixelset_pack *p); /* NULL is fine */

const char *pixelset_pack_path(const pixelset_pack *p);
size_t pixelset_pack_count(const pixelset_pack *p);          /* N, at least 1; parcels are sorted by id_compare */
int pixelset_pack_bands(const pixelset_pack *p);             /* C */
enum number_type pixelset_pack_type(const pixelset_pack *p); /* U8, I16, U16 or F32 */

const char *pixelset_pack_id(const pixelset_pack *p, size_t parcel);
int pixelset_pack_dates(const pixelset_pack *p, size_t parcel);  /* T, at least 1 */
int pixelset_pack_pixels(const pixelset_pack *p, size_t parcel); /* S, 0 is allowed */

/* T days since 1970-01-01, in the order of the frames; NULL where the source had no dates. */
const int32_t *pixelset_pack_days(const pixelset_pack *p, size_t parcel);
bool pixelset_pack_days_shared(const pixelset_pack *p); /* one list for all parcels */

/* ---- labels ------------------------------------------------------------------------------------------------------- */

size_t pixelset_pack_nomenclatures(const pixelset_pack *p);
const char *pixelset_pack_nomenclature(const pixelset_pack *p, size_t index);
/* N labels, PACK_NO_LABEL where a parcel has none. name NULL: the only one (USAGE when there are several or none). */
int pixelset_pack_labels(const pixelset_pack *p, const char *name, const int32_t **out);

/* What labels 0, 1, ... stand for, a JSON list in a new string; *out NULL where they are numbers of the source's own. */
int pixelset_pack_classes(pixelset_pack *p, const char *name, char **out);

/* ---- static features ---------------------------------------------------------------------------------------------- */

typedef struct pack_feature {
    const char *name;
    int width;                /* E */
    const float *values;      /* N x E; NaN (all E) where a parcel has none */
    const double *mean, *std; /* [E] mean and sample standard deviation over the parcels that have it; std may be 0 */
} pack_feature;

size_t pixelset_pack_features(const pixelset_pack *p);
int pixelset_pack_feature(const pixelset_pack *p, const char *name, const pack_feature **out);

/* ---- normalisation ------------------------------------------------------------------------------------------------ */

typedef struct pack_normalisation {
    int rows, columns;        /* 1 x 1 (one value for all), 1 x C, or T x C */
    const double *mean, *std; /* rows x columns; std may be 0: use 1 */
    const char *source;       /* a file's name, or "computed" */
} pack_normalisation;

const pack_normalisation *pixelset_pack_normalisation(const pixelset_pack *p);

/* ---- pixels ------------------------------------------------------------------------------------------------------- */

/* Bytes of a parcel's T x S x C values (dates, then pixels, then bands) of the pack's type. */
size_t pixelset_pack_bytes(const pixelset_pack *p, size_t parcel);
int pixelset_pack_read(pixelset_pack *p, size_t parcel, void *out);

#endif
