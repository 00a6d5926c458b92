/* Weight and bias gradients of convolutions; see conv.h, cl/conv_weights.cl and cl/conv_weights_winograd.cl.
 *
 * Two launches: the pixels are cut into parts, whose sums the first one leaves in `partial`; the second adds them up in
 * order and writes PyTorch's layout. How many parts there are depends on the device and the shape alone. */
#include "op/conv.h"

#include <stdio.h>

#include "base/error.h"

enum form { FORM_SIMD, FORM_SIMT, FORM_WINOGRAD };

/* How a call is run on a device. */
typedef struct plan {
    enum form form;
    int vector, lanes;           /* VW, LANES */
    int rows, vectors;           /* CB, OB: the register tile of CPUs */
    int side;                    /* SIDE of simt */
    int blocks;                  /* of outputs */
    int tile_height, tile_width; /* of dy, simd */
    int batch;                   /* tiles, winograd */
    size_t local;                /* bytes */
    int lines, line_rows, pitch; /* a part of `partial`: [lines x line_rows + 1 x pitch]; see the kernels */
    int parts;
} plan;

static int up(int a, int b)
{
    return a / b + (a % b != 0);
}

static int between(int low, int value, int high)
{
    return value < low ? low : value > high ? high : value;
}

/* ---- shapes of launches ----------------------------------------------------------------------------------------- */

/* 24 sums in 32 registers (vectors of 16 lanes), 12 in 16. */
static int rows_of(int vector, int vectors)
{
    const int sums = vector == 16 ? 24 : 12, rows = sums / vectors;
    return rows > 12 ? 12 : rows;
}

/* What a tap of the kernel meets of a pixel: the inputs of all taps along the dates. */
static int depth_of(const conv_weight_call *c)
{
    return conv_dates_given(c->dates).taps * c->inputs;
}

/* Bytes of local memory: a tile's dy, the x that it meets, and what vectors write or read behind it. */
static size_t tile_bytes(const conv_weight_call *c, const plan *p)
{
    const size_t channels = (size_t)(p->vector * p->vectors), height = (size_t)p->tile_height,
                 width = (size_t)p->tile_width, stride = (size_t)c->stride, size = (size_t)c->kernel;
    const size_t pixels = ((height - 1) * stride + size) * ((width - 1) * stride + size);
    return (height * width * channels + pixels * (size_t)depth_of(c) + (size_t)(p->vector + p->rows)) * sizeof(float);
}

/* The largest tile that a cache holds with the sums. false: not even a pixel fits. */
static bool fit_tile(const device *d, const conv_weight_call *c, plan *p)
{
    enum { CACHE = 320 << 10, HEIGHT = 8, WIDTH = 16 };
    const size_t most = device_about(d)->local_memory < CACHE ? device_about(d)->local_memory : CACHE;
    p->tile_height = c->out_height < HEIGHT ? c->out_height : HEIGHT;
    p->tile_width = c->out_width < WIDTH ? c->out_width : WIDTH;
    while (tile_bytes(c, p) > most && (p->tile_height > 1 || p->tile_width > 1)) {
        if (p->tile_width > p->tile_height)
            p->tile_width = up(p->tile_width, 2);
        else
            p->tile_height = up(p->tile_height, 2);
    }
    p->local = tile_bytes(c, p);
    return p->local <= most;
}

/* Groups enough for the device, parts that are large enough and few enough to add up. */
static int parts_of(const device *d, int groups_a_part, int64_t units, size_t part_floats)
{
    enum { GROUPS_A_UNIT = 4, FLOATS_MAX = 1 << 25 };
    const int wanted = up(GROUPS_A_UNIT * (int)device_about(d)->compute_units, groups_a_part);
    int64_t most = (int64_t)(FLOATS_MAX / part_floats);
    if (most > units) most = units;
    return between(1, wanted, most < 1 ? 1 : (int)most);
}

static size_t part_floats(const plan *p)
{
    return ((size_t)p->lines * (size_t)p->line_rows + 1) * (size_t)p->pitch;
}

