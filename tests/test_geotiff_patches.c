/* Patches cut out of images: pixels, classes, ids, folds that share no parcel, dates, footprints. */

#include <cjson/cJSON.h>

#include "base/log.h"
#include "base/schema.h"
#include "data-tools/geotiff_patches.h"
#include "data-tools/pack_pastis.h"
#include "data-tools/synth_scenes.h"
#include "format/npy.h"

#include "tests/geo_test.h"
#include "tests/pack_test.h"

enum { SIZE = 8, ACROSS = 3, DOWN = 2, PATCHES = ACROSS * DOWN };

static int make(const geotiff_patches_options *o, geotiff_patches_result *r)
{
    return geotiff_patches(in_scratch("in"), in_scratch("parcels.geojson"), in_scratch("out"), o, r);
}

static geotiff_patches_options small(void)
{
    geotiff_patches_options o = geotiff_patches_defaults();
    o.size = SIZE;
    o.folds = 2;
    o.parcels.labels = "crop";
    return o;
}

static void *array(const char *kind, int id, npy_header *h)
{
    char name[80];
    void *values;
    snprintf(name, sizeof name, "out/%s_%d.npy", kind, id);
    assert_ok(npy_read(in_scratch(name), 1 << 24, h, &values));
    return values;
}

/* 5: a label, from patch 1 into patch 2, most of it in 1. 9: another, in patch 3. 2: none, in patch 6. 4: under 9. */
static void put_parcels(void)
{
    FILE *file = features_start();
    put_square(file, "\"id\": 5, \"crop\": \"wheat\"", 2, 1, 8, 3);
    put_square(file, "\"id\": 9, \"crop\": \"maize\"", 17, 1, 5, 5);
    put_square(file, "\"id\": 4, \"crop\": \"wheat\"", 20, 4, 4, 4);
    put_square(file, "\"id\": 2", 18, 10, 3, 3);
    features_end(file);
}

static bool within(int x, int y, int left, int top, int width, int height)
{
    return x >= left && x < left + width && y >= top && y < top + height;
}

static void classes_ids_and_pixels(void **state)
{
    geotiff_patches_options o = small();
    geotiff_patches_result r;
    npy_header h;
    NEED_GDAL();
    scratch_clear();
    put_scene("20170101", 0, GEO_WIDTH, 2, NULL);
    put_scene("20170201", 1, GEO_WIDTH, 2, NULL);
    put_parcels();
    assert_ok(make(&o, &r));
    assert_int_equal(r.patches, 4);
    assert_int_equal(r.without_parcels, 2);
    assert_int_equal(r.classes, 4); /* background, maize, wheat, void */
    assert_int_equal(r.void_elsewhere, 1);
    for (int id = 1; id <= PATCHES; id++) {
        const int left = (id - 1) % ACROSS * SIZE, top = (id - 1) / ACROSS * SIZE;
        if (id == 4 || id == 5) continue;
        uint16_t *images = array("DATA_S2/S2", id, &h);
        assert_int_equal(h.shape[0], 2);
        assert_int_equal(h.shape[1], 2);
        assert_int_equal(h.shape[2], SIZE);
        uint8_t *classes = array("ANNOTATIONS/TARGET", id, &h);
        int32_t *ids = array("ANNOTATIONS/ParcelIDs", id, &h);
        for (int i = 0; i < SIZE * SIZE; i++) {
            const int x = left + i % SIZE, y = top + i / SIZE;
            const int owner = within(x, y, 2, 1, 8, 3)     ? 5
                              : within(x, y, 20, 4, 4, 4)  ? 4
                              : within(x, y, 17, 1, 5, 5)  ? 9
                              : within(x, y, 18, 10, 3, 3) ? 2
                                                           : 0;
            assert_int_equal(ids[i], owner);
            assert_int_equal(classes[i], owner == 5   ? (id == 1 ? 2 : 3)
                                         : owner == 9 ? 1
                                         : owner == 4 ? 2
                                         : owner      ? 3
                                                      : 0);
            for (int t = 0; t < 2; t++)
                for (int c = 0; c < 2; c++)
                    assert_int_equal(images[(t * 2 + c) * SIZE * SIZE + i], scene_value(t, c, x, y));
        }
        free(images);
        free(classes);
        free(ids);
    }
    assert_int_equal(make(&o, &r), FAILED);
    assert_message("wanted a folder without DATA_S2");
}

