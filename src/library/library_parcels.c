/* furrow_classify_parcels: parcels in memory as batches on the device. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/random.h"
#include "library/library_model.h"

/* A batch on its way. */
typedef struct arrays {
    furrow_model *model;
    const furrow_parcel *parcels;
    int first, count, frames; /* of the call's parcels */
    size_t values;
    float *raw; /* [values] dates x pixels x bands, parcel after parcel */
    sample_parcel *sample;
    int32_t *frame_parcel, *offsets, *lines;
    float *extra;
    buffer *raw_buffer, *sample_buffer, *frame_buffer;
    batch batch;
} arrays;

/* ---- checks ------------------------------------------------------------------------------------------------------ */

static int check_parcel(const furrow_model *m, const furrow_parcel *p, int index)
{
    const model *w = m->network->model;
    size_t count;
    if (p->dates < 1 || p->pixels < 0)
        return fail(USAGE, "parcel %d: %d dates of %d pixels, wanted 1 date or more", index, p->dates, p->pixels);
    if (!size_multiply((size_t)p->dates, (size_t)p->pixels, &count) ||
        !size_multiply(count, (size_t)model_bands(w), &count) || count > INT32_MAX)
        return fail(USAGE, "parcel %d: %d dates of %d pixels are too many", index, p->dates, p->pixels);
    if (count && !p->values) return fail(USAGE, "parcel %d has no values", index);
    if (model_positions_are_dates(w) && !p->days)
        return fail(USAGE, "parcel %d has no days, which this network looks at", index);
    if (model_extra(w) && !p->extra)
        return fail(USAGE, "parcel %d has no extra features; the network takes %d", index, model_extra(w));
    if (m->norm_rows > 1 && p->dates != m->norm_rows)
        return fail(USAGE, "parcel %d has %d dates; the normalisation is for %d", index, p->dates, m->norm_rows);
    int rc = library_finite(p->values, p->dates, model_bands(w), (size_t)p->pixels, "parcel", index);
    return rc || !model_extra(w) ? rc
                                 : library_finite(p->extra, 1, 1, (size_t)model_extra(w), "features of parcel", index);
}

/* Says what is wrong before anything is computed. */
static int check_call(furrow_model *m, const furrow_parcel *parcels, int count, const float *probabilities)
{
    int rc = OK, longest = 1;
    int32_t first = INT32_MAX, last = INT32_MIN;
    if (m->config.kind != MODEL_PARCEL)
        return fail(USAGE, "%s takes patches, not parcels", model_arch(m->network->model));
    if (count < 0 || (count > 0 && (!parcels || !probabilities)))
        return fail(USAGE, "%d parcels%s", count, count < 0 ? "" : ", but no arrays of them or of probabilities");
    for (int i = 0; i < count; i++) {
        TRY(check_parcel(m, &parcels[i], i));
        if (parcels[i].dates > longest) longest = parcels[i].dates;
        if (parcels[i].days) library_span(parcels[i].days, parcels[i].dates, &first, &last);
    }
    if (count > 0) TRY(library_positions(m, first, last, longest));
done:
    return rc;
}

/* ---- a batch ----------------------------------------------------------------------------------------------------- */

static void arrays_free(arrays *a)
{
    free(a->raw);
    free(a->sample);
    free(a->frame_parcel);
    free(a->offsets);
    free(a->lines);
    free(a->extra);
    buffer_free(a->raw_buffer);
    buffer_free(a->sample_buffer);
    buffer_free(a->frame_buffer);
    buffer_free(a->batch.x);
    buffer_free(a->batch.mask);
    buffer_free(a->batch.extra);
    buffer_free(a->batch.offsets);
    buffer_free(a->batch.positions);
}

static int count_batch(arrays *a)
{
    const size_t bands = (size_t)a->model->network->input.bands;
    size_t frames = 0;
    for (int i = 0; i < a->count; i++) {
        const furrow_parcel *p = &a->parcels[a->first + i];
        frames += (size_t)p->dates;
        a->values += (size_t)p->dates * (size_t)p->pixels * bands;
    }
    if (frames > INT_MAX) return fail(USAGE, "a batch of %zu dates is too large (eval.batch_size)", frames);
    a->frames = (int)frames;
    return OK;
}

static int make_room(arrays *a)
{
    int rc = OK;
    const size_t frames = (size_t)a->frames, count = (size_t)a->count, extra = (size_t)a->model->network->input.extra;
    TRY_NEW(a->raw = memory_new(a->values, sizeof *a->raw));
    TRY_NEW(a->sample = memory_new(count, sizeof *a->sample));
    TRY_NEW(a->frame_parcel = memory_new(frames, sizeof *a->frame_parcel));
    TRY_NEW(a->offsets = memory_new(count + 1, sizeof *a->offsets));
    TRY_NEW(a->lines = memory_new(frames, sizeof *a->lines));
    TRY_NEW(a->extra = memory_new(frames * extra, sizeof *a->extra));
done:
    return rc;
}

/* From dates x bands x pixels to dates x pixels x bands. */
static void put_pixels(const furrow_parcel *p, int bands, float *to)
{
    const size_t pixels = (size_t)p->pixels, wide = (size_t)bands;
    for (int t = 0; t < p->dates; t++)
        for (size_t s = 0; s < pixels; s++)
            for (size_t c = 0; c < wide; c++) *to++ = p->values[((size_t)t * wide + c) * pixels + s];
}

