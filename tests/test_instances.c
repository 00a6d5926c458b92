/* Instance ids, centre heat maps and zones: by hand, against the formula over all parcels, and against the maps
 * published with PASTIS. */
#include <math.h>

#include "base/random.h"
#include "format/npy.h"

#include "tests/instances_test.h"

static void near_to(double value, double wanted)
{
    if (fabs(value - wanted) > 1e-12 * wanted) print_error("%.17g, wanted %.17g\n", value, wanted);
    assert_true(fabs(value - wanted) <= 1e-12 * wanted);
}

static double heat_at(const instance_set *s, int row, int column)
{
    return s->heat[row * SIDE + column];
}

static int zone_at(const instance_set *s, int row, int column)
{
    return s->zone[row * SIDE + column];
}

/* ---- by hand ------------------------------------------------------------------------------------------------------- */

static void no_parcel(void **state)
{
    (void)state;
    clear();
    parcels[3] = -1; /* no id */
    instance_set s = made(true);
    assert_int_equal(s.parcels, 0);
    for (int i = 0; i < PIXELS; i++) assert_true(s.heat[i] == 0 && !s.zone[i] && !s.instance[i]);
    instances_free(&s);
}

/* Rows 4 to 7, columns 3 to 8: box 3 .. 8 and 2 .. 9, sides 5 and 7, centre 5, 5; sigma = side / 17. */
static void one_parcel(void **state)
{
    (void)state;
    clear();
    put(1234567, 2, 4, 3, 4, 6);
    instance_set s = made(true);
    assert_int_equal(s.parcels, 1);
    assert_int_equal(s.parcel[0].id, 1234567);
    assert_int_equal(s.parcel[0].row, 5);
    assert_int_equal(s.parcel[0].column, 5);
    assert_true(heat_at(&s, 5, 5) == 1);
    near_to(heat_at(&s, 6, 5), exp(-289.0 / 50));
    near_to(heat_at(&s, 5, 6), exp(-289.0 / 98));
    near_to(heat_at(&s, 7, 2), exp(-4 * 289.0 / 50 - 9 * 289.0 / 98));
    for (int i = 0; i < PIXELS; i++) {
        assert_int_equal(s.instance[i], parcels[i] ? 1 : 0);
        assert_int_equal(s.zone[i], 1);
    }
    instances_free(&s);
}

/* One pixel inside has side 2; in a corner the box is cut to side 1, and the lower right peak is not in its parcel. */
static void one_pixel_and_borders(void **state)
{
    (void)state;
    clear();
    put(1, 1, 8, 8, 1, 1);
    put(2, 1, 0, 0, 1, 1);
    put(3, 1, SIDE - 1, SIDE - 1, 1, 1);
    instance_set s = made(true);
    assert_true(heat_at(&s, 8, 8) == 1);
    near_to(heat_at(&s, 8, 9), exp(-289.0 / 8));
    assert_true(heat_at(&s, 0, 0) == 1);
    near_to(heat_at(&s, 0, 1), exp(-289.0 / 2));
    assert_true(heat_at(&s, SIDE - 2, SIDE - 2) == 1);
    near_to(heat_at(&s, SIDE - 1, SIDE - 1), exp(-289.0));
    assert_int_equal(s.parcel[2].row, SIDE - 2);
    instances_free(&s);
}

/* Whole sides at the border: rows 0 to 15 are not grown at all. */
static void a_parcel_as_high_as_the_patch(void **state)
{
    (void)state;
    clear();
    put(9, 1, 0, 13, SIDE, 3);
    instance_set s = made(true);
    assert_int_equal(s.parcel[0].row, 7);
    assert_int_equal(s.parcel[0].column, 13); /* 12 .. 15 */
    near_to(heat_at(&s, 8, 13), exp(-289.0 / 450));
    near_to(heat_at(&s, 7, 14), exp(-289.0 / 18));
    instances_free(&s);
}

