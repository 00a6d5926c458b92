/* The synthetic country: a function of its options, on which every parcel can be cut out. */
#include "data-tools/pack_geotiff.h"
#include "data-tools/synth_scenes.h"

#include "tests/geo_test.h"
#include "tests/pack_test.h"

static void make(const char *name, uint64_t seed)
{
    synth_scenes_options o = synth_scenes_defaults();
    o.scenes = 3;
    o.bands = 4;
    o.size = 60;
    o.parcels = 30;
    o.classes = 5;
    o.seed = seed;
    assert_ok(synth_scenes(in_scratch(name), &o));
}

static bool same_file(const char *a, const char *b, const char *name)
{
    char *x, *y, path[200], other[200];
    size_t x_length, y_length;
    snprintf(path, sizeof path, "%s/%s", a, name);
    snprintf(other, sizeof other, "%s/%s", b, name);
    assert_ok(file_read(in_scratch(path), 1 << 24, &x, &x_length));
    assert_ok(file_read(in_scratch(other), 1 << 24, &y, &y_length));
    const bool same = x_length == y_length && !memcmp(x, y, x_length);
    free(x);
    free(y);
    return same;
}

static void a_function_of_the_seed(void **state)
{
    static const char *const files[] = {"SCENES/20170101.tif", "SCENES/20170615_SCL.tif", "parcels.geojson"};
    NEED_GDAL();
    make("a", 1);
    make("b", 1);
    make("c", 2);
    for (int i = 0; i < 3; i++) assert_true(same_file("a", "b", files[i]));
    assert_false(same_file("a", "c", files[0]));
    assert_false(same_file("a", "c", files[2]));
}

static void every_parcel_can_be_cut_out(void **state)
{
    pack_geotiff_options o = pack_geotiff_defaults();
    pack_geotiff_result r;
    const int32_t *labels;
    pixelset_pack *p;
    NEED_GDAL();
    make("d", 3);
    o.parcels.labels = "CODE_GROUP,CODE_CULTU";
    assert_ok(pack_geotiff(in_scratch("d/SCENES"), in_scratch("d/parcels.geojson"), in_scratch("d.h5"), &o, &r));
    assert_int_equal(r.parcels, 30);
    assert_int_equal(r.left_out, 0);
    assert_int_equal(r.dates, 3);
    assert_int_equal(r.bands, 4);
    assert_true(r.missing > 0 && r.missing < 0.6);
    assert_ok(pixelset_pack_open(in_scratch("d.h5"), &p));
    assert_ok(pixelset_pack_labels(p, "CODE_GROUP", &labels));
    for (int i = 0; i < 30; i++) assert_true(labels[i] >= 0 && labels[i] < 5);
    pixelset_pack_close(p);
}

static void refusals(void **state)
{
    synth_scenes_options o = synth_scenes_defaults();
    NEED_GDAL();
    make("e", 1);
    assert_int_equal(synth_scenes(in_scratch("e"), &o), FAILED);
    assert_message("wanted a folder without SCENES");
    o.classes = 0;
    assert_int_equal(synth_scenes(in_scratch("f"), &o), USAGE);
    assert_false(file_exists(in_scratch("f")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_function_of_the_seed),
        cmocka_unit_test(every_parcel_can_be_cut_out),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
