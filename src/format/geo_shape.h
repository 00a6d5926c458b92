/* Polygons on the ground: what they measure, which pixels they hold. */
#ifndef FURROW_FORMAT_GEO_SHAPE_H
#define FURROW_FORMAT_GEO_SHAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/geo.h"

typedef struct geo_shape geo_shape; /* a polygon or several, holes included, in a grid's coordinate system */

void geo_shape_free(geo_shape *s); /* NULL is fine */

double geo_shape_area(const geo_shape *s);      /* the coordinate system's units, squared */
double geo_shape_perimeter(const geo_shape *s); /* of all rings, holes included */

/* Made ring by ring: map coordinates x, y of its corners, the first one not repeated; a hole lies in the last ring before it
 * that is none. geo_shape_close comes last: rings that touch or cross themselves are turned into polygons that do not, of
 * the same pixels. FAILED, the shape is to be freed. */
int geo_shape_new(geo_shape **out);
int geo_shape_add_ring(geo_shape *s, bool hole, const double (*xy)[2], size_t count);
int geo_shape_close(geo_shape *s);

/* What remains farther than `distance` from the edge (0: a copy); it may be empty: area 0. */
int geo_shape_shrink(const geo_shape *s, double distance, geo_shape **out);

/* Pixels of one row, side by side. */
typedef struct geo_run {
    int32_t row, first, count;
} geo_run;

typedef struct geo_runs {
    geo_run *items;
    size_t count, capacity;
} geo_runs;

/* Adds the pixels whose centre lies in the shape (touched: all that it touches), row by row from above, each row from the
 * left; those outside of the grid are left out. *pixels: how many came (may be NULL). By GDAL's own rasteriser: a centre
 * on a left edge is outside, on a right edge inside. */
int geo_shape_runs(const geo_shape *s, const geo_grid *grid, bool touched, geo_runs *runs, uint64_t *pixels);
void geo_runs_free(geo_runs *runs);

#endif
