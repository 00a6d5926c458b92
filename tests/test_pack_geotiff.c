/* Parcels cut out of images: which pixels, in which order, what is filled, what is left out, resuming, both forms. */
#include <math.h>

#include "data-tools/pack_gaps.h"
#include "data-tools/pack_geotiff.h"

#include "tests/geo_test.h"
#include "tests/pack_test.h"

/* ---- polygons ------------------------------------------------------------------------------------------------------ */

/* Parcel 7: a square of 6 x 4 with a hole of 2 x 2; 12: two squares; 3: across the grid's corner. */
static void put_parcels(void)
{
    static const double outer[] = {2, 3, 8, 3, 8, 7, 2, 7}, hole[] = {4, 4, 6, 4, 6, 6, 4, 6};
    static const double one[] = {10, 1, 12, 1, 12, 3, 10, 3}, two[] = {14, 2, 15, 2, 15, 5, 14, 5};
    FILE *file = features_start();
    put_feature(file, "\"ID_PARCEL\": 12, \"crop\": \"wheat\", \"group\": 4", "MultiPolygon");
    fprintf(file, "[[");
    put_ring(file, 4, one);
    fprintf(file, "], [");
    put_ring(file, 4, two);
    fprintf(file, "]]}}");
    put_feature(file, "\"ID_PARCEL\": 7, \"crop\": \"maize\", \"group\": 9", "Polygon");
    fprintf(file, "[");
    put_ring(file, 4, outer);
    fprintf(file, ", ");
    put_ring(file, 4, hole);
    fprintf(file, "]}}");
    put_square(file, "\"ID_PARCEL\": 3, \"group\": 4", -5, -5, 7, 6);
    features_end(file);
}

static void put_images(const uint8_t *second_classes)
{
    static const uint8_t clear[4] = {4, 4, 4, 4};
    scratch_clear();
    for (int d = 0; d < 3; d++) {
        static const char *const dates[] = {"20170101", "20170111", "20170131"};
        char name[40];
        put_scene(dates[d], d, GEO_WIDTH, 2, NULL);
        snprintf(name, sizeof name, "%s_SCL", dates[d]);
        if (second_classes) put_scene(name, 0, GEO_WIDTH, 1, d == 1 ? second_classes : clear);
    }
}

static int pack(const pack_geotiff_options *o, pack_geotiff_result *r)
{
    return pack_geotiff(in_scratch("in"), in_scratch("parcels.geojson"), in_scratch("out.h5"), o, r);
}

static pixelset_pack *pack_it_and_open(const pack_geotiff_options *o)
{
    pixelset_pack *p;
    unlink(in_scratch("out.h5"));
    assert_ok(pack(o, NULL));
    assert_ok(pixelset_pack_open(in_scratch("out.h5"), &p));
    return p;
}

static void assert_pixels(pixelset_pack *p, size_t parcel, const char *id, int count, const int *xy)
{
    uint16_t values[3 * 2 * 100];
    assert_string_equal(pixelset_pack_id(p, parcel), id);
    assert_int_equal(pixelset_pack_pixels(p, parcel), count);
    assert_int_equal(pixelset_pack_dates(p, parcel), 3);
    assert_true(pixelset_pack_bytes(p, parcel) <= sizeof values);
    assert_ok(pixelset_pack_read(p, parcel, values));
    for (int t = 0; t < 3; t++)
        for (int s = 0; s < count; s++)
            for (int c = 0; c < 2; c++)
                assert_int_equal(values[(t * count + s) * 2 + c], scene_value(t, c, xy[2 * s], xy[2 * s + 1]));
}

/* ---- pixel sets ---------------------------------------------------------------------------------------------------- */

