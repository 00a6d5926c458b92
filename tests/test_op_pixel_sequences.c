/* pixel_sequences: its cases, its integers themselves, refusals. */
#include "op_test.h"

#include "op/checks.h"
#include "op/image.h"

static void test_checks(void **state)
{
    (void)state;
    int count;
    const op_check *checks = pixel_sequences_checks(&count);
    op_test_checks(checks, count);
}

enum { PATCHES = 4, FRAMES = 80, PIXELS = 77 };

static void test_integers(void **state)
{
    (void)state;
    net *n = NULL;
    const int32_t offsets[PATCHES + 1] = {0, 1, 1, 46, 80};
    int32_t positions[FRAMES], sequences[PATCHES * PIXELS + 1], rows[FRAMES * PIXELS];
    tensor *sequences_at, *rows_at;
    for (int i = 0; i < FRAMES; i++) positions[i] = i * i;
    assert_ok(net_new(op_device, 1, &n));
    net_begin(n, false);
    tensor *o = net_input(n, "offsets", ELEMENT_INT, SHAPE(PATCHES + 1), false);
    tensor *p = net_input(n, "positions", ELEMENT_INT, SHAPE(FRAMES), false);
    pixel_sequences(n, o, p, PIXELS, &sequences_at, &rows_at);
    net_keep(n, sequences_at);
    net_keep(n, rows_at);
    assert_ok(net_plan(n, NULL));
    assert_ok(net_input_write(n, o, offsets));
    assert_ok(net_input_write(n, p, positions));
    assert_ok(net_forward(n, 1));
    assert_ok(net_read(n, sequences_at, sequences));
    assert_ok(net_read(n, rows_at, rows));
    for (int b = 0, row = 0; b < PATCHES; b++)
        for (int i = 0; i < PIXELS; i++) {
            assert_int_equal(sequences[b * PIXELS + i], row);
            for (int f = offsets[b]; f < offsets[b + 1]; f++) assert_int_equal(rows[row++], positions[f]);
        }
    assert_int_equal(sequences[PATCHES * PIXELS], FRAMES * PIXELS);
    net_free(n);
}

static void test_refusals(void **state)
{
    (void)state;
    net *n = NULL;
    static const char *const messages[] = {
        "pixel_sequences: input 0 (reals, 3) should be 3 integers: where each sequence starts, and the end",
        "pixel_sequences: input 1 (reals, 3) should be 3 integers: the position of each frame",
        "pixel_sequences: input 1 (positions, 5) of frames with 0 pixels, wanted at least one",
        "pixel_sequences: input 1 (positions, 5) of frames with 1000000000 pixels each make more rows than 2147483647",
    };
    assert_ok(net_new(op_device, 1, &n));
    for (int i = 0; i < (int)(sizeof messages / sizeof *messages); i++) {
        net_begin(n, true);
        tensor *sequences, *rows;
        tensor *reals = net_input(n, "reals", ELEMENT_FLOAT, SHAPE(3), false);
        tensor *offsets = net_input(n, "offsets", ELEMENT_INT, SHAPE(3), false);
        tensor *positions = net_input(n, "positions", ELEMENT_INT, SHAPE(5), false);
        pixel_sequences(n, i == 0 ? reals : offsets, i == 1 ? reals : positions,
                        i == 2   ? 0
                        : i == 3 ? 1000000000
                                 : 4,
                        &sequences, &rows);
        assert_null(sequences);
        assert_null(rows);
        op_test_refused(n, messages[i]);
    }
    net_free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_checks),
        cmocka_unit_test(test_integers),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, op_test_open, op_test_close);
}
