/* furrow_classify_patches and furrow_find_parcels: patches in memory as batches on the device. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"
#include "library/library_model.h"
#include "network/parcel_score.h"
#include "op/image.h"

/* What a call brings, and where its results go. */
typedef struct call {
    furrow_model *model;
    const furrow_patch *patches;
    int count, height, width;
    size_t pixels;
    float *probabilities; /* one of the two */
    int32_t *instances, *classes, *chosen;
    float *confidences;
} call;

/* A batch on its way. */
typedef struct arrays {
    int first, count, frames; /* of the call's patches */
    int32_t *frame_patch, *offsets, *lines, *turn;
    buffer *raw, *frame_buffer, *turn_buffer;
    batch batch;
} arrays;

/* ---- checks ------------------------------------------------------------------------------------------------------ */

static int check_patch(const call *c, const furrow_patch *p, int index)
{
    const int bands = c->model->network->input.bands;
    size_t count;
    if (p->dates < 1) return fail(USAGE, "patch %d: %d dates, wanted 1 or more", index, p->dates);
    if (!size_multiply(c->pixels, (size_t)bands, &count) || !size_multiply(count, (size_t)p->dates, &count) ||
        count > INT32_MAX)
        return fail(USAGE, "patch %d: %d dates of %d x %d pixels are too many", index, p->dates, c->height, c->width);
    if (!p->values || !p->days) return fail(USAGE, "patch %d has no %s", index, p->values ? "days" : "values");
    return library_finite(p->values, p->dates, bands, c->pixels, "patch", index);
}

/* Says what is wrong before anything is computed, and makes the network one for this size. */
static int check_call(call *c, bool head)
{
    int rc = OK, longest = 1;
    int32_t first = INT32_MAX, last = INT32_MIN;
    network *w = c->model->network;
    if (c->model->config.kind != MODEL_DENSE) return fail(USAGE, "%s takes parcels, not patches", model_arch(w->model));
    if (head != (w->head != NULL))
        return fail(USAGE, head ? "the model has no head that finds parcels; wanted furrow_classify_patches"
                                : "the model's head finds parcels; wanted furrow_find_parcels");
    if (c->count < 0 || (c->count > 0 && (!c->patches || (!c->probabilities && !c->instances))))
        return fail(USAGE, "%d patches%s", c->count, c->count < 0 ? "" : ", but no arrays of them or of the results");
    if (c->height < 1 || c->width < 1) return fail(USAGE, "patches of %d x %d pixels", c->height, c->width);
    c->pixels = (size_t)c->height * (size_t)c->width;
    TRY(model_size_fits(w->model, c->height, c->width, "the model"));
    for (int i = 0; i < c->count; i++) {
        TRY(check_patch(c, &c->patches[i], i));
        if (c->patches[i].dates > longest) longest = c->patches[i].dates;
        library_span(c->patches[i].days, c->patches[i].dates, &first, &last);
    }
    if (c->count > 0) TRY(library_positions(c->model, first, last, longest));
    if (w->input.height != c->height || w->input.width != c->width) w->recorded = false;
    w->input.height = c->height;
    w->input.width = c->width;
done:
    return rc;
}

/* ---- a batch ----------------------------------------------------------------------------------------------------- */

static void arrays_free(arrays *a)
{
    free(a->frame_patch);
    free(a->offsets);
    free(a->lines);
    free(a->turn);
    buffer_free(a->raw);
    buffer_free(a->frame_buffer);
    buffer_free(a->turn_buffer);
    buffer_free(a->batch.x);
    buffer_free(a->batch.offsets);
    buffer_free(a->batch.positions);
}

static int fill(const call *c, arrays *a)
{
    int rc = OK, frame = 0;
    for (int i = 0; i < a->count; i++) {
        const int dates = c->patches[a->first + i].dates;
        if (dates > INT_MAX - a->frames) return fail(USAGE, "too many dates in a batch (eval.batch_size)");
        a->frames += dates;
        if (dates > a->batch.longest) a->batch.longest = dates;
    }
    TRY_NEW(a->frame_patch = memory_new((size_t)a->frames, sizeof *a->frame_patch));
    TRY_NEW(a->lines = memory_new((size_t)a->frames, sizeof *a->lines));
    TRY_NEW(a->offsets = memory_new((size_t)a->count + 1, sizeof *a->offsets));
    TRY_NEW(a->turn = memory_new((size_t)a->count, sizeof *a->turn));
    for (int i = 0; i < a->count; i++) {
        const furrow_patch *p = &c->patches[a->first + i];
        for (int t = 0; t < p->dates; t++, frame++) {
            a->frame_patch[frame] = i;
            a->lines[frame] = p->days[t] - c->model->network->input.first_position;
        }
        a->offsets[i + 1] = frame;
    }
done:
    return rc;
}

