/* crop_values: its cases, a thousand crops on one another, refusals. */
#include "op_test.h"

#include "base/random.h"
#include "op/checks.h"
#include "op/panoptic.h"

static void test_checks(void **state)
{
    (void)state;
    int count;
    const op_check *checks = crop_values_checks(&count);
    op_test_checks(checks, count);
}

/* ---- a thousand crops ------------------------------------------------------------------------------------------- */

enum { CROPS = 1000, SIDE = 128, LARGEST = 40 };

static int draw_below(random_key key, uint64_t *draw, int limit)
{
    return (int)random_below(key, (*draw)++, (uint64_t)limit);
}

/* Boxes of 1 to LARGEST a side around pixels of two patches, cut at the image; returns their values. */
static int crops_of(crop *list)
{
    const random_key key = random_stream(5, RANDOM_SYNTHETIC, 0);
    uint64_t draw = 0;
    int first = 0;
    for (int i = 0; i < CROPS; i++) {
        crop *c = list + i;
        const int row = draw_below(key, &draw, SIDE), column = draw_below(key, &draw, SIDE);
        c->patch = i < CROPS / 3 ? 0 : 1;
        c->first = first;
        c->box_height = 1 + draw_below(key, &draw, LARGEST);
        c->box_width = 1 + draw_below(key, &draw, LARGEST);
        c->box_top = row - c->box_height / 2;
        c->box_left = column - c->box_width / 2;
        c->top = c->box_top < 0 ? 0 : c->box_top;
        c->left = c->box_left < 0 ? 0 : c->box_left;
        const int bottom = c->box_top + c->box_height, right = c->box_left + c->box_width;
        c->height = (bottom > SIDE ? SIDE : bottom) - c->top;
        c->width = (right > SIDE ? SIDE : right) - c->left;
        first += c->height * c->width;
    }
    return first;
}

static void fill_crops(const void *user, size_t count, uint64_t stream, double *values)
{
    crop list[CROPS];
    int32_t table[CROPS * CROP_INTS];
    (void)user;
    (void)stream;
    crops_of(list);
    memcpy(table, list, sizeof table);
    for (size_t i = 0; i < count; i++) values[i] = table[i];
}

static void test_thousand(void **state)
{
    (void)state;
    if (op_test_small()) skip();
    int count;
    const op_check *checks = crop_values_checks(&count);
    crop list[CROPS];
    const struct {
        int values;
        enum crop_form form;
    } options[] = {{crops_of(list), CROP_SUM}, {crops_of(list), CROP_GATE}};
    const check_input inputs[] = {{"shapes", CHECK_INPUT, {2, {CROPS, 256}}, NULL},
                                  {"saliency", CHECK_INPUT, {4, {2, SIDE, SIDE, 1}}, NULL},
                                  {"crops", CHECK_INTEGER, {2, {CROPS, CROP_INTS}}, fill_crops}};
    for (int i = 0; i < 2; i++) {
        op_check c = op_test_case(checks, count, "crop_values 3 shapes of 4 x 4");
        c.name = i ? "crop_values of 1000 crops, gated" : "crop_values of 1000 crops";
        c.input = inputs;
        c.user = options + i;
        assert_ok(check_operation(op_device, &c, false));
    }
}

/* ---- refusals --------------------------------------------------------------------------------------------------- */

static void test_refusals(void **state)
{
    (void)state;
    static const char *const messages[] = {
        "crop_values: input 0 (none, 0 x 16) has no crop: such a batch has no masks",
        "crop_values: input 0 (oblong, 3 x 15) should have a square of cells, of at most 1024 a side",
        "crop_values: input 1 (flat, 35 x 1) should be patches x height x width x 1 of reals",
        "crop_values: input 2 (reals, 3 x 10) should be 3 x 10 integers: a line for each shape",
        "crop_values: input 2 (crops, 3 x 10) has 0 values in all, wanted 1 or more",
    };
    net *n = NULL;
    assert_ok(net_new(op_device, 1, &n));
    for (int i = 0; i < (int)(sizeof messages / sizeof *messages); i++) {
        net_begin(n, true);
        tensor *none = net_input(n, "none", ELEMENT_FLOAT, SHAPE(0, 16), true);
        tensor *oblong = net_input(n, "oblong", ELEMENT_FLOAT, SHAPE(3, 15), true);
        tensor *shapes = net_input(n, "shapes", ELEMENT_FLOAT, SHAPE(3, 16), true);
        tensor *flat = net_input(n, "flat", ELEMENT_FLOAT, SHAPE(35, 1), true);
        tensor *saliency = net_input(n, "saliency", ELEMENT_FLOAT, SHAPE(1, 5, 7, 1), true);
        tensor *reals = net_input(n, "reals", ELEMENT_FLOAT, SHAPE(3, CROP_INTS), false);
        tensor *crops = net_input(n, "crops", ELEMENT_INT, SHAPE(3, CROP_INTS), false);
        tensor *y = crop_values(n,
                                i == 0   ? none
                                : i == 1 ? oblong
                                         : shapes,
                                i == 2 ? flat : saliency, i == 3 ? reals : crops, i == 4 ? 0 : 9, CROP_SUM);
        assert_null(y);
        op_test_refused(n, messages[i]);
    }
    net_free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_checks),
        cmocka_unit_test(test_thousand),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, op_test_open, op_test_close);
}