/* Ids sort them, not places; the boundary between equal neighbours lies in their middle. */
static void touching_parcels(void **state)
{
    (void)state;
    clear();
    put(70, 1, 4, 2, 5, 5);
    put(8, 1, 4, 7, 5, 5);
    instance_set s = made(true);
    assert_int_equal(s.parcel[0].id, 8);
    assert_int_equal(s.instance[4 * SIDE + 2], 2);
    assert_int_equal(s.instance[4 * SIDE + 7], 1);
    assert_int_equal(zone_at(&s, 6, 6), 2); /* centres in columns 4 and 9 */
    assert_int_equal(zone_at(&s, 6, 7), 1);
    near_to(heat_at(&s, 6, 6), heat_at(&s, 6, 7));
    instances_free(&s);
}

static void ties(void **state)
{
    (void)state;
    clear();
    put(5, 1, 7, 9, 1, 1);
    put(6, 1, 7, 5, 1, 1);
    instance_set s = made(true);
    assert_int_equal(zone_at(&s, 7, 7), 1); /* as far from both */
    assert_int_equal(zone_at(&s, 7, 6), 2);
    assert_int_equal(zone_at(&s, 7, 2), 2);
    assert_true(heat_at(&s, 7, 1) > 0);
    assert_int_equal(zone_at(&s, 7, 1), 2);
    assert_true(heat_at(&s, 7, 0) == 0); /* exp(-903): all are 0, the first of them counts */
    assert_int_equal(zone_at(&s, 7, 0), 1);
    instances_free(&s);
}

/* Two parcels with one box: the same Gaussian everywhere. */
static void the_same_box(void **state)
{
    (void)state;
    clear();
    put(4, 1, 4, 4, 6, 6);
    put(3, 1, 5, 4, 4, 6);
    put(3, 1, 4, 5, 1, 1);
    put(3, 1, 9, 5, 1, 1);
    instance_set s = made(true);
    assert_int_equal(s.instances, 2);
    for (int i = 0; i < PIXELS; i++) assert_int_equal(s.zone[i], 1);
    instances_free(&s);
}

static void background_and_void(void **state)
{
    (void)state;
    clear();
    put(10, 0, 1, 1, 3, 3);
    put(20, 19, 8, 8, 3, 3);
    put(30, 2, 12, 2, 2, 2);
    labels[12 * SIDE + 3] = 4; /* its first pixel's label counts */
    put(40, 3, 1, 12, 2, 2);
    const int32_t without[2] = {50, 40};
    const instance_source source = {SIDE, SIDE, parcels, labels, without, 2};
    instance_set s;
    assert_ok(instances_make(&source, &s));
    assert_int_equal(s.parcels, 4);
    assert_int_equal(s.instances, 2);
    assert_int_equal(s.background, 1);
    assert_int_equal(s.without, 1);
    assert_int_equal(s.mixed, 1);
    assert_int_equal(s.instance[1 * SIDE + 1], 0);
    assert_int_equal(s.instance[8 * SIDE + 8], 1);
    assert_int_equal(s.instance[12 * SIDE + 2], 2);
    assert_int_equal(s.instance[1 * SIDE + 12], 0);
    assert_true(heat_at(&s, 2, 2) < 1e-9);
    assert_int_equal(s.parcel[0].row, 2); /* of those left out too */
    assert_true(heat_at(&s, 9, 9) == 1);
    instances_free(&s);
    s = made(false);
    assert_int_equal(s.instances, 4);
    assert_true(heat_at(&s, 2, 2) == 1);
    instances_free(&s);
}

static void one_id_in_two_places(void **state)
{
    (void)state;
    clear();
    put(77, 1, 2, 2, 2, 2);
    put(77, 1, 10, 11, 2, 2);
    instance_set s = made(true);
    assert_int_equal(s.instances, 1);
    assert_int_equal(s.parcel[0].row, 6); /* 1 .. 12 */
    assert_int_equal(s.parcel[0].column, 7);
    assert_int_equal(s.instance[2 * SIDE + 2], 1);
    assert_int_equal(s.instance[11 * SIDE + 12], 1);
    assert_int_equal(s.instance[6 * SIDE + 7], 0); /* the peak lies between */
    instances_free(&s);
}

