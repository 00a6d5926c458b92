/* A pixel-set folder in the published form becomes one HDF5 pack (docs/formats.md).
 *
 *   DIR/DATA/ID.npy                T x C x S: dates, bands, pixels; any numeric type; S may be 0; T may differ
 *   DIR/META/labels.json           {nomenclature: {ID: label, ...}, ...}; may be absent (training needs it)
 *   DIR/META/dates.json            {"0": YYYYMMDD, ...} or {"1": ...} for all parcels, or {ID: [dates], ...}; numbers, or
 *                                  text as YYYYMMDD or YYYY-MM-DD; may be absent
 *   DIR/META/NAME.json             {ID: number or [numbers], ...}: static features; others are left alone, and noted
 *   DIR/normalisation_values.pkl, DIR/NAMEmeanstd.pkl   (means, standard deviations); computed when absent */
#ifndef FURROW_DATA_TOOLS_PACK_PIXELSET_H
#define FURROW_DATA_TOOLS_PACK_PIXELSET_H

#include <stdbool.h>
#include <stddef.h>

typedef struct pack_options {
    bool compress; /* deflate behind a byte shuffle: smaller, slower to read */
    const char
        *norm; /* a .pkl with the normalisation; "computed": from the pixels; NULL: the folder's, else computed */
    size_t sync_bytes; /* of work that a kill may cost; 0: 64 MiB */
} pack_options;

typedef struct pack_result {
    size_t parcels, resumed; /* resumed: parcels that an earlier, interrupted run had done */
    int bands, least_dates, most_dates, least_pixels, most_pixels;
    size_t nomenclatures, features;
    bool dates, computed_norm;
    const char *type; /* of the pixels: "uint8", ... */
} pack_result;

/* Writes the pack `out`. While it works, out.partial holds the pixels so far and out.unfinished the file that is being
 * made; `out` appears whole, by a rename, or not at all. The same call goes on where a killed or interrupted one
 * stopped, and gives the same bytes. Needs free space for the pixels twice.
 *
 * FAILED with all that is wrong with the folder in one list (nothing is written then); INTERRUPTED after an interrupt;
 * warnings and notes go to the log. result may be NULL. */
int pack_pixelset(const char *folder, const char *out, const pack_options *options, pack_result *result);

#endif