/* Outputs in blocks of at most 4 vectors, of 2 where registers are few. */
static void plan_blocks(const device *d, const conv_weight_call *c, enum form form, plan *p)
{
    *p = (plan){.form = form, .lanes = 1, .vector = device_about(d)->vector_width >= 16 ? 16 : 8};
    const int vectors = up(c->outputs, p->vector);
    p->blocks = up(vectors, p->vector == 16 ? 4 : 2);
    p->vectors = up(vectors, p->blocks);
    p->pitch = p->blocks * p->vectors * p->vector;
}

static bool plan_simd(const device *d, const conv_weight_call *c, plan *p)
{
    plan_blocks(d, c, FORM_SIMD, p);
    p->rows = rows_of(p->vector, p->vectors);
    p->lines = c->kernel;
    p->line_rows = up(c->kernel * depth_of(c), p->rows) * p->rows;
    if (!fit_tile(d, c, p)) return false;
    const int64_t tiles = (int64_t)c->frames * up(c->out_height, p->tile_height) * up(c->out_width, p->tile_width);
    p->parts = parts_of(d, p->blocks, (tiles + 1) / 2, part_floats(p));
    return true;
}

static void plan_simt(const device *d, const conv_weight_call *c, plan *p)
{
    enum { PIXELS_MIN = 256, PARTS_MAX = 16 };
    *p = (plan){.form = FORM_SIMT, .vector = 4, .side = c->outputs > 32 ? 64 : c->outputs > 16 ? 32 : 16};
    while (p->side > 16 && (size_t)(p->side * p->side / 16) > device_about(d)->work_group_limit) p->side /= 2;
    p->lanes = p->side * p->side / 16;
    p->blocks = up(c->outputs, p->side);
    p->lines = c->kernel;
    p->line_rows = c->kernel * depth_of(c);
    p->pitch = p->blocks * p->side;
    const int64_t pixels = (int64_t)c->frames * c->out_height * c->out_width;
    const int tiles = up(c->kernel * p->line_rows, p->side) * p->blocks;
    p->parts = between(1, parts_of(d, tiles, (pixels + PIXELS_MIN - 1) / PIXELS_MIN, part_floats(p)), PARTS_MAX);
}

static plan plan_direct(const device *d, const conv_weight_call *c)
{
    plan p;
    if (device_tiles(d) == TILE_GPU || !plan_simd(d, c, &p)) plan_simt(d, c, &p);
    return p;
}

/* false: no such form here. */
static bool plan_winograd(const device *d, const conv_weight_call *c, plan *p)
{
    enum { FREQUENCIES = 36, CACHE = 640 << 10, BATCH = 32, BATCH_MIN = 8 };
    const device_info *about = device_about(d);
    if (c->exact || c->kernel != 3 || c->stride != 1 || c->padding != 1 || c->height % 4 || c->width % 4) return false;
    if (device_tiles(d) == TILE_GPU || !about->local_is_cache) return false;
    plan_blocks(d, c, FORM_WINOGRAD, p);
    if (depth_of(c) > c->inputs && c->inputs % p->vector) return false; /* frames lie side by side in whole vectors */
    p->rows = p->vectors > 2 ? 4 : 8;
    p->lines = FREQUENCIES;
    p->line_rows = up(depth_of(c), p->vector) * p->vector;
    const size_t most = about->local_memory < CACHE ? about->local_memory : CACHE;
    const size_t tile = (size_t)(FREQUENCIES * (p->line_rows + p->vectors * p->vector)) * sizeof(float);
    const size_t gaps = (size_t)(FREQUENCIES * 2 * p->vector) * sizeof(float);
    p->batch = most < gaps ? 0 : between(0, (int)((most - gaps) / tile), BATCH);
    p->local = gaps + (size_t)p->batch * tile;
    const int64_t tiles = (int64_t)c->frames * (c->height / 4) * (c->width / 4);
    p->parts = parts_of(d, p->blocks, (tiles + 2 * BATCH - 1) / (2 * BATCH), part_floats(p));
    return p->batch >= BATCH_MIN;
}

/* ---- launches --------------------------------------------------------------------------------------------------- */