/* Dates at which nothing of a patch was seen are not its dates; ids that are no numbers get some. */
static void dates_and_names(void **state)
{
    geotiff_patches_options o = small();
    geotiff_patches_result r;
    cJSON *metadata, *feature;
    FILE *file = features_start();
    char *text;
    size_t length;
    NEED_GDAL();
    scratch_clear();
    put_square(file, "\"id\": \"a\", \"crop\": 30", 1, 1, 3, 3);
    put_square(file, "\"id\": \"b\", \"crop\": 7", 17, 9, 3, 3);
    features_end(file);
    put_scene("20170101", 0, GEO_WIDTH, 1, NULL);
    put_scene("20170201", 0, GEO_WIDTH, 1, NULL);
    put_scene("20170101_HID", 0, GEO_WIDTH / 8, 1, (const uint8_t[]){0, 0, 0, 0});
    put_scene("20170201_HID", 0, GEO_WIDTH / 8, 1, (const uint8_t[]){1, 0, 0, 0});
    o.scenes.mask = "HID";
    assert_ok(make(&o, &r));
    assert_int_equal(r.patches, 2);
    assert_int_equal(r.least_dates, 1);
    assert_int_equal(r.most_dates, 2);
    assert_ok(json_read(in_scratch("out/metadata.geojson"), 1 << 20, &metadata));
    feature = cJSON_GetArrayItem(cJSON_GetObjectItem(metadata, "features"), 0);
    const cJSON *properties = cJSON_GetObjectItem(feature, "properties");
    assert_int_equal(cJSON_GetObjectItem(properties, "ID_PATCH")->valueint, 1);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(properties, "dates-S2")), 1);
    assert_int_equal(cJSON_GetObjectItem(cJSON_GetObjectItem(properties, "dates-S2"), "0")->valueint, 20170101);
    assert_int_equal(cJSON_GetObjectItem(properties, "N_Parcel")->valueint, 1);
    feature = cJSON_GetArrayItem(cJSON_GetObjectItem(metadata, "features"), 1);
    const cJSON *ring = cJSON_GetObjectItem(cJSON_GetObjectItem(feature, "geometry"), "coordinates")->child;
    assert_float_equal(ring->child->child->valuedouble, GEO_LEFT + 160, 0);
    assert_float_equal(ring->child->child->next->valuedouble, GEO_TOP - 80, 0);
    cJSON_Delete(metadata);
    assert_ok(file_read(in_scratch("out/label_names.json"), 1 << 16, &text, &length));
    assert_non_null(strstr(text, "\"1\":\t\"7\""));
    assert_non_null(strstr(text, "\"2\":\t\"30\""));
    free(text);
    assert_ok(file_read(in_scratch("out/parcels.csv"), 1 << 16, &text, &length));
    assert_string_equal(text, "number,id\n1,a\n2,b\n");
    free(text);
}

