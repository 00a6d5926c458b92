/* `furrow instances` on folders: what it makes, keeps, makes again and refuses. */
#include <math.h>

#include "base/file.h"
#include "data-tools/instances_pastis.h"

#include "tests/instances_test.h"
#include "tests/pack_test.h"

static const size_t square[2] = {SIDE, SIDE};

static void put_array(const char *name, enum number_type type, const void *values)
{
    assert_ok(npy_write(in_scratch(name), type, 2, square, values));
}

/* in/ with patches 1 and 12: parcels 3 (background), 5 and 9 (void). */
static int folder_start(void **state)
{
    char command[400];
    snprintf(command, sizeof command, "rm -rf '%s/in'", scratch);
    assert_int_equal(system(command), 0);
    mkdir(in_scratch("in"), 0777);
    mkdir(in_scratch("in/ANNOTATIONS"), 0777);
    clear();
    put(3, 0, 1, 1, 3, 3);
    put(5, 2, 5, 5, 4, 6);
    put(9, 19, 12, 12, 3, 3);
    put_array("in/ANNOTATIONS/ParcelIDs_12.npy", NUMBER_I32, parcels);
    put_array("in/ANNOTATIONS/ParcelIDs_1.npy", NUMBER_I32, parcels);
    put_array("in/ANNOTATIONS/TARGET_12.npy", NUMBER_U8, labels);
    put_array("in/ANNOTATIONS/TARGET_1.npy", NUMBER_U8, labels);
    return log_start(state);
}

static int run_with(const char *without, bool force, instances_pastis_result *r)
{
    const instances_pastis_options o = {without, force};
    return instances_pastis(in_scratch("in"), &o, r);
}

static void assert_counts(const instances_pastis_result *r, size_t made_now, size_t present, size_t instances)
{
    assert_int_equal(r->made, made_now);
    assert_int_equal(r->present, present);
    assert_int_equal(r->instances, instances);
}

static void assert_file(const char *name, enum number_type type, const void *values)
{
    npy_header h;
    void *there;
    assert_ok(npy_read(in_scratch(name), 1 << 20, &h, &there));
    assert_int_equal(h.type, type);
    assert_int_equal(h.rank, 2);
    assert_int_equal(h.shape[0], SIDE);
    assert_int_equal(h.shape[1], SIDE);
    assert_memory_equal(there, values, PIXELS * number_size(type));
    free(there);
}

static void a_folder(void **state)
{
    instances_pastis_result r;
    (void)state;
    assert_ok(run_with(NULL, false, &r));
    assert_counts(&r, 2, 0, 4);
    assert_int_equal(r.background, 2);
    assert_int_equal(r.unlabelled, 0);
    assert_string_equal(log_text, "");
    instance_set s = made(true);
    assert_file("in/INSTANCE_ANNOTATIONS/INSTANCES_12.npy", NUMBER_I32, s.instance);
    assert_file("in/INSTANCE_ANNOTATIONS/HEATMAP_12.npy", NUMBER_F64, s.heat);
    assert_file("in/INSTANCE_ANNOTATIONS/ZONES_12.npy", NUMBER_I32, s.zone);
    instances_free(&s);
    assert_ok(run_with(NULL, false, &r)); /* again: nothing is to do */
    assert_counts(&r, 0, 2, 0);
    assert_int_equal(unlink(in_scratch("in/INSTANCE_ANNOTATIONS/ZONES_1.npy")), 0); /* as a kill leaves it */
    put_text(in_scratch("in/INSTANCE_ANNOTATIONS/ZONES_1.npy.77.temporary"), "half");
    assert_ok(run_with(NULL, false, &r));
    assert_counts(&r, 1, 1, 2);
    assert_int_equal(r.compared, 1);
    assert_true(r.difference == 0);
    assert_true(file_exists(in_scratch("in/INSTANCE_ANNOTATIONS/ZONES_1.npy")));
    assert_false(file_exists(in_scratch("in/INSTANCE_ANNOTATIONS/ZONES_1.npy.77.temporary")));
    assert_ok(run_with(NULL, true, &r));
    assert_counts(&r, 2, 0, 4);
    assert_ok(instances_pastis(in_scratch("in"), &(instances_pastis_options){0}, NULL));
}

