/* Satellite images and a register's polygons become parcels as sets of pixels: an HDF5 pack (docs/formats.md), or the
 * published folder.
 *
 * SCENES: see data/scenes.h. PARCELS: GeoJSON, GeoPackage or shapefile, in any coordinate system. */
#ifndef FURROW_DATA_TOOLS_PACK_GEOTIFF_H
#define FURROW_DATA_TOOLS_PACK_GEOTIFF_H

#include "data-tools/geotiff_parcels.h"
#include "data/scenes.h"

typedef struct pack_geotiff_options {
    scenes_options scenes;
    geotiff_parcels_options parcels;
    bool folder; /* DATA/ID.npy and META/{labels, dates, sizes, geomfeat}.json, not a pack */
    const char
        *norm;     /* of a pack: FILE.pkl, or another pack, whose features' moments are taken too; NULL: the pixels' */
    bool compress; /* a pack: deflate behind a byte shuffle */
    size_t sync_bytes; /* of work that a kill may cost; 0: 256 MiB */
} pack_geotiff_options;

typedef struct pack_geotiff_result {
    size_t parcels, left_out; /* left_out: those of OUT.left-out.csv */
    int dates, resumed;       /* resumed: dates that an earlier, interrupted run had read */
    int bands, least_pixels, most_pixels;
    size_t nomenclatures;
    const char *type;
    double missing; /* share of pixels and dates that were filled, 0 to 1 */
} pack_geotiff_result;

pack_geotiff_options pack_geotiff_defaults(void);

/* Writes `out`. While it works, out.partial holds the pixels so far, and the same call goes on where a killed or
 * interrupted one stopped. The same files give the same bytes. Pixels of a pack are in rows from above, each from the
 * left; what was missing at a date is filled (pack_gaps.h); pixels that were never seen are left out.
 *
 * FAILED with what is wrong with the images in one list; parcels that cannot be used are no failure: out.left-out.csv
 * lists them. INTERRUPTED after an interrupt. result may be NULL. */
int pack_geotiff(const char *scenes_folder, const char *parcels, const char *out, const pack_geotiff_options *options,
                 pack_geotiff_result *result);

#endif
