/* Reference and cases of materialise, image_add, image_concat, series_concat and frames_join. Pending inputs are made by an instance
 * norm without parameters: a's has no ReLU, b's has one, side by side a leaky one. */
#include <math.h>
#include <stdlib.h>

#include "op/checks.h"
#include "op/image.h"

enum operation { ADD, ADD_TO_ITSELF, CONCAT, SERIES, JOIN };
enum { SERIES_OF = 2 /* series_concat */ };

typedef struct sum {
    enum operation operation;
    bool a_pending, b_pending;
} sum;

static enum relu second_relu(const sum *s)
{
    return s->operation == CONCAT || s->operation == SERIES ? LEAKY_RELU : RELU;
}

static tensor *pending(net *n, tensor *x, bool wanted, enum relu relu)
{
    return wanted ? image_norm(n, x, (norm_parameters){0}, (image_norm_options){NORM_INSTANCE, 0, relu}) : x;
}

static int build(const op_check *c, net *n, tensor *const *in, tensor **out)
{
    const sum *s = c->user;
    tensor *const a = pending(n, in[0], s->a_pending, NO_RELU);
    tensor *const b = c->inputs > 1 ? pending(n, in[1], s->b_pending, second_relu(s)) : NULL;
    switch (s->operation) {
    case ADD: out[0] = image_add(n, a, b); break;
    case ADD_TO_ITSELF: out[0] = image_add(n, a, a); break;
    case CONCAT: out[0] = image_concat(n, a, b); break;
    case SERIES: out[0] = series_concat(n, a, b, SERIES_OF); break;
    case JOIN: out[0] = frames_join(n, in, c->inputs); break;
    }
    return 0;
}

/* ---- reference -------------------------------------------------------------------------------------------------- */

typedef struct image {
    size_t frames, pixels, channels;
    double *value;
} image;

/* The pending value of an input, or a copy of it; the caller frees value. */
static image image_of(const op_check *c, double *const *in, int i, bool is_pending, enum relu relu)
{
    const int *size = c->input[i].shape.size;
    image x = {(size_t)size[0], (size_t)size[1] * (size_t)size[2], (size_t)size[3], NULL};
    x.value = malloc(x.frames * x.pixels * x.channels * sizeof *x.value);
    if (!x.value) abort();
    for (size_t line = 0; line < x.frames * x.channels; line++) {
        const size_t start = line / x.channels * x.pixels * x.channels + line % x.channels;
        double mean = 0, variance = 0;
        for (size_t p = 0; p < x.pixels; p++) mean += in[i][start + p * x.channels] / (double)x.pixels;
        for (size_t p = 0; p < x.pixels; p++)
            variance += pow(in[i][start + p * x.channels] - mean, 2) / (double)x.pixels;
        for (size_t p = 0; p < x.pixels; p++) {
            const double z = in[i][start + p * x.channels], n = (z - mean) / sqrt(variance + 1e-5);
            x.value[start + p * x.channels] = !is_pending ? z : n < 0 ? n * (double)relu_slope(relu) : n;
        }
    }
    return x;
}

static void reference(const op_check *c, bool training, double *const *in, double *const *out)
{
    const sum *s = c->user;
    double *y = out[0];
    (void)training;
    if (s->operation == JOIN) {
        for (int i = 0; i < c->inputs; i++) {
            const image x = image_of(c, in, i, false, NO_RELU);
            for (size_t k = 0; k < x.frames * x.pixels * x.channels; k++) *y++ = x.value[k];
            free(x.value);
        }
        return;
    }
    const bool itself = s->operation == ADD_TO_ITSELF;
    const image a = image_of(c, in, 0, s->a_pending, NO_RELU);
    const image b =
        itself ? image_of(c, in, 0, s->a_pending, NO_RELU) : image_of(c, in, 1, s->b_pending, second_relu(s));
    const bool add = s->operation == ADD || itself;
    const size_t each = a.frames / SERIES_OF * a.pixels, more = (b.frames - a.frames) / SERIES_OF * b.pixels;
    for (size_t p = 0; p < a.frames * a.pixels; p++) {
        const double *second = b.value + (p + (s->operation == SERIES ? p / each * more : 0)) * b.channels;
        for (size_t k = 0; k < a.channels; k++) *y++ = a.value[p * a.channels + k] + (add ? second[k] : 0);
        for (size_t k = 0; !add && k < b.channels; k++) *y++ = second[k];
    }
    free(a.value);
    free(b.value);
}

/* ---- cases ------------------------------------------------------------------------------------------------------ */

#define IMAGE(title, f, h, w, c)                                                                                       \
    {                                                                                                                  \
        title, CHECK_INPUT, {4, {(f), (h), (w), (c)}}, NULL                                                            \
    }
#define CASE(title, operation_, a, b, count, ...)                                                                      \
    {                                                                                                                  \
        .name = title, .input = (const check_input[]){__VA_ARGS__}, .inputs = (count), .build = build, .outputs = 1,   \
        .reference = reference, .user = &(const sum)                                                                   \
        {                                                                                                              \
            operation_, a, b                                                                                           \
        }                                                                                                              \
    }

static const op_check checks[] = {
    CASE("image_add, both pending", ADD, true, true, 2, IMAGE("a", 3, 5, 7, 8), IMAGE("b", 3, 5, 7, 8)),
    CASE("image_concat, the second pending", CONCAT, false, true, 2, IMAGE("a", 2, 3, 5, 24), IMAGE("b", 2, 3, 5, 8)),
    CASE("frames_join of 1 + 3 + 2", JOIN, false, false, 3, IMAGE("a", 1, 3, 5, 8), IMAGE("b", 3, 3, 5, 8),
         IMAGE("c", 2, 3, 5, 8)),
    CASE("series_concat of 2 and 3 dates, both pending", SERIES, true, true, 2, IMAGE("a", 4, 3, 5, 8),
         IMAGE("b", 6, 3, 5, 8)),
    CASE("series_concat of 2 dates each", SERIES, false, false, 2, IMAGE("a", 4, 3, 5, 8), IMAGE("b", 4, 3, 5, 16)),
    CASE("image_add, none pending", ADD, false, false, 2, IMAGE("a", 3, 5, 7, 8), IMAGE("b", 3, 5, 7, 8)),
    CASE("image_add, the first pending", ADD, true, false, 2, IMAGE("a", 3, 5, 7, 8), IMAGE("b", 3, 5, 7, 8)),
    CASE("image_add, the second pending", ADD, false, true, 2, IMAGE("a", 3, 5, 7, 8), IMAGE("b", 3, 5, 7, 8)),
    CASE("image_add to itself", ADD_TO_ITSELF, false, false, 1, IMAGE("a", 3, 5, 7, 8)),
    CASE("image_add of one pending image to itself", ADD_TO_ITSELF, true, false, 1, IMAGE("a", 3, 5, 7, 8)),
    CASE("image_concat, none pending", CONCAT, false, false, 2, IMAGE("a", 2, 3, 5, 8), IMAGE("b", 2, 3, 5, 8)),
    CASE("image_concat, both pending", CONCAT, true, true, 2, IMAGE("a", 2, 9, 1, 10), IMAGE("b", 2, 9, 1, 3)),
    CASE("frames_join of one", JOIN, false, false, 1, IMAGE("a", 2, 3, 5, 8)),
};

const op_check *image_sum_checks(int *count)
{
    *count = (int)(sizeof checks / sizeof *checks);
    return checks;
}
