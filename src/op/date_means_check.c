/* date_means in plain C; its cases: series with padding, a norm and a leaky ReLU before. */
#include <stdlib.h>
#include <string.h>

#include "op/checks.h"
#include "op/conv_reference.h"

typedef struct means {
    int dates, taps;
    bool pending; /* x passes through an instance norm and a leaky ReLU first, which are left to the means */
} means;

static int build(const op_check *c, net *n, tensor *const *in, tensor **out)
{
    const means *m = c->user;
    tensor *x = in[0];
    if (m->pending) x = image_norm(n, x, (norm_parameters){0}, (image_norm_options){NORM_INSTANCE, 0, LEAKY_RELU});
    out[0] = date_means(n, x, in[1], m->taps);
    return 0;
}

static void reference(const op_check *c, bool training, double *const *in, double *const *out)
{
    const means *m = c->user;
    const int *size = c->input[0].shape.size, values = size[1] * size[2] * size[3];
    double *x = malloc((size_t)size[0] * (size_t)values * sizeof *x), *y = out[0];
    (void)training;
    if (!x) abort();
    memcpy(x, in[0], (size_t)size[0] * (size_t)values * sizeof *x);
    if (m->pending) conv_reference_norm(x, size[0], size[1] * size[2], size[3], 1, LEAKY_RELU);
    for (int s = 0; s < size[0] / m->dates; s++)
        for (int j = 0; j < m->taps; j++)
            for (int i = 0; i < values; i++) {
                const int own = (int)(in[1][s + 1] - in[1][s]), counted = own < m->dates ? own : m->dates;
                double sum = 0;
                for (int t = 0; t < counted; t++) {
                    const int from = t + j - m->taps / 2;
                    if (from >= 0 && from < m->dates) sum += x[(s * m->dates + from) * values + i];
                }
                *y++ = sum / counted;
            }
    free(x);
}

/* Series of 5, 2 and 4 dates. */
static void fill_offsets(const void *user, size_t count, uint64_t stream, double *values)
{
    static const double offsets[] = {0, 5, 7, 11};
    (void)user;
    (void)stream;
    for (size_t i = 0; i < count; i++) values[i] = offsets[i];
}

#define CASE(title, series, dates, taps, pending, h, w, c)                                                             \
    {                                                                                                                  \
        .name = "date_means " title, .inputs = 2, .build = build, .outputs = 1, .reference = reference,                \
        .user = &(const means){dates, taps, pending},                                                                  \
        .input = (const check_input[]){{"x", CHECK_INPUT, {4, {(series) * (dates), (h), (w), (c)}}, NULL},             \
                                       {"offsets", CHECK_INTEGER, {1, {(series) + 1}}, fill_offsets}},                 \
    }

static const op_check cases[] = {
    CASE("of 3 series, of which one is cut, pending", 3, 4, 3, true, 3, 5, 6),
    CASE("of one series", 1, 5, 3, false, 4, 4, 16),
    CASE("of 5 taps, more than dates", 2, 3, 5, false, 2, 3, 5),
};

const op_check *date_means_checks(int *count)
{
    *count = (int)(sizeof cases / sizeof *cases);
    return cases;
}