/* Over a larger country: it packs, and no parcel that is learnt from in one fold is in another. */
static void folds_share_no_parcel(void **state)
{
    synth_scenes_options land = synth_scenes_defaults();
    geotiff_patches_options o = geotiff_patches_defaults();
    const pack_pastis_options plain = {0};
    geotiff_patches_result r;
    pack_pastis_result packed;
    cJSON *metadata;
    const cJSON *feature;
    int home[2000] = {0};
    NEED_GDAL();
    scratch_clear();
    land.size = 200;
    land.parcels = 150;
    land.scenes = 2;
    land.bands = 2;
    assert_ok(synth_scenes(in_scratch("land"), &land));
    o.size = 16;
    o.parcels.labels = "CODE_GROUP";
    assert_ok(
        geotiff_patches(in_scratch("land/SCENES"), in_scratch("land/parcels.geojson"), in_scratch("out"), &o, &r));
    assert_true(r.void_elsewhere > 0);
    for (int f = 0; f < 5; f++) assert_true(r.fold[f] >= r.patches / 8 && r.fold[f] <= r.patches / 3);
    assert_ok(json_read(in_scratch("out/metadata.geojson"), 1 << 24, &metadata));
    cJSON_ArrayForEach(feature, cJSON_GetObjectItem(metadata, "features")) {
        const cJSON *properties = cJSON_GetObjectItem(feature, "properties");
        const int id = cJSON_GetObjectItem(properties, "ID_PATCH")->valueint;
        const int fold = cJSON_GetObjectItem(properties, "Fold")->valueint;
        npy_header h;
        uint8_t *classes = array("ANNOTATIONS/TARGET", id, &h);
        int32_t *ids = array("ANNOTATIONS/ParcelIDs", id, &h);
        for (int i = 0; i < 256; i++) {
            if (!ids[i] || classes[i] == r.classes - 1) continue;
            assert_true(!home[ids[i]] || home[ids[i]] == fold);
            home[ids[i]] = fold;
        }
        free(classes);
        free(ids);
    }
    cJSON_Delete(metadata);
    assert_ok(pack_pastis(in_scratch("out"), in_scratch("out.h5"), &plain, &packed));
    assert_int_equal(packed.patches, r.patches);
    assert_int_equal(packed.labelled, r.patches);
}

/* ---- kills --------------------------------------------------------------------------------------------------------- */

static int make_quietly(const void *options)
{
    return make(options, NULL);
}

static int in_shell(const char *format)
{
    char command[1000];
    snprintf(command, sizeof command, format, scratch, scratch);
    return system(command);
}

/* Whenever a run is killed, the same call goes on, and the folder is that of a run that was left in peace. */
static void kills(void **state)
{
    geotiff_patches_options o = small();
    geotiff_patches_result r, whole;
    size_t most = 0;
    int ends = 0;
    NEED_GDAL();
    o.window_bytes = 1; /* a window a patch */
    scratch_clear();
    put_scene("20170101", 0, GEO_WIDTH, 2, NULL);
    put_scene("20170201", 1, GEO_WIDTH, 2, NULL);
    put_parcels();
    assert_ok(make(&o, &whole));
    assert_int_equal(in_shell("mv '%s/out' '%s/whole'"), 0);
    for (;; ends++) {
        if (ends_at(make_quietly, &o, ends)) break;
        assert_false(file_exists(in_scratch("out/metadata.geojson")));
        if (ends % 2 && file_exists(in_scratch("out/unfinished/0_0.json")))
            put_text(in_scratch("out/unfinished/0_0.json"), "{\"patches\": 5}");
        assert_ok(make(&o, &r));
        most = r.resumed > most ? r.resumed : most;
        r.resumed = 0;
        assert_memory_equal(&r, &whole, sizeof r);
        assert_int_equal(in_shell("diff -r '%s/out' '%s/whole' && rm -rf '%1$s/out'"), 0);
    }
    assert_true(ends >= PATCHES);
    assert_true(most >= 2);
    assert_int_equal(in_shell("rm -rf '%s/out'"), 0);
    assert_false(ends_at(make_quietly, &o, ends - 1));
    o.folds = 3;
    assert_refused(make(&o, NULL), "holds unfinished patches of other images, parcels or options");
}

static void refusals(void **state)
{
    geotiff_patches_options o = small();
    NEED_GDAL();
    scratch_clear();
    put_scene("20170101", 0, GEO_WIDTH, 1, NULL);
    put_parcels();
    o.parcels.labels = NULL;
    assert_int_equal(make(&o, NULL), USAGE);
    o.parcels.labels = "crop,id";
    assert_int_equal(make(&o, NULL), USAGE);
    o.parcels.labels = "crop";
    o.size = 32;
    assert_refused(make(&o, NULL), "hold no patch of 32 x 32");
    o.size = 8;
    o.scenes.no_data = "none";
    o.scenes.mask = "1";
    assert_refused(make(&o, NULL), "no band besides the mask");
    assert_false(file_exists(in_scratch("out")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classes_ids_and_pixels),
        cmocka_unit_test(dates_and_names),
        cmocka_unit_test(folds_share_no_parcel),
        cmocka_unit_test(kills),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