static void pixels_whose_centres_lie_within(void **state)
{
    static const int corner[] = {0, 0, 1, 0};
    static const int ring[] = {2, 3, 3, 3, 4, 3, 5, 3, 6, 3, 7, 3, 2, 4, 3, 4, 6, 4, 7, 4,
                               2, 5, 3, 5, 6, 5, 7, 5, 2, 6, 3, 6, 4, 6, 5, 6, 6, 6, 7, 6};
    static const int two[] = {10, 1, 11, 1, 10, 2, 11, 2, 14, 2, 14, 3, 14, 4};
    pack_geotiff_options o = pack_geotiff_defaults();
    const int32_t *labels, *days;
    const pack_feature *f;
    NEED_GDAL();
    put_images(NULL);
    put_parcels();
    o.parcels.labels = "group,crop";
    pixelset_pack *p = pack_it_and_open(&o);
    assert_int_equal(pixelset_pack_count(p), 3);
    assert_pixels(p, 0, "3", 2, corner);
    assert_pixels(p, 1, "7", 20, ring);
    assert_pixels(p, 2, "12", 7, two);
    assert_ok(pixelset_pack_labels(p, "group", &labels));
    assert_int_equal(labels[0], 4);
    assert_int_equal(labels[1], 9);
    assert_ok(pixelset_pack_labels(p, "crop", &labels));
    assert_int_equal(labels[0], PACK_NO_LABEL);
    assert_int_equal(labels[1], 0);
    assert_int_equal(labels[2], 1);
    days = pixelset_pack_days(p, 0);
    assert_true(pixelset_pack_days_shared(p));
    assert_int_equal(days[1] - days[0], 10);
    assert_ok(pixelset_pack_feature(p, "geomfeat", &f));
    assert_int_equal(f->width, 4);
    assert_float_equal(f->values[4], 280, 1e-4); /* 20 x 10 m, and 8 x 10 m around the hole */
    assert_float_equal(f->values[5], 20, 0);
    assert_float_equal(f->values[6], 20.0 / 24, 1e-6);
    assert_float_equal(f->values[7], 280.0 / 2000, 1e-6);
    assert_float_equal(f->values[10], 7.0 / (5 * 4), 1e-6);
    pixelset_pack_close(p);
}

static void touched_and_buffer(void **state)
{
    static const int all[] = {4, 4, 5, 4, 6, 4, 4, 5, 5, 5, 6, 5, 4, 6, 5, 6, 6, 6};
    static const int inner[] = {5, 5};
    pack_geotiff_options o = pack_geotiff_defaults();
    FILE *file = features_start();
    NEED_GDAL();
    put_images(NULL);
    put_square(file, "\"id\": \"a\"", 4.1, 4.1, 2.8, 2.8);
    features_end(file);
    pixelset_pack *p = pack_it_and_open(&o);
    assert_pixels(p, 0, "a", 9, all); /* the centres lie within 0.4 of the edge */
    pixelset_pack_close(p);
    o.parcels.buffer = 5;
    p = pack_it_and_open(&o);
    assert_pixels(p, 0, "a", 1, inner);
    pixelset_pack_close(p);
    o.parcels.touched = true;
    p = pack_it_and_open(&o);
    assert_pixels(p, 0, "a", 9, all);
    pixelset_pack_close(p);
}

/* A square from 4.8 to 7.2, both ways, in degrees. */
static void reprojection(void **state)
{
    static const int square[] = {5, 5, 6, 5, 5, 6, 6, 6};
    pack_geotiff_options o = pack_geotiff_defaults();
    NEED_GDAL();
    put_images(NULL);
    put_text(
        in_scratch("parcels.geojson"),
        "{\"type\": \"FeatureCollection\", \"features\": [{\"type\": \"Feature\", \"properties\": {\"id\": 1}, "
        "\"geometry\": {\"type\": \"Polygon\", \"coordinates\": [[[4.2931422, 46.0458265], [4.2934523, 46.045823], "
        "[4.2934473, 46.0456071], [4.2931372, 46.0456106], [4.2931422, 46.0458265]]]}}]}");
    pixelset_pack *p = pack_it_and_open(&o);
    assert_pixels(p, 0, "1", 4, square);
    pixelset_pack_close(p);
}

/* ---- gaps ---------------------------------------------------------------------------------------------------------- */

