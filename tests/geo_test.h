/* Small images on the ground, whose every value is a function of its place. */
#ifndef FURROW_TESTS_GEO_TEST_H
#define FURROW_TESTS_GEO_TEST_H

#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "format/geo_raster.h"

#include "tests/format_test.h"

enum { GEO_WIDTH = 24, GEO_HEIGHT = 16, GEO_LEFT = 600000, GEO_TOP = 5100000, GEO_EPSG = 32631 };

/* The first line of a test that needs GDAL. */
#define NEED_GDAL()                                                                                                    \
    do {                                                                                                               \
        (void)state;                                                                                                   \
        if (!geo_missing()) break;                                                                                     \
        print_message("built without GDAL: skipped\n");                                                                \
        skip();                                                                                                        \
    } while (0)

static inline uint16_t scene_value(int date, int band, int x, int y)
{
    return (uint16_t)(5000 * date + 1000 * band + 30 * y + x + 1);
}

static int progress_left;

static inline void end_at(void *user, const char *task, size_t done, size_t total, const char *metric)
{
    (void)user, (void)task, (void)done, (void)total, (void)metric;
    if (!progress_left--) _exit(9);
}

/* Work in a child that ends, without any farewell, at the given word of progress. True: it came to its end before. */
static inline bool ends_at(int (*work)(const void *options), const void *options, int progress)
{
    int status;
    const pid_t child = fork();
    if (!child) {
        const log_listener listener = {.progress = end_at};
        progress_left = progress;
        log_listen(&listener);
        _exit(work(options) ? 1 : 0);
    }
    waitpid(child, &status, 0);
    assert_true(WIFEXITED(status) && (WEXITSTATUS(status) == 9 || WEXITSTATUS(status) == 0));
    return WEXITSTATUS(status) == 0;
}

static inline void scratch_clear(void)
{
    char command[400];
    snprintf(command, sizeof command, "rm -rf '%s/in' '%s'/out*", scratch, scratch);
    assert_int_equal(system(command), 0);
    mkdir(in_scratch("in"), 0777);
}

/* in/NAME.tif of GEO_WIDTH / GEO_HEIGHT's place in `width` columns: uint16 scene_value(date, band, x, y), or with
 * `classes` uint8, these four in turn. */
static inline void put_scene_with(const char *name, int date, int width, int bands, const uint8_t *classes, double left,
                                  int epsg)
{
    const int height = GEO_HEIGHT * width / GEO_WIDTH;
    const double pixel = 10.0 * GEO_WIDTH / width;
    geo_raster_plan plan = {.bands = bands, .type = classes ? NUMBER_U8 : NUMBER_U16};
    uint16_t values[GEO_WIDTH * GEO_HEIGHT];
    uint8_t small[GEO_WIDTH * GEO_HEIGHT];
    geo_raster *r;
    char *crs, path[100];
    assert_ok(geo_crs_of_epsg(epsg, &crs));
    plan.grid = (geo_grid){width, height, {left, pixel, 0, GEO_TOP, 0, -pixel}, crs};
    snprintf(path, sizeof path, "in/%s.tif", name);
    unlink(in_scratch(path));
    assert_ok(geo_raster_create(in_scratch(path), &plan, &r));
    for (int b = 0; b < bands; b++) {
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width; x++) {
                values[y * width + x] = scene_value(date, b, x, y);
                if (classes) small[y * width + x] = classes[(y * width + x) % 4];
            }
        assert_ok(classes ? geo_raster_write(r, b, 0, 0, width, height, NUMBER_U8, small)
                          : geo_raster_write(r, b, 0, 0, width, height, NUMBER_U16, values));
    }
    assert_ok(geo_raster_finish(r));
    free(crs);
}

static inline void put_scene(const char *name, int date, int width, int bands, const uint8_t *classes)
{
    put_scene_with(name, date, width, bands, classes, GEO_LEFT, GEO_EPSG);
}

static inline void put_scene_at(const char *name, double left, int epsg)
{
    put_scene_with(name, 0, GEO_WIDTH, 1, NULL, left, epsg);
}

/* ---- polygons: parcels.geojson ------------------------------------------------------------------------------------- */

/* Corners in pixels of the grid. */
static inline void put_ring(FILE *file, int points, const double *xy)
{
    fprintf(file, "[");
    for (int k = 0; k <= points; k++)
        fprintf(file, "%s[%.9g, %.9g]", k ? ", " : "", GEO_LEFT + 10 * xy[2 * (k % points)],
                GEO_TOP - 10 * xy[2 * (k % points) + 1]);
    fprintf(file, "]");
}

static bool first_feature;

static inline void put_feature(FILE *file, const char *properties, const char *type)
{
    fprintf(file, "%s{\"type\": \"Feature\", \"properties\": {%s}, \"geometry\": {\"type\": \"%s\", \"coordinates\": ",
            first_feature ? "" : ",\n", properties, type);
    first_feature = false;
}

static inline FILE *features_start(void)
{
    FILE *file = fopen(in_scratch("parcels.geojson"), "w");
    assert_non_null(file);
    fprintf(file,
            "{\"type\": \"FeatureCollection\", \"crs\": {\"type\": \"name\", \"properties\": {\"name\": "
            "\"urn:ogc:def:crs:EPSG::%d\"}}, \"features\": [\n",
            GEO_EPSG);
    first_feature = true;
    return file;
}

static inline void features_end(FILE *file)
{
    fprintf(file, "]}\n");
    fclose(file);
}

static inline void put_square(FILE *file, const char *properties, double x, double y, double width, double height)
{
    const double xy[] = {x, y, x + width, y, x + width, y + height, x, y + height};
    put_feature(file, properties, "Polygon");
    fprintf(file, "[");
    put_ring(file, 4, xy);
    fprintf(file, "]}}");
}

#endif
