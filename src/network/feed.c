#include "network/feed.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/random.h"
#include "op/op.h"

enum { SLOTS = 2, PARTS = 6 };

/* What a batch says beside its pixels, in one upload: the parts follow each other at aligned places. */
enum part { PART_PARCELS, PART_FRAME_PARCEL, PART_OFFSETS, PART_POSITIONS, PART_TARGET, PART_EXTRA };

typedef struct slot {
    buffer *raw, *small;
    size_t raw_bytes;
    buffer *view[PARTS];    /* of `small` */
    unsigned char *staging; /* what `small` is uploaded from */
    ticket *raw_ticket, *small_ticket;
    int parcels, frames; /* of the batch; parcels 0: nothing under way */
    enum pixel_type type;
    uint32_t *sample; /* [parcels] */
    int32_t *days;    /* [frames] */
} slot;

/* A stretch of the order that the loader cuts into pieces of one size. */
typedef struct stretch {
    int count, batch_size;
} stretch;

struct feed {
    device *device;
    feed_options options;
    int bands, features, longest, first_position;
    bool norm_per_date;
    buffer *mean, *std;
    slot slots[SLOTS];
    int next_slot;
    size_t start[PARTS], small_bytes; /* layout of the small upload */
    int parcel_capacity;
    buffer *x, *mask;
    size_t x_bytes, mask_bytes;
    /* the pass */
    feed_pass pass;
    uint32_t *order;
    stretch stretches[2];
    int stretch_count, stretch_at, order_at;
    loader *loader;
};

/* ---- life ------------------------------------------------------------------------------------------------------- */

static int upload_normalisation(feed *f)
{
    int rc = OK, rows = 0;
    const float *mean = NULL, *std = NULL;
    TRY(pixelset_normalisation(f->options.set, &rows, &mean, &std));
    size_t bytes = (size_t)rows * (size_t)f->bands * sizeof(float);
    f->norm_per_date = rows > 1;
    TRY(buffer_new(f->device, bytes, &f->mean));
    TRY(buffer_new(f->device, bytes, &f->std));
    TRY(buffer_write(f->mean, 0, mean, bytes));
    TRY(buffer_write(f->std, 0, std, bytes));
done:
    return rc;
}

int feed_new(device *d, feed_options options, feed **out)
{
    feed *f = memory_new(1, sizeof *f);
    if (!f) return FAILED;
    f->device = d;
    f->options = options;
    f->bands = pixelset_bands(options.set);
    f->features = pixelset_extra(options.set);
    f->longest = pixelset_longest(options.set);
    f->first_position = pixelset_first_position(options.set);
    int rc = upload_normalisation(f);
    if (rc) {
        feed_free(f);
        return rc;
    }
    *out = f;
    return OK;
}

static void slot_release(slot *s)
{
    for (int i = 0; i < PARTS; i++) {
        buffer_free(s->view[i]);
        s->view[i] = NULL;
    }
    buffer_free(s->small);
    free(s->staging);
    free(s->sample);
    free(s->days);
    s->small = NULL;
    s->staging = NULL;
    s->sample = NULL;
    s->days = NULL;
}

void feed_free(feed *f)
{
    if (!f) return;
    feed_end(f);
    for (int i = 0; i < SLOTS; i++) {
        slot_release(&f->slots[i]);
        buffer_free(f->slots[i].raw);
    }
    buffer_free(f->mean);
    buffer_free(f->std);
    buffer_free(f->x);
    buffer_free(f->mask);
    free(f);
}

/* ---- room ------------------------------------------------------------------------------------------------------- */

static int slot_reserve(feed *f, slot *s, int parcels)
{
    int rc = OK;
    slot_release(s);
    TRY_NEW(s->staging = memory_new(f->small_bytes, 1));
    TRY_NEW(s->sample = memory_new((size_t)parcels, sizeof *s->sample));
    TRY_NEW(s->days = memory_new((size_t)parcels * (size_t)f->longest, sizeof *s->days));
    TRY(buffer_new(f->device, f->small_bytes, &s->small));
    for (int i = 0; i < PARTS; i++) {
        size_t end = i + 1 < PARTS ? f->start[i + 1] : f->small_bytes;
        TRY(buffer_view(s->small, f->start[i], end - f->start[i], &s->view[i]));
    }
done:
    return rc;
}

