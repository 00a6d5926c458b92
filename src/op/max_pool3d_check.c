/* max_pool3d in plain C; its cases: what is left over at each end, a norm and a leaky ReLU before. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "op/checks.h"
#include "op/conv_reference.h"

typedef struct pool_case {
    int dates;
    bool pending; /* x passes through an instance norm and a leaky ReLU first, which are left to the pooling */
} pool_case;

static int build(const op_check *c, net *n, tensor *const *in, tensor **out)
{
    const pool_case *p = c->user;
    tensor *x = in[0];
    if (p->pending) x = image_norm(n, x, (norm_parameters){0}, (image_norm_options){NORM_INSTANCE, 0, LEAKY_RELU});
    out[0] = max_pool3d(n, x, p->dates);
    return 0;
}

/* The largest of the eight at `corner`. */
static double largest(const double *corner, const int *size)
{
    double most = -INFINITY;
    for (int k = 0; k < 8; k++) most = fmax(most, corner[((k / 4 * size[1] + k / 2 % 2) * size[2] + k % 2) * size[3]]);
    return most;
}

static void reference(const op_check *c, bool training, double *const *in, double *const *out)
{
    const pool_case *p = c->user;
    const int *size = c->input[0].shape.size;
    const size_t count = (size_t)size[0] * (size_t)size[1] * (size_t)size[2] * (size_t)size[3];
    double *x = malloc(count * sizeof *x), *y = out[0];
    (void)training;
    if (!x) abort();
    memcpy(x, in[0], count * sizeof *x);
    if (p->pending) conv_reference_norm(x, size[0], size[1] * size[2], size[3], 1, LEAKY_RELU);
    for (int s = 0; s < size[0] / p->dates; s++)
        for (int t = 0; t < p->dates / 2; t++)
            for (int i = 0; i < size[1] / 2; i++)
                for (int j = 0; j < size[2] / 2; j++)
                    for (int k = 0; k < size[3]; k++) {
                        const int pixel = ((s * p->dates + 2 * t) * size[1] + 2 * i) * size[2] + 2 * j;
                        *y++ = largest(x + pixel * size[3] + k, size);
                    }
    free(x);
}

#define CASE(title, dates, pending, f, h, w, c)                                                                        \
    {                                                                                                                  \
        .name = "max_pool3d " title, .inputs = 1, .build = build, .outputs = 1, .reference = reference,                \
        .user = &(const pool_case){dates, pending},                                                                    \
        .input = (const check_input[]){{"x", CHECK_INPUT, {4, {(f), (h), (w), (c)}}, NULL}},                           \
    }

static const op_check cases[] = {
    CASE("of 2 series, rests, pending", 3, true, 6, 5, 4, 6),
    CASE("of 4 dates, no rest", 4, false, 4, 4, 6, 16),
    CASE("of 5 dates of 3 x 7, 5 channels", 5, false, 5, 3, 7, 5),
};

const op_check *max_pool3d_checks(int *count)
{
    *count = (int)(sizeof cases / sizeof *cases);
    return cases;
}
