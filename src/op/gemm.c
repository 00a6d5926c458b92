/* Matrix products: their forms, and the choice of one; see gemm.h. */
#include "op/gemm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "op/channels.h"
#include "op/norm.h"

enum form_kind { FORM_SIMD, FORM_SIMT, FORM_CLBLAST };

/* simd: a tile of `height` rows by `width` vectors. simt: a tile of side `height`. */
typedef struct form {
    const char *name;
    enum form_kind kind;
    int height, width;
} form;

enum { FORMS_MAX = 5, SIMD_HEIGHT_MAX = 8 };

/* 16 to 24 sums and the vectors they are made of in 32 registers (AVX-512: vectors of 16 lanes), or 12 in 16. */
static const form simd_32_registers[] = {{"simd6x4", FORM_SIMD, 6, 4},
                                         {"simd8x3", FORM_SIMD, 8, 3},
                                         {"simd8x2", FORM_SIMD, 8, 2},
                                         {"simd8x1", FORM_SIMD, 8, 1}};
static const form simd_16_registers[] = {
    {"simd4x3", FORM_SIMD, 4, 3}, {"simd6x2", FORM_SIMD, 6, 2}, {"simd8x1", FORM_SIMD, 8, 1}};
static const form simt_forms[] = {
    {"simt64", FORM_SIMT, 64, 0}, {"simt32", FORM_SIMT, 32, 0}, {"simt16", FORM_SIMT, 16, 0}};
static const form clblast_form = {"clblast", FORM_CLBLAST, 0, 0};
/* For matrices of fewer rows than a tile has. */
static const form simd_one_row = {"simd1x4", FORM_SIMD, 1, 4};

static int up(int a, int b)
{
    return a / b + (a % b != 0);
}

/* ---- which forms come into question ----------------------------------------------------------------------------- */

static int simt_lanes(const form *f)
{
    return f->height / 4 * (f->height / 4);
}

static int simt_candidates(const device *d, form *out)
{
    int count = 0;
    for (size_t i = 0; i < sizeof simt_forms / sizeof *simt_forms; i++)
        if ((size_t)simt_lanes(simt_forms + i) <= device_about(d)->work_group_limit) out[count++] = simt_forms[i];
    return count;
}

/* Vectors that a row of C takes when it is cut into blocks of the form's width. */
static int padded_vectors(const form *f, int vectors)
{
    return up(vectors, f->width) * f->width;
}

/* The tiles that waste at most a tenth more than the one that wastes least. */
static int simd_candidates(const device *d, int rows, int columns, form *out)
{
    const bool many = cpu_vector(d, columns) == 16;
    const form *forms = many ? simd_32_registers : simd_16_registers;
    const int all =
        many ? (int)(sizeof simd_32_registers / sizeof *forms) : (int)(sizeof simd_16_registers / sizeof *forms);
    const int vectors = up(columns, cpu_vector(d, columns));
    int count = 0, least = INT32_MAX;
    if (rows < SIMD_HEIGHT_MAX) {
        out[0] = simd_one_row;
        return 1;
    }
    /* One vector a tile is for lines of one vector alone. */
    for (int i = 0; i < all; i++)
        if ((forms[i].width > 1 || vectors == 1) && padded_vectors(forms + i, vectors) < least)
            least = padded_vectors(forms + i, vectors);
    for (int i = 0; i < all; i++)
        if ((forms[i].width > 1 || vectors == 1) && padded_vectors(forms + i, vectors) <= least + least / 10)
            out[count++] = forms[i];
    return count;
}

static int candidates(const device *d, int rows, int columns, form *out)
{
    int count = device_tiles(d) == TILE_GPU ? simt_candidates(d, out) : 0;
    if (!count) count = simd_candidates(d, rows, columns, out);
    if (blas_allowed(d)) out[count++] = clblast_form;
    return count;
}

/* CLBlast compiles for seconds: on CPUs it takes part only when asked for. */
static bool clblast_allowed(const device *d)
{
    const char *tune = getenv("FURROW_TUNE");
    return device_about(d)->kind != DEVICE_CPU || (tune && !strcmp(tune, "all"));
}

/* Sizes that vary with the batch are chosen for in powers of two. */
static int bucket(int size)
{
    int power = 1;
    while (power < size && power < 1 << 30) power *= 2;
    return power;
}

/* A race of the candidates. `run` queues one; where C is added to it writes to scratch memory instead. */
typedef struct trial {
    device *device;
    form forms[FORMS_MAX];
    int count;
    const void *call;
    int (*run)(const struct trial *t, const form *f);
    size_t scratch_size; /* bytes; 0: none needed */
    buffer *scratch;
} trial;

