/* Norms of images that cost no pass over memory forward: see image.h; formulas: cl/image_norm.cl.
 *
 * z [F x H x W x C], weight, bias [C] optional, running mean and variance [C] (batch norm) -> a view of z that carries a
 * pending norm: scale and shift [F or 1 x 2 x C], the second output. Moments come with z; where they do not, a launch
 * gathers them. Batch norm evaluating needs none. Saved: mean and 1 / deviation of each line of scale and shift.
 *
 * Backward reads z and the gradient twice: two sums for each frame and channel, then dz, which may lie where the
 * gradient does. */
#include "base/error.h"
#include "op/image_part.h"
#include "op/image.h"
#include "op/team.h"

enum { Z, WEIGHT, BIAS, RUNNING_MEAN, RUNNING_VAR, RECORDS, INPUTS };
enum { VIEW, SCALE_SHIFT };        /* outputs */
enum { STATISTICS };               /* saved */
enum { MERGED, OWN_RECORDS };      /* work: a record a frame; z's, where it came without */
enum { SUMS, MERGED_SUMS, TERMS }; /* work in backward */

typedef struct attributes {
    image_norm_options options;
    const image_moments *moments; /* of z, whose forward settles `parts`; NULL: it came without */
} attributes;

static const char program[] = "image_norm";

static bool is_batch(const node *n)
{
    return ((const attributes *)n->attributes)->options.kind == NORM_BATCH;
}

static int groups_of(const node *n)
{
    const attributes *a = n->attributes;
    return a->options.kind == NORM_GROUP ? a->options.groups : tensor_channels(n->in[Z]);
}

static bool needs_moments(const node *n)
{
    return n->training || !is_batch(n);
}

static image_part part_of(const node *n)
{
    return image_part_of_tensor(node_device(n), n->in[Z]);
}

/* ---- shape ------------------------------------------------------------------------------------------------------ */

static int parameters_wanted(const node *n)
{
    int rc = OK;
    const int channels = tensor_channels(n->in[Z]);
    for (int i = WEIGHT; i <= RUNNING_VAR; i++)
        TRY(input_wanted(n, i, ELEMENT_FLOAT, SHAPE(channels), "one a channel"));
    if (is_batch(n)) {
        for (int i = RUNNING_MEAN; i <= RUNNING_VAR; i++)
            if (!n->in[i]) return node_refuse(n, i, "should be there: batch norm keeps running statistics");
        if (n->training && tensor_count(n->in[Z]) / (size_t)channels < 2)
            return node_refuse(n, Z, "should have 2 pixels or more: batch norm trains on their variance");
    } else if (groups_of(n) < 1 || channels % groups_of(n))
        return node_refuse(n, Z, "should have channels that divide into %d groups", groups_of(n));
done:
    return rc;
}

/* The tensors of statistics that are not outputs. */
static int buffers_declare(node *n, int lines)
{
    int rc = OK;
    const attributes *a = n->attributes;
    const image_part p = part_of(n);
    const int frames = p.frames, channels = p.channels, parts = (int)p.parts;
    if (needs_moments(n)) TRY(node_work(n, ELEMENT_FLOAT, SHAPE(frames, 2 * channels + 1)));
    if (needs_moments(n) && !a->moments) TRY(node_work(n, ELEMENT_FLOAT, SHAPE(frames, parts, 2 * channels + 1)));
    TRY(node_save(n, ELEMENT_FLOAT, SHAPE(lines, 2, channels)));
    TRY(node_work_back(n, ELEMENT_FLOAT, SHAPE(frames, parts, 2, channels)));
    TRY(node_work_back(n, ELEMENT_FLOAT, SHAPE(frames, 2, channels)));
    TRY(node_work_back(n, ELEMENT_FLOAT, SHAPE(lines, 2, channels)));
done:
    return rc;
}

