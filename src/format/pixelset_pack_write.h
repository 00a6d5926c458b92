/* Writing a pixel-set pack (layout: docs/formats.md). All but the pixels is given at once, then the parcels' pixels
 * come in order, then the normalisation, and last the mark that the file is whole. The file has whatever name it is
 * given: the caller renames it when pack_writer_finish has succeeded. */
#ifndef FURROW_FORMAT_PIXELSET_PACK_WRITE_H
#define FURROW_FORMAT_PIXELSET_PACK_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/normalisation.h"
#include "format/pixelset_pack.h"

typedef struct pack_labels {
    const char *name;
    const int32_t *values; /* [count] */
    /* A JSON list of what labels 0, 1, ... stand for; NULL: they are numbers of the source's own. */
    const char *classes;
} pack_labels;

typedef struct pack_contents {
    size_t count; /* N */
    int bands;
    enum number_type type; /* U8, I16, U16 or F32 */
    const char *fingerprint;
    const char *const *ids; /* sorted by id_compare */
    const int32_t *dates, *pixels;
    const int32_t *days; /* NULL: none */
    size_t day_count;
    bool days_shared; /* else the parcels' lists follow each other */
    const pack_labels *labels;
    size_t nomenclatures;
    const pack_feature *features;
    size_t feature_count;
} pack_contents;

typedef struct pack_writer pack_writer;

/* deflate: 0 for none, else level 1 to 9. */
int pack_writer_open(const char *path, const pack_contents *contents, int deflate, pack_writer **out);

/* The next `count` values (T x S x C of one parcel after the other, in any pieces). */
int pack_writer_append(pack_writer *w, const void *values, size_t count);

/* Checks that all values came, writes the normalisation and the mark, closes. source: a file's name or "computed". */
int pack_writer_finish(pack_writer *w, const normalisation *n, const char *source);

void pack_writer_close(pack_writer *w); /* NULL and finished ones are fine; an unfinished file stays without its mark */

#endif
