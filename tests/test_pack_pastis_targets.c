/* Packing a folder's own instances, heat maps and zones: noted where they are as made of parcels and labels, kept where
 * they are not, refused by name where they are wrong. */
#include <math.h>

#include "base/file.h"
#include "data-tools/instances_pastis.h"
#include "data-tools/pack_pastis.h"
#include "data-tools/synth_pastis.h"
#include "data/instances.h"
#include "format/patch_pack.h"
#include "furrow.h"

#include "tests/pack_test.h"

enum { PATCHES = 4, SIDE = 16, PIXELS = SIDE * SIDE };

static const size_t square[2] = {SIDE, SIDE};
static const pack_pastis_options plain = {0}, skipping = {.skip_bad = true}, compressed = {.compress = true};

/* Patch 10001, which the tests change: what its files hold, and what is made of them. */
static int32_t parcels[PIXELS], instances[PIXELS], zones[PIXELS];
static uint8_t labels[3 * PIXELS];
static double heat[PIXELS];
static int last; /* instance */

static const char *file_of(const char *kind)
{
    static char name[80];
    snprintf(name, sizeof name, "in/%s_10001.npy", kind);
    return in_scratch(name);
}

#define PARCELS   file_of("ANNOTATIONS/ParcelIDs")
#define INSTANCES file_of("INSTANCE_ANNOTATIONS/INSTANCES")
#define HEATMAP   file_of("INSTANCE_ANNOTATIONS/HEATMAP")
#define ZONES     file_of("INSTANCE_ANNOTATIONS/ZONES")

static void get(const char *path, void *out, size_t bytes)
{
    npy_header h;
    void *values;
    assert_ok(npy_read(path, bytes, &h, &values));
    assert_int_equal(h.count * number_size(h.type), bytes);
    memcpy(out, values, bytes);
    free(values);
}

static void put(const char *path, enum number_type type, const void *values)
{
    assert_ok(npy_write(path, type, 2, square, values));
}

/* in/ as `furrow synth` and `furrow instances` make it. */
static int folder_start(void **state)
{
    char command[400];
    synth_pastis_options o = synth_pastis_defaults();
    const instances_pastis_options all = {0};
    snprintf(command, sizeof command, "rm -rf '%s/in' '%s'/out*", scratch, scratch);
    assert_int_equal(system(command), 0);
    o.patches = PATCHES;
    o.size = SIDE;
    o.least_dates = o.most_dates = 2;
    log_listen(NULL);
    assert_ok(synth_pastis(in_scratch("in"), &o));
    assert_ok(instances_pastis(in_scratch("in"), &all, NULL));
    get(PARCELS, parcels, sizeof parcels);
    get(file_of("ANNOTATIONS/TARGET"), labels, sizeof labels);
    get(INSTANCES, instances, sizeof instances);
    get(HEATMAP, heat, sizeof heat);
    get(ZONES, zones, sizeof zones);
    last = 0;
    for (int i = 0; i < PIXELS; i++) last = instances[i] > last ? instances[i] : last;
    assert_true(last >= 3);
    return log_start(state);
}

static patch_pack *packed_with(const pack_pastis_options *options, pack_pastis_result *r)
{
    patch_pack *p;
    log_text[0] = 0;
    assert_ok(pack_pastis(in_scratch("in"), in_scratch("out.h5"), options, r));
    assert_ok(patch_pack_open(in_scratch("out.h5"), &p));
    return p;
}

static void assert_origins(const patch_pack *p, enum patch_origin instance, enum patch_origin heat_map,
                           enum patch_origin zone)
{
    assert_string_equal(patch_pack_id(p, 1), "10001");
    assert_int_equal(patch_pack_origin(p, PATCH_INSTANCES, 1), instance);
    assert_int_equal(patch_pack_origin(p, PATCH_HEATMAP, 1), heat_map);
    assert_int_equal(patch_pack_origin(p, PATCH_ZONES, 1), zone);
}

