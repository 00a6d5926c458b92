/* Centres of heat maps and the crops of their boxes, on cases worked out by hand. */
#include "layer/centres.h"

#include <math.h>

#include "format_test.h"

static void expect(const centre_list *l, int count, const centre *wanted)
{
    assert_int_equal(l->count, count);
    for (int i = 0; i < count; i++) {
        assert_int_equal(l->item[i].patch, wanted[i].patch);
        assert_int_equal(l->item[i].row, wanted[i].row);
        assert_int_equal(l->item[i].column, wanted[i].column);
    }
}

/* Equal neighbours are maxima both; what is not above the mean of all patches is none. */
static void test_maxima(void **state)
{
    const float heat[2][3][4] = {{{.9f, .1f, .1f, .5f}, {.1f, .1f, .1f, .5f}, {.1f, .1f, .2f, .1f}},
                                 {{.1f, .1f, .1f, .1f}, {.1f, .8f, .1f, .1f}, {.1f, .1f, .1f, .15f}}};
    centre_list l = {0};
    (void)state;
    assert_ok(centres_of_maxima(&heat[0][0][0], 2, 3, 4, &l));
    expect(&l, 4, (const centre[]){{0, 0, 0}, {0, 0, 3}, {0, 1, 3}, {1, 1, 1}});
    centre_list_free(&l);
}

static void test_no_maximum(void **state)
{
    const float flat[6] = {.5f, .5f, .5f, .5f, .5f, .5f}, nothing[6] = {NAN, NAN, NAN, NAN, NAN, NAN};
    centre_list l = {0};
    (void)state;
    assert_ok(centres_of_maxima(flat, 1, 2, 3, &l));
    assert_int_equal(l.count, 0);
    assert_ok(centres_of_maxima(nothing, 1, 2, 3, &l));
    assert_int_equal(l.count, 0);
    centre_list_free(&l);
}

/* The hottest of each zone, the first of equals, in the order of the pixels; zone 0 has none, nor has one without
 * pixels (3 of the first patch). */
static void test_zones(void **state)
{
    const float heat[12] = {.1f, .2f, .7f, .7f, .3f, .4f, .5f, .5f, .5f, .9f, .9f, .9f};
    const int32_t zone[12] = {2, 2, 1, 1, 2, 2, 0, 0, 0, 0, 0, 0}, first[3] = {0, 4, 5};
    centre_list l = {0};
    (void)state;
    assert_ok(centres_of_zones(heat, zone, first, 2, 2, 3, &l));
    expect(&l, 2, (const centre[]){{0, 0, 2}, {0, 1, 2}});
    centre_list_free(&l);
}

static void test_zone_out_of_range(void **state)
{
    const float heat[2] = {0};
    const int32_t zone[2] = {0, 3}, first[2] = {0, 3};
    centre_list l = {0};
    (void)state;
    assert_int_equal(centres_of_zones(heat, zone, first, 1, 1, 2, &l), FAILED);
    assert_string_equal(error_message(), "patch 0 of the batch: pixel 1 is in zone 3, wanted 0 to 2");
    centre_list_free(&l);
}

/* Sizes 2.5 and 3.5 are rounded to even, 0.2 to 1, what is no number or huge is bounded; boxes beyond the image keep
 * their own extent. */
static void test_crops(void **state)
{
    centre at[] = {{0, 1, 1}, {0, 0, 3}, {1, 2, 2}, {1, 2, 0}};
    const float size[] = {2.5f, 3.5f, 0.2f, 4, NAN, INFINITY, 5, 1e30f};
    const crop wanted[] = {
        {0, 0, 0, 0, 2, 3, 0, -1, 2, 4},
        {0, 6, 0, 1, 1, 3, 0, 1, 1, 4},
        {1, 9, 2, 0, 1, 4, 2, 2 - (1 << 19), 1, 1 << 20},
        {1, 13, 0, 0, 3, 4, 0, -(1 << 19), 5, 1 << 20},
    };
    const centre_list l = {at, 4, 4};
    crop crops[4];
    int values = 0;
    (void)state;
    assert_ok(crops_of_sizes(&l, size, 3, 4, crops, &values));
    assert_int_equal(values, 25);
    for (int i = 0; i < 4; i++) assert_memory_equal(&crops[i], &wanted[i], sizeof(crop));
    assert_int_equal(sizeof(crop), CROP_INTS * sizeof(int32_t));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_maxima), cmocka_unit_test(test_no_maximum),
        cmocka_unit_test(test_zones),  cmocka_unit_test(test_zone_out_of_range),
        cmocka_unit_test(test_crops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
