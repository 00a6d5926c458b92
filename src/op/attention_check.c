/* Reference and cases of attention. The reference projects the keys of every frame, as the papers write it. */
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "net/check.h"
#include "op/check_values.h"
#include "op/checks.h"
#include "op/dropout.h"

enum { X, OFFSETS, QUERY, KEY_WEIGHT, KEY_BIAS };
static int build(const op_check *c, net *n, tensor *const *in, tensor **out)
{
    const attention_options *o = c->user;
    out[0] =
        attention(n, in[X], in[OFFSETS], in[QUERY], in[KEY_WEIGHT], in[KEY_BIAS], *o, c->outputs > 1 ? &out[1] : NULL);
    return 0;
}

/* The map as the output whose gradient is given: y's is zero. */
static int build_map(const op_check *c, net *n, tensor *const *in, tensor **out)
{
    const attention_options *o = c->user;
    out[1] = attention(n, in[X], in[OFFSETS], in[QUERY], in[KEY_WEIGHT], in[KEY_BIAS], *o, &out[0]);
    return 0;
}

/* Both: y, and the mean of each sequence's map beside it. */
static int build_both(const op_check *c, net *n, tensor *const *in, tensor **out)
{
    tensor *map;
    const attention_options *o = c->user;
    tensor *y = attention(n, in[X], in[OFFSETS], in[QUERY], in[KEY_WEIGHT], in[KEY_BIAS], *o, &map);
    out[0] = concat(n, y, sequence_mean(n, map, in[OFFSETS]));
    return 0;
}

/* (Wk_h x + bk_h) . q_h / sqrt(d_k) */
static double score(const attention_options *o, double *const *in, const double *x, int channels, const double *query,
                    int h)
{
    double sum = 0;
    for (int row = h * o->d_k; row < (h + 1) * o->d_k; row++) {
        double key = in[KEY_BIAS][row];
        for (int i = 0; i < channels; i++) key += in[KEY_WEIGHT][row * channels + i] * x[i];
        sum += key * query[row];
    }
    return sum / sqrt((double)o->d_k);
}

static void softmax(double *a, int count)
{
    double top = -INFINITY, sum = 0;
    for (int i = 0; i < count; i++) top = fmax(top, a[i]);
    for (int i = 0; i < count; i++) sum += a[i] = exp(a[i] - top);
    for (int i = 0; i < count; i++) a[i] /= sum;
}

/* Multiplies the weights of one sequence and head by what dropout draws for them. */
static void drop(const attention_options *o, int first, int dates, int h, double *a)
{
    const random_key key = dropout_key(CHECK_SEED, CHECK_STEP, 0);
    for (int t = 0; o->dropout > 0 && t < dates; t++)
        a[t] *= dropout_factor(key, o->dropout, (uint64_t)(first * o->heads + h * dates + t));
}

/* y and, unless it is NULL, the map. */
static void attend(const op_check *c, bool training, double *const *in, double *y, double *map)
{
    const attention_options *o = c->user;
    const int sequences = c->input[OFFSETS].shape.size[0] - 1, channels = c->input[X].shape.size[1];
    const int values = o->shared_query ? channels / o->heads : channels;
    double *a = memory_new((size_t)c->input[X].shape.size[0], sizeof *a);
    if (!a) return;
    for (int s = 0; s < sequences * o->heads; s++) {
        const int q = s / o->heads, h = s % o->heads;
        const int first = (int)in[OFFSETS][q], dates = (int)in[OFFSETS][q + 1] - first;
        const double *query = in[QUERY] + (o->shared_query ? 0 : q * o->heads * o->d_k);
        const double *x = in[X] + first * channels;
        for (int t = 0; t < dates; t++) a[t] = score(o, in, x + t * channels, channels, query, h);
        softmax(a, dates);
        if (training) drop(o, first, dates, h, a);
        for (int i = 0; i < values; i++) {
            double sum = 0;
            for (int t = 0; t < dates; t++) sum += a[t] * x[t * channels + (o->shared_query ? h * values : 0) + i];
            y[s * values + i] = sum;
        }
        for (int t = 0; map && t < dates; t++) map[(first + t) * o->heads + h] = a[t];
    }
    free(a);
}

static void reference(const op_check *c, bool training, double *const *in, double *const *out)
{
    attend(c, training, in, out[0], c->outputs > 1 ? out[1] : NULL);
}

static void reference_map(const op_check *c, bool training, double *const *in, double *const *out)
{
    attend(c, training, in, out[1], out[0]);
}

static void reference_both(const op_check *c, bool training, double *const *in, double *const *out)
{
    const attention_options *o = c->user;
    const int sequences = c->input[OFFSETS].shape.size[0] - 1, heads = o->heads;
    const int width = c->input[X].shape.size[1] * (o->shared_query ? 1 : heads);
    double *y = memory_new((size_t)(sequences * width), sizeof *y);
    double *map = memory_new((size_t)(c->input[X].shape.size[0] * heads), sizeof *map);
    if (y && map) attend(c, training, in, y, map);
    for (int s = 0; y && map && s < sequences; s++) {
        const int first = (int)in[OFFSETS][s], end = (int)in[OFFSETS][s + 1];
        for (int i = 0; i < width; i++) out[0][s * (width + heads) + i] = y[s * width + i];
        for (int h = 0; h < heads; h++) {
            double *mean = &out[0][s * (width + heads) + width + h];
            *mean = 0;
            for (int f = first; f < end; f++) *mean += map[f * heads + h] / (end - first);
        }
    }
    free(y);
    free(map);
}

/* ---- cases ------------------------------------------------------------------------------------------------------ */

