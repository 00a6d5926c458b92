/* What an interrupted run of `pack geotiff --as pastis` has done: OUT/unfinished/, which goes when all is done.
 *
 *   state.json         {"state": a hash of whatever the patches depend on}
 *   ROW_COLUMN.json    of a window whose arrays are safely on disk: {"without_parcels", "unseen", "patches": [{"properties",
 *                      "footprint"}]}: a feature of metadata.geojson each */
#ifndef FURROW_DATA_TOOLS_GEOTIFF_WINDOWS_H
#define FURROW_DATA_TOOLS_GEOTIFF_WINDOWS_H

#include <stdbool.h>
#include <stdint.h>

#include <cjson/cJSON.h>

/* Begins, or goes on with what is there. FAILED where OUT holds patches (DATA_S2) that are finished, or of another
 * state. */
int geotiff_windows_begin(const char *out, uint64_t state);

/* The window's document; *document NULL: it is not done. What is damaged is not done. Deleted by the caller. */
int geotiff_window_read(const char *out, int row, int column, cJSON **document);
int geotiff_window_write(const char *out, int row, int column, const cJSON *document);

/* All is done: takes OUT/unfinished away. */
int geotiff_windows_end(const char *out);

#endif
