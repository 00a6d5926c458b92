#include "data-tools/synth_scenes.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/date.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/schema.h"
#include "data-tools/synth_world.h"
#include "format/geo_raster.h"
#include "format/geojson.h"

enum { EPSG = 32631, PIXEL = 10, STRIP = 256, CLOUDS_MAX = 6, CLOUD = 9, VEGETATION = 4, YEAR = 2017 };
static const double left = 600000, top = 5100000; /* m */

/* ---- the land ------------------------------------------------------------------------------------------------------ */

/* Corners in pixels, clockwise. */
typedef struct parcel {
    double x[4], y[4];
    int id, class_index;
    double ground;
    synth_season_curve season;
} parcel;

typedef struct cloud {
    double x, y, radius;
} cloud;

typedef struct country {
    const synth_scenes_options *o;
    int cells; /* of a side */
    parcel *parcels;
    int32_t *owner; /* [size x size] parcel, -1: none */
    char *crs;
    geo_grid grid;
    uint16_t *values; /* [bands][STRIP][size] */
    uint8_t *classes; /* [STRIP][size] */
} country;

/* Where the corners of four parcels meet: a lattice, shaken. */
static void knot(const country *c, int column, int row, double *x, double *y)
{
    const double cell = (double)c->o->size / c->cells;
    synth_draws d = {
        random_stream(c->o->seed + 3, RANDOM_SYNTHETIC, (uint64_t)row * (uint64_t)(c->cells + 1) + (uint64_t)column),
        0};
    *x = cell * (column + 0.5 * (synth_uniform(&d) - 0.5));
    *y = cell * (row + 0.5 * (synth_uniform(&d) - 0.5));
}

static void parcel_make(const country *c, int index, parcel *p)
{
    const synth_scenes_options *o = c->o;
    const int column = index % c->cells, row = index / c->cells;
    synth_draws d = {random_stream(o->seed, RANDOM_SYNTHETIC, (uint64_t)index), 0};
    const double share = 0.80 + 0.18 * synth_uniform(&d); /* the rest is hedge and path */
    double middle_x = 0, middle_y = 0;
    for (int k = 0; k < 4; k++) {
        knot(c, column + (k == 1 || k == 2), row + (k > 1), &p->x[k], &p->y[k]);
        middle_x += p->x[k] / 4;
        middle_y += p->y[k] / 4;
    }
    for (int k = 0; k < 4; k++) {
        p->x[k] = middle_x + share * (p->x[k] - middle_x);
        p->y[k] = middle_y + share * (p->y[k] - middle_y);
    }
    p->id = 3 * index + 1 + (int)(3 * synth_uniform(&d));
    p->class_index = index < o->classes ? index : (int)(o->classes * pow(synth_uniform(&d), 1.25));
    p->ground = 1 + 0.12 * synth_normal(&d);
    p->season = synth_season_vary(synth_season(p->class_index), &d);
}

/* Even and odd crossings to the right of the point. */
static bool holds(const parcel *p, double x, double y)
{
    bool inside = false;
    for (int k = 0, j = 3; k < 4; j = k++)
        if ((p->y[k] > y) != (p->y[j] > y) && x < (p->x[j] - p->x[k]) * (y - p->y[k]) / (p->y[j] - p->y[k]) + p->x[k])
            inside = !inside;
    return inside;
}

static int clamp(double x, int most)
{
    return (int)synth_clamp(floor(x), 0, most);
}

static void parcel_settle(country *c, int index)
{
    const parcel *p = &c->parcels[index];
    const int size = c->o->size;
    double low[2] = {p->x[0], p->y[0]}, high[2] = {p->x[0], p->y[0]};
    for (int k = 1; k < 4; k++) {
        low[0] = fmin(low[0], p->x[k]);
        high[0] = fmax(high[0], p->x[k]);
        low[1] = fmin(low[1], p->y[k]);
        high[1] = fmax(high[1], p->y[k]);
    }
    for (int y = clamp(low[1], size - 1); y <= clamp(high[1], size - 1); y++)
        for (int x = clamp(low[0], size - 1); x <= clamp(high[0], size - 1); x++)
            if (holds(p, x + 0.5, y + 0.5)) c->owner[(size_t)y * (size_t)size + (size_t)x] = index;
}

