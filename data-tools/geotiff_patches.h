/* Satellite images and a register's polygons become image patches in PASTIS's folder format. */
#ifndef FURROW_DATA_TOOLS_GEOTIFF_PATCHES_H
#define FURROW_DATA_TOOLS_GEOTIFF_PATCHES_H

#include "data-tools/geotiff_parcels.h"
#include "data/scenes.h"

enum { PATCH_FOLDS_MAX = 5, PATCH_CLASSES_MAX = 254 };

typedef struct geotiff_patches_options {
    scenes_options scenes;
    geotiff_parcels_options parcels; /* labels: one field */
    int size, folds;                 /* pixels of a patch's side; folds 1 to 5 */
    size_t window_bytes;             /* of images in memory, and of work that a kill may cost; 0: 256 MiB */
} geotiff_patches_options;

typedef struct geotiff_patches_result {
    size_t patches, without_parcels, unseen, parcels, left_out; /* of patches; of parcels the last two */
    size_t resumed;                                             /* patches that an interrupted run had made */
    size_t fold[PATCH_FOLDS_MAX];                               /* patches in each */
    size_t void_elsewhere;                                      /* parcels that lie in several folds */
    int classes, least_dates, most_dates, bands;
} geotiff_patches_result;

geotiff_patches_options geotiff_patches_defaults(void); /* 128 pixels, 5 folds */

/* Writes into OUT
 *
 *   DATA_S2/S2_ID.npy                dates x bands x size x size: the dates at which anything of the patch was seen
 *   ANNOTATIONS/TARGET_ID.npy        uint8 1 x size x size: 0 background, 1 .. K the labels in order, K + 1 void: a parcel
 *                                    without label, or one that counts in another fold
 *   ANNOTATIONS/ParcelIDs_ID.npy     int32 size x size: the parcels' ids where all are whole numbers over 0, else numbers
 *                                    from 1, which parcels.csv explains; 0: none
 *   metadata.geojson                 footprints, folds, dates; label_names.json
 *
 * Patches lie side by side from the images' upper left corner; what does not fill a patch at the right and lower edges is
 * left out, and so are patches without a parcel. Folds are blocks of patches, and a parcel that lies in several of them
 * is void in all but the one with most of its pixels: nothing of it is learnt from and tested on.
 *
 * While it works, OUT/unfinished says what is done (geotiff_windows.h), and the same call goes on where a killed or
 * interrupted one stopped; the same files give the same bytes.
 *
 * Values that are not finite become 0. USAGE without one label field; FAILED where OUT holds DATA_S2 that is finished, or
 * of another state. */
int geotiff_patches(const char *scenes_folder, const char *parcels, const char *out,
                    const geotiff_patches_options *options, geotiff_patches_result *result);

#endif
