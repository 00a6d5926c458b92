/* Images on a network. A batch whose tape would not fit in memory is laid out differently until it does: its frames go
 * through the encoder in more and more parts (what the encoder needs for one part is free for the next), then the first
 * convolution's output, the largest and cheapest of all, is made again for backward instead of being kept. */
#include "network/network_images.h"

#include "base/error.h"
#include "base/log.h"

static void loss_weights(const void *user, float *values)
{
    const network *w = user;
    for (int k = 0; k < model_classes(w->model); k++)
        values[k] = k == w->ignore_class ? 0 : w->class_weight ? w->class_weight[k] : 1;
}

/* Mean cross entropy over the pixels, weighed by their classes, the ignored class weighing nothing. */
static void record_loss(network *w, int rows)
{
    net *n = w->net;
    const char *key = scope(n, "loss weights without class %d", w->ignore_class);
    tensor *weights = net_constant(n, key, SHAPE(model_classes(w->model)), loss_weights, w);
    w->target = net_input_given(n, "target", ELEMENT_INT, SHAPE(rows));
    w->loss = focal_loss(n, w->logits, w->target, weights, 0);
    net_keep(n, w->loss);
}

/* The head on the maps of the network: its losses, where the truth is known, are part of any tape. */
static void record_head(network *w, int patches)
{
    net *n = w->net;
    const network_input *i = &w->input;
    const shape plane = SHAPE(patches, i->height, i->width);
    const bool truth = w->recorded_truth;
    w->true_heatmap = truth ? net_input_given(n, "heatmap", ELEMENT_FLOAT, plane) : NULL;
    w->true_instances = truth ? net_input_given(n, "instances", ELEMENT_INT, plane) : NULL;
    const paps_inputs in = {&w->image_out, w->true_heatmap, w->true_instances, w->heatmap_only, w->exact};
    w->head_loss.void_class = w->ignore_class;
    w->head_loss.class_weight = w->class_weight;
    w->head_out = paps_build(w->head, n, &in, &w->head_loss);
    w->loss = w->head_out.loss;
}

static int greatest_divisor(int a, int b)
{
    return b ? greatest_divisor(b, a % b) : a;
}

/* Frames of each part but the last: every part must start where a view of the batch's buffer may. */
static int frames_each(const network *w, int frames, int parts)
{
    const network_input *i = &w->input;
    const int unit = (int)device_about(w->device)->base_alignment;
    const int frame = (int)((size_t)i->height * (size_t)i->width * (size_t)i->bands * sizeof(float) % (size_t)unit);
    const int step = unit / greatest_divisor(unit, frame);
    const int each = (frames + parts - 1) / parts;
    return (each + step - 1) / step * step;
}

static bool is_padded(const network *w, bool training)
{
    return w->padding == PADDING_ALWAYS || (w->padding == PADDING_TRAINING && training);
}

static void record_tape(network *w, bool training, int patches, int frames, int longest, int parts)
{
    net *n = w->net;
    const network_input *i = &w->input;
    const int each = frames_each(w, frames, parts), rows = patches * i->height * i->width;
    const bool padded = is_padded(w, training);
    net_begin(n, training);
    w->images = (dense_inputs){
        .offsets = net_input_given(n, "offsets", ELEMENT_INT, SHAPE(patches + 1)),
        .positions = net_input_given(n, "positions", ELEMENT_INT, SHAPE(frames)),
        .first_position = i->first_position,
        .position_lines = i->position_lines,
        .longest = longest,
        .dates = padded ? longest : 0,
        .exact = w->exact,
    };
    for (int first = 0; first < frames; first += each) {
        const int count = frames - first < each ? frames - first : each;
        w->images.part[w->images.parts++] =
            net_input_given(n, "x", ELEMENT_FLOAT, SHAPE(count, i->height, i->width, i->bands));
    }
    w->image_out = model_build_dense(w->model, n, &w->images);
    w->logits = w->image_out.logits ? reshape(n, w->image_out.logits, SHAPE(rows, model_classes(w->model))) : NULL;
    net_keep(n, w->logits);
    if (w->keep_attention) net_keep(n, w->image_out.attention);
    w->target = w->loss = NULL;
    if (w->head)
        record_head(w, patches);
    else if (training)
        record_loss(w, rows);
}

int images_parameters(network *w)
{
    size_t bytes;
    const int dates = model_least_dates(w->model);
    record_tape(w, false, 1, dates, dates, 1);
    return net_measure(w->net, &bytes);
}

/* ---- memory ------------------------------------------------------------------------------------------------------ */

static uint64_t limit_of(const network *w)
{
    return w->memory_limit ? w->memory_limit : device_about(w->device)->global_memory;
}

