/* Writing a patch pack (layout: docs/formats.md). All that is known before an image is read is given at once; then every
 * image has its place in the file, and is written there in any order; last come the normalisation, the checksums and
 * the mark that the file is whole. The caller renames it when patch_writer_finish has succeeded.
 *
 * A writer without compression can be given up at any moment after a patch_writer_sync and be taken up again: what it
 * knows of a patch beyond the images (checksums, histogram) is the patch's record, which the caller keeps. */
#ifndef FURROW_FORMAT_PATCH_PACK_WRITE_H
#define FURROW_FORMAT_PATCH_PACK_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/normalisation.h"
#include "format/patch_pack.h"

enum { PATCH_SATELLITES_MAX = 3 };
#define PATCH_NO_COLOUR UINT32_MAX

typedef struct patch_frames {
    const char *name; /* "S2", ... */
    int bands;
    enum number_type type; /* U8, I16, U16, F16 or F32 */
    const int32_t *dates;  /* [count] of each patch, 0: none */
    const int32_t *days;   /* [sum of dates] */
} patch_frames;

typedef struct patch_contents {
    size_t count;
    int height, width, crs;
    const char *fingerprint;
    const char *const *ids; /* sorted by id_compare */
    const int32_t *fold;    /* 1 .. 5, 0: none */
    const double *corners;  /* [count x 8], NaN where unknown; NULL: all unknown */
    const patch_frames *satellite;
    int satellites;
    const bool *labelled, *parcelled;     /* which patches have them; NULL: none */
    const uint8_t *origin[PATCH_TARGETS]; /* [count] enum patch_origin; NULL: all are made */
    const char *const *class_name;        /* [classes], NULL for labels without a name */
    const uint32_t *class_colour;         /* [classes] 0xRRGGBB, or PATCH_NO_COLOUR */
    size_t classes;
    const char *left_out; /* what --skip-bad left out, a line each; NULL: nothing */
} patch_contents;

typedef struct patch_writer patch_writer;

/* A new file. deflate: 0 for none, else level 1 to 9. `contents` must live as long as the writer. */
int patch_writer_open(const char *path, const patch_contents *contents, int deflate, patch_writer **out);
/* The file that a writer without compression left, of the same contents. FAILED: it is not that file. */
int patch_writer_take_up(const char *path, const patch_contents *contents, patch_writer **out);

int patch_writer_frames(patch_writer *w, int satellite, size_t patch, const void *values); /* dates x C x H x W */
int patch_writer_labels(patch_writer *w, size_t patch, const uint8_t *values);             /* H x W */
int patch_writer_parcels(patch_writer *w, size_t patch, const int32_t *values);            /* H x W */
int patch_writer_target(patch_writer *w, enum patch_target target, size_t patch, const void *values); /* PATCH_OWN */
int patch_writer_copy(patch_writer *from, size_t patch, patch_writer *to); /* all images of a patch, of a writer
                                                                              without compression */

size_t patch_record_bytes(const patch_contents *contents, size_t patch);
void patch_writer_record(const patch_writer *w, size_t patch, void *record);
void patch_writer_recall(patch_writer *w, size_t patch, const void *record);
int patch_writer_sync(patch_writer *w); /* returns when all images are on disk; nothing to do with compression */

/* Per satellite: folds x bands; rows 0: none; a fold without patches: NaN. source: a file's name or "computed". From
 * here on the file cannot be taken up again. */
int patch_writer_finish(patch_writer *w, const normalisation *norms, const char *const *sources);

void patch_writer_close(
    patch_writer *w); /* NULL and finished ones are fine; an unfinished file stays without its mark */

#endif
