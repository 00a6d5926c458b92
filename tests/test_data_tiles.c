/* Maps in tiles: every pixel from one tile's middle, plans that are trusted for nothing, images of the tiles. */
#include <cjson/cJSON.h>

#include "data-tools/merge_tiles.h"
#include "data/tiles.h"
#include "format/npy.h"

#include "tests/geo_test.h"

static tile_class classes[3] = {{"Background", 0x000000}, {"wheat & rye", 0xff8000}, {"Void", 0xffffff}};

static tile_plan plan_of(int width, int height, int side, int margin)
{
    return (tile_plan){
        .grid = {width, height, {GEO_LEFT, 10, 0, GEO_TOP, 0, -10}, ""},
        .side = side,
        .margin = margin,
        .classes = classes,
        .class_count = 3,
        .last_day = 17497,
        .state = UINT64_C(0xfedcba9876543210),
    };
}

/* ---- where tiles lie ----------------------------------------------------------------------------------------------- */

static void middles_cover_all(void **state)
{
    (void)state;
    for (int side = 1; side <= 9; side++)
        for (int margin = 0; 2 * margin < side; margin++)
            for (int length = side; length < 40; length++) {
                tile_plan p = plan_of(length, length, side, margin);
                int covered = 0;
                assert_ok(tiles_lay(&p));
                for (int k = 0; k < p.across; k++) {
                    const tile_span s = tile_span_of(&p, length, k);
                    assert_int_equal(s.from, covered);
                    assert_true(s.to > s.from);
                    assert_true(s.start >= 0 && s.start + side <= length);
                    assert_true(s.from >= s.start + (k ? margin : 0));
                    assert_true(s.to <= s.start + side - (k + 1 < p.across ? margin : 0));
                    covered = s.to;
                }
                assert_int_equal(covered, length);
            }
}

static void refusals(void **state)
{
    tile_plan p = plan_of(20, 10, 12, 2);
    (void)state;
    assert_int_equal(tiles_lay(&p), USAGE);
    assert_message("20 x 10 pixels are smaller than a tile of 12");
    p = plan_of(20, 20, 12, 6);
    assert_int_equal(tiles_lay(&p), USAGE);
    p = plan_of(20, 20, 0, 0);
    assert_int_equal(tiles_lay(&p), USAGE);
    p = plan_of(20, 20, 8, -1);
    assert_int_equal(tiles_lay(&p), USAGE);
    p = plan_of(1 << 20, 1 << 20, 1 << 20, 0);
    assert_int_equal(tiles_lay(&p), USAGE);
    p = plan_of(10, 20, 12, 2);
    assert_int_equal(tiles_lay(&p), USAGE);
}

/* ---- plans --------------------------------------------------------------------------------------------------------- */

static void plans_are_kept_and_compared(void **state)
{
    tile_plan p = plan_of(20, 10, 8, 2), q;
    (void)state;
    scratch_clear();
    assert_ok(tiles_lay(&p));
    assert_ok(tiles_begin(&p, in_scratch("in")));
    assert_ok(tiles_begin(&p, in_scratch("in")));
    assert_ok(tiles_open(in_scratch("in"), &q));
    assert_int_equal(q.across, 4);
    assert_int_equal(q.down, 2);
    assert_int_equal(q.class_count, 3);
    assert_string_equal(q.classes[1].name, "wheat & rye");
    assert_int_equal(q.classes[1].colour, 0xff8000);
    assert_int_equal(q.last_day, 17497);
    assert_memory_equal(q.grid.transform, p.grid.transform, sizeof p.grid.transform);
    tiles_free(&q);
    p.state++;
    assert_refused(tiles_begin(&p, in_scratch("in")), "is of other images, weights or tiles");
}

#define PLAN(size, transform, rest)                                                                                    \
    "{\"furrow_format\": \"tiles\", " size ", \"transform\": " transform ", \"crs\": \"\"" rest "}"
#define SIZE  "\"width\": 20, \"height\": 20"
#define SIX   "[1, 2, 3, 4, 5, 6]"
#define CLASS "[{\"name\": \"a\", \"colour\": 1}]"
#define TILE(side, margin, day, list)                                                                                  \
    ", \"tile\": " side ", \"margin\": " margin ", \"last_day\": " day ", \"classes\": " list

