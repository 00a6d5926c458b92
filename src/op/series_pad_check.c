/* series_pad in plain C; its cases. */
#include "op/checks.h"
#include "op/image.h"

typedef struct padding {
    int dates;
    float value;
} padding;

static int build(const op_check *c, net *n, tensor *const *in, tensor **out)
{
    const padding *p = c->user;
    out[0] = series_pad(n, in[0], in[1], p->dates, p->value);
    return 0;
}

static void reference(const op_check *c, bool training, double *const *in, double *const *out)
{
    const padding *p = c->user;
    const int *size = c->input[0].shape.size, values = size[1] * size[2] * size[3];
    double *y = out[0];
    (void)training;
    for (int s = 0; s + 1 < c->input[1].shape.size[0]; s++)
        for (int t = 0; t < p->dates; t++)
            for (int i = 0; i < values; i++) {
                const int frame = (int)in[1][s] + t;
                *y++ = frame < (int)in[1][s + 1] ? in[0][frame * values + i] : (double)p->value;
            }
}

/* Series of 3, 1 and 2 frames. */
static void fill_offsets(const void *user, size_t count, uint64_t stream, double *values)
{
    static const double offsets[] = {0, 3, 4, 6};
    (void)user;
    (void)stream;
    for (size_t i = 0; i < count; i++) values[i] = offsets[i];
}

#define CASE(title, dates, value, h, w, c)                                                                             \
    {                                                                                                                  \
        .name = "series_pad " title, .inputs = 2, .build = build, .outputs = 1, .reference = reference,                \
        .skip_gradient = true, .user = &(const padding){dates, value},                                                 \
        .input = (const check_input[]){{"x", CHECK_CONSTANT, {4, {6, (h), (w), (c)}}, NULL},                           \
                                       {"offsets", CHECK_INTEGER, {1, {4}}, fill_offsets}},                            \
    }

static const op_check cases[] = {
    CASE("to the longest, by zeros", 3, 0, 3, 5, 10),
    CASE("beyond the longest, by a value", 5, -2, 2, 3, 16),
};

const op_check *series_pad_checks(int *count)
{
    *count = (int)(sizeof cases / sizeof *cases);
    return cases;
}
