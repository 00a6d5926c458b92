/* Batch normalisation's launches; see norm.h and cl/batch_norm.cl. */
#include "op/norm.h"

#include <stdio.h>

#include "base/error.h"
#include "op/channels.h"

enum {
    FEW_ROWS = 512,  /* up to here an item goes through all rows of its columns */
    CHUNK_UNIT = 24, /* rows: whole tiles of 4, 6 and 8 */
    CPU_CHUNKS = 64, /* partial sums: enough for the threads, few to merge */
    GPU_CHUNKS = 256,
};

int norm_chunk_rows(device *d, int rows)
{
    const int chunks = device_tiles(d) == TILE_CPU ? CPU_CHUNKS : GPU_CHUNKS;
    const int each = rows / chunks + (rows % chunks != 0);
    return (each + CHUNK_UNIT - 1) / CHUNK_UNIT * CHUNK_UNIT;
}

int norm_chunks(device *d, int rows)
{
    const int each = norm_chunk_rows(d, rows);
    return rows / each + (rows % each != 0);
}

bool norm_few_rows(int rows)
{
    return rows <= FEW_ROWS;
}

/* A kernel of cl/batch_norm.cl for so many columns, and its launch over them. */
typedef struct norm_kernel {
    kernel *kernel;
    size_t groups, lanes;
} norm_kernel;

static int norm_kernel_get(device *d, int columns, const char *name, norm_kernel *out)
{
    const channel_form f = channel_form_of(d, columns);
    const int vectors = (columns + f.width - 1) / f.width;
    const int each = device_tiles(d) == TILE_GPU ? 1 : vectors % 4 == 0 ? 4 : vectors % 2 == 0 ? 2 : 1;
    char options[64];
    snprintf(options, sizeof options, "-DVW=%d -DEACH=%d -DLANES=%d", f.width, each, f.lanes);
    *out = (norm_kernel){.groups = f.groups / (size_t)each, .lanes = (size_t)f.lanes};
    return kernel_get(d, "batch_norm", options, name, &out->kernel);
}

/* Reading and writing `passes` times the matrix, with some FLOPs an element. */
static cost passes_over(const norm_call *c, double passes, double flops)
{
    const double elements = (double)c->rows * c->columns;
    return (cost){flops * elements, 4 * passes * elements};
}

/* By the batch's statistics, or by the running ones where `statistics` is NULL. */
static int normalise(device *d, const norm_call *c, buffer *statistics)
{
    norm_kernel k;
    int rc = norm_kernel_get(d, c->columns, "normalise", &k);
    return rc ? rc
              : LAUNCH(k.kernel, k.groups, (size_t)norm_chunks(d, c->rows), 1, k.lanes, passes_over(c, 2, 3),
                       arg_buffer(c->z), arg_buffer(c->y), arg_int(c->rows), arg_int(c->columns),
                       arg_int(norm_chunk_rows(d, c->rows)), arg_buffer(statistics), arg_buffer(c->running_mean),
                       arg_buffer(c->running_var), arg_buffer(c->weight), arg_buffer(c->bias), arg_int(c->relu));
}

int norm_evaluate(device *d, const norm_call *c)
{
    return normalise(d, c, NULL);
}

int norm_frozen(device *d, const norm_call *c)
{
    int rc = OK;
    norm_kernel k;
    TRY(norm_kernel_get(d, c->columns, "frozen_statistics", &k));
    TRY(LAUNCH(k.kernel, k.groups, 1, 1, k.lanes, ((cost){2.0 * c->columns, 16.0 * c->columns}),
               arg_buffer(c->running_mean), arg_buffer(c->running_var), arg_int(c->columns),
               arg_buffer(c->statistics)));
    TRY(normalise(d, c, NULL));
done:
    return rc;
}

/* ---- training, forward ------------------------------------------------------------------------------------------ */

int norm_chunk_moments(device *d, buffer *z, buffer *moments, int rows, int columns)
{
    norm_kernel k;
    const double elements = (double)rows * columns;
    int rc = norm_kernel_get(d, columns, "chunk_moments", &k);
    return rc ? rc
              : LAUNCH(k.kernel, k.groups, (size_t)norm_chunks(d, rows), 1, k.lanes,
                       ((cost){4 * elements, 4 * elements}), arg_buffer(z), arg_buffer(moments), arg_int(rows),
                       arg_int(columns), arg_int(norm_chunk_rows(d, rows)));
}