/* Packs; the origins of patch 10001 are these; the numbers of the target, where it is its own, those. */
static void expect(enum patch_origin instance, enum patch_origin heat_map, enum patch_origin zone,
                   enum patch_target target, const int32_t *numbers)
{
    int32_t there[PIXELS];
    patch_pack *p = packed_with(&plain, NULL);
    assert_origins(p, instance, heat_map, zone);
    assert_true(patch_pack_has_parcel(p, 1));
    if (numbers) assert_ok(patch_pack_read_target(p, target, 1, there));
    if (numbers) assert_memory_equal(there, numbers, sizeof there);
    patch_pack_close(p);
}

/* ---- as made --------------------------------------------------------------------------------------------------------- */

static void nothing_is_kept_twice(void **state)
{
    pack_pastis_result r;
    int32_t there[PIXELS];
    (void)state;
    patch_pack *p = packed_with(&plain, &r);
    assert_int_equal(r.parcelled, PATCHES);
    assert_int_equal(r.instances.as_made, PATCHES);
    assert_int_equal(r.heat_maps.as_made, PATCHES);
    assert_int_equal(r.zones.as_made, PATCHES);
    assert_int_equal(r.zones.made + r.zones.own, 0);
    assert_origins(p, PATCH_AS_MADE, PATCH_AS_MADE, PATCH_AS_MADE);
    assert_refused(patch_pack_read_target(p, PATCH_ZONES, 1, there), "patch 10001 has no zones of its own");
    patch_pack_close(p);
    assert_string_equal(log_text, "");
    assert_int_equal(unlink(HEATMAP), 0);
    assert_int_equal(unlink(ZONES), 0);
    p = packed_with(&plain, &r);
    assert_int_equal(r.heat_maps.made, 1);
    assert_origins(p, PATCH_AS_MADE, PATCH_MADE, PATCH_MADE);
    patch_pack_close(p);
}

/* Other types, other numbers in the same order, and heat to a millionth. */
static void the_same_in_other_words(void **state)
{
    int64_t numbered[PIXELS];
    double zoned[PIXELS];
    float single[PIXELS];
    (void)state;
    for (int i = 0; i < PIXELS; i++) {
        numbered[i] = instances[i] ? 1000 + 7 * instances[i] : 0;
        zoned[i] = 1000 + 7 * zones[i];
        single[i] = (float)heat[i];
    }
    put(INSTANCES, NUMBER_I64, numbered);
    put(ZONES, NUMBER_F64, zoned);
    put(HEATMAP, NUMBER_F32, single);
    expect(PATCH_AS_MADE, PATCH_AS_MADE, PATCH_AS_MADE, PATCH_ZONES, NULL);
    const double before = heat[5];
    heat[5] += before > 0.5 ? -9e-7 : 9e-7;
    put(HEATMAP, NUMBER_F64, heat);
    expect(PATCH_AS_MADE, PATCH_AS_MADE, PATCH_AS_MADE, PATCH_ZONES, NULL);
    heat[5] = before + (before > 0.5 ? -11e-7 : 11e-7);
    put(HEATMAP, NUMBER_F64, heat);
    expect(PATCH_AS_MADE, PATCH_OWN, PATCH_AS_MADE, PATCH_ZONES, NULL);
    heat[5] = before;
    put(HEATMAP, NUMBER_F64, heat);
    assert_int_equal(unlink(PARCELS), 0); /* now instances are the parcels */
    patch_pack *p = packed_with(&plain, NULL);
    int32_t there[PIXELS];
    assert_origins(p, PATCH_AS_MADE, PATCH_AS_MADE, PATCH_AS_MADE);
    assert_ok(patch_pack_read_parcels(p, 1, there));
    for (int i = 0; i < PIXELS; i++) assert_int_equal(there[i], numbered[i]);
    patch_pack_close(p);
}

/* ---- its own -------------------------------------------------------------------------------------------------------- */

