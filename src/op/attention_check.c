/* Reference and cases of attention. The reference projects the keys of every frame, as the papers write it. */
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "net/check.h"
#include "op/checks.h"
#include "op/dropout.h"

enum { X, OFFSETS, QUERY, KEY_WEIGHT, KEY_BIAS };
enum { LENGTHS = 21 };

typedef struct sizes {
    attention_options options;
    int channels, frames;
    int lengths[LENGTHS]; /* of the sequences */
} sizes;

static void fill_offsets(const void *user, size_t count, uint64_t stream, double *values)
{
    (void)stream;
    const sizes *s = user;
    values[0] = 0;
    for (size_t i = 1; i < count; i++) values[i] = values[i - 1] + s->lengths[i - 1];
}

static int build(const op_check *c, net *n, tensor *const *in, tensor **out)
{
    const sizes *s = c->user;
    out[0] = attention(n, in[X], in[OFFSETS], in[QUERY], in[KEY_WEIGHT], in[KEY_BIAS], s->options,
                       c->outputs > 1 ? &out[1] : NULL);
    return 0;
}

static double score(const sizes *s, double *const *in, const double *x, const double *query, int h)
{
    double sum = 0;
    for (int k = 0; k < s->options.d_k; k++) {
        const int row = h * s->options.d_k + k;
        double key = in[KEY_BIAS][row];
        for (int i = 0; i < s->channels; i++) key += in[KEY_WEIGHT][row * s->channels + i] * x[i];
        sum += key * query[row];
    }
    return sum / sqrt((double)s->options.d_k);
}

static void softmax(double *a, int count)
{
    double top = -INFINITY, sum = 0;
    for (int i = 0; i < count; i++) top = fmax(top, a[i]);
    for (int i = 0; i < count; i++) sum += a[i] = exp(a[i] - top);
    for (int i = 0; i < count; i++) a[i] /= sum;
}

/* The weights after dropout of one sequence and head: a [dates]. */
static void weigh(const sizes *s, bool training, double *const *in, int first, int dates, const double *query, int h,
                  double *a)
{
    const float p = s->options.dropout;
    const random_key key = dropout_key(CHECK_SEED, CHECK_STEP, 0);
    for (int t = 0; t < dates; t++) a[t] = score(s, in, in[X] + (first + t) * s->channels, query, h);
    softmax(a, dates);
    for (int t = 0; training && p > 0 && t < dates; t++)
        a[t] *= dropout_factor(key, p, (uint64_t)(first * s->options.heads + h * dates + t));
}

static void reference(const op_check *c, bool training, double *const *in, double *const *out)
{
    const sizes *s = c->user;
    const int heads = s->options.heads, share = s->options.shared_query ? s->channels / heads : s->channels;
    double *a = memory_new((size_t)s->frames, sizeof *a);
    if (!a) return;
    for (int q = 0, first = 0; q + 1 < c->input[OFFSETS].shape.size[0]; first += s->lengths[q++])
        for (int h = 0; h < heads; h++) {
            const double *query = in[QUERY] + (s->options.shared_query ? 0 : q * heads * s->options.d_k);
            const int start = s->options.shared_query ? h * share : 0;
            weigh(s, training, in, first, s->lengths[q], query, h, a);
            for (int i = 0; i < share; i++) {
                double sum = 0;
                for (int t = 0; t < s->lengths[q]; t++) sum += a[t] * in[X][(first + t) * s->channels + start + i];
                out[0][(q * heads + h) * share + i] = sum;
            }
            for (int t = 0; c->outputs > 1 && t < s->lengths[q]; t++) out[1][(first + t) * heads + h] = a[t];
        }
    free(a);
}

/* ---- cases ------------------------------------------------------------------------------------------------------ */

static const sizes tae = {{4, 3, false, 0.1f}, 16, 30, {5, 1, 24}},
                   tae_odd = {{3, 5, false, 0}, 19, 16, {4, 3, 0, 7, 2}},
                   tae_single = {{1, 1, false, 0}, 1, 1, {1}},
                   ltae = {{4, 3, true, 0.1f}, 32, 30, {6, 1, 20, 3}},
                   ltae_odd = {{5, 2, true, 0.5f}, 15, 36,
                               {1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 2, 1, 0}},
                   ltae_wide = {{2, 8, true, 0}, 80, 6, {2, 4}};

