/* A folder of image patches in PASTIS's form becomes one HDF5 pack (docs/formats.md).
 *
 *   DIR/metadata.geojson           a feature for each patch: ID_PATCH, Fold (1 to 5; absent from all: none), dates-S2,
 *                                  dates-S1A, dates-S1D ({"0": YYYYMMDD, ...}, or that as text), its outline; crs
 *   DIR/DATA_S2/S2_ID.npy          T x C x H x W: dates, bands, height, width; any numeric type; T may differ
 *   DIR/DATA_S1A/S1A_ID.npy, DIR/DATA_S1D/S1D_ID.npy   likewise; may be absent
 *   DIR/ANNOTATIONS/TARGET_ID.npy  classes 0 .. 255, H x W or K x H x W (the first counts); may be absent
 *   DIR/ANNOTATIONS/ParcelIDs_ID.npy   H x W, likewise; may be absent
 *   DIR/INSTANCE_ANNOTATIONS/INSTANCES_ID.npy, HEATMAP_ID.npy, ZONES_ID.npy   H x W; may be absent; packed where they
 *                                  are not as made of parcels and labels (pack_pastis_targets.h). Without ParcelIDs_ID
 *                                  instances are the parcels
 *   DIR/NORM_S2_patch.json, ...    {"Fold_1": {"mean": [C], "std": [C]}, ...}; computed for each fold when absent
 *   DIR/label_names.json           {"0": name, ...} or {"0": {"name": ..., "color": "#rrggbb"}, ...}; may be absent */
#ifndef FURROW_DATA_TOOLS_PACK_PASTIS_H
#define FURROW_DATA_TOOLS_PACK_PASTIS_H

#include <stdbool.h>
#include <stddef.h>

typedef struct pack_pastis_options {
    bool compress;     /* deflate behind a byte shuffle: smaller, slower to read */
    bool skip_bad;     /* list broken patches and leave them out */
    const char *folds; /* "1,2": only the patches of these; NULL: all */
    size_t sync_bytes; /* of work that a kill may cost; 0: 256 MiB */
} pack_pastis_options;

/* Patches that have parcels, by where something of them comes from. */
typedef struct pack_pastis_origins {
    size_t made;    /* there is no file: when the pack is read */
    size_t as_made; /* there is a file, of the values that are made: likewise */
    size_t own;     /* there is a file of other values: the pack has it */
} pack_pastis_origins;

typedef struct pack_pastis_result {
    size_t patches, resumed, left_out; /* resumed: patches that an earlier, interrupted run had done */
    size_t labelled, parcelled;
    pack_pastis_origins instances, heat_maps, zones;
    int height, width, satellites, least_dates, most_dates; /* dates of the first satellite */
    char names[40];                                         /* of the satellites: "S2, S1A" */
    bool computed_norm;                                     /* of any satellite */
    double bytes;                                           /* of images */
} pack_pastis_result;

/* Writes the pack `out`. While it works, out.unfinished is the file that is being made, every image written straight to
 * its place, and out.partial says how far it came; with `compress` the result is then made of it as out.compressing.
 * `out` appears whole, by a rename, or not at all. The same call goes on where a killed or interrupted one stopped, and
 * gives the same bytes.
 *
 * FAILED with all that is wrong with the folder in one list (nothing is written then); USAGE for wrong folds;
 * INTERRUPTED after an interrupt; warnings and notes go to the log. result may be NULL. */
int pack_pastis(const char *folder, const char *out, const pack_pastis_options *options, pack_pastis_result *result);

#endif