static void hidden_pixels_are_put_on_the_line(void **state)
{
    static const uint8_t classes[4] = {4, 8, 4, 4}; /* columns 1, 5, 9, ... are hidden at the second date */
    pack_geotiff_options o = pack_geotiff_defaults();
    pack_geotiff_result r;
    uint16_t values[3 * 20 * 2];
    NEED_GDAL();
    put_images(classes);
    put_parcels();
    pixelset_pack *p;
    assert_ok(pack(&o, &r));
    assert_ok(pixelset_pack_open(in_scratch("out.h5"), &p));
    assert_ok(pixelset_pack_read(p, 1, values));
    for (int c = 0; c < 2; c++) {
        const double first = scene_value(0, c, 5, 3), last = scene_value(2, c, 5, 3); /* its fourth pixel */
        assert_int_equal(values[(0 * 20 + 3) * 2 + c], (int)first);
        assert_int_equal(values[(1 * 20 + 3) * 2 + c], (int)rint(first + (last - first) * 10 / 30));
        assert_int_equal(values[(1 * 20 + 2) * 2 + c], scene_value(1, c, 4, 3));
    }
    assert_float_equal(r.missing, 3.0 / (3 * 29), 1e-12);
    pixelset_pack_close(p);
}

static void lines_over_time(void **state)
{
    static const int32_t days[5] = {0, 10, 15, 40, 41};
    static const uint8_t missing[5 * 3] = {1, 0, 1, /**/ 0, 1, 1, /**/ 1, 1, 1, /**/ 0, 0, 1, /**/ 1, 1, 1};
    int16_t values[5 * 3] = {-1, 10, 7, /**/ 20, -1, 7, /**/ -1, -1, 7, /**/ -10, -75, 7, /**/ -1, -1, 7};
    static const int16_t wanted[5 * 3] = {20, 10, 7, 20, -11, 7, 15, -22, 7, -10, -75, 7, -10, -75, 7};
    float reals[5 * 3];
    (void)state;
    for (int i = 0; i < 15; i++) reals[i] = values[i];
    gaps_fill(NUMBER_I16, values, missing, days, 5, 3, 1);
    assert_memory_equal(values, wanted, sizeof wanted);
    gaps_fill(NUMBER_F32, reals, missing, days, 5, 3, 1);
    assert_float_equal(reals[4], 10 - 85 * 10.0 / 40, 1e-5);
    assert_int_equal(gaps_keep_seen(NUMBER_I16, values, missing, 5, 3, 1), 2);
    for (int t = 0; t < 5; t++)
        for (int s = 0; s < 2; s++) assert_int_equal(values[2 * t + s], wanted[3 * t + s]);
}

/* ---- parcels that cannot be used ----------------------------------------------------------------------------------- */

static void what_is_left_out_is_listed(void **state)
{
    static const double crossing[] = {2, 2, 6, 6, 6, 2, 2, 6};
    pack_geotiff_options o = pack_geotiff_defaults();
    pack_geotiff_result r;
    char *text;
    size_t length;
    FILE *file = features_start();
    NEED_GDAL();
    put_images(NULL);
    put_square(file, "\"id\": 1", 2, 2, 4, 4);
    put_feature(file, "\"id\": 2", "Polygon");
    fprintf(file, "[");
    put_ring(file, 4, crossing);
    fprintf(file, "]}}");
    put_feature(file, "\"id\": 3", "Point");
    fprintf(file, "[600010, 5099990]}}");
    put_feature(file, "\"id\": 4", "Polygon");
    fprintf(file, "[]}}");
    put_square(file, "\"id\": 5", 100, 100, 5, 5);
    put_square(file, "\"id\": 6", 8, 8, 2, 1);
    put_square(file, "\"id\": null", 2, 2, 3, 3);
    put_square(file, "\"id\": \"a/b\"", 2, 2, 3, 3);
    fprintf(file, ",\n{\"type\": \"Feature\", \"properties\": {\"id\": 8}, \"geometry\": null}");
    features_end(file);
    o.parcels.least_pixels = 3;
    assert_ok(pack(&o, &r));
    assert_int_equal(r.parcels, 1);
    assert_int_equal(r.left_out, 8);
    assert_ok(file_read(in_scratch("out.h5.left-out.csv"), 1 << 16, &text, &length));
    assert_non_null(strstr(text, "2,0,Self-intersection"));
    assert_non_null(strstr(text, "3,0,\"is a POINT, no polygon\""));
    assert_non_null(strstr(text, "4,0,has no geometry"));
    assert_non_null(strstr(text, "5,0,no pixel of the images lies in it"));
    assert_non_null(strstr(text, "6,2,has too few pixels"));
    assert_non_null(strstr(text, ",0,has no id"));
    assert_non_null(strstr(text, "holds a slash"));
    assert_non_null(strstr(text, "8,0,has no geometry"));
    free(text);
}