static int plan_kernel(device *d, const conv_weight_call *c, const plan *p, const char *name, kernel **out)
{
    char options[160], tile[48];
    if (p->form == FORM_SIMT)
        snprintf(tile, sizeof tile, "-DSIDE=%d", p->side);
    else
        snprintf(tile, sizeof tile, "-DCB=%d -DOB=%d", p->rows, p->vectors);
    snprintf(options, sizeof options, "-DVW=%d %s%s%s%s", p->vector, tile, c->pending ? c->pending : "",
             c->pending_is_dy ? " -DPENDING_DY=1" : "", c->mode == PADDING_REFLECT ? " -DREFLECT=1" : "");
    return kernel_get(d, p->form == FORM_WINOGRAD ? "conv_weights_winograd" : "conv_weights", options, name, out);
}

static cost parts_cost(const conv_weight_call *c, const plan *p)
{
    const double pixels = (double)c->frames * c->out_height * c->out_width;
    const double taps = p->form == FORM_WINOGRAD ? 36.0 / 16 : (double)c->kernel * c->kernel;
    const double x = (double)c->frames * c->height * c->width * c->inputs, dy = pixels * c->outputs;
    return (cost){2 * pixels * taps * depth_of(c) * c->outputs,
                  4 * (x * p->blocks + dy + (double)part_floats(p) * p->parts)};
}

/* The parts' sums, direct. */
static int run_direct(device *d, const conv_weight_call *c, const plan *p)
{
    kernel *k = NULL;
    int rc = plan_kernel(d, c, p, "direct", &k);
    if (rc) return rc;
    const conv_dates dates = conv_dates_given(c->dates);
    const argument arguments[] = {
        arg_buffer(c->x), arg_buffer(c->dy), arg_buffer(c->scale_shift), arg_int(c->scale_stride),
        arg_buffer(c->partial), arg_int(c->frames), arg_int(c->height), arg_int(c->width), arg_int(c->inputs),
        arg_int(c->out_height), arg_int(c->out_width), arg_int(c->outputs), arg_int(c->kernel), arg_int(c->stride),
        arg_int(c->padding), arg_int(p->line_rows), arg_int(p->pitch), arg_int(dates.taps), arg_int(dates.x_dates),
        arg_int(dates.y_dates), arg_int(dates.step), arg_int(dates.first),
        /* of simd alone: */
        arg_int(p->tile_height), arg_int(p->tile_width), arg_local(p->local)};
    const int count = (int)(sizeof arguments / sizeof *arguments);
    const size_t blocks = (size_t)p->blocks, parts = (size_t)p->parts, items[3] = {(size_t)p->lanes, 1, 1};
    const size_t down = p->form == FORM_SIMT ? (size_t)up(c->kernel * p->line_rows, p->side) : 0;
    return p->form == FORM_SIMT
               ? launch(k, (const size_t[]){down, blocks, parts}, items, parts_cost(c, p), arguments, count - 3)
               : launch(k, (const size_t[]){blocks, parts, 1}, items, parts_cost(c, p), arguments, count);
}

/* The parts' sums by Winograd's method. */
static int run_winograd(device *d, const conv_weight_call *c, const plan *p)
{
    kernel *k = NULL;
    const conv_dates dates = conv_dates_given(c->dates);
    int rc = plan_kernel(d, c, p, "winograd", &k);
    return rc ? rc
              : LAUNCH(k, (size_t)p->blocks, (size_t)p->parts, 1, 1, parts_cost(c, p), arg_buffer(c->x),
                       arg_buffer(c->dy), arg_buffer(c->scale_shift), arg_int(c->scale_stride), arg_buffer(c->partial),
                       arg_int(c->frames), arg_int(c->height), arg_int(c->width), arg_int(c->inputs),
                       arg_int(c->outputs), arg_int(p->line_rows), arg_int(p->pitch), arg_int(dates.taps),
                       arg_int(dates.x_dates), arg_int(dates.y_dates), arg_int(dates.step), arg_int(dates.first),
                       arg_int(p->batch), arg_local(p->local));
}

