/* Images side by side: image_concat and series_concat in channels, frames_join in frames (image.h). Gradients are the same
 * slices of the output's. */
#include "base/error.h"
#include "op/image_part.h"
#include "op/image_sum.h"
#include "op/team.h"

/* ---- image_concat ----------------------------------------------------------------------------------------------- */

static int image_concat_shape(node *n)
{
    int rc = OK, channels = 0;
    if (n->inputs < 1) return node_refuse(n, 0, "should be there: one part or more");
    shape s = n->in[0]->shape;
    for (int i = 0; i < n->inputs; i++) {
        TRY(image_wanted(n, i));
        s.size[3] = tensor_channels(n->in[i]);
        TRY(input_wanted(n, i, ELEMENT_FLOAT, s, "as many frames and pixels as the other"));
        if (channels > INT32_MAX - s.size[3]) return node_refuse(n, i, "has too many channels");
        channels += s.size[3];
    }
    s.size[3] = channels;
    TRY(node_output(n, ELEMENT_FLOAT, s));
done:
    return rc;
}

static int image_concat_forward(node *n, const run *r)
{
    int rc = OK;
    image_slice to = slice_of_values(n->out[0]);
    for (int i = 0; i < n->inputs; i++) {
        TRY(image_copy(r->device, n->in[i], slice_of_values(n->in[i]), to, false));
        to.column += tensor_channels(n->in[i]);
    }
done:
    return rc;
}

static int image_concat_backward(node *n, const run *r)
{
    int rc = OK;
    image_slice from = slice_of_gradient(n->out[0]);
    for (int i = 0; i < n->inputs; i++) {
        if (n->in[i]->wants_gradient)
            TRY(image_copy(r->device, n->in[i], from, slice_of_gradient(n->in[i]), n->accumulate[i]));
        from.column += tensor_channels(n->in[i]);
    }
done:
    return rc;
}

static const op_def image_concat_def = {.name = "image_concat",
                                        .shape = image_concat_shape,
                                        .forward = image_concat_forward,
                                        .backward = image_concat_backward};

tensor *image_concat_all(net *n, tensor *const *part, int count)
{
    node *recorded = net_record(n, &image_concat_def, part, count, count, NULL, 0);
    return recorded ? recorded->out[0] : NULL;
}

tensor *image_concat(net *n, tensor *a, tensor *b)
{
    return image_concat_all(n, (tensor *const[]){a, b}, 2);
}

/* ---- series_concat ---------------------------------------------------------------------------------------------- */

enum { A, B, INPUTS }; /* of series_concat */

static int series_of(const node *n)
{
    return *(const int *)n->attributes;
}

static int series_concat_shape(node *n)
{
    int rc = OK;
    const int series = series_of(n);
    TRY(image_wanted(n, A));
    TRY(image_wanted(n, B));
    shape s = n->in[A]->shape;
    const tensor *b = n->in[B];
    if (series < 1 || s.size[0] % series || b->shape.size[0] % series)
        return node_refuse(n, B, "and the other should be %d series of images each", series);
    if (b->shape.size[0] < s.size[0]) return node_refuse(n, B, "has fewer dates than the other");
    if (b->shape.size[1] != s.size[1] || b->shape.size[2] != s.size[2])
        return node_refuse(n, B, "should be of %d x %d pixels, as the other", s.size[1], s.size[2]);
    if (tensor_channels(b) > INT32_MAX - s.size[3]) return node_refuse(n, B, "has too many channels");
    s.size[3] += tensor_channels(b);
    TRY(node_output(n, ELEMENT_FLOAT, s));
done:
    return rc;
}

/* The first dates of series s of input i, as many as the output has, and where they stand in the output. */
typedef struct stretch {
    tensor like;
    int first, to_first, column;
} stretch;

static stretch stretch_of(const node *n, int i, int s)
{
    const int series = series_of(n), dates = n->out[0]->shape.size[0] / series;
    stretch part = {*n->in[i], n->in[i]->shape.size[0] / series * s, dates * s, i == B ? tensor_channels(n->in[A]) : 0};
    part.like.shape.size[0] = dates;
    return part;
}

