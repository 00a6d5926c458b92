/* temporal_aggregate: its cases, published widths, the same bits however the frames are cut into parts, refusals. */
#include "op_test.h"

#include "base/memory.h"
#include "base/random.h"
#include "op/check_values.h"
#include "op/checks.h"
#include "op/image.h"

static void test_checks(void **state)
{
    (void)state;
    int count;
    const op_check *checks = temporal_aggregate_checks(&count);
    op_test_checks(checks, count);
}

CHECK_VALUES(fill_season, 0, 7, 11)

/* The case without parts and norms, at another size. */
static void check_size(const char *name, int side, int channels, int map_side, int heads)
{
    enum { FRAMES_OF_SEASON = 11 };
    int count;
    const op_check *checks = temporal_aggregate_checks(&count);
    op_check c = op_test_case(checks, count, "temporal_aggregate 5 heads of 16");
    const struct { /* as temporal_aggregate_check.c has it */
        aggregate_options options;
        int parts;
        const pending_norm *pending;
    } user = {{AGGREGATE_GROUP, map_side, map_side}, 1, NULL};
    check_input inputs[3];
    for (int i = 0; i < 3; i++) inputs[i] = c.input[i];
    inputs[0].shape = SHAPE(FRAMES_OF_SEASON, side, side, channels);
    inputs[1].fill = fill_season;
    inputs[2].shape = SHAPE(FRAMES_OF_SEASON * map_side * map_side, heads);
    c.name = name;
    c.input = inputs;
    c.user = &user;
    assert_ok(check_operation(op_device, &c, false));
}

static void test_sizes(void **state)
{
    (void)state;
    if (op_test_small()) skip();
    check_size("temporal_aggregate 16x16 to 32x32x64", 32, 64, 16, 16);
    check_size("temporal_aggregate 4x4 to 33x33x32", 33, 32, 4, 16);
    check_size("temporal_aggregate 3x3 to 10x10x130", 10, 130, 3, 2);
}

/* ---- the same bits ---------------------------------------------------------------------------------------------- */

enum { FRAMES = 9, SIDE = 6, CHANNELS = 24, MAP_SIDE = 3, HEADS = 4, PATCHES = 3, PARTS_MAX = 4 };
enum {
    FRAME = SIDE * SIDE * CHANNELS,
    MAP = FRAMES * MAP_SIDE * MAP_SIDE * HEADS,
    RESULTS = PATCHES * FRAME + MAP + FRAMES * FRAME
};

static void fill(float *values, int count, uint64_t stream)
{
    const random_key key = random_stream(3, RANDOM_SYNTHETIC, stream);
    for (int i = 0; i < count; i++) values[i] = (float)random_normal(key, (uint64_t)i);
}

/* y, the map's gradient, and those of all parts. */
static void run_cut(enum aggregate_mode mode, const int *cut, int parts, float *results)
{
    net *n = NULL;
    const int32_t offsets[PATCHES + 1] = {0, 4, 5, FRAMES};
    float *values = memory_new(FRAMES * FRAME, sizeof *values);
    tensor *part[PARTS_MAX];
    assert_non_null(values);
    assert_ok(net_new(op_device, 9, &n));
    net_begin(n, true);
    for (int i = 0; i < parts; i++)
        part[i] = net_input(n, "part", ELEMENT_FLOAT, SHAPE(cut[i + 1] - cut[i], SIDE, SIDE, CHANNELS), true);
    tensor *o = net_input(n, "o", ELEMENT_INT, SHAPE(PATCHES + 1), false);
    tensor *map = net_input(n, "map", ELEMENT_FLOAT, SHAPE(MAP / HEADS, HEADS), true);
    tensor *y = temporal_aggregate(n, part, parts, o, map, (aggregate_options){mode, MAP_SIDE, MAP_SIDE});
    net_keep(n, y);
    assert_ok(net_plan(n, NULL));
    fill(values, FRAMES * FRAME, 1);
    for (int i = 0; i < parts; i++) assert_ok(net_input_write(n, part[i], values + cut[i] * FRAME));
    fill(values, MAP, 2);
    assert_ok(net_input_write(n, map, values));
    assert_ok(net_input_write(n, o, offsets));
    assert_ok(net_forward(n, 1));
    assert_ok(net_read(n, y, results));
    fill(values, PATCHES * FRAME, 3);
    assert_ok(net_backward_from(n, y, values, 1));
    assert_ok(net_read_gradient(n, map, results + PATCHES * FRAME));
    for (int i = 0; i < parts; i++)
        assert_ok(net_read_gradient(n, part[i], results + PATCHES * FRAME + MAP + cut[i] * FRAME));
    net_free(n);
    free(values);
}

