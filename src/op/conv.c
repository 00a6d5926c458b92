/* What convolutions share: the choice among their forms, a bias's gradient; see conv.h. */
#include "op/conv.h"

#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"
#include "op/channels.h"
#include "op/team.h"

enum { DIRECT, WINOGRAD, FORMS };
enum { BIAS_PARTS = 64 };
/* Winograd's rounding of one convolution reaches some 1e-5 of the largest value; more is a fault, or data beyond it. */
static const double winograd_error = 1e-4;

static bool winograd_allowed(const device *d, const conv_call *c, bool exact)
{
    return !exact && conv_winograd_legal(d, c);
}

size_t conv_packed(const device *d, const conv_call *c, bool exact)
{
    const size_t direct = conv_direct_packed(d, c);
    const size_t winograd = winograd_allowed(d, c, exact) ? conv_winograd_packed(d, c) : 0;
    return direct > winograd ? direct : winograd;
}

int conv_parts_most(const device *d, const conv_call *c, bool exact)
{
    const int direct = conv_direct_parts(d, c);
    const int winograd = winograd_allowed(d, c, exact) ? conv_winograd_parts(d, c) : 0;
    return direct > winograd || !direct ? direct : winograd;
}

/* ---- the choice ------------------------------------------------------------------------------------------------- */

typedef struct trial {
    device *device;
    const conv_call *call;
    buffer *scratch;
    bool compared; /* Winograd's result was found to agree with the direct one */
} trial;

static int run_form(device *d, const conv_call *c, int form)
{
    return form == WINOGRAD ? conv_winograd(d, c) : conv_direct(d, c);
}

/* The first `count` values that a form computes. */
static int values_of(device *d, const conv_call *c, int form, size_t count, float *values)
{
    int rc = run_form(d, c, form);
    return rc ? rc : buffer_read(c->y, 0, values, count * sizeof *values);
}

/* FAILED when Winograd's filtering of these very data is off by more than its rounding: it is then left out. */
static int winograd_compare(device *d, const conv_call *c)
{
    int rc = OK;
    const size_t count = (size_t)c->frames * (size_t)c->out_height * (size_t)c->out_width * (size_t)c->outputs;
    float *wanted = memory_new(count, sizeof *wanted), *got = memory_new(count, sizeof *got);
    double largest = 0, error = 0;
    TRY_NEW(wanted);
    TRY_NEW(got);
    TRY(values_of(d, c, DIRECT, count, wanted));
    TRY(values_of(d, c, WINOGRAD, count, got));
    for (size_t i = 0; i < count; i++) {
        const double off = fabs((double)got[i] - (double)wanted[i]);
        if (!(off <= error)) error = off; /* a NaN stays */
        largest = fmax(largest, fabs((double)wanted[i]));
    }
    if (!(error <= winograd_error * largest)) rc = fail(FAILED, "Winograd's result is off by %g of %g", error, largest);
done:
    free(wanted);
    free(got);
    return rc;
}

static int trial_run(void *user, int form)
{
    int rc = OK;
    conv_call c;
    trial *t = user;
    TRY(conv_trial(t->device, t->call, &t->scratch, &c));
    if (form == WINOGRAD && !t->compared) {
        TRY(winograd_compare(t->device, &c));
        t->compared = true;
    }
    TRY(run_form(t->device, &c, form));
done:
    return rc;
}

int conv_convolve(device *d, const conv_call *c, bool exact, int *parts)
{
    static const char *const forms[FORMS] = {"direct", "winograd"};
    char key[96];
    int rc = OK, form = DIRECT;
    trial t = {.device = d, .call = c};
    conv_key(c, "conv", key, sizeof key);
    if (winograd_allowed(d, c, exact)) TRY(tune_choose(d, key, forms, FORMS, trial_run, &t, &form));
    conv_call chosen = *c;
    chosen.exact = exact;
    TRY(run_form(d, &chosen, form));
    if (parts) *parts = form == WINOGRAD ? conv_winograd_parts(d, c) : conv_direct_parts(d, c);
done:
    buffer_free(t.scratch);
    return rc;
}

/* ---- the bias --------------------------------------------------------------------------------------------------- */

size_t conv_bias_partial(int channels)
{
    return (size_t)BIAS_PARTS * (size_t)channels;
}

int conv_bias_gradient(device *d, int pixels, int channels, buffer *dy, buffer *dbias, bool accumulate, buffer *partial)
{
    int rc = OK;
    kernel *k = NULL;
    const channel_form f = channel_form_of(d, channels);
    const int each = (pixels + BIAS_PARTS - 1) / BIAS_PARTS, parts = (pixels + each - 1) / each;
    const double elements = (double)pixels * channels;
    TRY(channel_kernel(d, f, "gemm_finish", "sum_columns", &k));
    TRY(LAUNCH(k, f.groups, (size_t)parts, 1, (size_t)f.lanes, ((cost){elements, 4 * elements}), arg_buffer(dy),
               arg_int(pixels), arg_int(channels), arg_int(each), arg_buffer(partial), arg_int(0), arg_int(channels),
               arg_int(0)));
    TRY(sum_parts(d, partial, parts, channels, 0, channels, dbias, accumulate));
done:
    return rc;
}