static const check_input tae_inputs[] = {
    {"x", CHECK_INPUT, {2, {30, 16}}, NULL},
    {"offsets", CHECK_INTEGER, {1, {4}}, fill_offsets},
    {"query", CHECK_INPUT, {2, {3, 12}}, NULL},
    {"key_weight", CHECK_PARAMETER, {2, {12, 16}}, NULL},
    {"key_bias", CHECK_PARAMETER, {1, {12}}, NULL},
};
static const check_input tae_odd_inputs[] = {
    {"x", CHECK_INPUT, {2, {16, 19}}, NULL},
    {"offsets", CHECK_INTEGER, {1, {6}}, fill_offsets},
    {"query", CHECK_INPUT, {2, {5, 15}}, NULL},
    {"key_weight", CHECK_PARAMETER, {2, {15, 19}}, NULL},
    {"key_bias", CHECK_PARAMETER, {1, {15}}, NULL},
};
static const check_input tae_single_inputs[] = {
    {"x", CHECK_INPUT, {2, {1, 1}}, NULL},
    {"offsets", CHECK_INTEGER, {1, {2}}, fill_offsets},
    {"query", CHECK_INPUT, {2, {1, 1}}, NULL},
    {"key_weight", CHECK_PARAMETER, {2, {1, 1}}, NULL},
    {"key_bias", CHECK_PARAMETER, {1, {1}}, NULL},
};
static const check_input ltae_inputs[] = {
    {"x", CHECK_INPUT, {2, {30, 32}}, NULL},
    {"offsets", CHECK_INTEGER, {1, {5}}, fill_offsets},
    {"query", CHECK_PARAMETER, {2, {4, 3}}, NULL},
    {"key_weight", CHECK_PARAMETER, {2, {12, 32}}, NULL},
    {"key_bias", CHECK_PARAMETER, {1, {12}}, NULL},
};
static const check_input ltae_odd_inputs[] = {
    {"x", CHECK_INPUT, {2, {36, 15}}, NULL},
    {"offsets", CHECK_INTEGER, {1, {21}}, fill_offsets},
    {"query", CHECK_PARAMETER, {2, {5, 2}}, NULL},
    {"key_weight", CHECK_PARAMETER, {2, {10, 15}}, NULL},
    {"key_bias", CHECK_PARAMETER, {1, {10}}, NULL},
};
static const check_input ltae_wide_inputs[] = {
    {"x", CHECK_INPUT, {2, {6, 80}}, NULL},
    {"offsets", CHECK_INTEGER, {1, {3}}, fill_offsets},
    {"query", CHECK_PARAMETER, {2, {2, 8}}, NULL},
    {"key_weight", CHECK_PARAMETER, {2, {16, 80}}, NULL},
    {"key_bias", CHECK_PARAMETER, {1, {16}}, NULL},
};

static const op_check checks[] = {
    {.name = "attention (TAE), 4 heads, dropout, map", .input = tae_inputs, .inputs = 5, .build = build, .outputs = 2,
     .reference = reference, .user = &tae},
    {.name = "attention (TAE), 3 heads x 19, one sequence empty", .input = tae_odd_inputs, .inputs = 5,
     .build = build, .outputs = 1, .reference = reference, .user = &tae_odd},
    {.name = "attention (TAE), one of everything", .input = tae_single_inputs, .inputs = 5, .build = build,
     .outputs = 1, .reference = reference, .user = &tae_single},
    {.name = "attention (L-TAE), 4 heads, dropout, map", .input = ltae_inputs, .inputs = 5, .build = build,
     .outputs = 2, .reference = reference, .user = &ltae},
    {.name = "attention (L-TAE), 5 heads of 3 channels, 20 sequences", .input = ltae_odd_inputs, .inputs = 5,
     .build = build, .outputs = 2, .reference = reference, .user = &ltae_odd},
    {.name = "attention (L-TAE), 2 heads of 40 channels", .input = ltae_wide_inputs, .inputs = 5, .build = build,
     .outputs = 1, .reference = reference, .user = &ltae_wide},
};

const op_check *attention_checks(int *count)
{
    *count = (int)(sizeof checks / sizeof *checks);
    return checks;
}
