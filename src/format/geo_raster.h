/* Images on the ground: GeoTIFF (also cloud-optimised) and JPEG 2000 for reading, GeoTIFF for writing. */
#ifndef FURROW_FORMAT_GEO_RASTER_H
#define FURROW_FORMAT_GEO_RASTER_H

#include <stdbool.h>
#include <stdint.h>

#include "format/geo.h"
#include "format/number.h"

typedef struct geo_raster geo_raster;

typedef struct geo_raster_about {
    geo_grid grid; /* its crs lives as long as the raster */
    int bands;
    int block_height;      /* rows that are decoded together */
    enum number_type type; /* that holds every band */
} geo_raster_about;

int geo_raster_open(const char *path, geo_raster **out);
const geo_raster_about *geo_raster_about_of(const geo_raster *r);

/* Band (from 0): the value that stands for "nothing was seen here", where the file names one. */
bool geo_raster_no_data(const geo_raster *r, int band, double *value);

/* A window of `count` bands (bands[k] from 0), converted to `type`: out [count][height][width]. */
int geo_raster_read(geo_raster *r, const int *bands, int count, int x, int y, int width, int height,
                    enum number_type type, void *out);

void geo_raster_close(geo_raster *r); /* NULL is fine. What was created and not finished is left as it is */

/* ---- writing ------------------------------------------------------------------------------------------------------- */

typedef struct geo_raster_plan {
    geo_grid grid;
    int bands;
    enum number_type type;
    bool has_no_data;
    double no_data;
    const uint32_t *palette; /* of the first band, 8 bits: 0xRRGGBB of values 0, 1, ...; NULL: none */
    int colours;
} geo_raster_plan;

/* A GeoTIFF in tiles of 256 x 256, deflated, BigTIFF where need be. Straight to its name: give a temporary one. */
int geo_raster_create(const char *path, const geo_raster_plan *plan, geo_raster **out);

/* values [height][width] of one band (from 0). */
int geo_raster_write(geo_raster *r, int band, int x, int y, int width, int height, enum number_type type,
                     const void *values);

/* A cloud-optimised GeoTIFF of the finished one: tiles of 512, overviews (resampling: "MODE", "NEAREST", "AVERAGE"), palette
 * and no-data as there. `path` appears whole, by a rename, or not at all. */
int geo_raster_publish(const char *finished, const char *path, const char *resampling);

int geo_raster_finish(geo_raster *r); /* closes; the code tells whether everything has been written */

#endif
