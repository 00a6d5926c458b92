/* Folders of satellite images: what names say, which band is where, what does not fit, what is missing. */
#include "base/date.h"
#include "data/scene_name.h"
#include "data/scenes.h"

#include "tests/geo_test.h"

/* ---- names --------------------------------------------------------------------------------------------------------- */

static void assert_name(const char *name, const char *date, const char *band)
{
    char found[SCENE_BAND_BYTES];
    int32_t day = 0;
    assert_true(scene_name_read(name, &day, found));
    assert_string_equal(date_write(day).text, date);
    assert_string_equal(found, band);
}

static void dates_and_bands_of_names(void **state)
{
    char band[SCENE_BAND_BYTES];
    int32_t day;
    (void)state;
    assert_name("20170104.tif", "2017-01-04", "");
    assert_name("20170104.TIFF", "2017-01-04", "");
    assert_name("20170104_SCL.tif", "2017-01-04", "SCL");
    assert_name("T31TFM_20170104T105442_B8A.jp2", "2017-01-04", "B8A");
    assert_name("T31TFM_20170104T105442_B02_10m.jp2", "2017-01-04", "B02");
    assert_name("SENTINEL2A_20170104-105442-000_L2A_T31TFM_C_V1-0_FRE_B2.tif", "2017-01-04", "B2");
    assert_name("SENTINEL2A_20170104-105442-000_L2A_T31TFM_C_V1-0_CLM_R1.tif", "2017-01-04", "CLM");
    assert_name("S2A_MSIL2A_20170104T105442_N0204_R051_T31TFM_20170106T105440.tif", "2017-01-04", "");
    assert_name("20170104105442.tif", "2017-01-04", "");
    assert_false(scene_name_read("dem.tif", &day, band));
    assert_false(scene_name_read("20171304.tif", &day, band));
    assert_false(scene_name_read("201701041.tif", &day, band));
    assert_false(scene_name_read("20170104.txt", &day, band));
    assert_false(scene_name_read("20170104", &day, band));
    assert_false(scene_name_read("", &day, band));
}

static void order_of_bands(void **state)
{
    static const char *const rising[] = {"2", "10", "B02", "B3", "B08", "B8A", "B09", "B11", "B12", "CLM", "SCL"};
    (void)state;
    for (int i = 0; i < 11; i++)
        for (int j = 0; j < 11; j++) {
            const int order = scene_band_compare(rising[i], rising[j]);
            assert_true(i < j ? order < 0 : i > j ? order > 0 : order == 0);
        }
}

/* ---- folders ------------------------------------------------------------------------------------------------------- */

static scenes s;

static void open_them(const scenes_options *o)
{
    assert_ok(scenes_open(in_scratch("in"), o, &s));
}

static void many_bands_in_a_file(void **state)
{
    const scenes_options plain = {0}, chosen = {.bands = "3,1"};
    uint16_t values[2 * 6];
    NEED_GDAL();
    scratch_clear();
    put_scene("20170301", 1, GEO_WIDTH, 3, NULL);
    put_scene("20170101", 0, GEO_WIDTH, 3, NULL);
    put_text(in_scratch("in/notes.txt"), "not an image");
    open_them(&plain);
    assert_int_equal(s.dates, 2);
    assert_int_equal(s.days[0], 17167);
    assert_int_equal(s.bands, 3);
    assert_int_equal(s.type, NUMBER_U16);
    assert_false(s.gaps);
    scenes_close(&s);
    open_them(&chosen);
    assert_int_equal(s.bands, 2);
    assert_ok(scenes_read(&s, 1, 4, 5, 3, 2, values, NULL));
    for (int k = 0; k < 2; k++)
        for (int y = 0; y < 2; y++)
            for (int x = 0; x < 3; x++)
                assert_int_equal(values[(k * 2 + y) * 3 + x], scene_value(1, k ? 0 : 2, 4 + x, 5 + y));
    scenes_close(&s);
}

/* Sentinel-2's order, coarser bands by their nearest pixel, SCL as mask, no data. */
static void a_file_for_each_band(void **state)
{
    static const uint8_t classes[4] = {4, 9, 4, 4};
    const scenes_options plain = {.no_data = "1000"}, none = {.mask = "none", .bands = "B11,B02"};
    uint16_t values[3 * GEO_WIDTH * GEO_HEIGHT];
    uint8_t missing[GEO_WIDTH * GEO_HEIGHT];
    NEED_GDAL();
    scratch_clear();
    put_scene("T31TFM_20170101T105442_B8A", 2, GEO_WIDTH / 2, 1, NULL);
    put_scene("T31TFM_20170101T105442_B11", 3, GEO_WIDTH / 4, 1, NULL);
    put_scene("T31TFM_20170101T105442_B02", 0, GEO_WIDTH, 1, NULL);
    put_scene("T31TFM_20170101T105442_SCL_20m", 4, GEO_WIDTH / 4, 1, classes);
    open_them(&plain);
    assert_int_equal(s.bands, 3);
    assert_string_equal(s.band_names[0], "B02");
    assert_string_equal(s.band_names[1], "B8A");
    assert_string_equal(s.band_names[2], "B11");
    assert_true(s.gaps);
    assert_ok(scenes_read(&s, 0, 1, 1, GEO_WIDTH - 1, GEO_HEIGHT - 1, values, missing));
    for (int y = 1; y < GEO_HEIGHT; y++)
        for (int x = 1; x < GEO_WIDTH; x++) {
            const int at = (y - 1) * (GEO_WIDTH - 1) + x - 1, plane = (GEO_WIDTH - 1) * (GEO_HEIGHT - 1);
            assert_int_equal(values[at], scene_value(0, 0, x, y));
            assert_int_equal(values[plane + at], scene_value(2, 0, x / 2, y / 2));
            assert_int_equal(values[2 * plane + at], scene_value(3, 0, x / 4, y / 4));
            assert_int_equal(missing[at], classes[(y / 4 * (GEO_WIDTH / 4) + x / 4) % 4] == 9);
        }
    scenes_close(&s);
    open_them(&none);
    assert_string_equal(s.band_names[0], "B11");
    assert_false(s.gaps);
    scenes_close(&s);
}

