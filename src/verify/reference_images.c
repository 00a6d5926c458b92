/* Reference results of networks for images: x B x T x C x H x W, dates B x T, target B x H x W. A frame whose every
 * value is the model's pad_value is padding: it does not exist here. */
#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"
#include "verify/reference.h"

/* The host's side of /input. */
typedef struct images {
    int patches, dates, bands, height, width;
    float *stored, *days; /* as in the file */
    bool *there;          /* [patches x dates] not padding */
    int frames;           /* that are there */
} images;

static void images_free(images *i)
{
    free(i->stored);
    free(i->days);
    free(i->there);
}

static size_t frame_values(const images *i)
{
    return (size_t)i->bands * (size_t)i->height * (size_t)i->width;
}

static size_t slots(const images *i)
{
    return (size_t)i->patches * (size_t)i->dates;
}

static int read_stored(reference_input *r, images *i)
{
    int rc = OK;
    h5_about about;
    TRY(h5_about_of(r->file, "/input/x", &about));
    if (about.text || about.rank != 5 || !about.count || about.count >= REFERENCE_VALUES_MAX) {
        rc = fail(FAILED, "%s: /input/x has %d dimensions; wanted patches x dates x bands x height x width",
                  h5_path(r->file), about.rank);
        goto done;
    }
    i->patches = (int)about.shape[0];
    i->dates = (int)about.shape[1];
    i->bands = (int)about.shape[2];
    i->height = (int)about.shape[3];
    i->width = (int)about.shape[4];
    TRY_NEW(i->stored = memory_new(about.count, sizeof *i->stored));
    TRY_NEW(i->days = memory_new(slots(i), sizeof *i->days));
    TRY_NEW(i->there = memory_new(slots(i), sizeof *i->there));
    TRY(h5_read(r->file, "/input/x", NUMBER_F32, about.count, i->stored));
    TRY(h5_read(r->file, "/input/dates", NUMBER_F32, slots(i), i->days));
done:
    return rc;
}

static int find_frames(const reference_input *r, images *i, float pad_value)
{
    for (int b = 0; b < i->patches; b++) {
        int dates = 0;
        for (int t = 0; t < i->dates; t++) {
            const size_t slot = (size_t)b * (size_t)i->dates + (size_t)t;
            const float *frame = i->stored + slot * frame_values(i);
            for (size_t k = 0; k < frame_values(i) && !i->there[slot]; k++) i->there[slot] = frame[k] != pad_value;
            dates += i->there[slot];
        }
        if (!dates) return fail(FAILED, "%s: /input/x[%d] has no frame that is not padding", h5_path(r->file), b);
        i->frames += dates;
    }
    return OK;
}

/* Channels last, frame by frame. */
static int upload_frames(reference_input *r, const images *i)
{
    const size_t pixels = (size_t)i->height * (size_t)i->width;
    float *turned = memory_new((size_t)i->frames * frame_values(i), sizeof *turned), *to = turned;
    if (!turned) return FAILED;
    for (size_t slot = 0; slot < slots(i); slot++) {
        if (!i->there[slot]) continue;
        reference_channels_last(i->stored + slot * frame_values(i), 1, (size_t)i->bands, pixels, to);
        to += frame_values(i);
    }
    int rc = reference_upload(r, turned, (size_t)(to - turned), &r->batch.x);
    free(turned);
    return rc;
}

static int days_check(const reference_input *r, const images *i, int *first, int *last)
{
    *first = REFERENCE_DAY_MAX;
    *last = -REFERENCE_DAY_MAX;
    for (size_t slot = 0; slot < slots(i); slot++) {
        const float day = i->days[slot];
        if (!i->there[slot]) continue;
        if (!(fabsf(day) < REFERENCE_DAY_MAX) || day != floorf(day))
            return fail(FAILED, "%s: /input/dates[%zu] is %g; wanted whole days", h5_path(r->file), slot, (double)day);
        if ((int)day < *first) *first = (int)day;
        if ((int)day > *last) *last = (int)day;
    }
    return OK;
}

static int upload_dates(reference_input *r, const images *i)
{
    int rc = OK, first, last, frames = 0;
    int32_t *offsets = memory_new((size_t)i->patches + 1, sizeof *offsets), *lines = NULL;
    TRY_NEW(offsets);
    TRY_NEW(lines = memory_new((size_t)i->frames, sizeof *lines));
    TRY(days_check(r, i, &first, &last));
    for (size_t slot = 0; slot < slots(i); slot++) {
        if (i->there[slot]) lines[frames++] = (int32_t)i->days[slot] - first;
        offsets[slot / (size_t)i->dates + 1] = frames;
    }
    r->input.first_position = first;
    r->input.position_lines = last - first + 1;
    TRY(reference_upload(r, offsets, (size_t)i->patches + 1, &r->batch.offsets));
    TRY(reference_upload(r, lines, (size_t)i->frames, &r->batch.positions));
done:
    free(offsets);
    free(lines);
    return rc;
}

static int upload_target(reference_input *r, const images *i, int classes)
{
    int rc = OK;
    const size_t count = (size_t)i->patches * (size_t)i->height * (size_t)i->width;
    int32_t *target = memory_new(count, sizeof *target);
    TRY_NEW(target);
    TRY(h5_read(r->file, "/input/target", NUMBER_I32, count, target));
    for (size_t k = 0; k < count; k++)
        if (target[k] < 0 || target[k] >= classes) {
            rc = fail(FAILED, "%s: /input/target[%zu] is %d; wanted a class from 0 to %d", h5_path(r->file), k,
                      target[k], classes - 1);
            goto done;
        }
    TRY(reference_upload(r, target, count, &r->batch.target));
done:
    free(target);
    return rc;
}

int reference_read_images(reference_input *r, const model *m, double pad_value)
{
    int rc = OK;
    bool target;
    images i = {0};
    TRY(read_stored(r, &i));
    TRY(find_frames(r, &i, (float)pad_value));
    r->batch.samples = i.patches;
    r->batch.frames = i.frames;
    r->batch.longest = i.dates;
    r->batch.rows = i.patches * i.height * i.width;
    r->input = (network_input){.bands = i.bands, .height = i.height, .width = i.width, .longest = i.dates};
    TRY(model_size_fits(m, i.height, i.width, h5_path(r->file)));
    TRY(upload_frames(r, &i));
    TRY(upload_dates(r, &i));
    TRY(h5_exists(r->file, "/input/target", &target));
    if (target && !model_head(m)) TRY(upload_target(r, &i, model_classes(m)));
done:
    images_free(&i);
    return rc;
}