static void without_labels(void **state)
{
    instances_pastis_result r;
    (void)state;
    assert_int_equal(unlink(in_scratch("in/ANNOTATIONS/TARGET_12.npy")), 0);
    assert_ok(run_with(NULL, false, &r));
    assert_counts(&r, 2, 0, 5);
    assert_int_equal(r.unlabelled, 1);
    assert_logged("1 patch has no labels (ANNOTATIONS/TARGET_ID.npy): every parcel counts, background or not: 12");
}

static void parcels_left_out(void **state)
{
    instances_pastis_result r;
    (void)state;
    assert_ok(run_with("9,4", false, &r));
    assert_counts(&r, 2, 0, 2);
    assert_int_equal(r.without, 2);
    assert_logged("no patch has parcel 4");
    assert_int_equal(run_with("9,", false, &r), USAGE);
    assert_message("without \"9,\": wanted parcel ids with commas between");
    assert_int_equal(run_with("", false, &r), USAGE);
    assert_int_equal(run_with("1;2", false, &r), USAGE);
    assert_int_equal(run_with("0", false, &r), USAGE);
    assert_int_equal(run_with("2147483648", false, &r), USAGE);
}

/* A published heat map without parcel 5, whose label here is no background. */
static void a_heat_map_that_differs(void **state)
{
    instances_pastis_result r;
    (void)state;
    const int32_t five = 5;
    const instance_source source = {SIDE, SIDE, parcels, labels, &five, 1};
    instance_set s;
    assert_ok(instances_make(&source, &s));
    mkdir(in_scratch("in/INSTANCE_ANNOTATIONS"), 0777);
    put_array("in/INSTANCE_ANNOTATIONS/HEATMAP_1.npy", NUMBER_F64, s.heat);
    assert_refused(run_with(NULL, false, &r), "HEATMAP_1.npy: is there, and differs by up to 1 (row 6, column 7)");
    assert_message("--without 5 leaves");
    assert_logged("1 patch was made");
    assert_false(file_exists(in_scratch("in/INSTANCE_ANNOTATIONS/ZONES_1.npy")));
    assert_true(file_exists(in_scratch("in/INSTANCE_ANNOTATIONS/ZONES_12.npy")));
    assert_file("in/INSTANCE_ANNOTATIONS/HEATMAP_1.npy", NUMBER_F64, s.heat);
    assert_refused(run_with("5", false, &r), "HEATMAP_12.npy: is there, and differs by up to 1");
    assert_int_equal(unlink(in_scratch("in/INSTANCE_ANNOTATIONS/HEATMAP_12.npy")), 0);
    assert_refused(run_with("5", false, &r), "INSTANCES_12.npy: is there, and differs in 33 of 256 pixels");
    assert_false(file_exists(in_scratch("in/INSTANCE_ANNOTATIONS/HEATMAP_12.npy")));
    assert_file("in/INSTANCE_ANNOTATIONS/ZONES_1.npy", NUMBER_I32, s.zone); /* patch 1 was fine */
    assert_ok(run_with("5", true, &r));
    assert_file("in/INSTANCE_ANNOTATIONS/ZONES_12.npy", NUMBER_I32, s.zone);
    s.heat[9] = NAN;
    put_array("in/INSTANCE_ANNOTATIONS/HEATMAP_1.npy", NUMBER_F64, s.heat);
    assert_refused(run_with("5", false, &r), "differs by up to nan (row 0, column 9)");
    instances_free(&s);
}

