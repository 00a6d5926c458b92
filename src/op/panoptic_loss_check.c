/* References and cases of centre_loss, size_loss, shape_loss and loss_sum. */
#include <math.h>

#include "op/check_values.h"
#include "op/checks.h"
#include "op/panoptic.h"

static const float beta = 4;

/* ---- centres: heat, target ----------------------------------------------------------------------------------------- */

static int build_centre(const op_check *c, net *n, tensor *const *in, tensor **out)
{
    (void)c;
    out[0] = centre_loss(n, in[0], in[1], beta);
    return 0;
}

static void reference_centre(const op_check *c, bool training, double *const *in, double *const *out)
{
    double sum = 0, centres = 0;
    (void)training;
    for (int i = 0; i < c->input[0].shape.size[0]; i++) {
        const double p = in[0][i], g = in[1][i];
        if (g == 1) centres++;
        sum -= g == 1 ? log(p + 1e-8) : log(1 - p + 1e-8) * pow(1 - g, (double)beta);
    }
    out[0][0] = centres > 0 ? sum / centres : sum;
}

static void fill_heat(const void *user, size_t count, uint64_t stream, double *values)
{
    (void)user;
    (void)stream;
    for (size_t i = 0; i < count; i++) values[i] = 0.05 + 0.9 * (double)(i * 13 % 29) / 29;
}

static void fill_target(const void *user, size_t count, uint64_t stream, double *values)
{
    (void)user;
    (void)stream;
    for (size_t i = 0; i < count; i++) values[i] = i % 11 == 3 ? 1 : (double)(i * 5 % 8) / 8;
}

static void fill_no_centre(const void *user, size_t count, uint64_t stream, double *values)
{
    (void)user;
    (void)stream;
    for (size_t i = 0; i < count; i++) values[i] = (double)(i % 4) / 4;
}

/* ---- sizes: size, target ------------------------------------------------------------------------------------------- */

static int build_size(const op_check *c, net *n, tensor *const *in, tensor **out)
{
    (void)c;
    out[0] = size_loss(n, in[0], in[1]);
    return 0;
}

static void reference_size(const op_check *c, bool training, double *const *in, double *const *out)
{
    double sum = 0;
    int counted = 0;
    (void)training;
    for (int i = 0; i < c->input[0].shape.size[0]; i++) {
        const double *s = in[0] + 2 * i, *t = in[1] + 2 * i;
        if (t[0] < 0) continue;
        sum += fabs(t[0] - s[0]) / (t[0] + 1e-8) + fabs(t[1] - s[1]) / (t[1] + 1e-8);
        counted++;
    }
    out[0][0] = counted ? sum / counted : 0;
}

/* Every seventh row has no truth. */
static void fill_sizes(const void *user, size_t count, uint64_t stream, double *values)
{
    (void)user;
    (void)stream;
    for (size_t i = 0; i < count; i++) values[i] = i / 2 % 7 == 2 ? -1 : 3 + (double)(i * 3 % 17);
}

CHECK_VALUES(fill_no_size, -1, -1, -1, -1, -1, -1)

/* ---- shapes: masks, instances, crops, parcels ---------------------------------------------------------------------- */

static int build_shape(const op_check *c, net *n, tensor *const *in, tensor **out)
{
    (void)c;
    out[0] = shape_loss(n, in[0], in[1], in[2], in[3]);
    return 0;
}

static void reference_shape(const op_check *c, bool training, double *const *in, double *const *out)
{
    const int *image = c->input[1].shape.size;
    double sum = 0;
    int counted = 0;
    (void)training;
    for (int i = 0; i < c->input[2].shape.size[0]; i++) {
        const double *line = in[2] + i * CROP_INTS;
        for (int p = 0; in[3][i] >= 0 && p < (int)line[4] * (int)line[5]; p++, counted++) {
            const int row = (int)line[2] + p / (int)line[5], column = (int)line[3] + p % (int)line[5];
            const bool inside = in[1][((int)line[0] * image[1] + row) * image[2] + column] == in[3][i];
            const double other = 1 - 2 * in[0][(int)line[1] + p];
            sum += log1p(exp(inside ? other : -other));
        }
    }
    out[0][0] = counted ? sum / counted : 0;
}

static void fill_instances(const void *user, size_t count, uint64_t stream, double *values)
{
    (void)user;
    (void)stream;
    for (size_t i = 0; i < count; i++) values[i] = (double)(i / 3 % 3);
}

/* The third crop has no parcel. */
CHECK_VALUES(fill_crops, 0, 0, 1, 2, 3, 4, 1, 2, 3, 4, /**/ 0, 12, 0, 0, 2, 5, -3, -2, 5, 7, /**/
             1, 22, 3, 3, 1, 1, 3, 3, 1, 1, /**/ 1, 23, 0, 0, 5, 7, 0, 0, 5, 7)
CHECK_VALUES(fill_parcels, 1, 2, -1, 0)

/* ---- their sum ----------------------------------------------------------------------------------------------------- */

static int build_sum(const op_check *c, net *n, tensor *const *in, tensor **out)
{
    (void)c;
    out[0] = loss_sum(n, (tensor *const[]){in[0], NULL, in[1]}, (const float[]){0.5f, 7, -2}, 3);
    return 0;
}

static void reference_sum(const op_check *c, bool training, double *const *in, double *const *out)
{
    (void)c;
    (void)training;
    out[0][0] = 0.5 * in[0][0] - 2 * in[1][0];
}

/* ---- cases --------------------------------------------------------------------------------------------------------- */

#define TWO(title, function, first, fill_first, second, fill_second, ...)                                              \
    {                                                                                                                  \
        .name = title,                                                                                                 \
        .input = (const check_input[]){{first, CHECK_INPUT, __VA_ARGS__, fill_first},                                  \
                                       {second, CHECK_CONSTANT, __VA_ARGS__, fill_second}},                            \
        .inputs = 2, .build = build_##function, .outputs = 1, .reference = reference_##function                        \
    }

static const op_check checks[] = {
    TWO("centre_loss of 67 pixels", centre, "heat", fill_heat, "target", fill_target, {1, {67}}),
    TWO("size_loss of 19 rows", size, "size", NULL, "target", fill_sizes, {2, {19, 2}}),
    {.name = "shape_loss of 4 crops",
     .input = (const check_input[]){{"masks", CHECK_INPUT, {2, {58, 1}}, fill_heat},
                                    {"instances", CHECK_INTEGER, {3, {2, 5, 7}}, fill_instances},
                                    {"crops", CHECK_INTEGER, {2, {4, CROP_INTS}}, fill_crops},
                                    {"parcels", CHECK_INTEGER, {1, {4}}, fill_parcels}},
     .inputs = 4,
     .build = build_shape,
     .outputs = 1,
     .reference = reference_shape},
    {.name = "loss_sum",
     .input = (const check_input[]){{"a", CHECK_INPUT, {1, {1}}, NULL}, {"b", CHECK_INPUT, {1, {1}}, NULL}},
     .inputs = 2,
     .build = build_sum,
     .outputs = 1,
     .reference = reference_sum},
    TWO("centre_loss without a centre", centre, "heat", fill_heat, "target", fill_no_centre, {1, {35}}),
    TWO("centre_loss of 1031 pixels", centre, "heat", fill_heat, "target", fill_target, {1, {1031}}),
    TWO("size_loss without truth", size, "size", NULL, "target", fill_no_size, {2, {3, 2}}),
};

const op_check *panoptic_loss_checks(int *count)
{
    *count = (int)(sizeof checks / sizeof *checks);
    return checks;
}
