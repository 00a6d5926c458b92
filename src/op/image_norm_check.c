/* Reference and cases of image_norm, each composed with what makes its value readable. */
#include <math.h>
#include <stdlib.h>

#include "base/random.h"
#include "op/checks.h"
#include "op/image.h"

/* How the norm is used. */
enum flow {
    ALONE,    /* y = norm(z) */
    SHARED,   /* y = norm(z) + norm(z), of the same parameters: gradients of z and of parameters add up */
    RESIDUAL, /* y = norm(z) + z, z = x + extra: z's gradient adds up, and extra's lies where z's does */
    IN_PLACE, /* y = norm(z), z = x + extra: gradients may all lie in one place */
    RECORDED  /* y = norm(z), z with moments of its own, in two parts a frame */
};

typedef struct sizes {
    image_norm_options options;
    enum flow flow;
    bool affine;
    int frames, pixels, channels;
} sizes;

/* The inputs of a case, in order; -1: absent. */
typedef struct slots {
    int z, weight, bias, running_mean, running_var, extra, records;
} slots;

static slots slots_of(const sizes *s)
{
    slots k = {0, -1, -1, -1, -1, -1, -1};
    int next = 1;
    if (s->affine) {
        k.weight = next++;
        k.bias = next++;
    }
    if (s->options.kind == NORM_BATCH) {
        k.running_mean = next++;
        k.running_var = next++;
    }
    if (s->flow == RESIDUAL || s->flow == IN_PLACE) k.extra = next++;
    if (s->flow == RECORDED) k.records = next++;
    return k;
}

static tensor *pick(tensor *const *in, int i)
{
    return i < 0 ? NULL : in[i];
}

static int build(const op_check *c, net *n, tensor *const *in, tensor **out)
{
    static image_moments moments; /* one case is built at a time */
    const sizes *s = c->user;
    const slots k = slots_of(s);
    const norm_parameters norm = {pick(in, k.weight), pick(in, k.bias), pick(in, k.running_mean),
                                  pick(in, k.running_var)};
    tensor *z = k.extra < 0 ? in[0] : image_add(n, in[0], in[k.extra]);
    if (k.records >= 0) {
        moments = (image_moments){in[k.records], 2};
        z->moments = &moments;
    }
    tensor *y = image_norm(n, z, norm, s->options);
    if (s->flow == SHARED) y = image_add(n, y, image_norm(n, z, norm, s->options));
    if (s->flow == RESIDUAL) y = image_add(n, y, z);
    out[0] = materialise(n, y);
    return 0;
}

/* ---- reference -------------------------------------------------------------------------------------------------- */

/* Some pixels and channels that are normalised together: frames [frame, frame_end), channels [channel, channel_end). */
typedef struct field {
    int frame, frame_end, channel, channel_end;
} field;

static size_t place(const sizes *s, int frame, int pixel, int channel)
{
    return ((size_t)frame * (size_t)s->pixels + (size_t)pixel) * (size_t)s->channels + (size_t)channel;
}

/* The sum of (value - from)^power over the field. */
static double power_sum(const sizes *s, const field *f, const double *z, double from, int power)
{
    double sum = 0;
    for (int frame = f->frame; frame < f->frame_end; frame++)
        for (int p = 0; p < s->pixels; p++)
            for (int c = f->channel; c < f->channel_end; c++) sum += pow(z[place(s, frame, p, c)] - from, power);
    return sum;
}

static void apply(const sizes *s, const field *f, const double *z, double mean, double variance, double *const *in,
                  double *y)
{
    const slots k = slots_of(s);
    for (int frame = f->frame; frame < f->frame_end; frame++)
        for (int p = 0; p < s->pixels; p++)
            for (int c = f->channel; c < f->channel_end; c++) {
                const size_t at = place(s, frame, p, c);
                double value = (z[at] - mean) / sqrt(variance + 1e-5);
                if (s->affine) value = value * in[k.weight][c] + in[k.bias][c];
                y[at] = value < 0 ? value * (double)relu_slope(s->options.relu) : value;
            }
}

static void normalise_field(const sizes *s, const field *f, const double *z, double *const *in, double *y)
{
    const double count = (double)(f->frame_end - f->frame) * s->pixels * (f->channel_end - f->channel);
    const double mean = power_sum(s, f, z, 0, 1) / count;
    apply(s, f, z, mean, power_sum(s, f, z, mean, 2) / count, in, y);
}

static void normalise_batch(const sizes *s, bool training, const double *z, double *const *in, double *y)
{
    const slots k = slots_of(s);
    const double count = (double)s->frames * s->pixels;
    for (int c = 0; c < s->channels; c++) {
        const field f = {0, s->frames, c, c + 1};
        double *running_mean = in[k.running_mean] + c, *running_var = in[k.running_var] + c;
        if (!training) {
            apply(s, &f, z, *running_mean, *running_var, in, y);
            continue;
        }
        const double mean = power_sum(s, &f, z, 0, 1) / count, squares = power_sum(s, &f, z, mean, 2);
        apply(s, &f, z, mean, squares / count, in, y);
        *running_mean += 0.1 * (mean - *running_mean);
        *running_var += 0.1 * (squares / (count - 1) - *running_var);
    }
}