static int country_new(const synth_scenes_options *o, country *c)
{
    const size_t size = (size_t)o->size;
    int rc = OK;
    *c = (country){.o = o, .cells = (int)ceil(sqrt(o->parcels))};
    TRY(geo_crs_of_epsg(EPSG, &c->crs));
    c->grid = (geo_grid){o->size, o->size, {left, PIXEL, 0, top, 0, -PIXEL}, c->crs};
    TRY_NEW(c->parcels = memory_new((size_t)o->parcels, sizeof *c->parcels));
    TRY_NEW(c->owner = memory_new(size * size, sizeof *c->owner));
    TRY_NEW(c->values = memory_new((size_t)o->bands * STRIP * size, sizeof *c->values));
    TRY_NEW(c->classes = memory_new(STRIP * size, 1));
    for (size_t i = 0; i < size * size; i++) c->owner[i] = -1;
    for (int i = 0; i < o->parcels; i++) {
        parcel_make(c, i, &c->parcels[i]);
        parcel_settle(c, i);
    }
done:
    return rc;
}

static void country_free(country *c)
{
    free(c->crs);
    free(c->parcels);
    free(c->owner);
    free(c->values);
    free(c->classes);
}

/* ---- one image ----------------------------------------------------------------------------------------------------- */

typedef struct image {
    int date, day; /* day of the year, from 0 */
    int clouds;
    cloud cloud[CLOUDS_MAX];
    double edge; /* of the orbit: nothing was seen where x + y / 2 is below, in pixels */
    random_key noise;
} image;

static image image_of(const synth_scenes_options *o, int date)
{
    synth_draws d = {random_stream(o->seed + 1, RANDOM_SYNTHETIC, (uint64_t)date), 0};
    image m = {.date = date, .day = o->scenes > 1 ? date * SYNTH_DAYS / (o->scenes - 1) : 0};
    m.noise = random_stream(o->seed + 2, RANDOM_SYNTHETIC, (uint64_t)date);
    m.clouds = (int)((CLOUDS_MAX + 1) * synth_uniform(&d));
    for (int k = 0; k < m.clouds; k++)
        m.cloud[k] = (cloud){o->size * synth_uniform(&d), o->size * synth_uniform(&d),
                             o->size * (0.03 + 0.09 * synth_uniform(&d))};
    if (date % 3 == 1) m.edge = 0.4 * o->size * synth_uniform(&d);
    return m;
}

static bool is_cloudy(const image *m, double x, double y)
{
    for (int k = 0; k < m->clouds; k++)
        if (hypot(x - m->cloud[k].x, y - m->cloud[k].y) < m->cloud[k].radius) return true;
    return false;
}

/* 0 .. 255, a different one for each pixel and band. */
static int noise_byte(const uint32_t block[4], int band)
{
    const uint32_t word = block[band / 4 % 4] * (2u * (uint32_t)(band / 16) + 1u);
    return (int)(word >> 8 * (band % 4) & 255);
}

static uint16_t reflectance(int band, double cover, double ground, bool cloudy, int noise)
{
    const double clear = synth_reflectance(band, cover, ground) * (1 + 0.0006 * (noise - 128));
    return (uint16_t)lrint(10000 * synth_clamp(cloudy ? 0.1 * clear + 0.6 : clear, 0.0001, 2));
}

static void strip_paint(country *c, const image *m, const double *covers, int y0, int rows)
{
    const synth_scenes_options *o = c->o;
    const size_t size = (size_t)o->size, plane = (size_t)rows * size;
    for (size_t i = 0; i < plane; i++) {
        const size_t place = (size_t)y0 * size + i;
        const int32_t owner = c->owner[place];
        const double x = (double)(place % size), y = (double)(place / size);
        const bool unseen = x + y / 2 < m->edge, cloudy = !unseen && is_cloudy(m, x, y);
        uint32_t block[4];
        random_block(m->noise, place, block);
        for (int b = 0; b < o->bands; b++)
            c->values[(size_t)b * plane + i] =
                unseen ? 0
                       : reflectance(b, owner < 0 ? 0.35 : covers[owner], owner < 0 ? 1 : c->parcels[owner].ground,
                                     cloudy, noise_byte(block, b));
        c->classes[i] = unseen ? 0 : cloudy ? CLOUD : VEGETATION;
    }
}

static int strips_write(country *c, const image *m, const double *covers, geo_raster *raster, geo_raster *classes)
{
    const int size = c->o->size;
    int rc = OK;
    for (int y = 0; y < size; y += STRIP) {
        const int rows = size - y < STRIP ? size - y : STRIP;
        if (interrupt_requested()) return fail(INTERRUPTED, "interrupted at image %d", m->date + 1);
        strip_paint(c, m, covers, y, rows);
        for (int b = 0; b < c->o->bands; b++)
            TRY(geo_raster_write(raster, b, 0, y, size, rows, NUMBER_U16,
                                 c->values + (size_t)b * (size_t)rows * (size_t)size));
        TRY(geo_raster_write(classes, 0, 0, y, size, rows, NUMBER_U8, c->classes));
    }
done:
    return rc;
}

