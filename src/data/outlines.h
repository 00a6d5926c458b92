/* The outlines of parcels in a map of ids: polygons along the edges of pixels. */
#ifndef FURROW_DATA_OUTLINES_H
#define FURROW_DATA_OUTLINES_H

#include <stddef.h>
#include <stdint.h>

/* A corner of pixels: x columns from the left, y rows from the top. */
typedef struct outline_vertex {
    int32_t x, y;
} outline_vertex;

/* A closed line, its first vertex not repeated. */
typedef struct outline_ring {
    size_t first; /* of the vertices */
    size_t count;
} outline_ring;

/* Pixels of one id that hang together by their sides: an outer ring, counter-clockwise as one looks at the image, and
 * holes, clockwise. */
typedef struct outline_polygon {
    int32_t id;
    int area;          /* pixels */
    size_t first_ring; /* the outer one; the holes follow */
    size_t rings;
} outline_polygon;

typedef struct outlines {
    outline_polygon *polygon; /* sorted by id, then by their first pixel in row-major order */
    outline_ring *ring;
    outline_vertex *vertex;
    size_t polygons, rings, vertices;
} outlines;

/* Of every id over 0 in ids [height x width]. tolerance: vertices may go where the line then passes within so many
 * pixels of them (Douglas and Peucker 1973); 0: all corners stay. Where three ids meet, vertices stay, and between such
 * points a line is simplified alike for both its sides, so that neighbours still fit. A ring that would lose its area
 * keeps all corners. FAILED: out of memory. */
int outlines_trace(const int32_t *ids, int height, int width, double tolerance, outlines *out);
void outlines_free(outlines *o);

#endif
