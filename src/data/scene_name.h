/* What the file name of a satellite image says. */
#ifndef FURROW_DATA_SCENE_NAME_H
#define FURROW_DATA_SCENE_NAME_H

#include <stdbool.h>
#include <stdint.h>

enum { SCENE_BAND_BYTES = 32 };

/* The first date, YYYYMMDD, which may go on with a time (20170104T105442, 20170104105442); and the band: the last part
 * between _ that is no resolution (10m, R1), "" where that is the date's own. False: no image's name, or no date. */
bool scene_name_read(const char *name, int32_t *day, char band[SCENE_BAND_BYTES]);

/* As strcmp: numbers by value, then Sentinel-2's bands from short to long waves (B8A between B08 and B09), then by bytes. */
int scene_band_compare(const char *a, const char *b);

#endif
