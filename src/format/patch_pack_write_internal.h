/* What the two files of the patch pack's writer share. */
#ifndef FURROW_FORMAT_PATCH_PACK_WRITE_INTERNAL_H
#define FURROW_FORMAT_PATCH_PACK_WRITE_INTERNAL_H

#include "format/h5.h"
#include "format/patch_pack_internal.h"
#include "format/patch_pack_write.h"

/* One data set of images. */
typedef struct image_rows {
    char *group; /* "/satellites/S2", "/labels", "/parcels" */
    const char *name;
    size_t count, bytes; /* rows; of a row */
    enum number_type type;
    uint32_t *checksum;
    h5_dataset *data; /* compressed: written through the library */
    uint64_t start;   /* else: the place of the first row in the file */
} image_rows;

struct patch_writer {
    const patch_contents *contents;
    char *path;
    h5 *file;       /* while the library has it open */
    int descriptor; /* while it has not */
    int deflate;
    image_rows frames[PATCH_SATELLITES_MAX], labels, parcels;
    uint64_t *first[PATCH_SATELLITES_MAX]; /* [count + 1] frames before each patch's */
    int32_t *histogram;                    /* [count x 256] */
};

/* patch_pack_make.c */
int writer_prepare(patch_writer *w);     /* memory and sizes */
int writer_file_make(patch_writer *w);   /* the file with all but the images; the library keeps it open */
int writer_places_open(patch_writer *w); /* finds the images' places in a closed file and opens it for them */

#endif