static void smallest_patches(void **state)
{
    const int32_t four[4] = {1, 1, 0, 2};
    instance_source source = {2, 2, four, NULL, NULL, 0};
    instance_set s;
    (void)state;
    assert_ok(instances_make(&source, &s));
    assert_int_equal(s.instances, 2);
    assert_true(s.heat[0] == 1);
    for (int i = 0; i < 4; i++) assert_true(isfinite(s.heat[i]));
    instances_free(&s);
    source.height = 1;
    assert_refused(instances_make(&source, &s), "1 x 2 pixels, wanted at least 2 x 2");
}

/* ---- the formula, over all parcels and pixels -------------------------------------------------------------------- */

static double term(int at, int first, int last, int size)
{
    int low = first > 0 ? first - 1 : 0, high = last + 1 < size ? last + 1 : size - 1;
    double sigma = (1 - 0.7) / (1 + 0.7) * (high - low) / 3;
    double away = at - (low + (high - low) / 2);
    return away * away / (2 * (sigma * sigma));
}

static void assert_formula(const instance_set *s, int side)
{
    double *heat = calloc((size_t)(side * side), sizeof *heat);
    int *zone = calloc((size_t)(side * side), sizeof *zone);
    for (int i = 0; i < side * side; i++) heat[i] = -1;
    for (size_t k = 0; k < s->parcels; k++) {
        int top = side, bottom = -1, left = side, right = -1;
        if (!s->parcel[k].instance) continue;
        for (int i = 0; i < side * side; i++) {
            if (s->instance[i] != s->parcel[k].instance) continue;
            assert_int_equal(parcels[i], s->parcel[k].id);
            if (i / side < top) top = i / side;
            if (i / side > bottom) bottom = i / side;
            if (i % side < left) left = i % side;
            if (i % side > right) right = i % side;
        }
        for (int i = 0; i < side * side; i++) {
            double value = exp(-(term(i % side, left, right, side) + term(i / side, top, bottom, side)));
            if (value <= heat[i]) continue;
            heat[i] = value;
            zone[i] = s->parcel[k].instance;
        }
    }
    for (int i = 0; i < side * side; i++) {
        assert_true(heat[i] == s->heat[i]);
        assert_int_equal(zone[i], s->zone[i]);
    }
    free(heat);
    free(zone);
}

/* Random cells with random holes and a few far parcels: every bit as the plain loop over all parcels has it. */
static void equals_the_plain_loop(void **state)
{
    (void)state;
    for (int round = 0; round < 12; round++) {
        const int cell = 1 + round, side = round < 6 ? 40 : PATCH;
        random_key key = random_stream(7, RANDOM_SYNTHETIC, (uint64_t)round);
        clear();
        for (int i = 0; i < side * side; i++) {
            uint64_t drawn = random_below(key, (uint64_t)i, 100);
            bool kept = round % 3 == 2 ? drawn < 2 : drawn >= 25;
            parcels[i] = kept ? 1 + (i / side / cell * 37 + i % side / cell * 101) % 1009 : 0;
            labels[i] = (uint8_t)(parcels[i] % 5);
        }
        const instance_source source = {side, side, parcels, labels, NULL, 0};
        instance_set s;
        assert_ok(instances_make(&source, &s));
        assert_true(s.instances > 1 && s.background > 0);
        assert_formula(&s, side);
        instances_free(&s);
    }
}

static instance_set made_large(void)
{
    const instance_source source = {PATCH, PATCH, parcels, NULL, NULL, 0};
    instance_set s;
    assert_ok(instances_make(&source, &s));
    return s;
}

/* Sides 24 and 72, one and three pixels off: distances that differ in their last bit have the same exp(). */
static void equal_values_of_unequal_distances(void **state)
{
    (void)state;
    clear();
    parcels[60 * PATCH + 49] = parcels[60 * PATCH + 71] = 1; /* centre in column 60 */
    parcels[60 * PATCH + 29] = parcels[60 * PATCH + 99] = 2; /* in column 64 */
    instance_set s = made_large();
    assert_true(term(61, 29, 99, PATCH) < term(61, 49, 71, PATCH));
    assert_int_equal(s.zone[60 * PATCH + 61], 1);
    assert_formula(&s, PATCH);
    instances_free(&s);
}