static int image_norm_shape(node *n)
{
    int rc = OK;
    const attributes *a = n->attributes;
    TRY(image_wanted(n, Z));
    TRY(settled_wanted(n, Z));
    TRY(parameters_wanted(n));
    const int lines = is_batch(n) ? 1 : n->in[Z]->shape.size[0];
    TRY(node_output_view(n, Z));
    TRY(node_output(n, ELEMENT_FLOAT, SHAPE(lines, 2, tensor_channels(n->in[Z]))));
    n->out[SCALE_SHIFT]->wants_gradient = false;
    TRY(buffers_declare(n, lines));
    pending_norm *pending = node_memory(n, sizeof *pending);
    if (!pending) return FAILED;
    *pending = (pending_norm){n->out[SCALE_SHIFT], !is_batch(n), a->options.relu};
    n->out[VIEW]->pending = pending;
    node_keep_input(n, Z);
    node_keep_output(n, SCALE_SHIFT);
    node_share_gradient(n, Z, VIEW);
done:
    return rc;
}

/* ---- launches --------------------------------------------------------------------------------------------------- */

static argument arg_optional(const tensor *t)
{
    return arg_buffer(t ? t->data : NULL);
}

/* The gradient of an input where it is wanted, else NULL. */
static buffer *gradient_of(const node *n, int i)
{
    return n->in[i] && n->in[i]->wants_gradient ? n->in[i]->gradient : NULL;
}

/* Floats between two frames' lines of statistics. */
static int line_of(const node *n)
{
    return is_batch(n) ? 0 : 2 * tensor_channels(n->in[Z]);
}

/* Groups over the norm's groups of all frames. */
static size_t norm_groups(const node *n, const image_part *p)
{
    return team_groups(p->frames * groups_of(n), p->lanes);
}

/* So many FLOPs a value, the image read or written so many times. */
static cost passes(const image_part *p, double flops, double times)
{
    const double values = (double)p->frames * p->pixels * p->channels;
    return (cost){flops * values, 4 * times * values};
}

/* `sets` lines of vectors of channels from `count` each. */
static cost merging(const image_part *p, double sets, double count)
{
    return (cost){4 * sets * count * p->channels, 8 * sets * (count + 1) * p->channels};
}

/* ---- forward ---------------------------------------------------------------------------------------------------- */

static int gather_moments(node *n, device *d, const image_part *p, buffer *records)
{
    int rc = OK;
    kernel *k = NULL;
    TRY(image_part_kernel(d, p, program, "part_moments", &k));
    TRY(LAUNCH(k, p->chunks, p->parts, (size_t)p->frames, (size_t)p->lanes, passes(p, 4, 1), arg_buffer(n->in[Z]->data),
               arg_buffer(records), arg_int(p->pixels), arg_int(p->channels), arg_int(p->pixels_each),
               arg_int(p->team)));
done:
    return rc;
}

/* A record a frame in work[MERGED]. */
static int frame_moments(node *n, device *d, const image_part *p)
{
    int rc = OK;
    kernel *k = NULL;
    const attributes *a = n->attributes;
    const int parts = a->moments ? a->moments->parts : (int)p->parts;
    buffer *records = a->moments ? n->in[RECORDS]->data : n->work[OWN_RECORDS]->data;
    if (!a->moments) TRY(gather_moments(n, d, p, records));
    TRY(image_part_kernel(d, p, program, "merge_records", &k));
    TRY(LAUNCH(k, image_part_line_groups(p), (size_t)p->frames, 1, (size_t)p->lanes, merging(p, p->frames, parts),
               arg_buffer(records), arg_buffer(n->work[MERGED]->data), arg_int(parts), arg_int(p->channels)));
done:
    return rc;
}

static int running_scale(node *n, device *d, const image_part *p)
{
    int rc = OK;
    kernel *k = NULL;
    TRY(image_part_kernel(d, p, program, "running_scale", &k));
    TRY(LAUNCH(k, image_part_line_groups(p), 1, 1, (size_t)p->lanes, merging(p, 1, 1),
               arg_buffer(n->in[RUNNING_MEAN]->data), arg_buffer(n->in[RUNNING_VAR]->data), arg_int(p->channels),
               arg_optional(n->in[WEIGHT]), arg_optional(n->in[BIAS]), arg_buffer(n->out[SCALE_SHIFT]->data)));
done:
    return rc;
}

