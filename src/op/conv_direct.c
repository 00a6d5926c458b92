/* Convolutions in the direct form (cl/conv_direct.cl): register tiles, tiles of
 * the image, launches; see conv.h. */
#include "op/conv.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"

/* A register tile of `pixels` by `vectors` of `width` channels; `channel_lanes`
 * of a group's `lanes` items side by side over the channels. */
typedef struct form {
    const char *name;
    int width, pixels, vectors, lanes, channel_lanes;
} form;

enum { FORMS_MAX = 8, TRIAL_FRAMES = 8, TRIAL_DATES = 16 };

/* 16 to 24 sums and what they are made of in 32 registers of 16 floats (AVX-512), or 12 in 16 of 8. */
static const form forms_16[] = {
    {"6x4", 16, 6, 4, 1, 1}, {"8x3", 16, 8, 3, 1, 1}, {"8x2", 16, 8, 2, 1, 1}, {"16x1", 16, 16, 1, 1, 1}};
static const form forms_8[] = {
    {"3x4", 8, 3, 4, 1, 1}, {"4x3", 8, 4, 3, 1, 1}, {"6x2", 8, 6, 2, 1, 1}, {"12x1", 8, 12, 1, 1, 1}};
/* 4 pixels by 4 channels an item: more is not kept in registers by every compiler of `make check-cl`. */
static const form forms_gpu[] = {{"simt64", 4, 4, 1, 128, 16},
                                 {"simt32", 4, 4, 1, 64, 8},
                                 {"simt16", 4, 4, 1, 64, 4},
                                 {"simt8", 4, 4, 1, 32, 2},
                                 {"simt4", 4, 4, 1, 16, 1}};

static int up(int a, int b)
{
    return a / b + (a % b != 0);
}

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

static int larger(int a, int b)
{
    return a > b ? a : b;
}

/* ---- forms
 * ------------------------------------------------------------------------------------------------------
 */

static int output_block(const form *f)
{
    return f->width * f->vectors * f->channel_lanes;
}

static int padded_outputs(const form *f, int outputs)
{
    return up(outputs, output_block(f)) * output_block(f);
}

static int family(const device *d, const form **out)
{
    const bool gpu = device_tiles(d) == TILE_GPU, wide = device_about(d)->vector_width >= 16;
    *out = gpu ? forms_gpu : wide ? forms_16 : forms_8;
    return (int)((gpu ? sizeof forms_gpu : wide ? sizeof forms_16 : sizeof forms_8) / sizeof(form));
}

/* One vector a tile is for as many outputs alone. */
static bool is_legal(const device *d, const form *f, int outputs)
{
    if ((size_t)f->lanes > device_about(d)->work_group_limit) return false;
    return f->lanes > 1 || f->vectors > 1 || outputs <= f->width;
}

/* The forms whose blocks of outputs waste at most a tenth more than the one that wastes least. */
static int candidates(const device *d, int outputs, form *out)
{
    const form *all, one_item = {"1x4", 4, 4, 1, 1, 1};
    int least = INT32_MAX, count = 0;
    const int number = family(d, &all);
    for (int i = 0; i < number; i++)
        if (is_legal(d, all + i, outputs)) least = smaller(least, padded_outputs(all + i, outputs));
    for (int i = 0; i < number; i++)
        if (is_legal(d, all + i, outputs) && padded_outputs(all + i, outputs) <= least + least / 10)
            out[count++] = all[i];
    if (!count) out[count++] = one_item; /* a device of tiny groups */
    return count;
}

/* ---- tiles of the image
 * -----------------------------------------------------------------------------------------
 */

conv_window conv_whole(const conv_call *c)
{
    return (conv_window){.height = c->out_height,
                         .width = c->out_width,
                         .padding_y = c->padding,
                         .padding_x = c->padding,
                         .end_y = c->kernel,
                         .end_x = c->kernel,
                         .y_frame = c->out_height * c->out_width,
                         .y_row = c->out_width,
                         .y_column = 1};
}

/* What a group stages along one axis: from `start` (of the image) on, `span`
 * places and stride more for each further output. The taps of all phases
 * together; cl/conv_direct.clh says which those are. */
typedef struct reach {
    int start, span;
} reach;