static void own_heat_and_zones(void **state)
{
    float there[PIXELS];
    pack_pastis_result r;
    (void)state;
    for (int i = 0; i < PIXELS; i++) {
        heat[i] = i == 40 ? 1 : i / 1024.0;
        zones[i] = 1 + i % last;
    }
    put(HEATMAP, NUMBER_F64, heat);
    expect(PATCH_AS_MADE, PATCH_OWN, PATCH_AS_MADE, PATCH_ZONES, NULL);
    assert_logged(
        "HEATMAP_ID.npy of 1 patches is not what parcels and labels give; the pack has it as their own: 10001");
    put(ZONES, NUMBER_I32, zones);
    expect(PATCH_AS_MADE, PATCH_OWN, PATCH_OWN, PATCH_ZONES, zones);
    assert_int_equal(unlink(INSTANCES), 0); /* zones count as it would be made */
    expect(PATCH_MADE, PATCH_OWN, PATCH_OWN, PATCH_ZONES, zones);
    patch_pack *p = packed_with(&compressed, &r);
    assert_int_equal(r.heat_maps.own, 1);
    assert_int_equal(r.heat_maps.as_made, PATCHES - 1);
    assert_int_equal(r.instances.made, 1);
    assert_ok(patch_pack_read_target(p, PATCH_HEATMAP, 1, there));
    for (int i = 0; i < PIXELS; i++) assert_true(there[i] == (float)heat[i]);
    patch_pack_close(p);
    heat[40] = 0.99;
    put(HEATMAP, NUMBER_F64, heat);
    expect(PATCH_MADE, PATCH_OWN, PATCH_OWN, PATCH_ZONES, zones);
    assert_logged("1 patches have a heat map that is 1 nowhere: training finds no centre in it: 10001");
}

/* What follows from instances follows from its own. */
static void own_instances(void **state)
{
    int32_t other[PIXELS], numbers[PIXELS];
    instance_set s;
    (void)state;
    for (int i = 0; i < PIXELS; i++) { /* 20 and 70, wherever background is */
        other[i] = i % SIDE < 5 ? 70 : i / SIDE > 9 ? 20 : 0;
        numbers[i] = other[i] == 70 ? 2 : other[i] == 20;
    }
    const instance_source source = {SIDE, SIDE, other, NULL, NULL, 0};
    assert_ok(instances_make(&source, &s));
    put(INSTANCES, NUMBER_I32, other);
    put(HEATMAP, NUMBER_F64, s.heat);
    for (int i = 0; i < PIXELS; i++) other[i] = s.zone[i] == 2 ? 70 : 20;
    put(ZONES, NUMBER_I32, other);
    expect(PATCH_OWN, PATCH_AS_MADE, PATCH_AS_MADE, PATCH_INSTANCES, numbers);
    for (int i = 0; i < PIXELS; i++) {
        other[i] = i % 3 == 0 ? 70 : i % 3 == 1 ? 20 : 0;
        numbers[i] = i % 3 == 0 ? 2 : i % 3 == 1;
    }
    put(ZONES, NUMBER_I32, other);
    expect(PATCH_OWN, PATCH_AS_MADE, PATCH_OWN, PATCH_ZONES, numbers);
    for (int i = 0; i < PIXELS; i++) numbers[i] = instances[i] ? last + 1 - instances[i] : 0;
    put(INSTANCES, NUMBER_I32, numbers); /* another order */
    put(ZONES, NUMBER_I32, instances);
    put(HEATMAP, NUMBER_F64, heat);
    expect(PATCH_OWN, PATCH_AS_MADE, PATCH_OWN, PATCH_INSTANCES, numbers);
    instances_free(&s);
}

/* Instances that labels call background count when they are all that says what the parcels are. */
static void instances_alone(void **state)
{
    int32_t ids[PIXELS], there[PIXELS];
    int background = 0;
    (void)state;
    for (int i = 0; i < PIXELS; i++) {
        ids[i] = parcels[i] ? parcels[i] : 9999;
        background += !labels[i];
    }
    assert_true(background > 0);
    put(INSTANCES, NUMBER_I32, ids);
    assert_int_equal(unlink(PARCELS), 0);
    assert_int_equal(unlink(HEATMAP), 0);
    assert_int_equal(unlink(ZONES), 0);
    patch_pack *p = packed_with(&plain, NULL);
    assert_origins(p, PATCH_OWN, PATCH_MADE, PATCH_MADE);
    assert_true(patch_pack_has_parcel(p, 1));
    assert_ok(patch_pack_read_parcels(p, 1, there));
    for (int i = 1; i < PIXELS; i++) {
        assert_int_equal(ids[i] < ids[i - 1], there[i] < there[i - 1]);
        assert_in_range(there[i], 1, PIXELS); /* numbered: there are no ids beside them */
    }
    patch_pack_close(p);
    assert_int_equal(unlink(INSTANCES), 0);
    put(HEATMAP, NUMBER_F64, heat);
    p = packed_with(&plain, NULL);
    assert_false(patch_pack_has_parcel(p, 1));
    assert_origins(p, PATCH_MADE, PATCH_MADE, PATCH_MADE);
    assert_logged("1 patches have a heat map or zones, but neither ANNOTATIONS/ParcelIDs_ID.npy nor");
    assert_logged("1 patches have no parcels");
    patch_pack_close(p);
}