static int trial_run(void *user, int i)
{
    trial *t = user;
    if (t->forms[i].kind == FORM_CLBLAST && !clblast_allowed(t->device))
        return fail(FAILED, "CLBlast is tried on CPUs with FURROW_TUNE=all only");
    int rc = t->scratch_size && !t->scratch ? buffer_new(t->device, t->scratch_size, &t->scratch) : OK;
    return rc ? rc : t->run(t, t->forms + i);
}

static int choose(trial *t, const char *key, form *out)
{
    const char *names[FORMS_MAX];
    int chosen = 0;
    for (int i = 0; i < t->count; i++) names[i] = t->forms[i].name;
    int rc = tune_choose(t->device, key, names, t->count, trial_run, t, &chosen);
    buffer_free(t->scratch);
    *out = t->forms[chosen];
    return rc;
}

static int simd_kernel(device *d, const form *f, int columns, const char *name, kernel **out)
{
    char options[64];
    snprintf(options, sizeof options, "-DVW=%d -DPX=%d -DOB=%d", cpu_vector(d, columns), f->height, f->width);
    return kernel_get(d, "gemm", options, name, out);
}

static int simt_kernel(device *d, const form *f, const char *name, kernel **out)
{
    char options[64];
    snprintf(options, sizeof options, "-DVW=4 -DSIDE=%d", f->height);
    return kernel_get(d, "gemm_simt", options, name, out);
}

static cost product_cost(int rows, int columns, int inner)
{
    const double m = rows, n = columns, k = inner;
    return (cost){2 * m * n * k, 4 * (m * k + k * n + m * n)};
}

/* ---- C = A B ---------------------------------------------------------------------------------------------------- */

static int run_simd(device *d, const form *f, const gemm_call *c)
{
    enum { BLOCKS = 256 }; /* of rows: enough for the threads */
    const gemm_epilogue *e = &c->epilogue;
    const int vectors = up(c->columns, cpu_vector(d, c->columns));
    const int each = c->moments ? norm_chunk_rows(d, c->rows) : up(up(c->rows, BLOCKS), f->height) * f->height;
    kernel *k = NULL;
    int rc = simd_kernel(d, f, c->columns, "multiply", &k);
    return rc ? rc
              : LAUNCH(k, (size_t)up(c->rows, each), (size_t)up(vectors, f->width), 1, 1,
                       product_cost(c->rows, c->columns, c->inner), arg_buffer(c->a), arg_buffer(c->b),
                       arg_buffer(c->c), arg_int(c->rows), arg_int(c->columns), arg_int(c->inner), arg_int(c->b_stride),
                       arg_int(each), arg_int(c->accumulate), arg_buffer(e->bias), arg_buffer(e->norm_weight),
                       arg_buffer(e->norm_bias), arg_buffer(e->running_mean), arg_buffer(e->running_var),
                       arg_int(e->relu), arg_buffer(c->moments));
}

static int run_simt(device *d, const form *f, const gemm_call *c)
{
    const gemm_epilogue *e = &c->epilogue;
    kernel *k = NULL;
    int rc = simt_kernel(d, f, "multiply", &k);
    return rc ? rc
              : LAUNCH(k, (size_t)up(c->rows, f->height), (size_t)up(c->columns, f->height), 1, (size_t)simt_lanes(f),
                       product_cost(c->rows, c->columns, c->inner), arg_buffer(c->a), arg_buffer(c->b),
                       arg_buffer(c->c), arg_int(c->rows), arg_int(c->columns), arg_int(c->inner), arg_int(c->b_stride),
                       arg_int(c->accumulate), arg_buffer(e->bias), arg_buffer(e->norm_weight),
                       arg_buffer(e->norm_bias), arg_buffer(e->running_mean), arg_buffer(e->running_var),
                       arg_int(e->relu));
}

static int run_epilogue(device *d, const gemm_call *c)
{
    const gemm_epilogue *e = &c->epilogue;
    const channel_form f = channel_form_of(d, c->columns);
    const double elements = (double)c->rows * c->columns;
    kernel *k = NULL;
    int rc = channel_kernel(d, f, "gemm_finish", "epilogue", &k);
    return rc ? rc
              : LAUNCH(k, f.groups, (size_t)norm_chunks(d, c->rows), 1, (size_t)f.lanes,
                       ((cost){2 * elements, 8 * elements}), arg_buffer(c->c), arg_int(c->rows), arg_int(c->columns),
                       arg_int(norm_chunk_rows(d, c->rows)), arg_buffer(e->bias), arg_buffer(e->norm_weight),
                       arg_buffer(e->norm_bias), arg_buffer(e->running_mean), arg_buffer(e->running_var),
                       arg_int(e->relu));
}