static void refusals(void **state)
{
    pack_geotiff_options o = pack_geotiff_defaults();
    NEED_GDAL();
    put_images(NULL);
    FILE *file = features_start();
    put_square(file, "\"id\": 1", 2, 2, 4, 4);
    put_square(file, "\"id\": 1", 8, 2, 4, 4);
    features_end(file);
    assert_refused(pack(&o, NULL), "1 ids stand for several parcels: 1");
    o.parcels.id = "name";
    assert_int_equal(pack(&o, NULL), USAGE);
    assert_message("has no field \"name\"; it has: id");
    o.parcels.id = NULL;
    o.parcels.labels = "id,crop";
    assert_int_equal(pack(&o, NULL), USAGE);
    o.parcels.labels = NULL;
    o.parcels.least_pixels = 100;
    assert_refused(pack(&o, NULL), "none of 2 parcels can be used");
    assert_true(file_exists(in_scratch("out.h5.left-out.csv")));
    put_text(in_scratch("parcels.geojson"), "{\"type\": \"FeatureCollection\", \"features\": [");
    assert_refused(pack(&o, NULL), "parcels.geojson");
    assert_refused(
        pack_geotiff(in_scratch("in"), "/vsicurl/http://localhost/x.geojson", in_scratch("out.h5"), &o, NULL),
        "there is no such file");
    assert_refused(pack_geotiff(in_scratch("in"), in_scratch("in/20170101.tif"), in_scratch("out.h5"), &o, NULL),
                   "cannot be opened");
    assert_false(file_exists(in_scratch("out.h5")));
}

/* ---- kills, and the other form ------------------------------------------------------------------------------------- */

static int pack_quietly(const void *options)
{
    return pack(options, NULL);
}

static void kills(void **state)
{
    static const uint8_t classes[4] = {4, 8, 4, 4};
    pack_geotiff_options o = pack_geotiff_defaults();
    pack_geotiff_result r;
    char *whole, *bytes;
    size_t length, again;
    NEED_GDAL();
    o.sync_bytes = 1;
    put_images(classes);
    put_parcels();
    assert_ok(pack(&o, NULL));
    assert_ok(file_read(in_scratch("out.h5"), 1 << 24, &whole, &length));
    for (int at = 0;; at++) {
        unlink(in_scratch("out.h5"));
        if (ends_at(pack_quietly, &o, at)) break;
        assert_false(file_exists(in_scratch("out.h5")));
        assert_ok(pack(&o, &r));
        if (at == 5) assert_int_equal(r.resumed, 2); /* three parcels, then two dates were through */
        assert_ok(file_read(in_scratch("out.h5"), 1 << 24, &bytes, &again));
        assert_int_equal(again, length);
        assert_memory_equal(bytes, whole, length);
        assert_false(file_exists(in_scratch("out.h5.partial")));
        free(bytes);
    }
    free(whole);
}

static void interrupt_at(void *user, const char *task, size_t done, size_t total, const char *metric)
{
    (void)user, (void)task, (void)done, (void)total, (void)metric;
    if (!progress_left--) interrupt_request();
}

