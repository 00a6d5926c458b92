/* Convolutions by Winograd's minimal filtering (Winograd 1980; Lavin and Gray 2016): cl/conv_winograd.cl says how.
 *
 * Two launches: the weights transformed into `packed`, then one that does everything else. For 16 results, 3 x 3
 * takes 36 products instead of 144, and 4 x 4 of stride 2 takes 100 instead of 256. All forms give the same bits: they
 * differ in how many tiles a group and the registers hold, not in the order of a sum. */
#include "op/conv.h"

#include <limits.h>
#include <stdio.h>

#include "base/error.h"
#include "op/channels.h"

enum { SIDE = 4, RECORD_TILES_MAX = 8, FORMS_MAX = 5 };

/* Registers hold `height` tiles by `width` vectors of outputs; a group takes `tiles`, a multiple of the height and of
 * RECORD_TILES_MAX. */
typedef struct form {
    const char *name;
    int height, width, tiles;
} form;

/* For 32 registers (AVX-512: vectors of 16 lanes) and for 16. Other shapes of the same size differ by a few hundredths,
 * and each is a kernel to compile. The last of each width need the least memory. */
static const form forms_32_registers[] = {
    {"8x2t16", 8, 2, 16}, {"8x2t32", 8, 2, 32}, {"8x2t8", 8, 2, 8}, {"8x1t16", 8, 1, 16}, {"8x1t8", 8, 1, 8}};
static const form forms_16_registers[] = {
    {"6x2t24", 6, 2, 24}, {"4x2t16", 4, 2, 16}, {"4x2t8", 4, 2, 8}, {"8x1t16", 8, 1, 16}, {"8x1t8", 8, 1, 8}};

/* What the kernels call TAPS, STEP_IN and STEP_OUT, and the image in tiles. */
typedef struct plan {
    int width; /* of a vector */
    int taps, step_in, step_out;
    int points, phases_in, phases_out;
    int tile_rows, tile_columns; /* of a frame */
    conv_dates dates;
    bool along; /* a group's tiles are one tile of the frame at successive dates */
} plan;

/* ---- what is legal ---------------------------------------------------------------------------------------------- */

/* Which of the three convolutions this is; false: none of them. */
static bool kind_of(const conv_call *c, plan *p)
{
    p->step_in = p->step_out = 1;
    p->dates = conv_dates_given(c->dates);
    if (p->dates.y_step > 1) return false; /* where its outputs lie side by side in memory */
    if (c->kernel == 3 && c->stride == 1 && c->dilation == 1 && c->padding == 1) {
        p->taps = 3;
        return true;
    }
    p->taps = 2;
    if (c->kernel == 4 && c->stride == 2 && c->dilation == 1 && c->padding == 1) {
        p->step_in = 2;
        return true;
    }
    p->step_out = 2;
    return c->kernel == 4 && c->stride == 1 && c->dilation == 2 && c->padding == 2 && c->mode == PADDING_ZEROS;
}

/* The image's lines of `in` pixels in whole tiles that give lines of `out`. */
static bool line_of(const plan *p, int in, int out, int *tiles)
{
    *tiles = in / (SIDE * p->step_in);
    return *tiles > 0 && in % (SIDE * p->step_in) == 0 && out == *tiles * SIDE * p->step_out;
}

static bool indices_fit(const conv_call *c)
{
    const double pixels = (double)c->height * c->width, out_pixels = (double)c->out_height * c->out_width;
    return pixels * c->inputs <= INT_MAX && out_pixels * c->outputs <= INT_MAX && pixels * c->frames <= INT_MAX;
}

/* Where a frame is met by several outputs it is transformed once, unless that leaves too many places of groups idle. */
static bool is_along(const plan *p)
{
    const int dates = p->dates.y_dates, filled = (dates + RECORD_TILES_MAX - 1) / RECORD_TILES_MAX * RECORD_TILES_MAX;
    return p->dates.taps > 1 && p->dates.step == 1 && p->step_in * p->step_out == 1 && 4 * filled <= 5 * dates;
}

