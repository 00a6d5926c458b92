/* Batches of patches, read ahead on a thread. Three slots: the one that the caller looks at, and two being read. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "data/ahead.h"
#include "data/patches_parcels.h"

enum { SLOTS = 3, HELD = 1 };

typedef struct slot { /* a batch and the memory behind it */
    patch_batch batch;
    unsigned char *raw;
    uint8_t *labels;
    int32_t *offsets, *frame_patch, *days, *turn;
    uint32_t *sample;
    parcel_room parcels; /* where the pass wants them */
    parcel_maps maps;
} slot;

struct patch_loader {
    patches *set;
    patch_pass pass;
    uint32_t *order;
    int batches;
    int *date; /* [dates of the longest series] of the patch being read */
    slot slots[SLOTS];
    ahead *reader;
};

/* ---- a batch ----------------------------------------------------------------------------------------------------- */

static int batch_length(const patch_loader *l, int index)
{
    int rest = l->pass.count - index * l->pass.batch_size;
    return rest < l->pass.batch_size ? rest : l->pass.batch_size;
}

/* Patch i of the batch: its frames behind those that are there. */
static int patch_fill(patch_loader *l, slot *w, int i, int sample)
{
    const size_t plane = (size_t)patches_height(l->set) * (size_t)patches_width(l->set);
    const int first = w->offsets[i], dates = patch_dates_draw(l->set, sample, &l->pass, l->date);
    for (int t = 0; t < dates; t++) {
        w->frame_patch[first + t] = i;
        w->days[first + t] = patch_position(l->set, sample, l->date[t]);
    }
    w->offsets[i + 1] = first + dates;
    w->turn[i] = patch_turn_draw(l->set, sample, &l->pass);
    int rc = patch_frames_read(l->set, sample, l->date, dates, w->raw + (size_t)first * patch_frame_bytes(l->set));
    if (!rc && l->pass.labels) rc = patch_labels_read(l->set, sample, w->labels + (size_t)i * plane);
    if (!rc && l->pass.parcels)
        rc = parcels_read(l->set, sample, w->turn[i], w->labels + (size_t)i * plane, i, &w->parcels);
    return rc;
}

static int fill(void *user, const ahead *reader, int index, int place)
{
    patch_loader *l = user;
    slot *w = &l->slots[place];
    int rc = OK, length = batch_length(l, index), longest = 0;
    const uint32_t *order = l->order + (size_t)index * (size_t)l->pass.batch_size;
    for (int i = 0; i < length; i++) {
        TRY(ahead_wanted(reader));
        w->sample[i] = order[i];
        TRY(patch_fill(l, w, i, (int)order[i]));
        const int dates = w->offsets[i + 1] - w->offsets[i];
        if (dates > longest) longest = dates;
    }
    w->maps = parcel_room_maps(&w->parcels);
    w->batch = (patch_batch){
        .patches = length,
        .frames = w->offsets[length],
        .longest = longest,
        .raw = w->raw,
        .raw_bytes = (size_t)w->offsets[length] * patch_frame_bytes(l->set),
        .raw_type = l->set->about->type,
        .offsets = w->offsets,
        .frame_patch = w->frame_patch,
        .days = w->days,
        .labels = l->pass.labels ? w->labels : NULL,
        .turn = w->turn,
        .sample = w->sample,
        .parcels = l->pass.parcels ? &w->maps : NULL,
    };
done:
    return rc;
}

/* ---- starting ---------------------------------------------------------------------------------------------------- */

/* The most frames of any batch, and the most usable dates of any patch. */
static int sizes_find(const patch_loader *l, size_t *frames, int *dates)
{
    *frames = 0;
    *dates = 0;
    for (int b = 0; b < l->batches; b++) {
        size_t batch_frames = 0, bytes;
        for (int i = b * l->pass.batch_size; i < b * l->pass.batch_size + batch_length(l, b); i++) {
            const int sample = (int)l->order[i];
            if (sample >= l->set->count) panic("sample %d of %d", sample, l->set->count);
            batch_frames += (size_t)patches_dates(l->set, sample);
            if (l->set->dates[sample] > *dates) *dates = l->set->dates[sample];
        }
        if (!size_multiply(batch_frames, patch_frame_bytes(l->set), &bytes) || batch_frames > INT32_MAX)
            return fail(FAILED, "a batch of %d patches is too large: choose a smaller batch_size", l->pass.batch_size);
        if (batch_frames > *frames) *frames = batch_frames;
    }
    return OK;
}

static int slot_new(const patch_loader *l, slot *w, size_t length, size_t frames)
{
    int rc = OK;
    const size_t plane = (size_t)patches_height(l->set) * (size_t)patches_width(l->set);
    TRY_NEW(w->raw = memory_new(frames, patch_frame_bytes(l->set)));
    if (l->pass.labels) TRY_NEW(w->labels = memory_new(length, plane));
    if (l->pass.parcels) TRY(parcel_room_new(l->set, length, &w->parcels));
    TRY_NEW(w->offsets = memory_new(length + 1, sizeof *w->offsets));
    TRY_NEW(w->frame_patch = memory_new(frames, sizeof *w->frame_patch));
    TRY_NEW(w->days = memory_new(frames, sizeof *w->days));
    TRY_NEW(w->turn = memory_new(length, sizeof *w->turn));
    TRY_NEW(w->sample = memory_new(length, sizeof *w->sample));
done:
    return rc;
}

static void slot_release(slot *w)
{
    free(w->raw);
    free(w->labels);
    free(w->offsets);
    free(w->frame_patch);
    free(w->days);
    free(w->turn);
    free(w->sample);
    parcel_room_free(&w->parcels);
}

static int prepare(patch_loader *l)
{
    int rc = OK, dates;
    size_t frames, count = (size_t)l->pass.count;
    const size_t length = l->pass.count < l->pass.batch_size ? count : (size_t)l->pass.batch_size;
    TRY_NEW(l->order = memory_new(count, sizeof *l->order));
    if (count) memcpy(l->order, l->pass.order, count * sizeof *l->order);
    l->pass.order = l->order;
    TRY(sizes_find(l, &frames, &dates));
    TRY_NEW(l->date = memory_new((size_t)dates, sizeof *l->date));
    for (int i = 0; i < SLOTS && i < l->batches; i++) TRY(slot_new(l, &l->slots[i], length, frames));
done:
    return rc;
}

int patch_loader_start(patches *s, const patch_pass *pass, patch_loader **out)
{
    int rc = OK;
    if (pass->batch_size < 1) panic("a batch of %d", pass->batch_size);
    patch_loader *l = memory_new(1, sizeof *l);
    if (!l) return FAILED;
    l->set = s;
    l->pass = *pass;
    l->batches = pass->count / pass->batch_size + (pass->count % pass->batch_size != 0);
    TRY(prepare(l));
    TRY(ahead_start((ahead_plan){l->batches, SLOTS, HELD, fill, l}, &l->reader));
    *out = l;
    l = NULL;
done:
    patch_loader_stop(l);
    return rc;
}

/* ---- the caller's side ------------------------------------------------------------------------------------------- */

int patch_loader_next(patch_loader *l, const patch_batch **out)
{
    int place, rc = ahead_next(l->reader, &place);
    *out = place < 0 ? NULL : &l->slots[place].batch;
    return rc;
}

void patch_loader_stop(patch_loader *l)
{
    if (!l) return;
    ahead_stop(l->reader);
    for (int i = 0; i < SLOTS; i++) slot_release(&l->slots[i]);
    free(l->order);
    free(l->date);
    free(l);
}