static void reference(const op_check *c, bool training, double *const *in, double *const *out)
{
    const sizes *s = c->user;
    const slots k = slots_of(s);
    const size_t count = place(s, s->frames, 0, 0);
    const int groups = s->options.kind == NORM_INSTANCE ? s->channels : s->options.groups;
    double *z = malloc(count * sizeof *z);
    if (!z) abort();
    for (size_t i = 0; i < count; i++) z[i] = in[0][i] + (k.extra < 0 ? 0 : in[k.extra][i]);
    if (s->options.kind == NORM_BATCH)
        normalise_batch(s, training, z, in, out[0]);
    else
        for (int frame = 0; frame < s->frames; frame++)
            for (int g = 0; g < groups; g++) {
                const int size = s->channels / groups;
                normalise_field(s, &(field){frame, frame + 1, g * size, (g + 1) * size}, z, in, out[0]);
            }
    for (size_t i = 0; i < count; i++)
        out[0][i] = s->flow == SHARED ? 2 * out[0][i] : s->flow == RESIDUAL ? out[0][i] + z[i] : out[0][i];
    free(z);
}

/* ---- cases ------------------------------------------------------------------------------------------------------ */

/* The moments of input 0 (stream 1, normal), the first pixel of each frame one part, the others the second. */
static void fill_records(const void *user, size_t count, uint64_t stream, double *values)
{
    const sizes *s = user;
    const random_key key = random_stream(CHECK_SEED, RANDOM_SYNTHETIC, 1);
    (void)count;
    (void)stream;
    for (int part = 0; part < 2 * s->frames; part++, values += 2 * s->channels + 1) {
        const int begin = part % 2, end = part % 2 ? s->pixels : 1;
        for (int c = 0; c < s->channels; c++) {
            double mean = 0, squares = 0;
            for (int p = begin; p < end; p++)
                mean += (double)(float)random_normal(key, place(s, part / 2, p, c)) / (end - begin);
            for (int p = begin; p < end; p++)
                squares += pow((double)(float)random_normal(key, place(s, part / 2, p, c)) - mean, 2);
            values[c] = mean;
            values[s->channels + c] = squares;
        }
        values[2 * s->channels] = end - begin;
    }
}

/* Values far from zero: what a variance in one pass would lose. */
static void fill_offset(const void *user, size_t count, uint64_t stream, double *values)
{
    check_fill_positive(user, count, stream, values);
    for (size_t i = 0; i < count; i++) values[i] = 100 + 4 * values[i];
}

#define Z(f, h, w, c, fill)                                                                                            \
    {                                                                                                                  \
        "z", CHECK_INPUT, {4, {(f), (h), (w), (c)}}, (fill)                                                            \
    }
#define EXTRA(f, h, w, c)                                                                                              \
    {                                                                                                                  \
        "extra", CHECK_INPUT, {4, {(f), (h), (w), (c)}}, NULL                                                          \
    }
#define AFFINE(c)                                                                                                      \
    {"weight", CHECK_PARAMETER, {1, {(c)}}, check_fill_positive},                                                      \
    {                                                                                                                  \
        "bias", CHECK_PARAMETER, {1, {(c)}}, NULL                                                                      \
    }
#define RUNNING(c)                                                                                                     \
    {"running_mean", CHECK_STATISTIC, {1, {(c)}}, NULL},                                                               \
    {                                                                                                                  \
        "running_var", CHECK_STATISTIC, {1, {(c)}}, check_fill_positive                                                \
    }
#define INPUTS(...)                                                                                                    \
    (const check_input[]){__VA_ARGS__}, .inputs = sizeof((check_input[]){__VA_ARGS__}) / sizeof(check_input)
#define CASE(title, options_, flow_, affine_, f, h, w, c, worse, ...)                                                  \
    {                                                                                                                  \
        .name = "image_norm " title, .input = INPUTS(__VA_ARGS__), .build = build, .outputs = 1,                       \
        .reference = reference, .user = &(const sizes){options_, flow_, affine_, f, (h) * (w), c},                     \
        .tolerance = 2e-5 * (worse), .gradient_tolerance = 2e-3 * (worse)                                              \
    }
#define BATCH(relu)                                                                                                    \
    {                                                                                                                  \
        NORM_BATCH, 0, relu                                                                                            \
    }
#define GROUP(groups, relu)                                                                                            \
    {                                                                                                                  \
        NORM_GROUP, groups, relu                                                                                       \
    }
#define INSTANCE(relu)                                                                                                 \
    {                                                                                                                  \
        NORM_INSTANCE, 0, relu                                                                                         \
    }

