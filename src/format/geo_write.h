/* Polygons with fields, written as a GeoPackage. */
#ifndef FURROW_FORMAT_GEO_WRITE_H
#define FURROW_FORMAT_GEO_WRITE_H

#include "format/geo_shape.h"

enum geo_field_type { GEO_TEXT, GEO_REAL, GEO_DATE };

typedef struct geo_field {
    const char *name;
    enum geo_field_type type;
} geo_field;

/* NULL text: null; dates as YYYY-MM-DD text. */
typedef struct geo_value {
    const char *text;
    double real; /* NaN: null */
} geo_value;

typedef struct geo_writer geo_writer;

/* One layer. crs: of the shapes, WKT. The file is made under a temporary name. `date` (YYYY-MM-DD) is what the file says
 * of its last change, so that the same contents are the same bytes. */
int geo_writer_open(const char *path, const char *layer, const char *crs, const char *date, const geo_field *fields,
                    int count, geo_writer **out);
int geo_writer_add(geo_writer *w, const geo_shape *shape, const geo_value *values);
int geo_writer_finish(geo_writer *w);   /* closes, syncs and renames; frees. Of an error nothing is left */
void geo_writer_abandon(geo_writer *w); /* removes what was written; frees. NULL is fine */

#endif