static void info_says_it(void **state)
{
    char *text;
    (void)state;
    heat[7] = heat[7] > 0.5 ? 0 : 0.75;
    put(HEATMAP, NUMBER_F64, heat);
    assert_int_equal(unlink(ZONES), 0);
    patch_pack_close(packed_with(&plain, NULL));
    assert_ok(furrow_info(in_scratch("out.h5"), &text));
    const char *targets = strstr(text, "\"parcel_targets\"");
    assert_non_null(targets);
    int patches, made[3], as_made[3], own[3];
    assert_int_equal(
        sscanf(targets,
               "\"parcel_targets\" : { \"patches\" : %d , \"instances\" : { \"made_when_read\" : %d , "
               "\"taken_as_made\" : %d , \"taken_own\" : %d } , \"heat_maps\" : { \"made_when_read\" : %d , "
               "\"taken_as_made\" : %d , \"taken_own\" : %d } , \"zones\" : { \"made_when_read\" : %d , "
               "\"taken_as_made\" : %d , \"taken_own\" : %d }",
               &patches, &made[0], &as_made[0], &own[0], &made[1], &as_made[1], &own[1], &made[2], &as_made[2],
               &own[2]),
        10);
    assert_int_equal(patches, PATCHES);
    assert_true(made[0] == 0 && as_made[0] == PATCHES && own[0] == 0);
    assert_true(made[1] == 0 && as_made[1] == PATCHES - 1 && own[1] == 1);
    assert_true(made[2] == 1 && as_made[2] == PATCHES - 1 && own[2] == 0);
    free(text);
}

/* ---- problems ------------------------------------------------------------------------------------------------------- */

/* Refused with this, and with skip_bad the other patches are packed. */
static void expect_problem(const char *part)
{
    assert_refused(pack_pastis(in_scratch("in"), in_scratch("out.h5"), &plain, NULL), part);
    assert_null(strstr(error_message(), "2 problems"));
    assert_false(file_exists(in_scratch("out.h5")));
    patch_pack *p = packed_with(&skipping, NULL);
    assert_logged(part);
    assert_int_equal(patch_pack_count(p), PATCHES - 1);
    patch_pack_close(p);
    unlink(in_scratch("out.h5"));
}

static void wrong_values(void **state)
{
    (void)state;
    instances[17] = -4;
    put(INSTANCES, NUMBER_I32, instances);
    expect_problem("INSTANCE_ANNOTATIONS/INSTANCES_10001.npy: -4 at row 1, column 1, wanted 0 to 2147483647");
    int64_t wide[PIXELS] = {[3] = 1ll << 40};
    put(INSTANCES, NUMBER_I64, wide);
    expect_problem("INSTANCES_10001.npy: 1099511627776 at row 0, column 3, wanted 0 to 2147483647");
    memset(wide, 0, sizeof wide);
    put(INSTANCES, NUMBER_I64, wide);
    expect_problem(
        "ZONES_10001.npy: 1 at row 0, column 0, which is none of the instances of INSTANCE_ANNOTATIONS/INST");
    assert_int_equal(unlink(INSTANCES), 0);
    const int32_t zone = zones[33];
    zones[33] = last + 1;
    put(ZONES, NUMBER_I32, zones);
    char wanted[120];
    snprintf(wanted, sizeof wanted, "ZONES_10001.npy: %d at row 2, column 1, wanted 0 to %d", last + 1, last);
    expect_problem(wanted);
    zones[33] = -1;
    put(ZONES, NUMBER_I32, zones);
    expect_problem("ZONES_10001.npy: -1 at row 2, column 1, wanted 0 to 2147483647");
    zones[33] = zone;
    put(ZONES, NUMBER_I32, zones);
    static const double values[4] = {(double)NAN, (double)INFINITY, -0.25, 1.5};
    static const char *const texts[4] = {"nan", "inf", "-0.25", "1.5"};
    for (int i = 0; i < 4; i++) {
        heat[20] = values[i];
        put(HEATMAP, NUMBER_F64, heat);
        snprintf(wanted, sizeof wanted, "HEATMAP_10001.npy: %s at row 1, column 4, wanted 0 to 1", texts[i]);
        expect_problem(wanted);
    }
}