/* Cut anywhere, or with one value replaced, it is refused or read; never more than that. */
static void damaged_plans(void **state)
{
    static const struct {
        const char *text, *message; /* NULL: fine */
    } broken[] = {
        {PLAN(SIZE, SIX, TILE("8", "1", "3", CLASS)), NULL},
        {"{}", "is no plan of tiles"},
        {"[1]", "is no plan of tiles"},
        {"{\"furrow_format\": \"programs\"}", "is no plan of tiles"},
        {"{\"furrow_format\": \"tiles\"}", "\"width\": wanted a whole number from 1"},
        {PLAN("\"width\": 20, \"height\": 1e9", SIX, ""), "\"height\": wanted"},
        {PLAN("\"width\": 20, \"height\": 0", SIX, ""), "\"height\": wanted"},
        {PLAN("\"width\": 20.5, \"height\": 20", SIX, ""), "\"width\": wanted"},
        {PLAN("\"width\": \"20\", \"height\": 20", SIX, ""), "\"width\": wanted"},
        {PLAN(SIZE, "[1, 2, 3]", ""), "wanted \"transform\", six numbers"},
        {PLAN(SIZE, "[1, 2, 3, 4, 5, \"6\"]", ""), "wanted \"transform\", six numbers"},
        {PLAN(SIZE, "[1, 2, 3, 4, 5, 6, 7]", ""), "\"tile\": wanted"},
        {"{\"furrow_format\": \"tiles\", " SIZE ", \"crs\": \"\"}", "wanted \"transform\", six numbers"},
        {"{\"furrow_format\": \"tiles\", " SIZE ", \"transform\": " SIX "}", "and \"crs\""},
        {PLAN(SIZE, SIX, TILE("8", "4", "3", CLASS)), "margin"},
        {PLAN(SIZE, SIX, TILE("0", "0", "3", CLASS)), "\"tile\": wanted"},
        {PLAN(SIZE, SIX, TILE("8", "-1", "3", CLASS)), "\"margin\": wanted"},
        {PLAN(SIZE, SIX, TILE("8", "1", "1e7", CLASS)), "\"last_day\": wanted"},
        {PLAN(SIZE, SIX, TILE("8", "1", "3", "3")), "\"classes\": wanted a list of 1 to 255"},
        {PLAN(SIZE, SIX, TILE("8", "1", "3", "[]")), "\"classes\": wanted a list of 1 to 255"},
        {PLAN(SIZE, SIX, TILE("8", "1", "3", "[{\"colour\": 1}]")), "a class has no name"},
        {PLAN(SIZE, SIX, TILE("8", "1", "3", "[{\"name\": \"a\", \"colour\": -1}]")), "\"colour\": wanted"},
        {PLAN(SIZE, SIX, TILE("21", "1", "3", CLASS)), "smaller than a tile"},
    };
    tile_plan p = plan_of(20, 10, 8, 2), q;
    char *text;
    size_t length;
    (void)state;
    scratch_clear();
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        put_text(in_scratch("in/tiles.json"), broken[i].text);
        const int rc = tiles_open(in_scratch("in"), &q);
        assert_int_equal(rc == OK, !broken[i].message);
        if (broken[i].message)
            assert_message(broken[i].message);
        else
            tiles_free(&q);
    }
    char many[20000] = PLAN(SIZE, SIX, TILE("8", "1", "3", "["));
    for (size_t i = 0, used = strlen(many) - 1; i < 256; i++)
        used += (size_t)snprintf(many + used, sizeof many - used, "{\"name\": \"a\", \"colour\": 1}%s",
                                 i < 255 ? "," : "]}");
    put_text(in_scratch("in/tiles.json"), many);
    assert_refused(tiles_open(in_scratch("in"), &q), "\"classes\": wanted a list of 1 to 255");
    unlink(in_scratch("in/tiles.json"));
    assert_ok(tiles_lay(&p));
    assert_ok(tiles_begin(&p, in_scratch("in")));
    assert_ok(file_read(in_scratch("in/tiles.json"), 1 << 20, &text, &length));
    for (size_t cut = 0; cut + 1 < length; cut++) {
        put_file(in_scratch("in/tiles.json"), text, cut);
        assert_true(tiles_open(in_scratch("in"), &q) != OK);
    }
    free(text);
}

/* A file that is an array, but not this tile's. */
static void other_arrays_are_no_tiles(void **state)
{
    static const struct {
        enum number_type type;
        int rank;
        size_t shape[4];
    } cases[] = {{NUMBER_I8, 3, {2, 6, 6}}, {NUMBER_U8, 2, {2, 36}},   {NUMBER_U8, 3, {1, 6, 6}},
                 {NUMBER_U8, 3, {2, 5, 6}}, {NUMBER_U8, 3, {2, 6, 5}}, {NUMBER_U8, 4, {1, 2, 6, 6}}};
    static const char zeros[256];
    tile_plan p = plan_of(20, 10, 8, 2);
    uint8_t *values;
    (void)state;
    scratch_clear();
    assert_ok(tiles_lay(&p));
    assert_ok(tiles_begin(&p, in_scratch("in")));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_ok(npy_write(in_scratch("in/tiles/0_0.npy"), cases[i].type, cases[i].rank, cases[i].shape, zeros));
        assert_false(tile_is_done(&p, in_scratch("in"), 0));
        assert_refused(tile_load(&p, in_scratch("in"), 0, &values), "0_0.npy: ");
    }
    put_text(in_scratch("in/tiles/0_0.npy"), "\x93NUMPY\x01");
    assert_false(tile_is_done(&p, in_scratch("in"), 0));
}

