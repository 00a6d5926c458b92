/* What an opened patch pack holds: filled by patch_pack_open.c, asked for through patch_pack.c. */
#ifndef FURROW_FORMAT_PATCH_PACK_INTERNAL_H
#define FURROW_FORMAT_PATCH_PACK_INTERNAL_H

#include "format/h5.h"
#include "format/patch_pack.h"
#include "format/patch_pack_write.h" /* PATCH_NO_COLOUR */

enum { PATCH_FOLDS = 5, PATCH_CLASSES = 256, PATCH_CORNERS = 8 /* four, x and y */ };

/* A data set of images: a row each, with a checksum beside it. Plain rows (not compressed) are read past the library,
 * whose lock and chunk cache would stand in the way. */
typedef struct patch_rows {
    h5_dataset *data;
    size_t rows, row_bytes;
    enum number_type type;
    uint32_t *checksum; /* CRC-32 of each row as stored, little-endian */
    bool plain;
    uint64_t start; /* of plain rows, in the file */
} patch_rows;

typedef struct patch_plane { /* labels, parcels, targets: one image a patch at most */
    patch_rows rows;
    uint8_t *present; /* [count]; NULL: the pack has none */
    size_t *row;      /* [count] of each patch that has one; NULL: a row each */
} patch_plane;

typedef struct patch_series {
    patch_satellite about;
    patch_rows frames;
    uint64_t *first; /* [count + 1] frames before each patch's */
    int32_t *days;   /* of each frame */
} patch_series;

struct patch_pack {
    h5 *file;
    int descriptor;
    size_t count;
    int height, width, crs;
    char *ids;
    size_t id_width;
    int32_t *fold;
    double *corners; /* [count x 8], NaN: unknown */
    int satellites;
    patch_series *series;
    patch_plane labels, parcels, target[PATCH_TARGETS];
    uint8_t *origin[PATCH_TARGETS]; /* [count] enum patch_origin; NULL: all are made */
    int64_t *histogram;             /* [count x 256] */
    int highest;                    /* label that occurs, -1: none */
    char *names;                    /* [classes], "" where there is none */
    size_t name_width, classes;
    uint32_t *colours;
};

/* Where the targets of each kind lie, and what they are. */
typedef struct patch_target_place {
    const char *group;
    enum number_type type;
} patch_target_place;
extern const patch_target_place patch_target_places[PATCH_TARGETS];

/* patch_pack_rows.c. `name` of a group must hold rows of the given shape (`images` is the number of dimensions after the
 * first, 0 in shape: any) and the group's "checksum" one number a row. */
int patch_rows_open(patch_pack *p, const char *group, const char *name, size_t rows, int images, const size_t *shape,
                    patch_rows *r);
/* Rows into native byte order, each compared with its checksum. */
int patch_rows_read(const patch_pack *p, const patch_rows *r, size_t first, size_t rows, void *out);
void patch_rows_close(patch_rows *r);
int patch_column_read(patch_pack *p, const char *name, enum number_type type, size_t count, void *out); /* new memory */

/* patch_pack_planes.c: labels, parcels and targets. */
int patch_planes_open(patch_pack *p);
void patch_planes_close(patch_pack *p);

/* CRC-32 as zlib has it (ISO 3309), of any number of bytes. */
uint32_t patch_checksum(const void *bytes, size_t length);

#endif
