/* Predictions join polygons: a GeoPackage with the two most probable classes, names, sizes and the last date. */
#include <math.h>

#include "data-tools/label_parcels.h"
#include "data-tools/pack_geotiff.h"
#include "format/geo_layer.h"
#include "format/geo_write.h"

#include "tests/geo_test.h"
#include "tests/pack_test.h"

static void put_inputs(void)
{
    FILE *file = features_start();
    scratch_clear();
    put_scene("20170101", 0, GEO_WIDTH, 1, NULL);
    put_scene("20170301", 0, GEO_WIDTH, 1, NULL);
    put_square(file, "\"id\": 7, \"crop\": \"wheat\"", 2, 3, 6, 4);
    put_square(file, "\"id\": 8, \"crop\": \"maize\"", 10, 3, 2, 2);
    put_square(file, "\"id\": 9", 14, 3, 2, 2);
    features_end(file);
    put_text(in_scratch("predictions.json"),
             "{\"classes\": [\"0\", \"wheat\", \"2\"], \"parcels\": ["
             "{\"id\": \"8\", \"label\": \"wheat\", \"class\": 1, \"probabilities\": [0.25, 0.7, 0.05]},"
             "{\"id\": \"7\", \"label\": \"2\", \"class\": 2, \"probabilities\": [0.1, 0.3, 0.6]}]}");
}

static int label(const label_parcels_options *o, size_t *written)
{
    return label_parcels(in_scratch("in"), in_scratch("parcels.geojson"), in_scratch("predictions.json"), o,
                         in_scratch("out.gpkg"), written);
}

static void assert_field(geo_layer *l, const char *name, const char *wanted)
{
    int field;
    assert_ok(geo_layer_field(l, name, &field));
    const char *text = geo_layer_text(l, field);
    if (wanted)
        assert_string_equal(text ? text : "(null)", wanted);
    else
        assert_null(text);
}

static void polygons_with_their_classes(void **state)
{
    pack_geotiff_options pack = pack_geotiff_defaults();
    char names[200];
    const label_parcels_options o = {.names_pack = names, .nomenclature = "crop"};
    const char *problem;
    geo_layer *l;
    size_t written;
    bool there;
    NEED_GDAL();
    snprintf(names, sizeof names, "%s/names.h5", scratch);
    put_inputs();
    pack.parcels.labels = "crop";
    assert_ok(pack_geotiff(in_scratch("in"), in_scratch("parcels.geojson"), in_scratch("names.h5"), &pack, NULL));
    assert_ok(label(&o, &written));
    assert_int_equal(written, 2);
    assert_ok(geo_layer_open(in_scratch("out.gpkg"), NULL, "", &l));
    assert_int_equal(geo_layer_count(l), 2);
    assert_ok(geo_layer_next(l, &there));
    assert_field(l, "id", "7");
    assert_field(l, "crop:code", "2");
    assert_field(l, "crop:name", NULL); /* nobody named class 2 */
    assert_field(l, "confidence", "0.6");
    assert_field(l, "second_code", "1");
    assert_field(l, "second_name", "wheat");
    assert_field(l, "second_confidence", "0.3");
    assert_field(l, "area", "0.24");
    assert_field(l, "perimeter", "200");
    assert_field(l, "last_image", "2017/03/01");
    geo_shape *shape;
    assert_ok(geo_layer_shape(l, &shape, &problem));
    assert_non_null(shape);
    assert_float_equal(geo_shape_area(shape), 2400, 1e-6);
    geo_shape_free(shape);
    assert_ok(geo_layer_next(l, &there));
    assert_field(l, "id", "8");
    assert_field(l, "crop:name", "wheat");
    assert_field(l, "second_name", "maize");
    assert_ok(geo_layer_next(l, &there));
    assert_false(there);
    geo_layer_close(l);
}

