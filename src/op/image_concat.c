/* Images side by side: image_concat in channels, frames_join in frames (image.h). Gradients are the same slices of the
 * output's. */
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