static int series_concat_forward(node *n, const run *r)
{
    int rc = OK;
    for (int i = A; i <= B; i++)
        for (int s = 0; s < series_of(n); s++) {
            const stretch part = stretch_of(n, i, s);
            image_slice from = slice_of_values(n->in[i]), to = slice_of_values(n->out[0]);
            from.first = part.first;
            to.first = part.to_first;
            to.column = part.column;
            TRY(image_copy(r->device, &part.like, from, to, false));
        }
done:
    return rc;
}

/* Dates behind those that were taken have no gradient of ours. */
static int clear_rest(const tensor *x, const stretch *part, int series)
{
    const int dates = x->shape.size[0] / series, taken = part->like.shape.size[0];
    const size_t image = tensor_count(x) / (size_t)x->shape.size[0] * sizeof(float);
    return buffer_fill(x->gradient, (size_t)(part->first + taken) * image, 0, (size_t)(dates - taken) * image);
}

static int series_concat_backward(node *n, const run *r)
{
    int rc = OK;
    for (int i = A; i <= B; i++)
        for (int s = 0; n->in[i]->wants_gradient && s < series_of(n); s++) {
            const stretch part = stretch_of(n, i, s);
            image_slice from = slice_of_gradient(n->out[0]), to = slice_of_gradient(n->in[i]);
            from.first = part.to_first;
            from.column = part.column;
            to.first = part.first;
            TRY(image_copy(r->device, &part.like, from, to, n->accumulate[i]));
            if (!n->accumulate[i]) TRY(clear_rest(n->in[i], &part, series_of(n)));
        }
done:
    return rc;
}

static const op_def series_concat_def = {.name = "series_concat",
                                         .shape = series_concat_shape,
                                         .forward = series_concat_forward,
                                         .backward = series_concat_backward};

tensor *series_concat(net *n, tensor *a, tensor *b, int series)
{
    tensor *const in[INPUTS] = {a, b};
    node *recorded = net_record(n, &series_concat_def, in, INPUTS, INPUTS, &series, sizeof series);
    return recorded ? recorded->out[0] : NULL;
}

/* ---- frames_join ------------------------------------------------------------------------------------------------ */

static int frames_join_shape(node *n)
{
    int rc = OK;
    int64_t frames = 0;
    if (n->inputs < 1) return node_refuse(n, 0, "should be there: one part or more");
    for (int i = 0; i < n->inputs; i++) {
        TRY(image_wanted(n, i));
        TRY(settled_wanted(n, i));
        shape s = n->in[0]->shape;
        s.size[0] = n->in[i]->shape.size[0];
        TRY(input_wanted(n, i, ELEMENT_FLOAT, s, "frames as large as the first input's"));
        frames += s.size[0];
    }
    if (frames > INT32_MAX) return node_refuse(n, 0, "and the others have too many frames");
    shape s = n->in[0]->shape;
    s.size[0] = (int)frames;
    TRY(node_output(n, ELEMENT_FLOAT, s));
done:
    return rc;
}

static int frames_join_forward(node *n, const run *r)
{
    int rc = OK;
    image_slice to = slice_of_values(n->out[0]);
    for (int i = 0; i < n->inputs; i++) {
        TRY(image_copy(r->device, n->in[i], slice_of_values(n->in[i]), to, false));
        to.first += n->in[i]->shape.size[0];
    }
done:
    return rc;
}

static int frames_join_backward(node *n, const run *r)
{
    int rc = OK;
    image_slice from = slice_of_gradient(n->out[0]);
    for (int i = 0; i < n->inputs; i++) {
        if (n->in[i]->wants_gradient)
            TRY(image_copy(r->device, n->in[i], from, slice_of_gradient(n->in[i]), n->accumulate[i]));
        from.first += n->in[i]->shape.size[0];
    }
done:
    return rc;
}

static const op_def frames_join_def = {.name = "frames_join",
                                       .shape = frames_join_shape,
                                       .forward = frames_join_forward,
                                       .backward = frames_join_backward};

tensor *frames_join(net *n, tensor *const *part, int count)
{
    node *recorded = net_record(n, &frames_join_def, part, count, count, NULL, 0);
    return recorded ? recorded->out[0] : NULL;
}