static reach reach_of(const conv_call *c, int padding, int first, int end)
{
    int low = INT32_MAX, high = INT32_MIN;
    const int dilation = c->dilation;
    for (int phase = 0; phase < dilation; phase++) {
        const int residue = ((padding - phase) % dilation + dilation) % dilation;
        for (int k = first; k < end; k++) {
            if (k % dilation != residue) continue;
            const int offset = (phase + k - padding) / dilation;
            low = smaller(low, offset);
            high = larger(high, offset + 1);
        }
    }
    return (reach){low, high - low};
}

typedef struct plan {
    reach y, x;
    int tile_height, tile_width, down, across; /* tiles of one frame */
    int chunk, step;                           /* channels staged at once; floats of a staged pixel */
} plan;

conv_dates conv_dates_given(conv_dates dates)
{
    static const conv_dates alone = {
        .taps = 1, .x_dates = 1, .y_dates = 1, .step = 1, .y_step = 1, .weight_taps = 1, .weight_step = 1};
    return dates.taps ? dates : alone;
}

int conv_depth(const conv_call *c)
{
    return conv_dates_given(c->dates).taps * c->inputs;
}

static int staged_pixels(const conv_call *c, const plan *p, int height, int width)
{
    return ((height - 1) * c->stride + p->y.span) * ((width - 1) * c->stride + p->x.span);
}

/* On GPUs an odd step: items of other pixels then read other banks. */
static int step_of(const device *d, int chunk)
{
    return device_tiles(d) == TILE_GPU ? chunk | 1 : chunk;
}

/* Of all ways to cut the grid evenly, the one that stages least for its
 * outputs, within `floats` and `limit` outputs. Returns a tile's outputs, 0:
 * none fits. */
static int cut(const conv_call *c, plan *p, int grid_height, int grid_width, size_t floats, int limit)
{
    double best = 0;
    int found = 0;
    for (int across = 1, width; across <= grid_width; across = up(grid_width, width - 1)) {
        width = up(grid_width, across);
        for (int down = 1, height; down <= grid_height; down = up(grid_height, height - 1)) {
            height = up(grid_height, down);
            const int staged = staged_pixels(c, p, height, width);
            const double worth = (double)height * width / staged;
            if ((size_t)staged * (size_t)p->step <= floats && height * width <= limit && worth > best) {
                best = worth;
                found = height * width;
                p->tile_height = height;
                p->tile_width = width;
            }
            if (height == 1) break;
        }
        if (width == 1) break;
    }
    return found;
}

/* Tiles of the window: in local memory; no more outputs than leave every core
 * several groups. */
static int plan_of(const device *d, const conv_call *c, const conv_window *w, plan *p)
{
    enum { CPU_BYTES = 144 << 10, GPU_BYTES = 28 << 10, SHARED_BYTES = 4 << 10, CPU_PIXELS = 1024, GPU_PIXELS = 64 };
    const bool gpu = device_tiles(d) == TILE_GPU;
    const device_info *about = device_about(d);
    const int grid_height = up(w->height, c->dilation), grid_width = up(w->width, c->dilation);
    const size_t most = (size_t)(gpu ? GPU_BYTES : CPU_BYTES), has = about->local_memory - SHARED_BYTES;
    const size_t floats = (has < most ? has : most) / sizeof(float);
    const double share = (double)grid_height * grid_width * c->frames / (4.0 * about->compute_units);
    int limit = gpu ? GPU_PIXELS : CPU_PIXELS;
    if (!gpu && share < limit) limit = larger((int)share, 32);
    const int enough = smaller(gpu ? 32 : 16, grid_height * grid_width);

    *p = (plan){.y = reach_of(c, w->padding_y, w->first_y, w->end_y),
                .x = reach_of(c, w->padding_x, w->first_x, w->end_x)};
    for (int wanted = enough; wanted; wanted = wanted > 1 ? 1 : 0)
        for (p->chunk = conv_depth(c); p->chunk; p->chunk = p->chunk > 1 ? up(p->chunk, 2) : 0) {
            p->step = step_of(d, p->chunk);
            if (cut(c, p, grid_height, grid_width, floats, limit) < wanted) continue;
            p->down = up(grid_height, p->tile_height);
            p->across = up(grid_width, p->tile_width);
            return OK;
        }
    return fail(FAILED,
                "a convolution of %d x %d by steps of %d needs more local memory "
                "than %s has: %zu bytes",
                c->kernel, c->kernel, c->stride, about->name, about->local_memory);
}