/* In row 75 only the first pixel is as far from parcel 1 as 37.28; parcel 2, 37.25 off, counts there. */
static void a_row_that_is_barely_reached(void **state)
{
    (void)state;
    clear();
    for (int x = 2; x < PATCH; x++) parcels[75 * PATCH + x] = 1;
    for (int y = 11; y <= 74; y++) parcels[y * PATCH] = 2;
    instance_set s = made_large();
    assert_int_equal(s.zone[75 * PATCH], 2);
    assert_int_equal(s.zone[75 * PATCH + 1], 1);
    assert_formula(&s, PATCH);
    instances_free(&s);
}

/* ---- the published maps -------------------------------------------------------------------------------------------- */

static bool shared_read(const char *format, int patch, enum number_type type, void **out)
{
    char name[100];
    npy_header h;
    snprintf(name, sizeof name, format, patch);
    const char *path = in_shared(name);
    if (!path) return false;
    assert_ok(npy_read(path, 1 << 20, &h, out));
    assert_int_equal(h.type, type);
    assert_int_equal(h.count, PATCH * PATCH);
    return true;
}

/* The labels are not in that folder: a parcel whose peak is missing is taken for background. */
static void as_published(void **state)
{
    static const size_t expected[5] = {7, 11, 17, 15, 1};
    void *ids, *there;
    (void)state;
    for (int k = 0; k < 5; k++) {
        if (!shared_read("data/pastis-real/ANNOTATIONS/ParcelIDs_%d.npy", 10000 + k, NUMBER_I32, &ids) ||
            !shared_read("data/pastis-real/INSTANCE_ANNOTATIONS/HEATMAP_%d.npy", 10000 + k, NUMBER_F64, &there))
            skip();
        memcpy(parcels, ids, sizeof parcels);
        const double *published = there;
        double largest = 0;
        int32_t without[PATCH];
        size_t equal = 0;
        instance_source source = {PATCH, PATCH, parcels, NULL, without, 0};
        instance_set s;
        assert_ok(instances_make(&source, &s));
        for (size_t p = 0; p < s.parcels; p++)
            if (published[s.parcel[p].row * PATCH + s.parcel[p].column] < 1 - 1e-9)
                without[source.withouts++] = s.parcel[p].id;
        assert_int_equal(source.withouts, expected[k]);
        instances_free(&s);
        assert_ok(instances_make(&source, &s));
        assert_int_equal(s.without, expected[k]);
        for (int i = 0; i < PATCH * PATCH; i++) {
            double difference = fabs(s.heat[i] - published[i]);
            equal += difference == 0;
            if (difference > largest) largest = difference;
        }
        print_message("patch %d: %zu parcels, %zu without a peak, heat map to %.2g (%zu of %d pixels the same bits)\n",
                      10000 + k, s.parcels, s.without, largest, equal, PATCH * PATCH);
        assert_true(largest < 1e-15);
        assert_formula(&s, PATCH);
        instances_free(&s);
        free(ids);
        free(there);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_parcel),
        cmocka_unit_test(one_parcel),
        cmocka_unit_test(one_pixel_and_borders),
        cmocka_unit_test(a_parcel_as_high_as_the_patch),
        cmocka_unit_test(touching_parcels),
        cmocka_unit_test(ties),
        cmocka_unit_test(the_same_box),
        cmocka_unit_test(background_and_void),
        cmocka_unit_test(one_id_in_two_places),
        cmocka_unit_test(smallest_patches),
        cmocka_unit_test(equals_the_plain_loop),
        cmocka_unit_test(equal_values_of_unequal_distances),
        cmocka_unit_test(a_row_that_is_barely_reached),
        cmocka_unit_test(as_published),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
