/* The pseudo-NMS and the matching of masks, on cases worked out by hand. */
#include "metric/parcel_match.h"
#include "metric/pseudo_nms.h"

#include "format_test.h"

enum { HEIGHT = 3, WIDTH = 4 };
static const nms_options usual = {0.2f, 0.5f, 0.4f};

/* Boxes in 3 x 4 pixels: 0 the left half, 1 all but the last row, 2 one pixel, 3 of another patch. */
static const crop crops[] = {
    {.patch = 0, .first = 0, .top = 0, .left = 0, .height = 3, .width = 2},
    {.patch = 0, .first = 6, .top = 0, .left = 0, .height = 2, .width = 4},
    {.patch = 0, .first = 14, .top = 2, .left = 3, .height = 1, .width = 1},
    {.patch = 1, .first = 15, .top = 0, .left = 0, .height = 1, .width = 1},
};
static const float masks[16] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0.4f, 1};

static void expect(const float *confidence, nms_options options, const int32_t *wanted)
{
    int32_t instance[HEIGHT * WIDTH], chosen[HEIGHT * WIDTH];
    const nms_candidates all = {4, crops, confidence, masks};
    assert_ok(pseudo_nms(&all, 0, options, HEIGHT, WIDTH, instance, chosen));
    for (int i = 0; i < HEIGHT * WIDTH; i++) {
        assert_int_equal(instance[i], wanted[i]);
        assert_int_equal(chosen[i] < 0, wanted[i] == 0);
    }
}

/* Half of the second mask is taken: exactly half is not more than half, so it is left out; its rank counts. */
static void test_half_taken(void **state)
{
    (void)state;
    expect((const float[]){0.9f, 0.8f, 0.7f, 1}, usual, (const int32_t[]){1, 1, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0});
    nms_options less = usual;
    less.min_remain = 0.49f;
    expect((const float[]){0.9f, 0.8f, 0.7f, 1}, less, (const int32_t[]){1, 1, 2, 2, 1, 1, 2, 2, 1, 1, 0, 0});
}

/* The pixel of candidate 2 is not over the threshold: an empty mask takes nothing. */
static void test_threshold(void **state)
{
    (void)state;
    nms_options lower = usual;
    lower.mask_threshold = 0.39f;
    expect((const float[]){0.9f, 0.1f, 0.95f, 1}, usual, (const int32_t[]){2, 2, 0, 0, 2, 2, 0, 0, 2, 2, 0, 0});
    expect((const float[]){0.9f, 0.1f, 0.95f, 1}, lower, (const int32_t[]){2, 2, 0, 0, 2, 2, 0, 0, 2, 2, 0, 1});
}

static void test_least_confidence(void **state)
{
    (void)state;
    expect((const float[]){0.2f, 0.19f, 0.1f, 1}, usual, (const int32_t[]){1, 1, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0});
    expect((const float[]){0.1f, 0.1f, 0.1f, 1}, usual, (const int32_t[HEIGHT * WIDTH]){0});
}

/* Of equals the first is first. */
static void test_ties(void **state)
{
    (void)state;
    expect((const float[]){0.5f, 0.5f, 0.5f, 1}, usual, (const int32_t[]){1, 1, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0});
}

static void test_none(void **state)
{
    int32_t instance[HEIGHT * WIDTH], chosen[HEIGHT * WIDTH];
    const nms_candidates none = {0};
    (void)state;
    assert_ok(pseudo_nms(&none, 0, usual, HEIGHT, WIDTH, instance, chosen));
    for (int i = 0; i < HEIGHT * WIDTH; i++) assert_true(instance[i] == 0 && chosen[i] == -1);
}

/* ---- matching ------------------------------------------------------------------------------------------------------ */

static int area(const void *user, int patch, int id)
{
    (void)patch;
    return ((const int *)user)[id];
}

static void test_ious(void **state)
{
    const int areas[] = {0, 8, 4};
    const int32_t instance[2 * HEIGHT * WIDTH] = {1, 1, 2, 2, 1, 1, 2, 2, 1, 1, 1, 1};
    const int32_t parcel[] = {1, 2, 1, 0};
    const paps_found found = {
        .count = 4, .patches = 2, .height = HEIGHT, .width = WIDTH, .parcel = parcel, .crop = crops, .mask = masks};
    float iou[4];
    (void)state;
    parcel_ious(&found, instance, area, areas, iou);
    assert_float_equal(iou[0], 6.0 / 8, 1e-6);
    assert_float_equal(iou[1], 4.0 / 8, 1e-6);
    assert_float_equal(iou[2], 0, 0); /* nothing over the threshold */
    assert_true(iou[3] < 0);          /* no parcel */
}

/* Two that fit with 0.3 and 0.6, one that does not with 0.45: from 0.45 on the one alone is found, up to 0.3 all. */
static void test_confidence(void **state)
{
    const float confidence[] = {0.3f, 0.6f, 0.45f, 0.99f}, iou[] = {0.9f, 0.6f, 0.2f, -1};
    confidence_counts counts = {0};
    double f1;
    (void)state;
    confidence_count(&counts, confidence, iou, 4);
    assert_float_equal(confidence_best(&counts, &f1), 0, 0);
    assert_float_equal((float)f1, 0.8f, 1e-6f);
    const float another[] = {0.2f, 0.2f}, wrong[] = {0, 0};
    confidence_count(&counts, another, wrong, 2);
    assert_float_equal((float)confidence_best(&counts, &f1), 0.2f, 1e-6f);
    const confidence_counts none = {0};
    assert_float_equal(confidence_best(&none, &f1), 0, 0);
    assert_float_equal(f1, 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_half_taken), cmocka_unit_test(test_threshold), cmocka_unit_test(test_least_confidence),
        cmocka_unit_test(test_ties),       cmocka_unit_test(test_none),      cmocka_unit_test(test_ious),
        cmocka_unit_test(test_confidence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