/* ---- launches
 * ---------------------------------------------------------------------------------------------------
 */

static int form_kernel(device *d, const form *f, const conv_call *c, const char *name, kernel **out)
{
    char options[128];
    /* Exact sums are three numbers each: on GPUs half as many stay in registers. */
    const int pixels = c->exact && f->lanes > 1 ? f->pixels / 2 : f->pixels;
    snprintf(options, sizeof options, "-DVW=%d -DPX=%d -DOB=%d -DLANES=%d -DCHANNEL_LANES=%d%s%s", f->width, pixels,
             f->vectors, f->lanes, f->channel_lanes,
             c->pending && *c->pending ? c->pending : " -DPENDING=0 -DPENDING_RELU=0", c->exact ? " -DEXACT=1" : "");
    return kernel_get(d, "conv_direct", options, name, out);
}

static int pack(device *d, const form *f, const conv_call *c)
{
    int rc = OK;
    kernel *k;
    const conv_dates dates = conv_dates_given(c->dates);
    const double weights = (double)c->kernel * c->kernel * conv_depth(c);
    TRY(form_kernel(d, f, c, "conv_pack", &k));
    TRY(LAUNCH(k, (size_t)conv_depth(c), (size_t)up(c->outputs, output_block(f)), 1, (size_t)f->lanes,
               ((cost){0, 4 * weights * (c->outputs + padded_outputs(f, c->outputs))}), arg_buffer(c->weight),
               arg_buffer(c->packed), arg_int(c->inputs), arg_int(c->outputs), arg_int(c->kernel), arg_int(c->dilation),
               arg_int(c->weights == CONV_WEIGHTS_TRANSPOSED), arg_int(dates.weight_taps), arg_int(dates.weight_first),
               arg_int(dates.weight_step)));
done:
    return rc;
}

static cost window_cost(const conv_call *c, const conv_window *w)
{
    const double outputs = (double)c->frames * w->height * w->width * c->outputs;
    const double taps = (double)(w->end_y - w->first_y) * (w->end_x - w->first_x) / (c->dilation * c->dilation);
    const double read = (double)c->frames * c->height * c->width * c->inputs;
    return (cost){2 * outputs * taps * conv_depth(c), 4 * (outputs + read)};
}

static size_t shared_bytes(const form *f)
{
    return f->lanes > 1 ? (size_t)(f->lanes / f->channel_lanes * (2 * output_block(f) + 1)) * sizeof(float) : 0;
}

static int convolve(device *d, const form *f, const conv_call *c, const conv_window *w)
{
    int rc = OK;
    kernel *k;
    plan p;
    const conv_dates dates = conv_dates_given(c->dates);
    if (w->height < 1 || w->width < 1 || w->end_y <= w->first_y || w->end_x <= w->first_x) return OK;
    TRY(plan_of(d, c, w, &p));
    TRY(form_kernel(d, f, c, "conv_direct", &k));
    TRY(LAUNCH(k, (size_t)p.down * (size_t)p.across, (size_t)c->frames, 1, (size_t)f->lanes, window_cost(c, w),
               arg_buffer(c->x), arg_buffer(c->scale_shift), arg_int(c->scale_stride), arg_int(c->height),
               arg_int(c->width), arg_int(c->inputs), arg_int(conv_depth(c)), arg_int(dates.x_dates),
               arg_int(dates.y_dates), arg_int(dates.step), arg_int(dates.first), arg_int(dates.y_step),
               arg_int(dates.y_first), arg_buffer(c->packed), arg_buffer(c->bias), arg_buffer(c->y), arg_int(w->height),
               arg_int(w->width), arg_int(c->outputs), arg_int(w->y_frame), arg_int(w->y_origin), arg_int(w->y_row),
               arg_int(w->y_column), arg_int(c->kernel), arg_int(c->stride), arg_int(c->dilation),
               arg_int(w->padding_y), arg_int(w->padding_x), arg_int(w->first_y), arg_int(w->end_y),
               arg_int(w->first_x), arg_int(w->end_x), arg_int(c->mode == PADDING_REFLECT), arg_int(p.y.start),
               arg_int(p.x.start), arg_int(p.y.span), arg_int(p.x.span), arg_int(p.tile_height), arg_int(p.tile_width),
               arg_int(p.across), arg_int(p.chunk), arg_int(p.step), arg_int(c->accumulate), arg_buffer(c->moments),
               arg_local((size_t)staged_pixels(c, &p, p.tile_height, p.tile_width) * (size_t)p.step * sizeof(float)),
               arg_local(shared_bytes(f))));
done:
    return rc;
}