/* ---- tiles and images ---------------------------------------------------------------------------------------------- */

static uint8_t class_at(int x, int y)
{
    return (uint8_t)((x * 7 + y * 5) % 3);
}

static void put_tile(const tile_plan *p, int index)
{
    const tile_span y = tile_span_of(p, p->grid.height, index / p->across);
    const tile_span x = tile_span_of(p, p->grid.width, index % p->across);
    const int width = x.to - x.from, height = y.to - y.from;
    uint8_t values[2 * 64];
    for (int i = 0; i < width * height; i++) {
        values[i] = class_at(x.from + i % width, y.from + i / width);
        values[width * height + i] = (uint8_t)(10 * values[i]);
    }
    values[0] = index ? values[0] : TILE_UNSEEN;
    assert_ok(tile_save(p, in_scratch("in"), index, values));
}

static void images_of_the_tiles(void **state)
{
    tile_plan p = plan_of(20, 10, 8, 2);
    merge_result r;
    geo_raster *raster;
    uint8_t values[200], *tile;
    double no_data;
    char *text;
    size_t length;
    const int band = 0;
    NEED_GDAL();
    scratch_clear();
    assert_ok(tiles_lay(&p));
    assert_ok(tiles_begin(&p, in_scratch("in")));
    for (int i = 0; i < 7; i++) put_tile(&p, i);
    assert_false(tile_is_done(&p, in_scratch("in"), 7));
    assert_refused(merge_tiles(in_scratch("in"), 0, NULL), "1 of 8 tiles are missing or damaged: 1_3");
    assert_false(file_exists(in_scratch("in/classes.tif")));
    put_text(in_scratch("in/tiles/1_3.npy"), "\x93NUMPY");
    assert_refused(merge_tiles(in_scratch("in"), 0, NULL), "1 of 8 tiles");
    put_tile(&p, 7);
    assert_true(tile_is_done(&p, in_scratch("in"), 7));
    assert_ok(tile_load(&p, in_scratch("in"), 7, &tile));
    free(tile);
    assert_ok(merge_tiles(in_scratch("in"), 0, &r));
    assert_int_equal(r.tiles, 8);
    assert_ok(geo_raster_open(in_scratch("in/classes.tif"), &raster));
    assert_int_equal(geo_raster_about_of(raster)->type, NUMBER_U8);
    assert_true(geo_raster_no_data(raster, 0, &no_data) && no_data == TILE_UNSEEN);
    assert_true(geo_grid_covers_same(&geo_raster_about_of(raster)->grid, &p.grid));
    assert_ok(geo_raster_read(raster, &band, 1, 0, 0, 20, 10, NUMBER_U8, values));
    for (int i = 0; i < 200; i++) assert_int_equal(values[i], i ? class_at(i % 20, i / 20) : TILE_UNSEEN);
    geo_raster_close(raster);
    assert_ok(geo_raster_open(in_scratch("in/confidence.tif"), &raster));
    assert_ok(geo_raster_read(raster, &band, 1, 0, 0, 20, 10, NUMBER_U8, values));
    for (int i = 0; i < 200; i++) assert_int_equal(values[i], 10 * class_at(i % 20, i / 20));
    geo_raster_close(raster);
    assert_ok(file_read(in_scratch("in/classes.qml"), 1 << 16, &text, &length));
    assert_non_null(strstr(text, "value=\"1\" color=\"#ff8000\" alpha=\"255\" label=\"wheat &amp; rye\""));
    free(text);
    assert_ok(file_read(in_scratch("in/classes.tif.aux.xml"), 1 << 16, &text, &length));
    assert_non_null(strstr(text, "<Category>wheat &amp; rye</Category>"));
    assert_non_null(strstr(text, "2017-11-27"));
    free(text);
    char **left;
    assert_ok(folder_list(in_scratch("in"), ".temporary", &left, &length));
    assert_int_equal(length, 0);
    folder_free(left, length);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(middles_cover_all),           cmocka_unit_test(refusals),
        cmocka_unit_test(plans_are_kept_and_compared), cmocka_unit_test(damaged_plans),
        cmocka_unit_test(other_arrays_are_no_tiles),   cmocka_unit_test(images_of_the_tiles),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