/* An interrupted run keeps the dates that it has read, however few. */
static void interrupts(void **state)
{
    pack_geotiff_options o = pack_geotiff_defaults();
    pack_geotiff_result r;
    int status;
    NEED_GDAL();
    put_images(NULL);
    put_parcels();
    const pid_t child = fork();
    if (!child) {
        const log_listener listener = {.progress = interrupt_at};
        progress_left = 4; /* three parcels, and the second date */
        log_listen(&listener);
        _exit(pack(&o, NULL));
    }
    waitpid(child, &status, 0);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), INTERRUPTED);
    assert_ok(pack(&o, &r));
    assert_int_equal(r.resumed, 2);
}

/* The published folder, packed, holds what the pack holds. */
static void as_the_published_folder(void **state)
{
    static const uint8_t classes[4] = {4, 8, 4, 4};
    pack_geotiff_options o = pack_geotiff_defaults();
    const pack_options plain = {0};
    const pack_feature *f, *g;
    const int32_t *labels, *others;
    uint16_t values[240], more[240];
    char *texts, *more_texts;
    pixelset_pack *p, *q;
    NEED_GDAL();
    put_images(classes);
    put_parcels();
    o.parcels.labels = "group,crop";
    p = pack_it_and_open(&o);
    o.folder = true;
    assert_ok(pack_geotiff(in_scratch("in"), in_scratch("parcels.geojson"), in_scratch("out"), &o, NULL));
    assert_true(file_exists(in_scratch("out/META/sizes.json")));
    assert_true(file_exists(in_scratch("out/META/classes.json")));
    assert_refused(pack_geotiff(in_scratch("in"), in_scratch("parcels.geojson"), in_scratch("out"), &o, NULL),
                   "holds DATA already");
    assert_ok(pack_pixelset(in_scratch("out"), in_scratch("out2.h5"), &plain, NULL));
    assert_ok(pixelset_pack_open(in_scratch("out2.h5"), &q));
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(pixelset_pack_id(p, i), pixelset_pack_id(q, i));
        assert_int_equal(pixelset_pack_bytes(p, i), pixelset_pack_bytes(q, i));
        assert_ok(pixelset_pack_read(p, i, values));
        assert_ok(pixelset_pack_read(q, i, more));
        assert_memory_equal(values, more, pixelset_pack_bytes(p, i));
    }
    assert_memory_equal(pixelset_pack_days(p, 0), pixelset_pack_days(q, 0), 12);
    assert_ok(pixelset_pack_labels(p, "crop", &labels));
    assert_ok(pixelset_pack_labels(q, "crop", &others));
    assert_memory_equal(labels, others, 12);
    assert_ok(pixelset_pack_classes(p, "crop", &texts));
    assert_ok(pixelset_pack_classes(q, "crop", &more_texts));
    assert_string_equal(texts, more_texts);
    free(texts);
    free(more_texts);
    assert_ok(pixelset_pack_feature(p, "geomfeat", &f));
    assert_ok(pixelset_pack_feature(q, "geomfeat", &g));
    for (int k = 0; k < 12; k++) assert_float_equal(f->values[k], g->values[k], 1e-5f * fabsf(f->values[k]));
    for (int c = 0; c < 2; c++) {
        const pack_normalisation *a = pixelset_pack_normalisation(p), *b = pixelset_pack_normalisation(q);
        assert_true(a->mean[c] == b->mean[c] && a->std[c] == b->std[c]);
    }
    pixelset_pack_close(p);
    pixelset_pack_close(q);
}

static void says_what_is_missing(void **state)
{
    pack_geotiff_options o = pack_geotiff_defaults();
    (void)state;
    if (!geo_missing()) skip();
    scratch_clear();
    assert_refused(pack(&o, NULL), "libgdal-dev");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pixels_whose_centres_lie_within),
        cmocka_unit_test(touched_and_buffer),
        cmocka_unit_test(reprojection),
        cmocka_unit_test(hidden_pixels_are_put_on_the_line),
        cmocka_unit_test(lines_over_time),
        cmocka_unit_test(what_is_left_out_is_listed),
        cmocka_unit_test(refusals),
        cmocka_unit_test(kills),
        cmocka_unit_test(interrupts),
        cmocka_unit_test(as_the_published_folder),
        cmocka_unit_test(says_what_is_missing),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