static int whole_forward(device *d, const norm_call *c)
{
    norm_kernel k;
    int rc = norm_kernel_get(d, c->columns, "whole_forward", &k);
    return rc ? rc
              : LAUNCH(k.kernel, k.groups, 1, 1, k.lanes, passes_over(c, 2, 7), arg_buffer(c->z), arg_buffer(c->y),
                       arg_int(c->rows), arg_int(c->columns), arg_buffer(c->statistics), arg_buffer(c->running_mean),
                       arg_buffer(c->running_var), arg_buffer(c->weight), arg_buffer(c->bias), arg_int(c->relu));
}

static int merge_chunks(device *d, const norm_call *c)
{
    norm_kernel k;
    int rc = norm_kernel_get(d, c->columns, "merge_chunks", &k);
    return rc ? rc
              : LAUNCH(k.kernel, k.groups, 1, 1, k.lanes, ((cost){0, 0}), arg_buffer(c->moments), arg_int(c->rows),
                       arg_int(c->columns), arg_int(norm_chunk_rows(d, c->rows)), arg_buffer(c->statistics),
                       arg_buffer(c->running_mean), arg_buffer(c->running_var));
}

int norm_train(device *d, const norm_call *c, bool moments_ready)
{
    int rc = OK;
    if (norm_few_rows(c->rows) && !moments_ready) return whole_forward(d, c);
    if (!moments_ready) TRY(norm_chunk_moments(d, c->z, c->moments, c->rows, c->columns));
    TRY(merge_chunks(d, c));
    TRY(normalise(d, c, c->statistics));
done:
    return rc;
}

/* ---- backward --------------------------------------------------------------------------------------------------- */

static int whole_backward(device *d, const norm_call *c, const norm_gradients *g)
{
    norm_kernel k;
    int rc = norm_kernel_get(d, c->columns, "whole_backward", &k);
    return rc ? rc
              : LAUNCH(k.kernel, k.groups, 1, 1, k.lanes, passes_over(c, 3, 15), arg_buffer(g->dy), arg_buffer(c->z),
                       arg_buffer(g->dz), arg_int(c->rows), arg_int(c->columns), arg_buffer(c->statistics),
                       arg_buffer(c->weight), arg_buffer(c->bias), arg_int(c->relu), arg_int(g->add_z),
                       arg_buffer(g->weight), arg_int(g->add_weight), arg_buffer(g->bias), arg_int(g->add_bias),
                       arg_int(g->frozen));
}

static int chunk_sums(device *d, const norm_call *c, const norm_gradients *g)
{
    norm_kernel k;
    int rc = norm_kernel_get(d, c->columns, "chunk_sums", &k);
    return rc ? rc
              : LAUNCH(k.kernel, k.groups, (size_t)norm_chunks(d, c->rows), 1, k.lanes, passes_over(c, 2, 7),
                       arg_buffer(g->dy), arg_buffer(c->z), arg_buffer(g->sums), arg_int(c->rows), arg_int(c->columns),
                       arg_int(norm_chunk_rows(d, c->rows)), arg_buffer(c->statistics), arg_buffer(c->weight),
                       arg_buffer(c->bias), arg_int(c->relu));
}

static int merge_sums(device *d, const norm_call *c, const norm_gradients *g)
{
    norm_kernel k;
    int rc = norm_kernel_get(d, c->columns, "merge_sums", &k);
    return rc ? rc
              : LAUNCH(k.kernel, k.groups, 1, 1, k.lanes, ((cost){0, 0}), arg_buffer(g->sums),
                       arg_int(norm_chunks(d, c->rows)), arg_int(c->rows), arg_int(c->columns), arg_buffer(g->means),
                       arg_buffer(g->weight), arg_int(g->add_weight), arg_buffer(g->bias), arg_int(g->add_bias));
}

static int gradient(device *d, const norm_call *c, const norm_gradients *g)
{
    norm_kernel k;
    int rc = norm_kernel_get(d, c->columns, "gradient", &k);
    return rc ? rc
              : LAUNCH(k.kernel, k.groups, (size_t)norm_chunks(d, c->rows), 1, k.lanes, passes_over(c, 3, 10),
                       arg_buffer(g->dy), arg_buffer(c->z), arg_buffer(g->dz), arg_int(c->rows), arg_int(c->columns),
                       arg_int(norm_chunk_rows(d, c->rows)), arg_buffer(c->statistics), arg_buffer(g->means),
                       arg_buffer(c->weight), arg_buffer(c->bias), arg_int(c->relu), arg_int(g->add_z));
}

int norm_backward(device *d, const norm_call *c, const norm_gradients *g)
{
    int rc = OK;
    if (norm_few_rows(c->rows) || g->frozen) return whole_backward(d, c, g);
    TRY(chunk_sums(d, c, g));
    TRY(merge_sums(d, c, g));
    if (g->dz) TRY(gradient(d, c, g));
done:
    return rc;
}