/* What they come to. */
static int run_finish(device *d, const conv_weight_call *c, const plan *p)
{
    kernel *k = NULL;
    const int items = (depth_of(c) + 1) * up(c->outputs, p->vector);
    const double floats = (double)part_floats(p);
    int rc = plan_kernel(d, c, p, "finish", &k);
    return rc ? rc
              : LAUNCH(k, (size_t)up(items, p->lanes), 1, 1, (size_t)p->lanes,
                       ((cost){floats * p->parts, 4 * floats * (p->parts + 1)}), arg_buffer(c->partial),
                       arg_int(p->parts), arg_int(p->line_rows), arg_int(p->pitch), arg_int(c->inputs),
                       arg_int(depth_of(c)), arg_int(c->outputs), arg_int(c->kernel), arg_int(c->swap),
                       arg_buffer(c->dweight), arg_int(c->accumulate_weight), arg_buffer(c->dbias),
                       arg_int(c->accumulate_bias));
}

static int run_plan(device *d, const conv_weight_call *c, const plan *p)
{
    int rc = p->form == FORM_WINOGRAD ? run_winograd(d, c, p) : run_direct(d, c, p);
    return rc ? rc : run_finish(d, c, p);
}

/* ---- the choice ------------------------------------------------------------------------------------------------- */

enum { FORMS = 2, TRIAL_FRAMES = 16 };

/* On few frames, to memory of its own. */
typedef struct trial {
    device *device;
    conv_weight_call call;
} trial;

/* The forms that exist, the direct one first. */
static int candidates(const device *d, const conv_weight_call *c, plan out[FORMS])
{
    out[0] = plan_direct(d, c);
    return plan_winograd(d, c, &out[1]) ? 2 : 1;
}

static int trial_run(void *user, int form)
{
    trial *t = user;
    plan p[FORMS];
    candidates(t->device, &t->call, p);
    return run_plan(t->device, &t->call, p + form);
}

/* Few frames are a size of their own: the sum of the parts weighs more. */
static int frames_bucket(int frames)
{
    int power = 1;
    while (power < frames && power < TRIAL_FRAMES) power *= 2;
    return power;
}

static int choose(device *d, const conv_weight_call *c, int count, int *chosen)
{
    static const char *const names[FORMS] = {"direct", "winograd"};
    int rc = OK;
    char key[96];
    trial t = {.device = d, .call = *c};
    buffer *scratch = NULL;
    *chosen = 0;
    if (count == 1) return OK;
    if (c->frames > TRIAL_FRAMES) t.call.frames = TRIAL_FRAMES;
    TRY(buffer_new(d, (size_t)c->outputs * (size_t)depth_of(c) * 9 * sizeof(float), &scratch));
    t.call.dweight = scratch;
    t.call.dbias = NULL;
    t.call.accumulate_weight = false;
    snprintf(key, sizeof key, "conv_weights%s %d->%d at %dx%dx%d", depth_of(c) > c->inputs ? " of 3D" : "", c->inputs,
             c->outputs, frames_bucket(c->frames), c->height, c->width);
    TRY(tune_choose(d, key, names, count, trial_run, &t, chosen));
done:
    buffer_free(scratch);
    return rc;
}

static int check(const conv_weight_call *c)
{
    if (c->frames < 1 || c->inputs < 1 || c->outputs < 1)
        return fail(FAILED, "conv weights: %d frames, %d inputs, %d outputs, wanted 1 or more of each", c->frames,
                    c->inputs, c->outputs);
    const int height = c->height + 2 * c->padding - c->kernel, width = c->width + 2 * c->padding - c->kernel;
    if (height < 0 || width < 0 || c->out_height != height / c->stride + 1 || c->out_width != width / c->stride + 1)
        return fail(FAILED,
                    "conv weights: %d x %d outputs do not follow from %d x %d, kernel %d, stride %d, padding %d",
                    c->out_height, c->out_width, c->height, c->width, c->kernel, c->stride, c->padding);
    return OK;
}

/* Enough for each form. */
size_t conv_weight_partial(const device *d, const conv_weight_call *c)
{
    plan p[FORMS];
    const int count = candidates(d, c, p);
    size_t most = 0;
    for (int i = 0; i < count; i++) {
        const size_t floats = part_floats(p + i) * (size_t)p[i].parts;
        if (floats > most) most = floats;
    }
    return most;
}

int conv_weight_gradient(device *d, const conv_weight_call *c)
{
    int rc = OK, chosen = 0;
    plan p[FORMS];
    TRY(check(c));
    TRY(choose(d, c, candidates(d, c, p), &chosen));
    TRY(run_plan(d, c, p + chosen));
done:
    return rc;
}
