/* Which sequences the pixels of image series form: see image.h. Integers from integers; nothing is differentiated. */
#include "base/error.h"
#include "op/image.h"
#include "op/team.h"

enum { OFFSETS, POSITIONS, INPUTS };
enum { BLOCKS = 8 /* of a patch's pixels, a group each */ };

static int pixel_sequences_shape(node *n)
{
    int rc = OK;
    const int pixels = *(const int *)n->attributes;
    TRY(offsets_wanted(n, OFFSETS));
    const int patches = sequence_count(n, OFFSETS), frames = (int)tensor_count(n->in[POSITIONS]);
    TRY(input_wanted(n, POSITIONS, ELEMENT_INT, SHAPE(frames), "the position of each frame"));
    if (pixels < 1) return node_refuse(n, POSITIONS, "of frames with %d pixels, wanted at least one", pixels);
    if (frames > INT32_MAX / pixels || patches >= INT32_MAX / pixels)
        return node_refuse(n, POSITIONS, "of frames with %d pixels each make more rows than %d", pixels, INT32_MAX);
    TRY(node_output(n, ELEMENT_INT, SHAPE(patches * pixels + 1)));
    TRY(node_output(n, ELEMENT_INT, SHAPE(frames * pixels)));
    for (int i = 0; i < n->outputs; i++) n->out[i]->wants_gradient = false;
done:
    return rc;
}

static int pixel_sequences_forward(node *n, const run *r)
{
    int rc = OK;
    kernel *k = NULL;
    const int pixels = *(const int *)n->attributes, patches = sequence_count(n, OFFSETS);
    const team_form f = team_form_of(r->device, 1, 1);
    const cost moved = {0, 4.0 * (double)tensor_count(n->out[1])};
    TRY(team_kernel(r->device, f, "pixel_sequences", "", "pixel_sequences", &k));
    TRY(LAUNCH(k, (size_t)patches + 1, BLOCKS, 1, (size_t)f.lanes, moved, arg_buffer(n->in[OFFSETS]->data),
               arg_buffer(n->in[POSITIONS]->data), arg_int(patches), arg_int(pixels), arg_buffer(n->out[0]->data),
               arg_buffer(n->out[1]->data)));
done:
    return rc;
}

static const op_def pixel_sequences_def = {"pixel_sequences", pixel_sequences_shape, pixel_sequences_forward, NULL,
                                           NULL};

void pixel_sequences(net *n, tensor *offsets, tensor *positions, int pixels, tensor **sequences, tensor **rows)
{
    tensor *const in[INPUTS] = {offsets, positions};
    node *recorded = net_record(n, &pixel_sequences_def, in, INPUTS, INPUTS, &pixels, sizeof pixels);
    *sequences = recorded ? recorded->out[0] : NULL;
    *rows = recorded ? recorded->out[1] : NULL;
}