/* Sizes that share programs: the self-test builds few. */
static const op_check checks[] = {
    CASE("3x5x7x8 in 4 groups", GROUP(4, true), IN_PLACE, true, 3, 5, 7, 8, 1, Z(3, 5, 7, 8, NULL), AFFINE(8),
         EXTRA(3, 5, 7, 8)),
    CASE("batch of 3x5x7x8", BATCH(true), ALONE, true, 3, 5, 7, 8, 1, Z(3, 5, 7, 8, NULL), AFFINE(8), RUNNING(8)),
    CASE("batch of 3x5x7x8, leaky", BATCH(LEAKY_RELU), ALONE, true, 3, 5, 7, 8, 1, Z(3, 5, 7, 8, NULL), AFFINE(8),
         RUNNING(8)),
    CASE("3x5x7x8 added up", GROUP(2, false), SHARED, true, 3, 5, 7, 8, 1, Z(3, 5, 7, 8, NULL), AFFINE(8)),
    CASE("3x5x7x8 as a residual", GROUP(4, true), RESIDUAL, true, 3, 5, 7, 8, 1, Z(3, 5, 7, 8, NULL), AFFINE(8),
         EXTRA(3, 5, 7, 8)),
    CASE("3x5x7x8 with moments", GROUP(4, true), RECORDED, true, 3, 5, 7, 8, 1, Z(3, 5, 7, 8, NULL), AFFINE(8),
         {"records", CHECK_CONSTANT, {3, {3, 2, 17}}, fill_records}),
    CASE("batch of 3x5x7x8 with moments", BATCH(false), RECORDED, true, 3, 5, 7, 8, 1, Z(3, 5, 7, 8, NULL), AFFINE(8),
         RUNNING(8), {"records", CHECK_CONSTANT, {3, {3, 2, 17}}, fill_records}),
    CASE("instances of 3x5x7x8", INSTANCE(true), ALONE, false, 3, 5, 7, 8, 1, Z(3, 5, 7, 8, NULL)),
    CASE("batch of 3x5x7x8 without parameters", BATCH(true), ALONE, false, 3, 5, 7, 8, 1, Z(3, 5, 7, 8, NULL),
         RUNNING(8)),
    CASE("2x9x1x8 far from zero", GROUP(2, false), ALONE, true, 2, 9, 1, 8, 10, Z(2, 9, 1, 8, fill_offset), AFFINE(8)),
    CASE("batch of 2x9x1x8 far from zero", BATCH(false), ALONE, true, 2, 9, 1, 8, 10, Z(2, 9, 1, 8, fill_offset),
         AFFINE(8), RUNNING(8)),
};

/* Other numbers of channels, each of which builds programs of its own. The last one is large:
 * with a cache of 32 MiB, two frames go through backward together, then the third. */
static const op_check shapes[] = {
    CASE("2x5x7x12 in 4 groups", GROUP(4, true), IN_PLACE, true, 2, 5, 7, 12, 1, Z(2, 5, 7, 12, NULL), AFFINE(12),
         EXTRA(2, 5, 7, 12)),
    CASE("3x4x5x10 in 2 groups", GROUP(2, true), ALONE, true, 3, 4, 5, 10, 1, Z(3, 4, 5, 10, NULL), AFFINE(10)),
    CASE("2x11x3x5 in 1 group", GROUP(1, false), ALONE, true, 2, 11, 3, 5, 1, Z(2, 11, 3, 5, NULL), AFFINE(5)),
    CASE("batch of 2x6x5x17", BATCH(true), ALONE, true, 2, 6, 5, 17, 1, Z(2, 6, 5, 17, NULL), AFFINE(17), RUNNING(17)),
    CASE("batch of 1x31x37x20", BATCH(false), ALONE, true, 1, 31, 37, 20, 1, Z(1, 31, 37, 20, NULL), AFFINE(20),
         RUNNING(20)),
    CASE("2x13x11x64 in 4 groups", GROUP(4, false), ALONE, true, 2, 13, 11, 64, 1, Z(2, 13, 11, 64, NULL), AFFINE(64)),
    CASE("2x3x5x160 in 8 groups", GROUP(8, false), ALONE, true, 2, 3, 5, 160, 1, Z(2, 3, 5, 160, NULL), AFFINE(160)),
    CASE("2x3x3x264 in 4 groups", GROUP(4, false), ALONE, true, 2, 3, 3, 264, 1, Z(2, 3, 3, 264, NULL), AFFINE(264)),
    CASE("3x128x128x64 in 4 groups", GROUP(4, false), ALONE, true, 3, 128, 128, 64, 1, Z(3, 128, 128, 64, NULL),
         AFFINE(64)),
};

const op_check *image_norm_checks(int *count)
{
    *count = (int)(sizeof checks / sizeof *checks);
    return checks;
}

const op_check *image_norm_shape_checks(int *count)
{
    *count = (int)(sizeof shapes / sizeof *shapes);
    return shapes;
}