static int run_clblast(device *d, const gemm_call *c)
{
    const gemm_epilogue *e = &c->epilogue;
    buffer *b = c->b_transposed ? c->b_transposed : c->b;
    int rc = blas_gemm(d, false, c->b_transposed != NULL, c->rows, c->columns, c->inner, c->a, b, c->c, c->accumulate);
    return rc || !(e->bias || e->norm_weight || e->relu) ? rc : run_epilogue(d, c);
}

/* The product with its epilogue and, where they are wanted, its moments: from the simd form's registers, else by a pass
 * over C. */
static int run(device *d, const form *f, const gemm_call *c)
{
    if (f->kind == FORM_SIMD) return run_simd(d, f, c);
    int rc = f->kind == FORM_SIMT ? run_simt(d, f, c) : run_clblast(d, c);
    return rc || !c->moments ? rc : norm_chunk_moments(d, c->c, c->moments, c->rows, c->columns);
}

static int run_trial(const trial *t, const form *f)
{
    gemm_call c = *(const gemm_call *)t->call;
    if (t->scratch) c.c = t->scratch;
    return run(t->device, f, &c);
}

int gemm(device *d, const gemm_call *c)
{
    char key[96];
    form chosen;
    trial t = {.device = d, .call = c, .run = run_trial};
    if (c->accumulate) t.scratch_size = (size_t)c->rows * (size_t)c->columns * sizeof(float);
    t.count = candidates(d, c->rows, c->columns, t.forms);
    snprintf(key, sizeof key, "gemm %dx%dx%d%s", bucket(c->rows), c->columns, c->inner,
             c->rows < SIMD_HEIGHT_MAX ? " few rows"
             : c->moments              ? " moments"
                                       : "");
    int rc = choose(&t, key, &chosen);
    return rc ? rc : run(d, &chosen, c);
}

/* ---- C = A^T B -------------------------------------------------------------------------------------------------- */

/* Lines of a chunk: what a cache holds of A and B, but few enough chunks to add up. */
static int chunk_lines(int rows, int columns, int inner)
{
    enum { CACHE_FLOATS = 1 << 16, LINES_MIN = 128, LINES_MAX = 512, CHUNKS_MAX = 512 };
    int lines = CACHE_FLOATS / (rows + columns);
    if (lines < LINES_MIN) lines = LINES_MIN;
    if (lines > LINES_MAX) lines = LINES_MAX;
    if (lines < up(inner, CHUNKS_MAX)) lines = up(inner, CHUNKS_MAX);
    return inner < 2 * lines ? inner : lines;
}

static int chunk_count(int rows, int columns, int inner)
{
    return up(inner, chunk_lines(rows, columns, inner));
}

/* A partial product and the partial sums behind it. */
static size_t partial_step(int rows, int columns)
{
    return (size_t)rows * (size_t)columns + (size_t)rows;
}

size_t gemm_partial_size(int rows, int columns, int inner)
{
    const int chunks = chunk_count(rows, columns, inner);
    return chunks > 1 ? (size_t)chunks * partial_step(rows, columns) : 0;
}

/* Where a launch writes: C and the sums, or the partial ones. */
typedef struct target {
    buffer *c, *sums;
    int chunks, lines, step, sums_start; /* floats */
    bool accumulate, accumulate_sums;
} target;

static target target_of(const gemm_transposed_call *c)
{
    target t = {.c = c->c, .sums = c->sums, .accumulate = c->accumulate, .accumulate_sums = c->accumulate_sums};
    t.chunks = chunk_count(c->rows, c->columns, c->inner);
    t.lines = chunk_lines(c->rows, c->columns, c->inner);
    if (t.chunks == 1) return t;
    t.step = (int)partial_step(c->rows, c->columns);
    t.sums_start = c->rows * c->columns;
    t.c = c->partial;
    t.sums = c->sums ? c->partial : NULL;
    t.accumulate = t.accumulate_sums = false;
    return t;
}

static int transposed_simd(device *d, const form *f, const gemm_transposed_call *c, const target *t)
{
    const int vectors = up(c->columns, cpu_vector(d, c->columns));
    const size_t tiles = (size_t)up(c->rows, f->height) * (size_t)up(vectors, f->width);
    kernel *k = NULL;
    int rc = simd_kernel(d, f, c->columns, "multiply_transposed", &k);
    return rc ? rc
              : LAUNCH(k, tiles + (t->sums ? 1 : 0), (size_t)t->chunks, 1, 1,
                       product_cost(c->rows, c->columns, c->inner), arg_buffer(c->a), arg_buffer(c->b),
                       arg_buffer(t->c), arg_buffer(t->sums), arg_int(t->sums_start), arg_int(c->rows),
                       arg_int(c->columns), arg_int(c->inner), arg_int(t->lines), arg_int(t->step),
                       arg_int(t->accumulate), arg_int(t->accumulate_sums));
}