static void missing_by_values(void **state)
{
    const uint16_t hidden = scene_value(0, 1, 3, 2);
    char text[20];
    const scenes_options o = {.no_data = text}, mask = {.mask = "2", .mask_values = text};
    uint16_t values[2];
    uint8_t missing[1];
    NEED_GDAL();
    snprintf(text, sizeof text, "%d", hidden);
    scratch_clear();
    put_scene("20170101", 0, GEO_WIDTH, 2, NULL);
    open_them(&o);
    assert_ok(scenes_read(&s, 0, 3, 2, 1, 1, values, missing));
    assert_int_equal(missing[0], 1);
    assert_ok(scenes_read(&s, 0, 2, 2, 1, 1, values, missing));
    assert_int_equal(missing[0], 0);
    scenes_close(&s);
    open_them(&mask);
    assert_int_equal(s.bands, 1);
    assert_ok(scenes_read(&s, 0, 3, 2, 1, 1, values, missing));
    assert_int_equal(missing[0], 1);
    scenes_close(&s);
}

/* ---- refusals ------------------------------------------------------------------------------------------------------ */

static void refuse(const scenes_options *o, int code, const char *part)
{
    assert_int_equal(scenes_open(in_scratch("in"), o, &s), code);
    assert_message(part);
}

static void refusals(void **state)
{
    const scenes_options plain = {0}, no_band = {.bands = "1,7"}, no_mask = {.mask = "CLM"}, bad = {.no_data = "x"};
    const scenes_options values = {.mask = "1", .mask_values = "3,a"};
    NEED_GDAL();
    scratch_clear();
    refuse(&plain, FAILED, "holds no image");
    put_scene("20170101", 0, GEO_WIDTH, 2, NULL);
    refuse(&no_band, USAGE, "there is no band \"7\"");
    refuse(&no_mask, USAGE, "has no band \"CLM\"");
    refuse(&bad, USAGE, "wanted a number");
    refuse(&values, USAGE, "wanted at most");
    put_scene("20170102", 0, GEO_WIDTH, 3, NULL);
    refuse(&plain, FAILED, "2017-01-02: has 3 bands, the first date has 2");
    scratch_clear();
    put_scene("20170101", 0, GEO_WIDTH, 2, NULL);
    put_scene("20170101_again", 0, GEO_WIDTH, 2, NULL);
    refuse(&plain, FAILED, "is in two files");
    scratch_clear();
    put_scene("20170101", 0, GEO_WIDTH, 2, NULL);
    put_scene("20170102", 0, GEO_WIDTH, 1, NULL);
    refuse(&plain, FAILED, "2017-01-02: there is no band \"2\"");
    scratch_clear();
    put_scene("20170101", 0, GEO_WIDTH, 1, NULL);
    put_scene_at("20170102", GEO_LEFT + 10, GEO_EPSG);
    refuse(&plain, FAILED, "20170102.tif: covers another place");
    put_scene_at("20170102", GEO_LEFT, 2154);
    refuse(&plain, FAILED, "another coordinate system (EPSG:2154)");
    put_text(in_scratch("in/20170102.tif"), "II*");
    refuse(&plain, FAILED, "20170102.tif: cannot be opened");
}

/* A file that is cut anywhere is refused when it is opened or when it is read, and never more than that. */
static void cut_files(void **state)
{
    const scenes_options plain = {0};
    uint16_t values[GEO_WIDTH * GEO_HEIGHT];
    char *bytes;
    size_t length;
    NEED_GDAL();
    scratch_clear();
    put_scene("20170101", 0, GEO_WIDTH, 1, NULL);
    assert_ok(file_read(in_scratch("in/20170101.tif"), 1 << 24, &bytes, &length));
    for (size_t cut = 0; cut < length; cut += cut < 600 ? 1 : 37) {
        put_file(in_scratch("in/20170101.tif"), bytes, cut);
        if (scenes_open(in_scratch("in"), &plain, &s)) continue;
        (void)scenes_read(&s, 0, 0, 0, s.grid.width < GEO_WIDTH ? s.grid.width : GEO_WIDTH,
                          s.grid.height < GEO_HEIGHT ? s.grid.height : GEO_HEIGHT, values, NULL);
        scenes_close(&s);
    }
    for (size_t at = 0; at < length && at < 700; at++) {
        char kept = bytes[at];
        bytes[at] = (char)~kept;
        put_file(in_scratch("in/20170101.tif"), bytes, length);
        bytes[at] = kept;
        if (scenes_open(in_scratch("in"), &plain, &s)) continue;
        if (s.bands == 1 && s.grid.width == GEO_WIDTH && s.grid.height == GEO_HEIGHT && s.type == NUMBER_U16)
            (void)scenes_read(&s, 0, 0, 0, GEO_WIDTH, GEO_HEIGHT, values, NULL);
        scenes_close(&s);
    }
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dates_and_bands_of_names),
        cmocka_unit_test(order_of_bands),
        cmocka_unit_test(many_bands_in_a_file),
        cmocka_unit_test(a_file_for_each_band),
        cmocka_unit_test(missing_by_values),
        cmocka_unit_test(refusals),
        cmocka_unit_test(cut_files),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
