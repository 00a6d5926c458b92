/* The parcels' pixels out of the images: every image is read once, in strips of rows, whatever the number of parcels, and
 * a file on disk that survives a kill (pack_stage.h) takes each pixel to its place. Memory: one strip, and the parcels'
 * runs. */
#ifndef FURROW_DATA_TOOLS_GEOTIFF_GATHER_H
#define FURROW_DATA_TOOLS_GEOTIFF_GATHER_H

#include "data-tools/geotiff_parcels.h"
#include "data-tools/pack_stage.h"
#include "data/scenes.h"

typedef struct geotiff_gather {
    scenes *scenes;
    const geotiff_parcels *parcels;
    pack_stage *stage;
    uint64_t *start; /* [parcels + 1] bytes: values T x S x C, then where there may be gaps T x S bytes: 1 is missing */
    int resumed;     /* dates that an earlier, interrupted run had done */
} geotiff_gather;

/* Opens the stage, whose state is a hash of all that its contents depend on. FAILED where the disk has no room for it and
 * for `more` times as much. */
int geotiff_gather_open(const char *path, scenes *s, const geotiff_parcels *p, uint64_t state, double more,
                        geotiff_gather *out);

/* Reads the dates that are not there yet. sync_bytes: of work that a kill may cost. */
int geotiff_gather_run(geotiff_gather *g, size_t sync_bytes);

/* Of parcel i: bytes of its values, and all of it. */
size_t geotiff_gather_values(const geotiff_gather *g, size_t i);
int geotiff_gather_read(const geotiff_gather *g, size_t i, void *values,
                        uint8_t *missing); /* values NULL: not wanted */

void geotiff_gather_close(geotiff_gather *g, bool keep); /* keep: the stage, for another run */

#endif
