/* Batches of parcels, read ahead on a thread. Four slots: two that the caller may still hold (the batch it got last and
 * the one before), and two being read. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "data/ahead.h"
#include "data/internal.h"

enum { SLOTS = 4, HELD = 2 };

typedef struct slot { /* a batch and the memory behind it */
    parcel_batch batch;
    unsigned char *raw;
    uint64_t *raw_start;
    int32_t *pixels, *dates, *offsets, *frame_parcel, *days, *target;
    uint32_t *sample;
    float *extra;
} slot;

struct loader {
    pixelset *set;
    uint32_t *order;
    int count, batch_size, batches;
    slot slots[SLOTS];
    ahead *reader;
};

/* ---- a batch ----------------------------------------------------------------------------------------------------- */

static enum pixel_type pixel_type_of(enum number_type type)
{
    switch (type) {
    case NUMBER_U8: return PIXEL_U8;
    case NUMBER_I16: return PIXEL_I16;
    case NUMBER_U16: return PIXEL_U16;
    case NUMBER_F32: return PIXEL_F32;
    default: panic("a pack of %s", number_name(type));
    }
}

static int batch_length(const loader *l, int index)
{
    int rest = l->count - index * l->batch_size;
    return rest < l->batch_size ? rest : l->batch_size;
}

/* The sample's dates: one frame each. */
static void fill_frames(const loader *l, slot *w, int parcel, int sample)
{
    int first = w->offsets[parcel], dates = w->dates[parcel];
    size_t extra = (size_t)l->set->extra;
    positions_of(l->set, sample, w->days + first);
    for (int t = first; t < first + dates; t++) {
        w->frame_parcel[t] = parcel;
        if (extra)
            memcpy(w->extra + (size_t)t * extra, l->set->features + (size_t)sample * extra, extra * sizeof *w->extra);
    }
}

static int fill(void *user, const ahead *reader, int index, int place)
{
    loader *l = user;
    slot *w = &l->slots[place];
    int rc = OK, parcels = batch_length(l, index);
    const uint32_t *order = l->order + (size_t)index * (size_t)l->batch_size;
    size_t value_bytes = number_size(pixelset_pack_type(l->set->pack)), bytes = 0;
    for (int i = 0; i < parcels; i++) {
        int sample = (int)order[i];
        TRY(ahead_wanted(reader));
        w->sample[i] = order[i];
        w->target[i] = pixelset_label(l->set, sample);
        w->pixels[i] = pixelset_pack_pixels(l->set->pack, l->set->parcel[sample]);
        w->dates[i] = pixelset_dates(l->set, sample);
        w->offsets[i + 1] = w->offsets[i] + w->dates[i];
        w->raw_start[i] = bytes / value_bytes;
        fill_frames(l, w, i, sample);
        TRY(pixels_read(l->set, sample, w->raw + bytes));
        bytes += pixels_bytes(l->set, sample);
    }
    w->batch = (parcel_batch){
        .parcels = parcels,
        .frames = w->offsets[parcels],
        .raw = w->raw,
        .raw_bytes = bytes,
        .raw_type = pixel_type_of(pixelset_pack_type(l->set->pack)),
        .raw_start = w->raw_start,
        .pixels = w->pixels,
        .dates = w->dates,
        .offsets = w->offsets,
        .frame_parcel = w->frame_parcel,
        .days = w->days,
        .extra = l->set->extra ? w->extra : NULL,
        .target = w->target,
        .sample = w->sample,
    };
done:
    return rc;
}

/* ---- starting ---------------------------------------------------------------------------------------------------- */

/* The most frames and pixel bytes of any batch. */
static int sizes_find(const loader *l, size_t *frames, size_t *bytes)
{
    *frames = *bytes = 0;
    for (int b = 0; b < l->batches; b++) {
        size_t batch_frames = 0, batch_bytes = 0;
        for (int i = b * l->batch_size; i < b * l->batch_size + batch_length(l, b); i++) {
            int sample = (int)l->order[i];
            if (sample >= l->set->count) panic("sample %d of %d", sample, l->set->count);
            batch_frames += (size_t)pixelset_dates(l->set, sample);
            if (!size_add(batch_bytes, pixels_bytes(l->set, sample), &batch_bytes) || batch_frames > INT32_MAX)
                return fail(FAILED, "a batch of %d parcels is too large: choose a smaller batch_size", l->batch_size);
        }
        if (batch_frames > *frames) *frames = batch_frames;
        if (batch_bytes > *bytes) *bytes = batch_bytes;
    }
    return OK;
}

static int slot_new(slot *w, size_t parcels, size_t frames, size_t bytes, size_t extra)
{
    int rc = OK;
    TRY_NEW(w->raw = memory_new(bytes, 1));
    TRY_NEW(w->raw_start = memory_new(parcels, sizeof *w->raw_start));
    TRY_NEW(w->pixels = memory_new(parcels, sizeof *w->pixels));
    TRY_NEW(w->dates = memory_new(parcels, sizeof *w->dates));
    TRY_NEW(w->offsets = memory_new(parcels + 1, sizeof *w->offsets));
    TRY_NEW(w->target = memory_new(parcels, sizeof *w->target));
    TRY_NEW(w->sample = memory_new(parcels, sizeof *w->sample));
    TRY_NEW(w->frame_parcel = memory_new(frames, sizeof *w->frame_parcel));
    TRY_NEW(w->days = memory_new(frames, sizeof *w->days));
    TRY_NEW(w->extra = memory_new(frames, (extra ? extra : 1) * sizeof *w->extra));
done:
    return rc;
}

static void slot_release(slot *w)
{
    free(w->raw);
    free(w->raw_start);
    free(w->pixels);
    free(w->dates);
    free(w->offsets);
    free(w->target);
    free(w->sample);
    free(w->frame_parcel);
    free(w->days);
    free(w->extra);
}

static int prepare(loader *l, const uint32_t *order)
{
    int rc = OK;
    size_t frames, bytes, count = (size_t)l->count;
    size_t parcels = l->count < l->batch_size ? count : (size_t)l->batch_size;
    TRY_NEW(l->order = memory_new(count, sizeof *l->order));
    if (count) memcpy(l->order, order, count * sizeof *l->order);
    TRY(sizes_find(l, &frames, &bytes));
    for (int i = 0; i < SLOTS && i < l->batches; i++)
        TRY(slot_new(&l->slots[i], parcels, frames, bytes, (size_t)l->set->extra));
done:
    return rc;
}

int loader_start(pixelset *s, const uint32_t *order, int count, int batch_size, loader **out)
{
    int rc = OK;
    if (batch_size < 1) panic("a batch of %d", batch_size);
    loader *l = memory_new(1, sizeof *l);
    if (!l) return FAILED;
    l->set = s;
    l->count = count;
    l->batch_size = batch_size;
    l->batches = count / batch_size + (count % batch_size != 0);
    TRY(prepare(l, order));
    TRY(ahead_start((ahead_plan){l->batches, SLOTS, HELD, fill, l}, &l->reader));
    *out = l;
    l = NULL;
done:
    loader_stop(l);
    return rc;
}

/* ---- the caller's side ------------------------------------------------------------------------------------------- */

int loader_next(loader *l, const parcel_batch **out)
{
    int place, rc = ahead_next(l->reader, &place);
    *out = place < 0 ? NULL : &l->slots[place].batch;
    return rc;
}

void loader_stop(loader *l)
{
    if (!l) return;
    ahead_stop(l->reader);
    for (int i = 0; i < SLOTS; i++) slot_release(&l->slots[i]);
    free(l->order);
    free(l);
}
