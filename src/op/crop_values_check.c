/* Reference and cases of crop_values. */
#include <math.h>
#include <stdlib.h>

#include "op/check_values.h"
#include "op/checks.h"
#include "op/panoptic.h"

typedef struct crop_case {
    int values;
    enum crop_form form;
} crop_case;

static int build(const op_check *c, net *n, tensor *const *in, tensor **out)
{
    const crop_case *k = c->user;
    out[0] = crop_values(n, in[0], in[1], in[2], k->values, k->form);
    return 0;
}

/* ---- reference -------------------------------------------------------------------------------------------------- */

static double sigmoid_of(double x)
{
    return 1 / (1 + exp(-x));
}

/* torch.nn.functional.interpolate's bilinear form: the two cells that a place lies between, and the second's share. */
static void between(int i, int length, int side, int *first, int *second, double *share)
{
    const double place = fmax((i + 0.5) * side / length - 0.5, 0);
    *first = (int)place < side - 1 ? (int)place : side - 1;
    *second = *first + 1 < side ? *first + 1 : *first;
    *share = place - *first;
}

static double shape_value(const double *cell, int side, const double *box, int y, int x)
{
    int top, bottom, left, right;
    double down, along;
    between(y, (int)box[2], side, &top, &bottom, &down);
    between(x, (int)box[3], side, &left, &right, &along);
    return (1 - down) * ((1 - along) * cell[top * side + left] + along * cell[top * side + right]) +
           down * ((1 - along) * cell[bottom * side + left] + along * cell[bottom * side + right]);
}

static void reference(const op_check *c, bool training, double *const *in, double *const *out)
{
    const int *image = c->input[1].shape.size, crops = c->input[0].shape.size[0], cells = c->input[0].shape.size[1];
    const int side = (int)(sqrt((double)cells) + 0.5);
    (void)training;
    for (int i = 0; i < crops; i++) {
        const double *t = in[2] + i * CROP_INTS, *cell = in[0] + i * cells;
        const int top = (int)t[2], left = (int)t[3], height = (int)t[4], width = (int)t[5];
        const double *patch = in[1] + (int)t[0] * image[1] * image[2];
        double *y = out[0] + (int)t[1];
        for (int p = 0; p < height * width; p++) {
            const int row = top + p / width, column = left + p % width;
            const double s = shape_value(cell, side, t + 6, row - (int)t[6], column - (int)t[7]);
            const double q = patch[row * image[2] + column];
            y[p] = ((const crop_case *)c->user)->form == CROP_GATE ? sigmoid_of(s) * sigmoid_of(q) : s + q;
        }
    }
}

/* ---- cases ------------------------------------------------------------------------------------------------------ */

/* patch, first; top, left, height, width; those of the box. Boxes that reach beyond the image, one of a pixel, one
 * larger than the image, one that lies outside. */
CHECK_VALUES(fill_few, 0, 0, 1, 2, 3, 4, 1, 2, 3, 4, /**/ 0, 12, 0, 0, 2, 5, -3, -2, 5, 7, /**/
             1, 22, 3, 3, 1, 1, 3, 3, 1, 1)
CHECK_VALUES(fill_many, 0, 0, 1, 2, 3, 4, 1, 2, 3, 4, /**/ 0, 12, 0, 0, 2, 5, -3, -2, 5, 7, /**/
             2, 22, 3, 3, 1, 1, 3, 3, 1, 1, /**/ 2, 23, 9, 4, 0, 3, 12, 4, 2, 3,            /**/
             2, 23, 0, 0, 9, 19, -4, -5, 31, 33, /**/ 2, 194, 5, 1, 4, 17, 5, 1, 6, 17)
static const crop_case sum = {23, CROP_SUM}, opened = {23, CROP_GATE}, many = {262, CROP_SUM},
                       many_opened = {262, CROP_GATE};

#define CASE(title, options, count, cells, patches, height, width, fill)                                               \
    {                                                                                                                  \
        .name = "crop_values " title,                                                                                  \
        .input = (const check_input[]){{"shapes", CHECK_INPUT, {2, {count, (cells) * (cells)}}, NULL},                 \
                                       {"saliency", CHECK_INPUT, {4, {patches, height, width, 1}}, NULL},              \
                                       {"crops", CHECK_INTEGER, {2, {count, CROP_INTS}}, fill}},                       \
        .inputs = 3, .build = build, .outputs = 1, .reference = reference, .user = &(options)                          \
    }

static const op_check checks[] = {
    CASE("3 shapes of 4 x 4", sum, 3, 4, 2, 5, 7, fill_few),
    CASE("3 shapes of 4 x 4, gated", opened, 3, 4, 2, 5, 7, fill_few),
    CASE("6 shapes of 16 x 16", many, 6, 16, 3, 9, 19, fill_many),
    CASE("6 shapes of 19 x 19, gated", many_opened, 6, 19, 3, 9, 19, fill_many),
    CASE("6 shapes of one cell", many, 6, 1, 3, 9, 19, fill_many),
};

const op_check *crop_values_checks(int *count)
{
    *count = (int)(sizeof checks / sizeof *checks);
    return checks;
}