static bool plan_of(const device *d, const conv_call *c, plan *p)
{
    p->width = device_about(d)->vector_width >= 16 && c->inputs % 16 == 0 && c->outputs % 16 == 0 ? 16 : 8;
    if (!kind_of(c, p) || !line_of(p, c->height, c->out_height, &p->tile_rows) ||
        !line_of(p, c->width, c->out_width, &p->tile_columns))
        return false;
    p->along = is_along(p);
    p->points = SIDE + p->taps - 1;
    p->phases_in = p->step_in * p->step_in;
    p->phases_out = p->step_out * p->step_out;
    return c->frames > 0 && c->inputs > 0 && c->outputs > 0 && c->inputs % p->width == 0 &&
           c->outputs % p->width == 0 && indices_fit(c);
}

static size_t frequencies(const plan *p)
{
    return (size_t)(p->points * p->points);
}

static int frame_tiles(const plan *p)
{
    return p->tile_rows * p->tile_columns;
}

/* Bytes of local memory: inputs and products of a group, each frequency a vector behind its end (see the kernel). */
static size_t inputs_local(const plan *p, const conv_call *c, const form *f)
{
    const int floats = p->along ? (f->tiles + p->dates.taps - 1) * c->inputs : f->tiles * p->phases_in * conv_depth(c);
    return 4 * frequencies(p) * (size_t)(floats + p->width);
}

static size_t products_local(const plan *p, const form *f)
{
    return 4 * frequencies(p) * (size_t)(f->tiles * f->width * p->width + p->width);
}

/* The forms that the sizes and the device's local memory allow; whatever the number of frames, which varies. */
static int candidates(const device *d, const conv_call *c, const plan *p, form *out)
{
    const bool many = p->width == 16;
    const form *table = many ? forms_32_registers : forms_16_registers;
    const size_t entries = many ? sizeof forms_32_registers / sizeof(form) : sizeof forms_16_registers / sizeof(form);
    int count = 0;
    for (const form *f = table; f < table + entries; f++) {
        if (c->outputs % (f->width * p->width) || (count && f->width == 1)) continue;
        if (count && f->tiles >= (p->along ? p->dates.y_dates : frame_tiles(p)) + RECORD_TILES_MAX) continue;
        if (inputs_local(p, c, f) + products_local(p, f) > device_about(d)->local_memory) continue;
        out[count++] = *f;
    }
    return count;
}

bool conv_winograd_legal(const device *d, const conv_call *c)
{
    plan p;
    form forms[FORMS_MAX];
    return device_tiles(d) == TILE_CPU && device_about(d)->local_is_cache && plan_of(d, c, &p) &&
           candidates(d, c, &p, forms) > 0;
}

size_t conv_winograd_packed(const device *d, const conv_call *c)
{
    plan p;
    if (!plan_of(d, c, &p)) return 0;
    return frequencies(&p) * (size_t)(p.phases_in * p.phases_out) * (size_t)conv_depth(c) * (size_t)c->outputs;
}

/* Tiles of one record of moments: a power of two that divides a frame's tiles and every form's. */
static int record_tiles(const plan *p)
{
    int tiles = p->along ? 1 : RECORD_TILES_MAX;
    while (frame_tiles(p) % tiles) tiles /= 2;
    return tiles;
}

int conv_winograd_parts(const device *d, const conv_call *c)
{
    plan p;
    return plan_of(d, c, &p) ? frame_tiles(&p) / record_tiles(&p) * p.phases_out : 0;
}

/* ---- launches --------------------------------------------------------------------------------------------------- */

static void plan_options(const plan *p, char *options, size_t size)
{
    snprintf(options, size, "-DVW=%d -DTAPS=%d -DSTEP_IN=%d -DSTEP_OUT=%d", p->width, p->taps, p->step_in, p->step_out);
}

static int pack_weights(device *d, const conv_call *c, const plan *p, const form *f)
{
    int rc = OK;
    kernel *k;
    char options[80];
    const double weights = (double)conv_depth(c) * c->outputs * c->kernel * c->kernel;
    const cost work = {10.0 * p->points * weights, 4 * (weights + (double)conv_winograd_packed(d, c))};
    plan_options(p, options, sizeof options);
    TRY(kernel_get(d, "conv_winograd_weights", options, "conv_winograd_weights", &k));
    TRY(LAUNCH(k, (size_t)(c->outputs / p->width), (size_t)conv_depth(c), (size_t)(p->phases_in * p->phases_out), 1,
               work, arg_buffer(c->weight), arg_buffer(c->packed), arg_int(c->inputs), arg_int(c->outputs),
               arg_int(f->width * p->width), arg_int(c->weights == CONV_WEIGHTS_TRANSPOSED),
               arg_int(p->dates.weight_taps), arg_int(p->dates.weight_first), arg_int(p->dates.weight_step)));
done:
    return rc;
}