static const attention_options tae = {4, 3, false, 0.1f}, tae_odd = {3, 5, false, 0}, tae_single = {1, 1, false, 0},
                               ltae = {4, 3, true, 0.1f}, ltae_odd = {5, 2, true, 0.5f}, ltae_wide = {2, 8, true, 0};

CHECK_VALUES(fill_tae, 0, 5, 6, 30)
CHECK_VALUES(fill_tae_odd, 0, 4, 7, 7, 14, 16)
CHECK_VALUES(fill_tae_single, 0, 1)
CHECK_VALUES(fill_ltae, 0, 6, 7, 27, 30)
CHECK_VALUES(fill_ltae_odd, 0, 1, 3, 6, 7, 9, 12, 13, 15, 18, 19, 21, 24, 25, 27, 30, 31, 33, 35, 36, 36)
CHECK_VALUES(fill_ltae_wide, 0, 2, 6)

static const check_input tae_inputs[] = {
    {"x", CHECK_INPUT, {2, {30, 16}}, NULL},        {"offsets", CHECK_INTEGER, {1, {4}}, fill_tae},
    {"query", CHECK_INPUT, {2, {3, 12}}, NULL},     {"key_weight", CHECK_PARAMETER, {2, {12, 16}}, NULL},
    {"key_bias", CHECK_PARAMETER, {1, {12}}, NULL},
};
static const check_input tae_odd_inputs[] = {
    {"x", CHECK_INPUT, {2, {16, 19}}, NULL},        {"offsets", CHECK_INTEGER, {1, {6}}, fill_tae_odd},
    {"query", CHECK_INPUT, {2, {5, 15}}, NULL},     {"key_weight", CHECK_PARAMETER, {2, {15, 19}}, NULL},
    {"key_bias", CHECK_PARAMETER, {1, {15}}, NULL},
};
static const check_input tae_single_inputs[] = {
    {"x", CHECK_INPUT, {2, {1, 1}}, NULL},         {"offsets", CHECK_INTEGER, {1, {2}}, fill_tae_single},
    {"query", CHECK_INPUT, {2, {1, 1}}, NULL},     {"key_weight", CHECK_PARAMETER, {2, {1, 1}}, NULL},
    {"key_bias", CHECK_PARAMETER, {1, {1}}, NULL},
};
static const check_input ltae_inputs[] = {
    {"x", CHECK_INPUT, {2, {30, 32}}, NULL},        {"offsets", CHECK_INTEGER, {1, {5}}, fill_ltae},
    {"query", CHECK_PARAMETER, {2, {4, 3}}, NULL},  {"key_weight", CHECK_PARAMETER, {2, {12, 32}}, NULL},
    {"key_bias", CHECK_PARAMETER, {1, {12}}, NULL},
};
static const check_input ltae_odd_inputs[] = {
    {"x", CHECK_INPUT, {2, {36, 15}}, NULL},        {"offsets", CHECK_INTEGER, {1, {21}}, fill_ltae_odd},
    {"query", CHECK_PARAMETER, {2, {5, 2}}, NULL},  {"key_weight", CHECK_PARAMETER, {2, {10, 15}}, NULL},
    {"key_bias", CHECK_PARAMETER, {1, {10}}, NULL},
};
static const check_input ltae_wide_inputs[] = {
    {"x", CHECK_INPUT, {2, {6, 80}}, NULL},         {"offsets", CHECK_INTEGER, {1, {3}}, fill_ltae_wide},
    {"query", CHECK_PARAMETER, {2, {2, 8}}, NULL},  {"key_weight", CHECK_PARAMETER, {2, {16, 80}}, NULL},
    {"key_bias", CHECK_PARAMETER, {1, {16}}, NULL},
};

static const op_check checks[] = {
    {.name = "attention (TAE), 4 heads, dropout, map",
     .input = tae_inputs,
     .inputs = 5,
     .build = build,
     .outputs = 2,
     .reference = reference,
     .user = &tae},
    {.name = "attention (L-TAE), 4 heads, dropout, map",
     .input = ltae_inputs,
     .inputs = 5,
     .build = build,
     .outputs = 2,
     .reference = reference,
     .user = &ltae},
    {.name = "attention (L-TAE), gradients of output and map",
     .input = ltae_inputs,
     .inputs = 5,
     .build = build_both,
     .outputs = 1,
     .reference = reference_both,
     .user = &ltae},
    {.name = "attention (TAE), gradients of output and map",
     .input = tae_odd_inputs,
     .inputs = 5,
     .build = build_both,
     .outputs = 1,
     .reference = reference_both,
     .user = &tae_odd},
    {.name = "attention (L-TAE), gradient of the map alone",
     .input = ltae_odd_inputs,
     .inputs = 5,
     .build = build_map,
     .outputs = 2,
     .reference = reference_map,
     .user = &ltae_odd},
    {.name = "attention (TAE), 3 heads x 19, one sequence empty",
     .input = tae_odd_inputs,
     .inputs = 5,
     .build = build,
     .outputs = 1,
     .reference = reference,
     .user = &tae_odd},
    {.name = "attention (TAE), one of everything",
     .input = tae_single_inputs,
     .inputs = 5,
     .build = build,
     .outputs = 1,
     .reference = reference,
     .user = &tae_single},
    {.name = "attention (L-TAE), 5 heads of 3 channels, 20 sequences",
     .input = ltae_odd_inputs,
     .inputs = 5,
     .build = build,
     .outputs = 2,
     .reference = reference,
     .user = &ltae_odd},
    {.name = "attention (L-TAE), 2 heads of 40 channels",
     .input = ltae_wide_inputs,
     .inputs = 5,
     .build = build,
     .outputs = 1,
     .reference = reference,
     .user = &ltae_wide},
};

const op_check *attention_checks(int *count)
{
    *count = (int)(sizeof checks / sizeof *checks);
    return checks;
}