/* Room for batches of `parcels` parcels, each with the longest series of the set. */
static int reserve(feed *f, int parcels)
{
    int rc = OK;
    if (parcels <= f->parcel_capacity) return OK;
    size_t unit = device_about(f->device)->base_alignment, at = 0;
    if (unit < 64) unit = 64;
    size_t p = (size_t)parcels, frames = p * (size_t)f->longest;
    const size_t bytes[PARTS] = {[PART_PARCELS] = p * sizeof(sample_parcel),
                                 [PART_FRAME_PARCEL] = frames * 4,
                                 [PART_OFFSETS] = (p + 1) * 4,
                                 [PART_POSITIONS] = frames * 4,
                                 [PART_TARGET] = p * 4,
                                 [PART_EXTRA] = (frames * (size_t)f->features + 1) * 4};
    for (int i = 0; i < PARTS; i++) {
        f->start[i] = at;
        at += (bytes[i] + unit - 1) / unit * unit;
    }
    f->small_bytes = at;
    f->parcel_capacity = 0;
    for (int i = 0; i < SLOTS; i++) TRY(slot_reserve(f, &f->slots[i], parcels));
    f->parcel_capacity = parcels;
done:
    return rc;
}

/* Grows *b to `bytes`; what it held is lost. Kernels that are queued keep the old one alive. */
static int grow(device *d, buffer **b, size_t *capacity, size_t bytes)
{
    if (*b && bytes <= *capacity) return OK;
    buffer_free(*b);
    *b = NULL;
    *capacity = 0;
    int rc = buffer_new(d, bytes, b);
    if (!rc) *capacity = bytes;
    return rc;
}

/* ---- uploads ---------------------------------------------------------------------------------------------------- */

/* The Philox key of a parcel's draws: of (seed, epoch, id), so that neither the pack's order nor its company counts. */
static random_key parcel_key(const feed *f, uint32_t sample)
{
    const char *id = pixelset_id(f->options.set, (int)sample);
    uint64_t epoch = f->pass.training ? f->pass.epoch : 0;
    return random_stream(f->options.seed, RANDOM_PIXELS, hash_bytes(hash_text(HASH_START, id), &epoch, sizeof epoch));
}

static void fill_parcels(const feed *f, const parcel_batch *b, sample_parcel *out)
{
    for (int i = 0; i < b->parcels; i++) {
        random_key key = parcel_key(f, b->sample[i]);
        out[i] = (sample_parcel){
            .raw_start = b->raw_start[i],
            .pixels = (uint32_t)b->pixels[i],
            .dates = (uint32_t)b->dates[i],
            .first_frame = (uint32_t)b->offsets[i],
            .norm_row = 0,
            .stream = {key.word[0], key.word[1]},
        };
    }
}

static void fill_positions(const feed *f, const parcel_batch *b, int32_t *out)
{
    for (int i = 0; i < b->parcels; i++)
        for (int32_t k = b->offsets[i]; k < b->offsets[i + 1]; k++)
            out[k] = f->options.date_positions ? b->days[k] - f->first_position : k - b->offsets[i];
}

static void fill_staging(const feed *f, slot *s, const parcel_batch *b)
{
    size_t frames = (size_t)b->frames, parcels = (size_t)b->parcels;
    unsigned char *base = s->staging;
    fill_parcels(f, b, (sample_parcel *)(void *)(base + f->start[PART_PARCELS]));
    memcpy(base + f->start[PART_FRAME_PARCEL], b->frame_parcel, frames * 4);
    memcpy(base + f->start[PART_OFFSETS], b->offsets, (parcels + 1) * 4);
    fill_positions(f, b, (int32_t *)(void *)(base + f->start[PART_POSITIONS]));
    memcpy(base + f->start[PART_TARGET], b->target, parcels * 4);
    if (f->features) memcpy(base + f->start[PART_EXTRA], b->extra, frames * (size_t)f->features * 4);
}

static int slot_wait(slot *s)
{
    int rc = OK, other = OK;
    if (s->raw_ticket) rc = ticket_wait(s->raw_ticket);
    if (s->small_ticket) other = ticket_wait(s->small_ticket);
    s->raw_ticket = s->small_ticket = NULL;
    return rc ? rc : other;
}

/* The next piece of the order, from the second stretch when the first is through; *out NULL at the end. */
static int next_piece(feed *f, const parcel_batch **out)
{
    int rc = OK;
    *out = NULL;
    for (;;) {
        if (!f->loader) {
            if (f->stretch_at == f->stretch_count) return OK;
            stretch s = f->stretches[f->stretch_at++];
            TRY(loader_start(f->options.set, f->order + f->order_at, s.count, s.batch_size, &f->loader));
            f->order_at += s.count;
        }
        TRY(loader_next(f->loader, out));
        if (*out) return OK;
        /* Uploads read the loader's memory. */
        for (int i = 0; i < SLOTS; i++) TRY(slot_wait(&f->slots[i]));
        loader_stop(f->loader);
        f->loader = NULL;
    }
done:
    return rc;
}