static int transposed_simt(device *d, const form *f, const gemm_transposed_call *c, const target *t)
{
    kernel *k = NULL;
    int rc = simt_kernel(d, f, "multiply_transposed", &k);
    return rc ? rc
              : LAUNCH(k, (size_t)up(c->rows, f->height) * (size_t)up(c->columns, f->height), (size_t)t->chunks, 1,
                       (size_t)simt_lanes(f), product_cost(c->rows, c->columns, c->inner), arg_buffer(c->a),
                       arg_buffer(c->b), arg_buffer(t->c), arg_int(c->rows), arg_int(c->columns), arg_int(c->inner),
                       arg_int(t->lines), arg_int(t->step), arg_int(t->accumulate));
}

/* The sums of A's columns, for forms whose product does not bring them. */
static int sum_columns(device *d, const gemm_transposed_call *c, const target *t)
{
    const channel_form f = channel_form_of(d, c->rows);
    const double elements = (double)c->rows * c->inner;
    kernel *k = NULL;
    int rc = channel_kernel(d, f, "gemm_finish", "sum_columns", &k);
    return rc ? rc
              : LAUNCH(k, f.groups, (size_t)t->chunks, 1, (size_t)f.lanes, ((cost){elements, 4 * elements}),
                       arg_buffer(c->a), arg_int(c->inner), arg_int(c->rows), arg_int(t->lines), arg_buffer(t->sums),
                       arg_int(t->sums_start), arg_int(t->step), arg_int(t->accumulate_sums));
}

static int reduce_partials(device *d, const gemm_transposed_call *c, const target *t)
{
    const channel_form f = channel_form_of(d, c->rows * c->columns);
    const double elements = (double)t->step * t->chunks;
    kernel *k = NULL;
    int rc = channel_kernel(d, f, "gemm_finish", "reduce_partials", &k);
    return rc ? rc
              : LAUNCH(k, f.groups, 1, 1, (size_t)f.lanes, ((cost){elements, 4 * elements}), arg_buffer(c->partial),
                       arg_int(t->chunks), arg_int(t->step), arg_buffer(c->c), arg_int(c->rows * c->columns),
                       arg_int(c->accumulate), arg_buffer(c->sums), arg_int(c->rows), arg_int(c->accumulate_sums));
}

static int run_transposed(device *d, const form *f, const gemm_transposed_call *c)
{
    int rc = OK;
    target t = target_of(c);
    if (f->kind == FORM_CLBLAST) { /* its own kernel sums over all lines */
        t = (target){.c = c->c,
                     .sums = c->sums,
                     .chunks = 1,
                     .lines = c->inner,
                     .accumulate = c->accumulate,
                     .accumulate_sums = c->accumulate_sums};
        TRY(blas_gemm(d, true, false, c->rows, c->columns, c->inner, c->a, c->b, c->c, c->accumulate));
    } else if (f->kind == FORM_SIMT)
        TRY(transposed_simt(d, f, c, &t));
    else
        TRY(transposed_simd(d, f, c, &t));
    if (c->sums && f->kind != FORM_SIMD) TRY(sum_columns(d, c, &t));
    if (t.chunks > 1) TRY(reduce_partials(d, c, &t));
done:
    return rc;
}

static int run_transposed_trial(const trial *t, const form *f)
{
    gemm_transposed_call c = *(const gemm_transposed_call *)t->call;
    if (t->scratch) c.c = t->scratch;
    c.sums = NULL;
    return run_transposed(t->device, f, &c);
}

int gemm_transposed(device *d, const gemm_transposed_call *c)
{
    char key[96];
    form chosen;
    trial t = {.device = d, .call = c, .run = run_transposed_trial};
    if (c->accumulate) t.scratch_size = (size_t)c->rows * (size_t)c->columns * sizeof(float);
    t.count = candidates(d, c->rows, c->columns, t.forms);
    snprintf(key, sizeof key, "gemm_transposed %dx%dx%d", c->rows, c->columns, bucket(c->inner));
    int rc = choose(&t, key, &chosen);
    return rc ? rc : run_transposed(d, &chosen, c);
}

int gemm_sum_columns(device *d, int rows, int columns, buffer *a, buffer *sums, bool accumulate)
{
    const gemm_transposed_call c = {.rows = columns, .inner = rows, .a = a};
    const target t = {.sums = sums, .chunks = 1, .lines = rows, .accumulate_sums = accumulate};
    return sum_columns(d, &c, &t);
}