static int batch_scale(node *n, device *d, const image_part *p)
{
    int rc = OK;
    kernel *k = NULL;
    TRY(frame_moments(n, d, p));
    TRY(image_part_kernel(d, p, program, "batch_scale", &k));
    TRY(LAUNCH(k, image_part_line_groups(p), 1, 1, (size_t)p->lanes, merging(p, 1, p->frames),
               arg_buffer(n->work[MERGED]->data), arg_int(p->frames), arg_int(p->channels), arg_optional(n->in[WEIGHT]),
               arg_optional(n->in[BIAS]), arg_buffer(n->in[RUNNING_MEAN]->data), arg_buffer(n->in[RUNNING_VAR]->data),
               arg_buffer(n->out[SCALE_SHIFT]->data), arg_buffer(n->saved[STATISTICS]->data)));
done:
    return rc;
}

static int group_scale(node *n, device *d, const image_part *p)
{
    int rc = OK;
    kernel *k = NULL;
    TRY(frame_moments(n, d, p));
    TRY(image_part_kernel(d, p, program, "group_scale", &k));
    TRY(LAUNCH(k, norm_groups(n, p), 1, 1, (size_t)p->lanes, merging(p, p->frames, 1),
               arg_buffer(n->work[MERGED]->data), arg_int(p->frames), arg_int(p->channels), arg_int(groups_of(n)),
               arg_optional(n->in[WEIGHT]), arg_optional(n->in[BIAS]), arg_buffer(n->out[SCALE_SHIFT]->data),
               arg_buffer(n->training ? n->saved[STATISTICS]->data : NULL)));
done:
    return rc;
}

static int image_norm_forward(node *n, const run *r)
{
    const image_part p = part_of(n);
    if (!is_batch(n)) return group_scale(n, r->device, &p);
    return n->training ? batch_scale(n, r->device, &p) : running_scale(n, r->device, &p);
}

/* ---- backward --------------------------------------------------------------------------------------------------- */

/* Group norms' frames have nothing to do with each other: they go through backward in blocks that stay in a CPU's cache
 * from the first reading of z and gradient to the second. A batch norm's are one block. p->frames is the block's. */

/* The sums of d and of d n for each frame and channel, in work_back[MERGED_SUMS]. */
static int frame_sums(node *n, device *d, const image_part *p, int first)
{
    int rc = OK;
    kernel *k = NULL;
    const attributes *a = n->attributes;
    buffer *statistics = n->saved[STATISTICS]->data, *sums = n->work_back[SUMS]->data;
    TRY(image_part_kernel(d, p, program, "part_sums", &k));
    TRY(LAUNCH(k, p->chunks, p->parts, (size_t)p->frames, (size_t)p->lanes, passes(p, 6, 2),
               arg_buffer(n->out[VIEW]->gradient), arg_buffer(n->in[Z]->data), arg_buffer(n->out[SCALE_SHIFT]->data),
               arg_buffer(statistics), arg_int(line_of(n)), arg_buffer(sums), arg_int(first), arg_int(p->pixels),
               arg_int(p->channels), arg_int(p->pixels_each), arg_int(p->team),
               arg_float(relu_slope(a->options.relu))));
    TRY(image_part_kernel(d, p, program, "merge_sums", &k));
    TRY(LAUNCH(k, image_part_line_groups(p), (size_t)p->frames, 1, (size_t)p->lanes,
               merging(p, p->frames, (double)p->parts), arg_buffer(sums), arg_buffer(statistics), arg_int(line_of(n)),
               arg_buffer(n->work_back[MERGED_SUMS]->data), arg_int(first), arg_int((int)p->parts),
               arg_int(p->channels)));
done:
    return rc;
}

/* Gradients of weight and bias, and batch norm's terms. */
static int sum_frames(node *n, device *d, const image_part *p)
{
    int rc = OK;
    kernel *k = NULL;
    buffer *terms = is_batch(n) ? n->work_back[TERMS]->data : NULL;
    if (!terms && !gradient_of(n, WEIGHT) && !gradient_of(n, BIAS)) return OK;
    TRY(image_part_kernel(d, p, program, "sum_frames", &k));
    TRY(LAUNCH(k, image_part_line_groups(p), 1, 1, (size_t)p->lanes, merging(p, 1, p->frames),
               arg_buffer(n->work_back[MERGED_SUMS]->data), arg_int(p->frames), arg_int(p->channels),
               arg_buffer(gradient_of(n, WEIGHT)), arg_int(n->accumulate[WEIGHT]), arg_buffer(gradient_of(n, BIAS)),
               arg_int(n->accumulate[BIAS]), arg_optional(n->in[WEIGHT]), arg_buffer(n->saved[STATISTICS]->data),
               arg_buffer(terms), arg_float((float)p->frames * (float)p->pixels)));
done:
    return rc;
}