/* The same draw as a run's evaluation makes for a parcel of this id (network/feed.c). */
static random_key parcel_key(const furrow_model *m, const furrow_parcel *p, int index)
{
    char number[16];
    const uint64_t epoch = 0;
    snprintf(number, sizeof number, "%d", index);
    const char *id = p->id ? p->id : number;
    return random_stream((uint64_t)m->config.train.rdm_seed, RANDOM_PIXELS,
                         hash_bytes(hash_text(HASH_START, id), &epoch, sizeof epoch));
}

static void put_frames(arrays *a, const furrow_parcel *p, int i, int frame)
{
    const network_input *in = &a->model->network->input;
    for (int t = 0; t < p->dates; t++, frame++) {
        a->frame_parcel[frame] = i;
        a->lines[frame] = model_positions_are_dates(a->model->network->model) ? p->days[t] - in->first_position : t;
        for (int e = 0; e < in->extra; e++) a->extra[(size_t)frame * (size_t)in->extra + (size_t)e] = p->extra[e];
    }
}

static void fill(arrays *a)
{
    const int bands = a->model->network->input.bands;
    size_t at = 0;
    for (int i = 0; i < a->count; i++) {
        const furrow_parcel *p = &a->parcels[a->first + i];
        const random_key key = parcel_key(a->model, p, a->first + i);
        const int frame = a->offsets[i];
        a->sample[i] = (sample_parcel){.raw_start = at,
                                       .pixels = (uint32_t)p->pixels,
                                       .dates = (uint32_t)p->dates,
                                       .first_frame = (uint32_t)frame,
                                       .stream = {key.word[0], key.word[1]}};
        put_pixels(p, bands, a->raw + at);
        put_frames(a, p, i, frame);
        at += (size_t)p->dates * (size_t)p->pixels * (size_t)bands;
        a->offsets[i + 1] = frame + p->dates;
    }
}

static int upload(arrays *a)
{
    int rc = OK;
    const network *w = a->model->network;
    device *d = a->model->device;
    const size_t frames = (size_t)a->frames, count = (size_t)a->count, slots = frames * (size_t)w->input.npixel;
    TRY(library_upload(d, a->raw, a->values * sizeof *a->raw, &a->raw_buffer));
    TRY(library_upload(d, a->sample, count * sizeof *a->sample, &a->sample_buffer));
    TRY(library_upload(d, a->frame_parcel, frames * sizeof(int32_t), &a->frame_buffer));
    TRY(library_upload(d, a->offsets, (count + 1) * sizeof(int32_t), &a->batch.offsets));
    TRY(library_upload(d, a->lines, frames * sizeof(int32_t), &a->batch.positions));
    TRY(library_upload(d, a->extra, frames * (size_t)w->input.extra * sizeof(float), &a->batch.extra));
    TRY(library_upload(d, NULL, slots * (size_t)w->input.bands * sizeof(float), &a->batch.x));
    TRY(library_upload(d, NULL, slots * sizeof(float), &a->batch.mask));
done:
    return rc;
}

static int make_batch(arrays *a)
{
    int rc = OK;
    const furrow_model *m = a->model;
    const network_input *in = &m->network->input;
    TRY(count_batch(a));
    TRY(make_room(a));
    fill(a);
    TRY(upload(a));
    const sample_options o = {
        .type = RAW_F32, .bands = in->bands, .npixel = in->npixel, .norm_per_date = m->norm_rows > 1};
    TRY(sample_pixels(m->device, a->raw_buffer, a->sample_buffer, a->count, a->frame_buffer, a->frames, m->mean, m->std,
                      o, a->batch.x, a->batch.mask));
    a->batch.samples = a->batch.rows = a->count;
    a->batch.frames = a->frames;
done:
    return rc;
}

static int run_batch(arrays *a, float *probabilities)
{
    int rc = OK;
    inference i;
    double *row = memory_new((size_t)a->model->classes, sizeof *row);
    TRY_NEW(row);
    TRY(make_batch(a));
    TRY(infer_batch(&a->model->networks, &a->batch, false, &a->model->room, &i));
    for (int k = 0; k < i.rows; k++) {
        if (!probabilities_of(i.log_p + (size_t)k * (size_t)i.classes, i.classes, row)) {
            rc = fail(FAILED,
                      "parcel %d: the network's output is not a finite number; the weights or the "
                      "normalisation do not fit these data",
                      a->first + k);
            goto done;
        }
        for (int c = 0; c < i.classes; c++) *probabilities++ = (float)row[c];
    }
done:
    free(row);
    return rc;
}

int furrow_classify_parcels(furrow_model *m, const furrow_parcel *parcels, int count, float *probabilities)
{
    const int each = library_batch_size(m);
    int rc = check_call(m, parcels, count, probabilities);
    for (int first = 0; !rc && first < count; first += each) {
        if (interrupt_requested()) return fail(INTERRUPTED, "interrupted");
        arrays a = {
            .model = m, .parcels = parcels, .first = first, .count = count - first < each ? count - first : each};
        rc = run_batch(&a, probabilities + (size_t)first * (size_t)m->classes);
        arrays_free(&a);
    }
    return rc;
}