/* ---- choosing
 * ---------------------------------------------------------------------------------------------------
 */

int conv_trial(device *d, const conv_call *c, buffer **scratch, conv_call *out)
{
    int rc = OK;
    *out = *c;
    out->frames = smaller(c->frames, c->dates.taps ? TRIAL_DATES : TRIAL_FRAMES);
    if (c->dates.taps) out->dates.y_dates = smaller(c->dates.y_dates, out->frames); /* whole series of these */
    if (c->dates.taps) out->frames -= out->frames % out->dates.y_dates;
    out->moments = NULL;
    out->accumulate = out->packed_before = false;
    if (!c->accumulate) return OK;
    const size_t frame = (size_t)c->out_height * (size_t)c->out_width * (size_t)c->outputs * sizeof(float);
    if (!*scratch) TRY(buffer_new(d, (size_t)out->frames * frame, scratch));
    out->y = *scratch;
done:
    return rc;
}

void conv_key(const conv_call *c, const char *what, char *key, size_t size)
{
    char taps[16] = "";
    if (conv_dates_given(c->dates).taps > 1) snprintf(taps, sizeof taps, " of %d", c->dates.taps);
    const char *kind = c->dilation > 1 ? " dilated" : c->weights == CONV_WEIGHTS_TRANSPOSED ? " transposed" : "";
    snprintf(key, size, "%s %dx%d/%d%s%s %d->%d at %dx%d", what, c->kernel, c->kernel,
             c->dilation > 1 ? c->dilation : c->stride, kind, taps, c->inputs, c->outputs, c->out_height, c->out_width);
}

static int run_form(device *d, const form *f, const conv_call *c, const conv_window *w)
{
    int rc = pack(d, f, c);
    return rc ? rc : convolve(d, f, c, w);
}

typedef struct trial {
    device *device;
    const conv_call *call;
    buffer *scratch;
    form forms[FORMS_MAX];
} trial;

static int trial_run(void *user, int i)
{
    trial *t = user;
    conv_call c;
    int rc = conv_trial(t->device, t->call, &t->scratch, &c);
    const conv_window whole = conv_whole(&c);
    return rc ? rc : run_form(t->device, t->forms + i, &c, &whole);
}

static int choose(device *d, const conv_call *c, form *out)
{
    char key[96];
    int chosen = 0;
    const char *names[FORMS_MAX];
    trial t = {.device = d, .call = c};
    const int count = candidates(d, c->outputs, t.forms);
    for (int i = 0; i < count; i++) names[i] = t.forms[i].name;
    conv_key(c, c->exact ? "conv_direct exact" : "conv_direct", key, sizeof key);
    int rc = tune_choose(d, key, names, count, trial_run, &t, &chosen);
    buffer_free(t.scratch);
    *out = t.forms[chosen];
    return rc;
}

/* ---- the interface ---------------------------------------------------------------------------------------------- */

size_t conv_direct_packed(const device *d, const conv_call *c)
{
    form forms[FORMS_MAX];
    int outputs = 0;
    const int count = candidates(d, c->outputs, forms);
    for (int i = 0; i < count; i++) outputs = larger(outputs, padded_outputs(forms + i, c->outputs));
    return (size_t)outputs * (size_t)(c->kernel * c->kernel) * (size_t)conv_depth(c);
}

int conv_direct_parts(const device *d, const conv_call *c)
{
    plan p = {0};
    const conv_window whole = conv_whole(c);
    return plan_of(d, c, &whole, &p) ? 0 : p.down * p.across;
}

int conv_direct(device *d, const conv_call *c)
{
    const conv_window whole = conv_whole(c);
    return conv_direct_windows(d, c, &whole, 1);
}

int conv_direct_windows(device *d, const conv_call *c, const conv_window *windows, int count)
{
    int rc = OK;
    form f;
    TRY(choose(d, c, &f));
    if (!c->packed_before) TRY(pack(d, &f, c));
    for (int i = 0; i < count; i++) TRY(convolve(d, &f, c, windows + i));
done:
    return rc;
}