/* Fetches the next batch into the free slot and starts its upload. */
static int stage(feed *f)
{
    int rc = OK;
    slot *s = &f->slots[f->next_slot];
    s->parcels = 0;
    const parcel_batch *b = NULL;
    TRY(next_piece(f, &b));
    if (!b) goto done;
    if (b->parcels > f->parcel_capacity || b->frames > f->parcel_capacity * f->longest)
        panic("a batch of %d parcels and %d frames, room for %d parcels", b->parcels, b->frames, f->parcel_capacity);
    fill_staging(f, s, b);
    TRY(grow(f->device, &s->raw, &s->raw_bytes, b->raw_bytes));
    if (b->raw_bytes) TRY(buffer_write_later(s->raw, 0, b->raw, b->raw_bytes, &s->raw_ticket));
    TRY(buffer_write_later(s->small, 0, s->staging, f->small_bytes, &s->small_ticket));
    s->frames = b->frames;
    s->type = b->raw_type;
    memcpy(s->sample, b->sample, (size_t)b->parcels * sizeof *s->sample);
    memcpy(s->days, b->days, (size_t)b->frames * sizeof *s->days);
    s->parcels = b->parcels;
done:
    return rc;
}

/* ---- a pass ----------------------------------------------------------------------------------------------------- */

/* One stretch, or two where the last batch would be a single parcel, which batch norm cannot train on. */
static int cut(const feed_pass *p, stretch out[2])
{
    int remainder = p->count % p->batch_size;
    if (!p->training || remainder != 1 || p->count == 1) {
        out[0] = (stretch){p->count, p->batch_size};
        return p->count > 0;
    }
    int used = 0, tail = p->batch_size + 1;
    if (p->count > tail) out[used++] = (stretch){p->count - tail, p->batch_size};
    out[used++] = (stretch){tail, tail};
    return used;
}

int feed_batches(const feed_pass *pass)
{
    stretch s[2];
    int batches = 0, count = cut(pass, s);
    for (int i = 0; i < count; i++) batches += (s[i].count + s[i].batch_size - 1) / s[i].batch_size;
    return batches;
}

int feed_begin(feed *f, feed_pass pass)
{
    int rc = OK;
    feed_end(f);
    if (pass.training && pass.count < 2)
        return fail(FAILED, "training needs 2 parcels or more, there are %d", pass.count);
    f->pass = pass;
    TRY_NEW(f->order = memory_new((size_t)pass.count, sizeof *f->order));
    if (pass.count) memcpy(f->order, pass.order, (size_t)pass.count * sizeof *f->order);
    f->stretch_count = cut(&pass, f->stretches);
    f->stretch_at = f->order_at = 0;
    TRY(reserve(f, pass.count <= pass.batch_size ? pass.count : pass.batch_size + 1));
    TRY(stage(f));
done:
    return rc;
}

static int sample(feed *f, slot *s)
{
    size_t pixels = (size_t)s->frames * (size_t)f->options.npixel;
    int rc = OK;
    TRY(grow(f->device, &f->x, &f->x_bytes, pixels * (size_t)f->bands * sizeof(float)));
    TRY(grow(f->device, &f->mask, &f->mask_bytes, pixels * sizeof(float)));
    bool jitter = f->options.jitter && f->pass.training;
    static const enum raw_type types[] = {
        [PIXEL_U8] = RAW_U8, [PIXEL_I16] = RAW_I16, [PIXEL_U16] = RAW_U16, [PIXEL_F32] = RAW_F32};
    sample_options o = {
        .type = types[s->type],
        .bands = f->bands,
        .npixel = f->options.npixel,
        .norm_per_date = f->norm_per_date,
        .jitter_sigma = jitter ? 0.01f : 0, /* the published dataset.py */
        .jitter_clip = 0.05f,
    };
    TRY(sample_pixels(f->device, s->raw, s->view[PART_PARCELS], s->parcels, s->view[PART_FRAME_PARCEL], s->frames,
                      f->mean, f->std, o, f->x, f->mask));
done:
    return rc;
}

int feed_next(feed *f, batch *out)
{
    int rc = OK;
    *out = (batch){0};
    slot *s = &f->slots[f->next_slot];
    if (!s->parcels) return OK;
    TRY(slot_wait(s));
    f->next_slot = (f->next_slot + 1) % SLOTS;
    TRY(stage(f)); /* its upload is queued before this batch's kernels */
    TRY(sample(f, s));
    *out = (batch){
        .samples = s->parcels,
        .rows = s->parcels,
        .frames = s->frames,
        .x = f->x,
        .mask = f->mask,
        .extra = f->features ? s->view[PART_EXTRA] : NULL,
        .offsets = s->view[PART_OFFSETS],
        .positions = s->view[PART_POSITIONS],
        .target = s->view[PART_TARGET],
        .sample = s->sample,
        .days = s->days,
    };
done:
    return rc;
}

void feed_end(feed *f)
{
    for (int i = 0; i < SLOTS; i++) {
        (void)slot_wait(&f->slots[i]); /* the pass is over: nobody reads what these uploads brought */
        f->slots[i].parcels = 0;
    }
    loader_stop(f->loader);
    f->loader = NULL;
    free(f->order);
    f->order = NULL;
    f->next_slot = 0;
}
