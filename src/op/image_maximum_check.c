/* Reference and cases of image_maximum. */
#include "op/checks.h"
#include "op/image.h"

static int build(const op_check *c, net *n, tensor *const *in, tensor **out)
{
    (void)c;
    out[0] = image_maximum(n, in[0]);
    return 0;
}

static void reference(const op_check *c, bool training, double *const *in, double *const *out)
{
    const int *size = c->input[0].shape.size, pixels = size[1] * size[2], channels = size[3];
    (void)training;
    for (int f = 0; f < size[0]; f++)
        for (int i = 0; i < channels; i++) {
            const int first = f * pixels * channels + i;
            double largest = in[0][first];
            for (int p = 1; p < pixels; p++)
                if (in[0][first + p * channels] > largest) largest = in[0][first + p * channels];
            for (int p = 0; p < pixels; p++) out[0][first + p * channels] = largest;
        }
}

#define CASE(title, F, H, W, C)                                                                                        \
    {                                                                                                                  \
        .name = "image_maximum " title, .inputs = 1, .build = build, .outputs = 1, .reference = reference,             \
        .input = (const check_input[]){{"x", CHECK_INPUT, {4, {(F), (H), (W), (C)}}, NULL}},                           \
    }

static const op_check checks[] = {
    CASE("3x5x7x19", 3, 5, 7, 19),
    CASE("2x1x1x4, a pixel", 2, 1, 1, 4),
    CASE("1x9x3x64", 1, 9, 3, 64),
    CASE("2x20x20x1", 2, 20, 20, 1),
};

const op_check *image_maximum_checks(int *count)
{
    *count = (int)(sizeof checks / sizeof *checks);
    return checks;
}
