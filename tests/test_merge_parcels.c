/* Files of tiles of a land of known rectangles become parcels for a GIS: their number, areas, classes and outlines; images
 * that agree with them; the same bytes again. */
#include <math.h>

#include "data-tools/merge_tiles.h"
#include "format/geo_layer.h"

#include "tests/geo_test.h"
#include "tests/land_test.h"

static land country;

static void put_tiles(const tile_plan *p, uint32_t noise)
{
    tile_parcels t;
    scratch_clear();
    assert_ok(tiles_begin(p, in_scratch("in")));
    for (int i = 0; i < p->across * p->down; i++) {
        land_tile(&country, p, i, noise, -1, &t);
        assert_ok(tile_parcels_save(p, in_scratch("in"), i, &t));
        tile_parcels_free(&t);
    }
}

static void read_image(const char *name, enum number_type type, void *out)
{
    geo_raster *r;
    const int band = 0;
    assert_ok(geo_raster_open(in_scratch(name), &r));
    assert_ok(geo_raster_read(r, &band, 1, 0, 0, LAND_WIDTH, LAND_HEIGHT, type, out));
    geo_raster_close(r);
}

static double real_of(geo_layer *l, const char *field)
{
    int index;
    assert_ok(geo_layer_field(l, field, &index));
    return atof(geo_layer_text(l, index));
}

static int whole_of(geo_layer *l, const char *field)
{
    return (int)real_of(l, field);
}

/* The pixels of a polygon are those of its id in `ids`. */
static void assert_pixels(geo_layer *l, const tile_plan *p, int id, const int32_t *ids)
{
    geo_runs runs = {0};
    uint64_t pixels;
    const char *problem;
    geo_shape *shape;
    assert_ok(geo_layer_shape(l, &shape, &problem));
    assert_non_null(shape);
    assert_ok(geo_shape_runs(shape, &p->grid, false, &runs, &pixels));
    assert_int_equal(pixels, country.area[id]);
    for (size_t i = 0; i < runs.count; i++)
        for (int32_t x = 0; x < runs.items[i].count; x++)
            assert_int_equal(ids[runs.items[i].row * LAND_WIDTH + runs.items[i].first + x], id);
    geo_runs_free(&runs);
    geo_shape_free(shape);
}

static void no_parcel_is_split(void **state)
{
    static int32_t ids[LAND_HEIGHT * LAND_WIDTH];
    static uint8_t classes[LAND_HEIGHT * LAND_WIDTH], percent[LAND_HEIGHT * LAND_WIDTH];
    const tile_plan p = land_plan(48, 8);
    merge_result r;
    geo_layer *l;
    bool there;
    NEED_GDAL();
    land_make(&country, 11);
    put_tiles(&p, 0);
    assert_ok(merge_tiles(in_scratch("in"), 0, &r));
    assert_true(r.has_parcels);
    assert_int_equal(r.parcels, country.count);
    read_image("in/instances.tif", NUMBER_I32, ids);
    read_image("in/classes.tif", NUMBER_U8, classes);
    read_image("in/confidence.tif", NUMBER_U8, percent);
    assert_memory_equal(ids, country.id, sizeof ids);
    for (int i = 0; i < LAND_HEIGHT * LAND_WIDTH; i++) {
        assert_int_equal(classes[i], ids[i] ? land_class(ids[i]) : 0);
        assert_in_range(percent[i], ids[i] ? 60 : 0, ids[i] ? 89 : 0);
    }
    assert_ok(geo_layer_open(in_scratch("in/parcels.gpkg"), "parcels", "", &l));
    assert_int_equal(geo_layer_count(l), country.count);
    for (int id = 1; id <= country.count; id++) {
        assert_ok(geo_layer_next(l, &there));
        assert_true(there);
        assert_int_equal(whole_of(l, "id"), id);
        assert_int_equal(whole_of(l, "crop:code"), land_class(id));
        assert_int_equal(whole_of(l, "second_code"), 0);
        assert_true(fabs(real_of(l, "confidence") + real_of(l, "second_confidence") - 1) < 1e-6);
        assert_true(fabs(real_of(l, "area") - 0.01 * country.area[id]) < 1e-9);
        assert_true(real_of(l, "centre_confidence") >= 0.5 && real_of(l, "centre_confidence") < 0.9);
        assert_pixels(l, &p, id, ids);
    }
    geo_layer_close(l);
    assert_true(file_exists(in_scratch("in/parcels.qml")));
    char **left;
    size_t count;
    assert_ok(folder_list(in_scratch("in"), "", &left, &count));
    for (size_t i = 0; i < count; i++) assert_null(strstr(left[i], "temporary"));
    folder_free(left, count);
}