/* FOLDER/YYYYMMDD and an ending. */
static char *image_path(const char *folder, int day, const char *ending)
{
    int32_t start = 0;
    date_number(YEAR, 1, 1, &start);
    return text_format("%s/%d%s", folder, date_digits(start + day), ending);
}

static int image_write(country *c, const char *folder, int date)
{
    const synth_scenes_options *o = c->o;
    const image m = image_of(o, date);
    const geo_raster_plan plan = {.grid = c->grid, .bands = o->bands, .type = NUMBER_U16, .has_no_data = true};
    const geo_raster_plan class_plan = {.grid = c->grid, .bands = 1, .type = NUMBER_U8};
    geo_raster *raster = NULL, *classes = NULL;
    char *path = image_path(folder, m.day, ".tif"), *class_path = image_path(folder, m.day, "_SCL.tif");
    double *covers = memory_new((size_t)o->parcels, sizeof *covers);
    int rc = OK;
    TRY_NEW(path);
    TRY_NEW(class_path);
    TRY_NEW(covers);
    for (int i = 0; i < o->parcels; i++) covers[i] = synth_cover(&c->parcels[i].season, m.day);
    TRY(geo_raster_create(path, &plan, &raster));
    TRY(geo_raster_create(class_path, &class_plan, &classes));
    TRY(strips_write(c, &m, covers, raster, classes));
    rc = geo_raster_finish(raster);
    raster = NULL;
    TRY(rc);
    rc = geo_raster_finish(classes);
    classes = NULL;
done:
    geo_raster_close(raster);
    geo_raster_close(classes);
    free(covers);
    free(path);
    free(class_path);
    return rc;
}

/* ---- the register -------------------------------------------------------------------------------------------------- */

static cJSON *outline(const parcel *p)
{
    cJSON *polygons = cJSON_CreateArray(), *polygon = cJSON_CreateArray(), *ring = cJSON_CreateArray();
    for (int k = 0; k <= 4; k++) {
        const double point[2] = {left + PIXEL * p->x[k % 4], top - PIXEL * p->y[k % 4]};
        json_append(ring, cJSON_CreateDoubleArray(point, 2));
    }
    json_append(polygon, ring);
    json_append(polygons, polygon);
    return polygons;
}

static int parcels_write(const country *c, const char *folder)
{
    geojson *g = NULL;
    int rc = OK;
    char *path = path_join(folder, "parcels.geojson");
    TRY_NEW(path);
    TRY(geojson_open(path, EPSG, &g));
    for (int i = 0; i < c->o->parcels; i++) {
        const parcel *p = &c->parcels[i];
        char name[16];
        cJSON *properties = cJSON_CreateObject();
        snprintf(name, sizeof name, "C%02d", p->class_index);
        cJSON_AddNumberToObject(properties, "ID_PARCEL", p->id);
        cJSON_AddNumberToObject(properties, "CODE_GROUP", p->class_index);
        cJSON_AddStringToObject(properties, "CODE_CULTU", name);
        TRY(geojson_feature(g, properties, outline(p)));
    }
    rc = geojson_finish(g);
    g = NULL;
done:
    geojson_abandon(g);
    free(path);
    return rc;
}

/* ---- the whole ----------------------------------------------------------------------------------------------------- */

synth_scenes_options synth_scenes_defaults(void)
{
    return (synth_scenes_options){.scenes = 6, .bands = 10, .size = 500, .parcels = 400, .classes = 8, .seed = 1};
}

static int options_check(const synth_scenes_options *o)
{
    int rc = OK;
    TRY(synth_in_range("scenes", o->scenes, 1, SYNTH_DAYS));
    TRY(synth_in_range("bands", o->bands, 1, 64));
    TRY(synth_in_range("size", o->size, 16, 20000));
    TRY(synth_in_range("parcels", o->parcels, 1, 1000000));
    TRY(synth_in_range("classes", o->classes, 1, o->parcels));
done:
    return rc;
}

int synth_scenes(const char *folder, const synth_scenes_options *options)
{
    int rc = OK;
    country c = {0};
    char *images = NULL;
    TRY(options_check(options));
    TRY_NEW(images = path_join(folder, "SCENES"));
    if (file_exists(images)) {
        rc = fail(FAILED, "%s exists: wanted a folder without SCENES, so that no images are mixed", images);
        goto done;
    }
    TRY(country_new(options, &c));
    TRY(folder_make(images));
    for (int d = 0; d < options->scenes; d++) {
        TRY(image_write(&c, images, d));
        log_progress("making images", (size_t)d + 1, (size_t)options->scenes, "");
    }
    TRY(parcels_write(&c, folder));
done:
    country_free(&c);
    free(images);
    return rc;
}
