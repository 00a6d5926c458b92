/* Which file holds what: filled by scenes_open.c, read by scenes.c. */
#ifndef FURROW_DATA_SCENES_INTERNAL_H
#define FURROW_DATA_SCENES_INTERNAL_H

#include <stddef.h>

#include "data/scenes.h"
#include "format/geo_raster.h"

enum { MASK_VALUES_MAX = 64 };

typedef struct scene_file {
    char *path;
    const char *name; /* in path */
    int32_t day;
    char band[32];      /* as its name says it */
    geo_raster *raster; /* NULL: not open */
    int coarser;        /* pixels of the grid along one of its own */
} scene_file;

/* A band of a date: where it is. */
typedef struct scene_source {
    size_t file;
    int band; /* in the file, from 0 */
    bool has_no_data;
    double no_data;
} scene_source;

typedef struct scenes_files {
    scene_file *file; /* by date, then band */
    size_t count, open;
    scene_source *source; /* [dates][bands + mask] */
    bool mask;
    int mask_values, mask_value[MASK_VALUES_MAX]; /* 0 values: all but 0 */
    void *coarse;                                 /* a window of a coarser file */
    size_t coarse_bytes;
    int32_t *mask_plane;
    size_t mask_pixels;
} scenes_files;

#endif