/* Whatever the rims look like, a parcel is one feature, and every feature a shape that GEOS finds valid. */
static void ragged_parcels(void **state)
{
    const tile_plan p = land_plan(40, 6);
    merge_result r;
    geo_layer *l;
    bool there;
    NEED_GDAL();
    for (int tolerance = 0; tolerance < 3; tolerance++) {
        int parcels = 0;
        land_make(&country, 12);
        put_tiles(&p, 35);
        assert_ok(merge_tiles(in_scratch("in"), tolerance, &r));
        assert_int_equal(r.parcels, country.count);
        assert_ok(geo_layer_open(in_scratch("in/parcels.gpkg"), NULL, "", &l));
        for (;; parcels++) {
            assert_ok(geo_layer_next(l, &there));
            if (!there) break;
            const char *problem;
            geo_shape *shape;
            assert_ok(geo_layer_shape(l, &shape, &problem));
            if (!shape) print_error("parcel %d: %s\n", whole_of(l, "id"), problem);
            assert_non_null(shape);
            assert_true(fabs(geo_shape_area(shape) / 1e4 - real_of(l, "area")) < 1e-9);
            geo_shape_free(shape);
        }
        assert_int_equal(parcels, country.count);
        geo_layer_close(l);
    }
}

static void same_file(const char *a, const char *b)
{
    char command[700];
    snprintf(command, sizeof command, "cmp '%s/%s' '%s/%s'", scratch, a, scratch, b);
    assert_int_equal(system(command), 0);
}

static void the_same_bytes_again(void **state)
{
    static const char *const names[] = {"parcels.gpkg", "instances.tif", "classes.tif", "confidence.tif",
                                        "parcels.qml"};
    const tile_plan p = land_plan(40, 6);
    char from[40], command[700];
    NEED_GDAL();
    land_make(&country, 13);
    put_tiles(&p, 20);
    assert_ok(merge_tiles(in_scratch("in"), 0.7, NULL));
    snprintf(command, sizeof command, "cp -r '%s/in' '%s/out'", scratch, scratch);
    assert_int_equal(system(command), 0);
    assert_ok(merge_tiles(in_scratch("in"), 0.7, NULL));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char to[40];
        snprintf(from, sizeof from, "in/%s", names[i]);
        snprintf(to, sizeof to, "out/%s", names[i]);
        same_file(from, to);
    }
}

static void refusals(void **state)
{
    tile_plan p = land_plan(48, 8);
    NEED_GDAL();
    land_make(&country, 14);
    put_tiles(&p, 0);
    put_text(in_scratch("in/tiles/1_2_parcels.npy"), "half of a table");
    assert_refused(merge_tiles(in_scratch("in"), 0, NULL), "tiles are missing or damaged: 1_2");
    assert_false(file_exists(in_scratch("in/parcels.gpkg")));
    p.parcels = false;
    scratch_clear();
    assert_ok(tiles_begin(&p, in_scratch("in")));
    assert_int_equal(merge_tiles(in_scratch("in"), 1, NULL), USAGE);
    assert_message("--tolerance is about outlines of parcels");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_parcel_is_split),
        cmocka_unit_test(ragged_parcels),
        cmocka_unit_test(the_same_bytes_again),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
