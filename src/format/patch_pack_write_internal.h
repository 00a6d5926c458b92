/* What the two files of the patch pack's writer share. */
#ifndef FURROW_FORMAT_PATCH_PACK_WRITE_INTERNAL_H
#define FURROW_FORMAT_PATCH_PACK_WRITE_INTERNAL_H

#include "format/h5.h"
#include "format/patch_pack_internal.h"
#include "format/patch_pack_write.h"

/* One data set of images. */
typedef struct image_rows {
    char *group; /* "/satellites/S2", "/labels", ...; NULL: the pack has none of these */
    const char *name;
    size_t count, bytes; /* rows; of a row */
    enum number_type type;
    uint32_t *checksum;
    size_t *row;      /* [patches] of each patch that has one; NULL: a row each */
    h5_dataset *data; /* compressed: written through the library */
    uint64_t start;   /* else: the place of the first row in the file */
} image_rows;

enum { PLANE_LABELS, PLANE_PARCELS, PLANE_TARGETS, PLANES = PLANE_TARGETS + PATCH_TARGETS };

struct patch_writer {
    const patch_contents *contents;
    char *path;
    h5 *file;       /* while the library has it open */
    int descriptor; /* while it has not */
    int deflate;
    image_rows frames[PATCH_SATELLITES_MAX], plane[PLANES];
    uint64_t *first[PATCH_SATELLITES_MAX]; /* [count + 1] frames before each patch's */
    int32_t *histogram;                    /* [count x 256] */
};

/* patch_pack_make.c */
bool patch_has_row(const patch_contents *c, int plane, size_t patch);
int writer_prepare(patch_writer *w);     /* memory and sizes */
int writer_file_make(patch_writer *w);   /* the file with all but the images; the library keeps it open */
int writer_places_open(patch_writer *w); /* finds the images' places in a closed file and opens it for them */

#endif
