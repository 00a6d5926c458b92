/* References and cases of image_phases and image_unphases. */
#include "op/checks.h"
#include "op/image.h"

typedef struct phases_case {
    int step, margin;
    int height, width; /* of the whole image */
} phases_case;

static int build_phases(const op_check *c, net *n, tensor *const *in, tensor **out)
{
    const phases_case *k = c->user;
    out[0] = image_phases(n, in[0], k->step, k->margin);
    return 0;
}

static int build_unphases(const op_check *c, net *n, tensor *const *in, tensor **out)
{
    const phases_case *k = c->user;
    out[0] = image_unphases(n, in[0], k->step, k->height, k->width);
    return 0;
}

static int up(int a, int b)
{
    return a / b + (a % b != 0);
}

static int mirror(int i, int size)
{
    i = i < 0 ? -i : i;
    return i >= size ? 2 * size - 2 - i : i;
}

/* The pixel that stands at (u, v) of a phase; -1: a zero. */
static int source(const phases_case *k, int phase, int u, int v)
{
    const int reach = k->step * k->margin;
    const int i = phase / k->step + k->step * (u - k->margin), j = phase % k->step + k->step * (v - k->margin);
    if (i < -reach || j < -reach || i >= k->height + reach || j >= k->width + reach) return -1;
    return mirror(i, k->height) * k->width + mirror(j, k->width);
}

static void reference(const op_check *c, bool training, double *const *in, double *const *out)
{
    const phases_case *k = c->user;
    const int *size = c->input[0].shape.size, channels = size[3], phases = k->step * k->step;
    const int rows = up(k->height, k->step) + 2 * k->margin, columns = up(k->width, k->step) + 2 * k->margin;
    const bool whole = c->build == build_phases;
    const int frames = whole ? size[0] : size[0] / phases, pixels = k->height * k->width;
    (void)training;
    for (int f = 0; f < frames; f++)
        for (int place = 0; place < phases * rows * columns; place++) {
            const int from = source(k, place / (rows * columns), place / columns % rows, place % columns);
            for (int i = 0; i < channels; i++) {
                const int at = (f * phases * rows * columns + place) * channels + i;
                if (whole)
                    out[0][at] = from < 0 ? 0 : in[0][(f * pixels + from) * channels + i];
                else if (from >= 0)
                    out[0][(f * pixels + from) * channels + i] = in[0][at];
            }
        }
}

#define CASE(title, builder, F, H, W, C, ...)                                                                          \
    {                                                                                                                  \
        .name = title, .inputs = 1, .build = builder, .outputs = 1, .reference = reference,                            \
        .user = &(const phases_case){__VA_ARGS__},                                                                     \
        .input = (const check_input[]){{"x", CHECK_INPUT, {4, {(F), (H), (W), (C)}}, NULL}},                           \
    }

static const op_check checks[] = {
    CASE("image_phases of 2 on 5x7", build_phases, 2, 5, 7, 5, 2, 1, 5, 7),
    CASE("image_unphases of 2 to 5x7", build_unphases, 8, 3, 4, 5, 2, 0, 5, 7),
    CASE("image_phases of 4 on 8x9", build_phases, 1, 8, 9, 17, 4, 1, 8, 9),
    CASE("image_phases of 3 on 4x4, margins that meet", build_phases, 2, 4, 4, 2, 3, 1, 4, 4),
    CASE("image_phases of 1, margin 2", build_phases, 1, 4, 3, 16, 1, 2, 4, 3),
    CASE("image_unphases of 4 to 9x8", build_unphases, 16, 3, 2, 16, 4, 0, 9, 8),
};

const op_check *image_phases_checks(int *count)
{
    *count = (int)(sizeof checks / sizeof *checks);
    return checks;
}