/* What the kernel does: the products, and the transforms of inputs and results (4 FLOPs or so a value). */
static cost cost_of(const device *d, const conv_call *c, const plan *p)
{
    const double tiles = (double)c->frames * frame_tiles(p), values = (double)frequencies(p);
    const double depth = (double)p->phases_in * p->phases_out * conv_depth(c), in = p->along ? c->inputs : depth,
                 out = (double)p->phases_out * c->outputs;
    const double x = (double)c->frames * c->height * c->width * c->inputs;
    const double y = (double)c->frames * c->out_height * c->out_width * c->outputs;
    return (cost){tiles * values * (2 * depth * c->outputs + 4 * (in + out)),
                  4 * (x + y * (c->accumulate ? 2 : 1) + (double)conv_winograd_packed(d, c))};
}

static int run_form(device *d, const conv_call *c, const plan *p, const form *f)
{
    int rc = OK;
    kernel *k;
    char kind[80], options[160];
    const int tiles = c->frames * frame_tiles(p), runs = (p->dates.y_dates + f->tiles - 1) / f->tiles;
    const int groups = p->along ? tiles / p->dates.y_dates * runs : (tiles - 1) / f->tiles + 1;
    plan_options(p, kind, sizeof kind);
    snprintf(options, sizeof options, "%s -DPT=%d -DOB=%d%s", kind, f->height, f->width, c->pending ? c->pending : "");
    if (!c->packed_before) TRY(pack_weights(d, c, p, f));
    TRY(kernel_get(d, "conv_winograd", options, "conv_winograd", &k));
    TRY(LAUNCH(k, (size_t)groups, 1, 1, 1, cost_of(d, c, p), arg_buffer(c->x), arg_buffer(c->packed),
               arg_buffer(c->bias), arg_buffer(c->scale_shift), arg_buffer(c->y), arg_buffer(c->moments),
               arg_local(inputs_local(p, c, f)), arg_local(products_local(p, f)), arg_int(tiles), arg_int(p->tile_rows),
               arg_int(p->tile_columns), arg_int(f->tiles), arg_int(record_tiles(p)), arg_int(c->height),
               arg_int(c->width), arg_int(c->inputs), arg_int(c->outputs), arg_int(p->dates.taps),
               arg_int(p->dates.x_dates), arg_int(p->dates.y_dates), arg_int(p->dates.step), arg_int(p->dates.first),
               arg_int(p->along), arg_int(c->scale_stride), arg_int(c->mode == PADDING_REFLECT),
               arg_int(c->accumulate)));
done:
    return rc;
}

/* ---- choosing a form -------------------------------------------------------------------------------------------- */

typedef struct trial {
    device *device;
    const conv_call *call;
    const plan *plan;
    form forms[FORMS_MAX];
    buffer *scratch;
} trial;

static int trial_run(void *user, int i)
{
    int rc = OK;
    conv_call c;
    trial *t = user;
    TRY(conv_trial(t->device, t->call, &t->scratch, &c));
    TRY(run_form(t->device, &c, t->plan, t->forms + i));
done:
    return rc;
}

static int choose(device *d, const conv_call *c, const plan *p, form *out)
{
    char key[96];
    int chosen = 0;
    const char *names[FORMS_MAX];
    trial t = {.device = d, .call = c, .plan = p};
    const int count = candidates(d, c, p, t.forms);
    for (int i = 0; i < count; i++) names[i] = t.forms[i].name;
    conv_key(c, "conv_winograd", key, sizeof key);
    int rc = tune_choose(d, key, names, count, trial_run, &t, &chosen);
    buffer_free(t.scratch);
    *out = t.forms[chosen];
    return rc;
}

int conv_winograd(device *d, const conv_call *c)
{
    int rc = OK;
    plan p;
    form f;
    if (!conv_winograd_legal(d, c))
        return fail(
            FAILED,
            "conv_winograd: a %dx%d kernel of stride %d, dilation %d and padding %d on %dx%d pixels of %d channels "
            "to %d has no form on %s",
            c->kernel, c->kernel, c->stride, c->dilation, c->padding, c->height, c->width, c->inputs, c->outputs,
            device_about(d)->name);
    plan_of(d, c, &p);
    TRY(choose(d, c, &p, &f));
    TRY(run_form(d, c, &p, &f));
done:
    return rc;
}
