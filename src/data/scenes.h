/* A folder of images of one place, an image or a file for each band a date: named by date, all on one grid.
 *
 *   DIR/20170104.tif               all bands in one file: bands 1, 2, ...
 *   DIR/TILE_20170104T105442_B02.tif   a file a band: B02, B03, ...; coarser ones (20 m, 60 m) by their nearest pixel
 *
 * The mask, a band that says where the ground is not seen, is one of them and no spectral band: with SCL (Sentinel-2's
 * scene classification) it is taken without asking. A pixel is missing at a date where the mask says so, where any band
 * has its no-data value, or where one is not finite. */
#ifndef FURROW_DATA_SCENES_H
#define FURROW_DATA_SCENES_H

#include <stdbool.h>
#include <stdint.h>

#include "format/geo.h"
#include "format/number.h"

typedef struct scenes_options {
    const char *bands;       /* "B02,B03,B8A" or "1,2,3": these, in this order; NULL: all, see scene_band_compare */
    const char *mask;        /* the band that is the mask; NULL: SCL where there is one; "none" */
    const char *mask_values; /* "3,8,9": what hides the ground; NULL: of SCL 0,1,3,8,9,10, else all but 0 */
    const char *no_data;     /* a number for all bands; NULL: what each file says; "none" */
} scenes_options;

typedef struct scenes {
    const char *folder;
    geo_grid grid; /* the finest band's */
    int dates;
    int32_t *days; /* [dates] since 1970-01-01, rising */
    int bands;
    char **band_names;
    enum number_type type; /* U8, I16, U16 or F32: holds all bands */
    bool gaps;             /* pixels may be missing */
    int block_height;      /* rows that are decoded together */
    uint64_t fingerprint;  /* a hash of names, sizes and options */
    uint64_t state;        /* that and the files' times */
    struct scenes_files *files;
} scenes;

/* Looks at every file's header. All that does not fit (sizes, places, bands, two files for one band) comes in one list.
 * USAGE for a band that is not there. The options' texts and the folder's name must live as long. */
int scenes_open(const char *folder, const scenes_options *options, scenes *out);
void scenes_close(scenes *s);

/* A window of one date. values [bands][height][width] of the type; missing [height][width]: 1 where the pixel is missing
 * (may be NULL). Files stay open until scenes_release. */
int scenes_read(scenes *s, int date, int x, int y, int width, int height, void *values, uint8_t *missing);
void scenes_release(scenes *s);

#endif