static void damaged_outputs_are_made_again(void **state)
{
    const size_t other[2] = {SIDE, SIDE - 1};
    instances_pastis_result r;
    (void)state;
    assert_ok(run_with(NULL, false, &r));
    assert_int_equal(truncate(in_scratch("in/INSTANCE_ANNOTATIONS/HEATMAP_1.npy"), 500), 0);
    assert_ok(npy_write(in_scratch("in/INSTANCE_ANNOTATIONS/ZONES_12.npy"), NUMBER_I32, 2, other, parcels));
    assert_ok(run_with(NULL, false, &r));
    assert_counts(&r, 2, 0, 4);
    assert_logged("INSTANCE_ANNOTATIONS/HEATMAP_1.npy: 372 bytes of elements");
    assert_logged("INSTANCE_ANNOTATIONS/ZONES_12.npy: wanted 16 x 16 instances: it is made again");
    instance_set s = made(true);
    assert_file("in/INSTANCE_ANNOTATIONS/HEATMAP_1.npy", NUMBER_F64, s.heat);
    assert_file("in/INSTANCE_ANNOTATIONS/ZONES_12.npy", NUMBER_I32, s.zone);
    instances_free(&s);
}

/* Each is said by its name, and the other patch is made all the same. */
static void bad_inputs(void **state)
{
    const size_t planes[3] = {2, SIDE, SIDE}, other[2] = {SIDE, SIDE - 1}, line[1] = {SIDE};
    static int64_t wide[2 * PIXELS];
    instances_pastis_result r;
    (void)state;
    assert_int_equal(truncate(in_scratch("in/ANNOTATIONS/ParcelIDs_12.npy"), 1000), 0);
    assert_refused(run_with(NULL, false, &r), "ANNOTATIONS/ParcelIDs_12.npy: 872 bytes of elements");
    assert_message("the file is cut off");
    assert_true(file_exists(in_scratch("in/INSTANCE_ANNOTATIONS/ZONES_1.npy")));
    assert_false(file_exists(in_scratch("in/INSTANCE_ANNOTATIONS/ZONES_12.npy")));
    for (int i = 0; i < PIXELS; i++) wide[i] = parcels[i];
    wide[17] = -4;
    put_array("in/ANNOTATIONS/ParcelIDs_12.npy", NUMBER_I64, wide);
    assert_refused(run_with(NULL, false, &r), "ParcelIDs_12.npy: -4 at row 1, column 1, wanted 0 to 2147483647");
    wide[17] = 1ll << 40;
    put_array("in/ANNOTATIONS/ParcelIDs_12.npy", NUMBER_I64, wide);
    assert_refused(run_with(NULL, false, &r), "1099511627776 at row 1, column 1");
    put_array("in/ANNOTATIONS/ParcelIDs_12.npy", NUMBER_F64, wide);
    assert_refused(run_with(NULL, false, &r), "float64, wanted integers");
    assert_ok(npy_write(in_scratch("in/ANNOTATIONS/ParcelIDs_12.npy"), NUMBER_I32, 1, line, parcels));
    assert_refused(run_with(NULL, false, &r), "1 dimensions, wanted height x width");
    assert_ok(npy_write(in_scratch("in/ANNOTATIONS/ParcelIDs_12.npy"), NUMBER_I32, 2, other, parcels));
    assert_refused(run_with(NULL, false, &r), "TARGET_12.npy: 16 x 16 pixels, wanted 16 x 15, as the parcel ids");
    wide[17] = 3;
    assert_ok(npy_write(in_scratch("in/ANNOTATIONS/ParcelIDs_12.npy"), NUMBER_I64, 3, planes, wide));
    assert_ok(run_with(NULL, false, &r)); /* the first of several planes */
    assert_counts(&r, 1, 1, 2);
}

static void no_such_folder(void **state)
{
    instances_pastis_result r;
    (void)state;
    assert_refused(instances_pastis(in_scratch("none"), &(instances_pastis_options){0}, &r),
                   "holds no ANNOTATIONS/ParcelIDs_*.npy");
    assert_false(file_exists(in_scratch("none")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_folder, folder_start),
        cmocka_unit_test_setup(without_labels, folder_start),
        cmocka_unit_test_setup(parcels_left_out, folder_start),
        cmocka_unit_test_setup(a_heat_map_that_differs, folder_start),
        cmocka_unit_test_setup(damaged_outputs_are_made_again, folder_start),
        cmocka_unit_test_setup(bad_inputs, folder_start),
        cmocka_unit_test_setup(no_such_folder, folder_start),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