static int group_terms(node *n, device *d, const image_part *p, int first)
{
    int rc = OK;
    kernel *k = NULL;
    TRY(image_part_kernel(d, p, program, "group_terms", &k));
    TRY(LAUNCH(k, norm_groups(n, p), 1, 1, (size_t)p->lanes, merging(p, p->frames, 1),
               arg_buffer(n->work_back[MERGED_SUMS]->data), arg_int(first), arg_int(p->frames), arg_int(p->channels),
               arg_int(groups_of(n)), arg_optional(n->in[WEIGHT]), arg_buffer(n->saved[STATISTICS]->data),
               arg_buffer(n->work_back[TERMS]->data), arg_int(p->pixels)));
done:
    return rc;
}

static int z_gradient(node *n, device *d, const image_part *p, int first)
{
    int rc = OK;
    kernel *k = NULL;
    const attributes *a = n->attributes;
    const bool add = n->accumulate[Z];
    TRY(image_part_kernel(d, p, program, "gradient", &k));
    TRY(LAUNCH(k, p->chunks, p->parts, (size_t)p->frames, (size_t)p->lanes, passes(p, 7, add ? 4 : 3),
               arg_buffer(n->out[VIEW]->gradient), arg_buffer(n->in[Z]->data), arg_buffer(n->out[SCALE_SHIFT]->data),
               arg_buffer(n->saved[STATISTICS]->data), arg_buffer(n->work_back[TERMS]->data), arg_int(line_of(n)),
               arg_buffer(n->in[Z]->gradient), arg_int(first), arg_int(p->pixels), arg_int(p->channels),
               arg_int(p->pixels_each), arg_int(p->team), arg_float(relu_slope(a->options.relu)), arg_int(add)));
done:
    return rc;
}

static int batch_backward(node *n, device *d, const image_part *p)
{
    int rc = OK;
    TRY(frame_sums(n, d, p, 0));
    TRY(sum_frames(n, d, p));
    if (gradient_of(n, Z)) TRY(z_gradient(n, d, p, 0));
done:
    return rc;
}

static int block_backward(node *n, device *d, const image_part *p, int first)
{
    int rc = OK;
    TRY(frame_sums(n, d, p, first));
    if (!gradient_of(n, Z)) goto done;
    TRY(group_terms(n, d, p, first));
    TRY(z_gradient(n, d, p, first));
done:
    return rc;
}

/* How many frames a block has. The gradient that is written, where it lies elsewhere, only passes through the cache. */
static int block_frames(const device *d, const image_part *p)
{
    const double bytes = 2.0 * sizeof(float) * p->pixels * p->channels, cache = (double)device_about(d)->cache / 2;
    if (device_tiles(d) != TILE_CPU || bytes > cache) return p->frames;
    return cache / bytes < p->frames ? (int)(cache / bytes) : p->frames;
}

static int group_backward(node *n, device *d, const image_part *p)
{
    int rc = OK;
    image_part block = *p;
    const int each = block_frames(d, p);
    for (int first = 0; first < p->frames; first += each) {
        block.frames = each < p->frames - first ? each : p->frames - first;
        TRY(block_backward(n, d, &block, first));
    }
    TRY(sum_frames(n, d, p));
done:
    return rc;
}

static int image_norm_backward(node *n, const run *r)
{
    const image_part p = part_of(n);
    return is_batch(n) ? batch_backward(n, r->device, &p) : group_backward(n, r->device, &p);
}

static const op_def image_norm_def = {
    .name = "image_norm", .shape = image_norm_shape, .forward = image_norm_forward, .backward = image_norm_backward};

tensor *image_norm(net *n, tensor *z, norm_parameters norm, image_norm_options options)
{
    const bool moments = z && z->moments && (options.kind != NORM_BATCH || net_training(n));
    tensor *const in[INPUTS] = {
        z, norm.weight, norm.bias, norm.running_mean, norm.running_var, moments ? z->moments->records : NULL};
    const attributes a = {options, moments ? z->moments : NULL};
    node *recorded = net_record(n, &image_norm_def, in, INPUTS, WEIGHT, &a, sizeof a);
    return recorded ? recorded->out[VIEW] : NULL;
}
