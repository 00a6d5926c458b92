/* Takes the other geo_*.c's place where furrow is built without GDAL (see the Makefile): whatever is asked for fails. */
#include <stdlib.h>

#include "base/error.h"
#include "format/geo_layer.h"
#include "format/geo_raster.h"
#include "format/geo_write.h"

const char *geo_missing(void)
{
    return "this furrow was built without GDAL, which scenes and maps need: install libgdal-dev (Debian's name; "
           "pkg-config "
           "must know \"gdal\") and make furrow again";
}

static int absent(void)
{
    return fail(FAILED, "%s", geo_missing());
}

/* Nothing can be opened, so nobody has an object to ask. */
static _Noreturn void impossible(void)
{
    panic("%s", geo_missing());
}

bool geo_crs_same(const char *a, const char *b)
{
    (void)a, (void)b;
    impossible();
}

int geo_crs_epsg(const char *crs)
{
    (void)crs;
    impossible();
}

bool geo_crs_is_geographic(const char *crs)
{
    (void)crs;
    impossible();
}

int geo_crs_of_epsg(int code, char **wkt)
{
    (void)code, (void)wkt;
    return absent();
}

bool geo_grid_covers_same(const geo_grid *a, const geo_grid *b)
{
    (void)a, (void)b;
    impossible();
}

/* ---- rasters ------------------------------------------------------------------------------------------------------- */

int geo_raster_open(const char *path, geo_raster **out)
{
    (void)path, (void)out;
    return absent();
}

const geo_raster_about *geo_raster_about_of(const geo_raster *r)
{
    (void)r;
    impossible();
}

bool geo_raster_no_data(const geo_raster *r, int band, double *value)
{
    (void)r, (void)band, (void)value;
    impossible();
}

int geo_raster_read(geo_raster *r, const int *bands, int count, int x, int y, int width, int height,
                    enum number_type type, void *out)
{
    (void)r, (void)bands, (void)count, (void)x, (void)y, (void)width, (void)height, (void)type, (void)out;
    return absent();
}

void geo_raster_close(geo_raster *r)
{
    if (r) impossible();
}

int geo_raster_create(const char *path, const geo_raster_plan *plan, geo_raster **out)
{
    (void)path, (void)plan, (void)out;
    return absent();
}

int geo_raster_write(geo_raster *r, int band, int x, int y, int width, int height, enum number_type type,
                     const void *values)
{
    (void)r, (void)band, (void)x, (void)y, (void)width, (void)height, (void)type, (void)values;
    return absent();
}

int geo_raster_publish(const char *finished, const char *path, const char *resampling)
{
    (void)finished, (void)path, (void)resampling;
    return absent();
}

int geo_raster_finish(geo_raster *r)
{
    (void)r;
    return absent();
}

/* ---- layers and shapes --------------------------------------------------------------------------------------------- */

int geo_layer_open(const char *path, const char *name, const char *crs, geo_layer **out)
{
    (void)path, (void)name, (void)crs, (void)out;
    return absent();
}

void geo_layer_close(geo_layer *l)
{
    if (l) impossible();
}

size_t geo_layer_count(const geo_layer *l)
{
    (void)l;
    impossible();
}

int geo_layer_find(const geo_layer *l, const char *field)
{
    (void)l, (void)field;
    impossible();
}

int geo_layer_field(const geo_layer *l, const char *field, int *index)
{
    (void)l, (void)field, (void)index;
    return absent();
}

int geo_layer_next(geo_layer *l, bool *there)
{
    (void)l, (void)there;
    return absent();
}

const char *geo_layer_text(geo_layer *l, int field)
{
    (void)l, (void)field;
    impossible();
}

long long geo_layer_number(const geo_layer *l)
{
    (void)l;
    impossible();
}

int geo_layer_shape(geo_layer *l, geo_shape **out, const char **problem)
{
    (void)l, (void)out, (void)problem;
    impossible();
}

void geo_shape_free(geo_shape *s)
{
    if (s) impossible();
}

int geo_shape_new(geo_shape **out)
{
    (void)out;
    return absent();
}

int geo_shape_add_ring(geo_shape *s, bool hole, const double (*xy)[2], size_t count)
{
    (void)s, (void)hole, (void)xy, (void)count;
    return absent();
}

int geo_shape_close(geo_shape *s)
{
    (void)s;
    return absent();
}

double geo_shape_area(const geo_shape *s)
{
    (void)s;
    impossible();
}

double geo_shape_perimeter(const geo_shape *s)
{
    (void)s;
    impossible();
}

int geo_shape_shrink(const geo_shape *s, double distance, geo_shape **out)
{
    (void)s, (void)distance, (void)out;
    return absent();
}

int geo_shape_runs(const geo_shape *s, const geo_grid *grid, bool touched, geo_runs *runs, uint64_t *pixels)
{
    (void)s, (void)grid, (void)touched, (void)runs, (void)pixels;
    return absent();
}

int geo_writer_open(const char *path, const char *layer, const char *crs, const char *date, const geo_field *fields,
                    int count, geo_writer **out)
{
    (void)path, (void)layer, (void)crs, (void)date, (void)fields, (void)count, (void)out;
    return absent();
}

int geo_writer_add(geo_writer *w, const geo_shape *shape, const geo_value *values)
{
    (void)w, (void)shape, (void)values;
    return absent();
}

int geo_writer_finish(geo_writer *w)
{
    (void)w;
    return absent();
}

void geo_writer_abandon(geo_writer *w)
{
    if (w) impossible();
}

void geo_runs_free(geo_runs *runs)
{
    free(runs->items);
    *runs = (geo_runs){0};
}