static int upload(const call *c, arrays *a)
{
    int rc = OK;
    device *d = c->model->device;
    const size_t frame = c->pixels * (size_t)c->model->network->input.bands * sizeof(float);
    TRY(library_upload(d, NULL, (size_t)a->frames * frame, &a->raw));
    for (int i = 0; i < a->count; i++) {
        const furrow_patch *p = &c->patches[a->first + i];
        TRY(buffer_write(a->raw, (size_t)a->offsets[i] * frame, p->values, (size_t)p->dates * frame));
    }
    TRY(library_upload(d, a->frame_patch, (size_t)a->frames * sizeof(int32_t), &a->frame_buffer));
    TRY(library_upload(d, a->turn, (size_t)a->count * sizeof(int32_t), &a->turn_buffer));
    TRY(library_upload(d, a->offsets, ((size_t)a->count + 1) * sizeof(int32_t), &a->batch.offsets));
    TRY(library_upload(d, a->lines, (size_t)a->frames * sizeof(int32_t), &a->batch.positions));
    TRY(library_upload(d, NULL, (size_t)a->frames * frame, &a->batch.x));
done:
    return rc;
}

static int make_batch(const call *c, arrays *a)
{
    int rc = OK;
    const furrow_model *m = c->model;
    TRY(fill(c, a));
    TRY(upload(c, a));
    const frame_options o = {
        .type = RAW_F32, .frames = a->frames, .bands = m->network->input.bands, .height = c->height, .width = c->width};
    TRY(load_frames(m->device, a->raw, a->frame_buffer, a->turn_buffer, m->mean, m->std, o, a->batch.x));
    a->batch.samples = a->count;
    a->batch.frames = a->frames;
    a->batch.rows = a->count * c->height * c->width;
done:
    return rc;
}

/* ---- results ----------------------------------------------------------------------------------------------------- */

/* From pixels x classes to classes x pixels. */
static int give_probabilities(const call *c, const arrays *a, const inference *i)
{
    const size_t classes = (size_t)i->classes;
    double *row = memory_new(classes, sizeof *row);
    if (!row) return FAILED;
    for (size_t k = 0; k < (size_t)i->rows; k++) {
        const size_t patch = (size_t)a->first + k / c->pixels, pixel = k % c->pixels;
        if (!probabilities_of(i->log_p + k * classes, i->classes, row)) {
            free(row);
            return fail(FAILED,
                        "patch %zu: the network's output is not a finite number; the weights or the "
                        "normalisation do not fit these data",
                        patch);
        }
        for (size_t s = 0; s < classes; s++)
            c->probabilities[(patch * classes + s) * c->pixels + pixel] = (float)row[s];
    }
    free(row);
    return OK;
}

static int give_parcels(const call *c, const arrays *a)
{
    int rc = OK;
    const network *w = c->model->network;
    paps_found found;
    nms_options options;
    TRY(paps_read(w->head, &found));
    TRY(nms_options_of(w, &options));
    const nms_candidates all = {found.count, found.crop, found.confidence, found.mask};
    for (int k = 0; k < a->count; k++) {
        const size_t at = (size_t)(a->first + k) * c->pixels;
        TRY(pseudo_nms(&all, k, options, c->height, c->width, c->instances + at, c->chosen));
        for (size_t i = 0; i < c->pixels; i++) {
            const int one = c->chosen[i];
            if (c->classes) c->classes[at + i] = one < 0 ? -1 : found_class(&found, c->model->classes, one);
            if (c->confidences) c->confidences[at + i] = one < 0 ? 0 : found.confidence[one];
        }
    }
done:
    return rc;
}

static int run_batch(const call *c, arrays *a)
{
    int rc = OK;
    inference i;
    TRY(make_batch(c, a));
    TRY(infer_batch(&c->model->networks, &a->batch, false, &c->model->room, &i));
    TRY(c->probabilities ? give_probabilities(c, a, &i) : give_parcels(c, a));
done:
    return rc;
}

static int run_call(const call *c)
{
    int rc = OK;
    const int each = library_batch_size(c->model);
    for (int first = 0; !rc && first < c->count; first += each) {
        if (interrupt_requested()) return fail(INTERRUPTED, "interrupted");
        arrays a = {.first = first, .count = c->count - first < each ? c->count - first : each};
        rc = run_batch(c, &a);
        arrays_free(&a);
    }
    return rc;
}

int furrow_classify_patches(furrow_model *m, const furrow_patch *given, int count, int height, int width,
                            float *probabilities)
{
    call c = {
        .model = m, .patches = given, .count = count, .height = height, .width = width, .probabilities = probabilities};
    int rc = check_call(&c, false);
    return rc ? rc : run_call(&c);
}

int furrow_find_parcels(furrow_model *m, const furrow_patch *given, int count, int height, int width,
                        int32_t *instances, int32_t *classes, float *confidences)
{
    call c = {.model = m,
              .patches = given,
              .count = count,
              .height = height,
              .width = width,
              .instances = instances,
              .classes = classes,
              .confidences = confidences};
    int rc = check_call(&c, true);
    if (rc) return rc;
    c.chosen = memory_new(c.pixels, sizeof *c.chosen);
    if (!c.chosen) return FAILED;
    rc = run_call(&c);
    free(c.chosen);
    return rc;
}
