/* Reference and cases of centre_features. */
#include "op/check_values.h"
#include "op/checks.h"
#include "op/panoptic.h"

static int build(const op_check *c, net *n, tensor *const *in, tensor **out)
{
    out[0] = centre_features(n, in + 1, c->inputs - 1, in[0]);
    return 0;
}

static void reference(const op_check *c, bool training, double *const *in, double *const *out)
{
    const int maps = c->inputs - 1;
    double *y = out[0];
    (void)training;
    for (int i = 0; i < c->input[0].shape.size[0]; i++)
        for (int k = 0; k < maps; k++) {
            const int *size = c->input[1 + k].shape.size, shift = maps - 1 - k;
            const double *at = in[0] + 3 * i;
            const int pixel = ((int)at[0] * size[1] + ((int)at[1] >> shift)) * size[2] + ((int)at[2] >> shift);
            for (int channel = 0; channel < size[3]; channel++) *y++ = in[1 + k][pixel * size[3] + channel];
        }
}

/* Two in the same pixel of the coarse maps; corners; one alone in its patch. */
CHECK_VALUES(fill, 0, 0, 0, /**/ 0, 1, 1, /**/ 0, 7, 11, /**/ 1, 4, 5, /**/ 1, 5, 4)

static const op_check checks[] = {
    {.name = "centre_features of 3 maps",
     .input = (const check_input[]){{"centres", CHECK_INTEGER, {2, {5, 3}}, fill},
                                    {"coarse", CHECK_INPUT, {4, {2, 2, 3, 5}}, NULL},
                                    {"middle", CHECK_INPUT, {4, {2, 4, 6, 3}}, NULL},
                                    {"fine", CHECK_INPUT, {4, {2, 8, 12, 2}}, NULL}},
     .inputs = 4,
     .build = build,
     .outputs = 1,
     .reference = reference},
    {.name = "centre_features of 1 map",
     .input = (const check_input[]){{"centres", CHECK_INTEGER, {2, {1, 3}}, fill},
                                    {"map", CHECK_INPUT, {4, {2, 9, 13, 67}}, NULL}},
     .inputs = 2,
     .build = build,
     .outputs = 1,
     .reference = reference},
};

const op_check *centre_features_checks(int *count)
{
    *count = (int)(sizeof checks / sizeof *checks);
    return checks;
}