static void wrong_arrays(void **state)
{
    const size_t other[2] = {SIDE, SIDE - 1}, line[1] = {SIDE};
    (void)state;
    put(HEATMAP, NUMBER_I32, zones);
    expect_problem("INSTANCE_ANNOTATIONS/HEATMAP_10001.npy: int32, wanted real numbers");
    assert_ok(npy_write(HEATMAP, NUMBER_F64, 2, other, heat));
    expect_problem("HEATMAP_10001.npy: 16 x 15, wanted 16 x 16 pixels, as the images");
    put(HEATMAP, NUMBER_F64, heat);
    assert_int_equal(truncate(HEATMAP, 500), 0);
    expect_problem("INSTANCE_ANNOTATIONS/HEATMAP_10001.npy: 372 bytes of elements");
    put(HEATMAP, NUMBER_F64, heat);
    put(ZONES, NUMBER_F64, heat);
    char wanted[120];
    snprintf(wanted, sizeof wanted, "ZONES_10001.npy: %.16g at row 0, column 0, wanted whole numbers from 0 to 214",
             heat[0]);
    expect_problem(wanted);
    assert_ok(npy_write(ZONES, NUMBER_I32, 1, line, zones));
    expect_problem("ZONES_10001.npy: 16, wanted 16 x 16 pixels");
    put(ZONES, NUMBER_I32, zones);
    heat[0] = (double)NAN;
    put(INSTANCES, NUMBER_F64, heat);
    expect_problem("INSTANCES_10001.npy: nan at row 0, column 0, wanted whole numbers from 0 to 2147483647");
    put_text(INSTANCES, "x");
    expect_problem("INSTANCES_10001.npy: byte 0");
    assert_int_equal(unlink(PARCELS), 0); /* a heat map whose instances are broken is not a second problem */
    expect_problem("INSTANCES_10001.npy: byte 0");
}

static bool zones_too;
static void change(void *user, const char *task, size_t done, size_t total, const char *metric)
{
    (void)user, (void)metric;
    if (strcmp(task, "instances") != 0 || done != total) return;
    heat[7] = zones_too ? 5 : 0.125;
    put(HEATMAP, NUMBER_F64, heat);
    if (!zones_too) put(ZONES, NUMBER_I32, instances);
}

/* After the survey has looked at them. */
static void changed_meanwhile(void **state)
{
    const log_listener listener = {.progress = change};
    (void)state;
    for (int i = 0; i < 2; i++) {
        heat[7] = 0.25;
        put(HEATMAP, NUMBER_F64, heat);
        put(ZONES, NUMBER_I32, zones);
        zones_too = i;
        log_listen(&listener);
        assert_refused(pack_pastis(in_scratch("in"), in_scratch("out.h5"), &plain, NULL),
                       i ? "HEATMAP_10001.npy: 5 at row 0, column 7" : "ZONES_10001.npy: changed while it was being");
        assert_false(file_exists(in_scratch("out.h5")));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(nothing_is_kept_twice, folder_start),
        cmocka_unit_test_setup(the_same_in_other_words, folder_start),
        cmocka_unit_test_setup(own_heat_and_zones, folder_start),
        cmocka_unit_test_setup(own_instances, folder_start),
        cmocka_unit_test_setup(instances_alone, folder_start),
        cmocka_unit_test_setup(info_says_it, folder_start),
        cmocka_unit_test_setup(wrong_values, folder_start),
        cmocka_unit_test_setup(wrong_arrays, folder_start),
        cmocka_unit_test_setup(changed_meanwhile, folder_start),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
