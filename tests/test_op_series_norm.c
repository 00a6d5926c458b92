/* series_norm: its cases, published sizes, refusals. */
#include "op_test.h"

#include "op/check_values.h"
#include "op/checks.h"
#include "op/image.h"

static void test_checks(void **state)
{
    (void)state;
    int count;
    const op_check *checks = series_norm_checks(&count);
    op_test_checks(checks, count);
}

CHECK_VALUES(fill_season, 0, 45, 83)
CHECK_VALUES(fill_vectors, 0, 1, 2, 3)

static void check_size(const char *name, int patches, int frames, int side, int channels, series_norm_options options,
                       void (*offsets)(const void *, size_t, uint64_t, double *))
{
    int count;
    const op_check *checks = series_norm_checks(&count);
    op_check c = op_test_case(checks, count, "series_norm 4 groups of 8");
    check_input inputs[4];
    for (int i = 0; i < 4; i++) inputs[i] = c.input[i];
    inputs[0].shape = SHAPE(frames, side, side, channels);
    inputs[1].shape = inputs[2].shape = SHAPE(channels);
    inputs[3].shape = SHAPE(patches + 1);
    inputs[3].fill = offsets;
    c.name = name;
    c.input = inputs;
    c.user = &options;
    assert_ok(check_operation(op_device, &c, false));
}

static void test_sizes(void **state)
{
    (void)state;
    if (op_test_small()) skip();
    const series_norm_options season = {.groups = 16, .dates = 45}, vectors = {.groups = 16};
    check_size("series_norm of 45 and 38 dates, 8 x 8 x 128", 2, 83, 8, 128, season, fill_season);
    check_size("series_norm of vectors, 16 x 16 x 128", 3, 3, 16, 128, vectors, fill_vectors);
    check_size("series_norm, more series than groups", 3, 3, 40, 16, vectors, fill_vectors);
}

static void test_refusals(void **state)
{
    (void)state;
    net *n = NULL;
    static const struct {
        series_norm_options options;
        const char *message;
    } cases[] = {
        {{.groups = 2}, "series_norm: input 0 (flat, 24 x 4) should be frames x height x width x channels"},
        {{.groups = 3}, "series_norm: input 0 (x, 2 x 3 x 4 x 4) has channels that 3 groups cannot share equally"},
        {{.groups = 0}, "series_norm: input 0 (x, 2 x 3 x 4 x 4) has channels that 0 groups cannot share equally"},
        {{.groups = 2, .dates = -1},
         "series_norm: input 0 (x, 2 x 3 x 4 x 4) counted as -1 dates, wanted 0 (its own) or more"},
        {{.groups = 2},
         "series_norm: input 3 (reals, 3) should be 3 integers: where each sequence starts, and the end"},
        {{.groups = 2}, "series_norm: input 1 (narrow, 3) should be 4 reals: one a channel"},
        {{.groups = 2}, "series_norm: input 2 (narrow, 3) should be 4 reals: one a channel"},
    };
    assert_ok(net_new(op_device, 1, &n));
    for (int i = 0; i < (int)(sizeof cases / sizeof *cases); i++) {
        net_begin(n, true);
        tensor *x = net_input(n, "x", ELEMENT_FLOAT, SHAPE(2, 3, 4, 4), true);
        tensor *flat = net_input(n, "flat", ELEMENT_FLOAT, SHAPE(24, 4), true);
        tensor *offsets = net_input(n, "offsets", ELEMENT_INT, SHAPE(3), false);
        tensor *reals = net_input(n, "reals", ELEMENT_FLOAT, SHAPE(3), false);
        tensor *w = net_input(n, "w", ELEMENT_FLOAT, SHAPE(4), false);
        tensor *narrow = net_input(n, "narrow", ELEMENT_FLOAT, SHAPE(3), false);
        series_norm(n, i == 0 ? flat : x, i == 4 ? reals : offsets, i == 5 ? narrow : w, i == 6 ? narrow : w,
                    cases[i].options);
        op_test_refused(n, cases[i].message);
    }
    net_free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_checks),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, op_test_open, op_test_close);
}