static void the_same_bytes_again(void **state)
{
    const label_parcels_options o = {0};
    char *first, *second;
    size_t length, again;
    NEED_GDAL();
    put_inputs();
    assert_ok(label(&o, NULL));
    assert_ok(file_read(in_scratch("out.gpkg"), 1 << 24, &first, &length));
    assert_ok(label(&o, NULL));
    assert_ok(file_read(in_scratch("out.gpkg"), 1 << 24, &second, &again));
    assert_int_equal(length, again);
    assert_memory_equal(first, second, length);
    free(first);
    free(second);
}

static void refusals(void **state)
{
    const label_parcels_options o = {0}, field = {.id = "name"};
    NEED_GDAL();
    put_inputs();
    assert_int_equal(label(&field, NULL), USAGE);
    put_text(in_scratch("predictions.json"), "{\"classes\": [], \"parcels\": []}");
    assert_refused(label(&o, NULL), "as predict writes it");
    put_text(in_scratch("predictions.json"), "{\"classes\": [\"0\"], \"parcels\": [{\"id\": \"7\"}]}");
    assert_refused(label(&o, NULL), "parcel 7 has no probabilities");
    assert_false(file_exists(in_scratch("out.gpkg")));
}

/* A GeoPackage that is cut off or in which bytes are turned is refused, or read with whatever it still holds. */
static void damaged_polygons(void **state)
{
    const label_parcels_options o = {0};
    pack_geotiff_options pack = pack_geotiff_defaults();
    char *bytes;
    size_t length;
    NEED_GDAL();
    put_inputs();
    assert_ok(label(&o, NULL));
    assert_ok(file_read(in_scratch("out.gpkg"), 1 << 24, &bytes, &length));
    for (size_t at = 0; at < length; at += 509) {
        const char kept = bytes[at];
        bytes[at] = (char)~kept;
        put_file(in_scratch("damaged.gpkg"), bytes, length);
        bytes[at] = kept;
        (void)pack_geotiff(in_scratch("in"), in_scratch("damaged.gpkg"), in_scratch("other.h5"), &pack, NULL);
        put_file(in_scratch("damaged.gpkg"), bytes, at);
        (void)pack_geotiff(in_scratch("in"), in_scratch("damaged.gpkg"), in_scratch("other.h5"), &pack, NULL);
    }
    free(bytes);
}

/* Another pack's normalisation and features' moments go along. */
static void normalisation_of_another_pack(void **state)
{
    pack_geotiff_options o = pack_geotiff_defaults();
    const pack_feature *f, *g;
    pixelset_pack *p, *q;
    char norm[200];
    NEED_GDAL();
    put_inputs();
    assert_ok(pack_geotiff(in_scratch("in"), in_scratch("parcels.geojson"), in_scratch("first.h5"), &o, NULL));
    put_scene("20170101", 3, GEO_WIDTH, 1, NULL);
    snprintf(norm, sizeof norm, "%s/first.h5", scratch);
    o.norm = norm;
    o.parcels.least_pixels = 5;
    assert_ok(pack_geotiff(in_scratch("in"), in_scratch("parcels.geojson"), in_scratch("second.h5"), &o, NULL));
    assert_ok(pixelset_pack_open(in_scratch("first.h5"), &p));
    assert_ok(pixelset_pack_open(in_scratch("second.h5"), &q));
    assert_true(pixelset_pack_normalisation(p)->mean[0] == pixelset_pack_normalisation(q)->mean[0]);
    assert_string_equal(pixelset_pack_normalisation(q)->source, "first.h5");
    assert_ok(pixelset_pack_feature(p, "geomfeat", &f));
    assert_ok(pixelset_pack_feature(q, "geomfeat", &g));
    for (int k = 0; k < 4; k++) assert_true(f->mean[k] == g->mean[k] && f->std[k] == g->std[k]);
    assert_int_equal(pixelset_pack_count(q), 1);
    pixelset_pack_close(p);
    pixelset_pack_close(q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(polygons_with_their_classes),
        cmocka_unit_test(the_same_bytes_again),
        cmocka_unit_test(refusals),
        cmocka_unit_test(damaged_polygons),
        cmocka_unit_test(normalisation_of_another_pack),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