/* The first layout that fits, its tape recorded; *fits tells whether there is one. `least` (may be NULL): the bytes of
 * the smallest. */
static int layout_find(network *w, bool training, int patches, int frames, int longest, bool *fits, memory_layout *out)
{
    static const int parts[] = {1, 2, 3, 4, 6, 8, 12, 16, 24};
    const size_t fixed = network_fixed_bytes(w, frames);
    const bool divide = model_frames_divide(w->model);
    *fits = false;
    out->bytes = SIZE_MAX;
    for (int again = 0; again < (training ? 2 : 1) && !*fits; again++)
        for (int p = 0; p < (divide ? (int)(sizeof parts / sizeof *parts) : 1) && !*fits; p++) {
            size_t bytes = 0;
            if (p && parts[p] > frames) break;
            net_save_memory(w->net, again);
            record_tape(w, training, patches, frames, longest, parts[p]);
            int rc = net_measure(w->net, &bytes);
            if (rc && bytes != SIZE_MAX) return rc; /* not a matter of memory */
            if (rc) continue;
            *fits = bytes + fixed <= limit_of(w);
            if (*fits || bytes < out->bytes) *out = (memory_layout){parts[p], again, bytes};
        }
    return OK;
}

/* The most patches of this length that fit, fewer than `patches`; 0: not even one. */
static int patches_that_fit(network *w, bool training, int patches, int longest)
{
    while (--patches > 0) {
        bool fits;
        memory_layout layout;
        if (!layout_find(w, training, patches, patches * longest, longest, &fits, &layout) && fits) return patches;
    }
    return 0;
}

static int refuse(network *w, bool training, int patches, int frames, int longest, size_t bytes)
{
    const double unit = 1e9, wanted = (double)(bytes + network_fixed_bytes(w, frames)) / unit;
    const double limit = (double)limit_of(w) / unit;
    const int fewer = patches_that_fit(w, training, patches, longest);
    if (fewer)
        return fail(FAILED,
                    "a batch of %d patches and %d dates in all needs %.2f GB at the least, memory_limit is %.2f GB: "
                    "a batch of %d would fit",
                    patches, frames, wanted, limit, fewer);
    return fail(FAILED,
                "a patch of %d dates, %d x %d pixels, needs %.2f GB at the least, memory_limit is %.2f GB: smaller "
                "patches or data.max_dates would fit",
                longest, w->input.height, w->input.width, wanted, limit);
}

/* Do the batch's series suit the network? */
static int series_check(const network *w, bool training, int patches, int frames, int longest)
{
    if (longest < model_least_dates(w->model))
        return fail(FAILED, "a patch of %d dates: %s takes %d or more", longest, model_arch(w->model),
                    model_least_dates(w->model));
    if (!model_equal_series(w->model) || is_padded(w, training) || frames == patches * longest) return OK;
    return fail(FAILED,
                "a batch of %d patches of different length, %d dates in all: %s takes series of one length where they "
                "are not padded; batches of 1 are",
                patches, frames, model_arch(w->model));
}

int images_record(network *w, bool training, int patches, int frames, int longest)
{
    int rc = OK;
    bool fits;
    memory_layout layout = {0};
    images_release(w);
    TRY(series_check(w, training, patches, frames, longest));
    TRY(layout_find(w, training, patches, frames, longest, &fits, &layout));
    if (!fits) { /* where one tensor alone is too large, the message says so already */
        rc = layout.bytes == SIZE_MAX ? FAILED : refuse(w, training, patches, frames, longest, layout.bytes);
        goto done;
    }
    w->layout = layout;
    TRY(net_plan(w->net, &w->layout.bytes));
done:
    return rc;
}

/* ---- a batch ----------------------------------------------------------------------------------------------------- */

void images_release(network *w)
{
    for (int p = 0; p < DENSE_PARTS_MAX; p++) {
        buffer_free(w->part_view[p]);
        w->part_view[p] = NULL;
    }
}

int images_use(network *w, const batch *b)
{
    int rc = OK;
    size_t start = 0;
    images_release(w);
    for (int p = 0; p < w->images.parts; p++) {
        const size_t bytes = tensor_count(w->images.part[p]) * sizeof(float);
        TRY(buffer_view(b->x, start, bytes, &w->part_view[p]));
        TRY(net_input_use(w->net, w->images.part[p], w->part_view[p]));
        start += bytes;
    }
    TRY(net_input_use(w->net, w->images.offsets, b->offsets));
    TRY(net_input_use(w->net, w->images.positions, b->positions));
    if (w->true_heatmap) TRY(net_input_use(w->net, w->true_heatmap, b->heatmap));
    if (w->true_instances) TRY(net_input_use(w->net, w->true_instances, b->instances));
    if (w->head) paps_use(w->head, b->parcels);
done:
    return rc;
}