static void test_parts(void **state)
{
    (void)state;
    static const int whole[] = {0, FRAMES}, cut[] = {0, 2, 4, 7, FRAMES}, end[] = {0, 8, FRAMES};
    float *once = memory_new(RESULTS, sizeof *once), *again = memory_new(RESULTS, sizeof *again);
    assert_non_null(once);
    assert_non_null(again);
    for (int k = 0; k < 2; k++) {
        const enum aggregate_mode mode = k ? AGGREGATE_MEAN_HEAD : AGGREGATE_GROUP;
        run_cut(mode, whole, 1, once);
        run_cut(mode, cut, 4, again);
        assert_memory_equal(once, again, RESULTS * sizeof *once);
        run_cut(mode, end, 2, again);
        assert_memory_equal(once, again, RESULTS * sizeof *once);
    }
    free(once);
    free(again);
}

/* ---- refusals --------------------------------------------------------------------------------------------------- */

static void test_refusals(void **state)
{
    (void)state;
    net *n = NULL;
    static const struct {
        aggregate_options options;
        const char *message;
    } cases[] = {
        {{AGGREGATE_GROUP, 2, 2},
         "temporal_aggregate: input 1 (flat, 8 x 6) should be frames x height x width x channels "
         "of reals"},
        {{AGGREGATE_GROUP, 2, 2},
         "temporal_aggregate: input 1 (narrow, 2 x 4 x 4 x 5) should be frames x 4 x 4 x 6 as the "
         "first part is"},
        {{AGGREGATE_GROUP, 2, 2},
         "temporal_aggregate: input 2 (reals, 3) should be 3 integers: where each sequence starts, and the end"},
        {{AGGREGATE_GROUP, 3, 2},
         "temporal_aggregate: input 3 (map, 12 x 3) should be 18 x 3 reals: a row a frame and cell"},
        {{AGGREGATE_GROUP, 0, 2}, "temporal_aggregate: input 3 (map, 12 x 3) of 0 x 2 cells, wanted at least one"},
        {{AGGREGATE_GROUP, 2, 2},
         "temporal_aggregate: input 0 (x, 1 x 4 x 4 x 6) has channels that 4 heads cannot share "
         "equally"},
        {{AGGREGATE_MEAN, 2, 2}, "temporal_aggregate: input 3 (map, 12 x 3) should be absent: a mean has no map"},
        {{AGGREGATE_MEAN_HEAD, 2, 2}, "temporal_aggregate: input 3 (absent, no shape) should be there: rows x heads"},
        {{AGGREGATE_GROUP, 8, 5},
         "temporal_aggregate: input 3 (finer, 120 x 3) of 8 x 5 cells has no blocks of 2 x 2 for "
         "an image of 4 x 4"},
    };
    assert_ok(net_new(op_device, 1, &n));
    for (int i = 0; i < (int)(sizeof cases / sizeof *cases); i++) {
        net_begin(n, true);
        tensor *x = net_input(n, "x", ELEMENT_FLOAT, SHAPE(1, 4, 4, 6), true);
        tensor *more = net_input(n, "more", ELEMENT_FLOAT, SHAPE(2, 4, 4, 6), true);
        tensor *flat = net_input(n, "flat", ELEMENT_FLOAT, SHAPE(8, 6), true);
        tensor *narrow = net_input(n, "narrow", ELEMENT_FLOAT, SHAPE(2, 4, 4, 5), true);
        tensor *offsets = net_input(n, "offsets", ELEMENT_INT, SHAPE(3), false);
        tensor *reals = net_input(n, "reals", ELEMENT_FLOAT, SHAPE(3), false);
        tensor *map = net_input(n, "map", ELEMENT_FLOAT, SHAPE(12, 3), true);
        tensor *four = net_input(n, "four", ELEMENT_FLOAT, SHAPE(12, 4), true);
        tensor *finer = net_input(n, "finer", ELEMENT_FLOAT, SHAPE(120, 3), true);
        tensor *const part[] = {x, i == 0 ? flat : i == 1 ? narrow : more};
        tensor *const maps[] = {map, map, map, map, map, four, map, NULL, finer};
        temporal_aggregate(n, part, 2, i == 2 ? reals : offsets, maps[i], cases[i].options);
        op_test_refused(n, cases[i].message);
    }
    net_free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_checks),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, op_test_open, op_test_close);
}
