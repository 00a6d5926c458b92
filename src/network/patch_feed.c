#include "network/patch_feed.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"
#include "op/image.h"

typedef struct room { /* a buffer that grows */
    buffer *buffer;
    size_t bytes;
} room;

enum part { RAW, LABELS, X, TARGET, OFFSETS, POSITIONS, FRAME_PATCH, TURN, HEATMAP, INSTANCES, PARTS };

struct patch_feed {
    device *device;
    patches *set;
    buffer *mean, *std, *class_map;
    room part[PARTS];
    int32_t *position; /* [position_capacity] on their way */
    size_t position_capacity;
    paps_parcel *parcel; /* [parcel_capacity] of the batch */
    size_t parcel_capacity;
    paps_truth truth;
    /* the pass */
    bool labels;
    patch_loader *loader;
    ticket *raw_ticket, *labels_ticket, *heatmap_ticket, *instances_ticket; /* uploads of the loader's memory */
};

/* ---- life -------------------------------------------------------------------------------------------------------- */

int patch_feed_new(device *d, patches *set, patch_feed **out)
{
    int rc = OK;
    const size_t bytes = (size_t)patches_bands(set) * sizeof(float), map_bytes = 256 * sizeof(int32_t);
    patch_feed *f = memory_new(1, sizeof *f);
    if (!f) return FAILED;
    f->device = d;
    f->set = set;
    TRY(buffer_new(d, bytes, &f->mean));
    TRY(buffer_new(d, bytes, &f->std));
    TRY(buffer_new(d, map_bytes, &f->class_map));
    TRY(buffer_write(f->class_map, 0, patches_class_map(set), map_bytes));
    *out = f;
    f = NULL;
done:
    patch_feed_free(f);
    return rc;
}

void patch_feed_free(patch_feed *f)
{
    if (!f) return;
    patch_feed_end(f);
    for (int i = 0; i < PARTS; i++) buffer_free(f->part[i].buffer);
    buffer_free(f->mean);
    buffer_free(f->std);
    buffer_free(f->class_map);
    free(f->position);
    free(f->parcel);
    free(f);
}

/* ---- a batch ----------------------------------------------------------------------------------------------------- */

/* What the part held is lost where it grows. Kernels that are queued keep the old buffer alive. */
static int grow(patch_feed *f, enum part part, size_t bytes)
{
    room *r = &f->part[part];
    if (r->buffer && bytes <= r->bytes) return OK;
    buffer_free(r->buffer);
    *r = (room){0};
    int rc = buffer_new(f->device, bytes, &r->buffer);
    if (!rc) r->bytes = bytes;
    return rc;
}

/* Small uploads: copied aside, nothing waits. */
static int send(patch_feed *f, enum part part, const int32_t *values, int count)
{
    const size_t bytes = (size_t)count * sizeof *values;
    int rc = grow(f, part, bytes);
    return rc ? rc : buffer_write(f->part[part].buffer, 0, values, bytes);
}

static int send_later(patch_feed *f, enum part part, const void *values, size_t bytes, ticket **out)
{
    int rc = grow(f, part, bytes);
    return rc ? rc : buffer_write_later(f->part[part].buffer, 0, values, bytes, out);
}

static int uploads_wait(patch_feed *f)
{
    ticket **const all[] = {&f->raw_ticket, &f->labels_ticket, &f->heatmap_ticket, &f->instances_ticket};
    int rc = OK;
    for (int i = 0; i < 4; i++) {
        const int one = ticket_wait(*all[i]);
        *all[i] = NULL;
        if (!rc) rc = one;
    }
    return rc;
}

static int send_positions(patch_feed *f, const patch_batch *b)
{
    void *items = f->position;
    int rc = memory_grow(&items, &f->position_capacity, (size_t)b->frames, sizeof *f->position);
    f->position = items;
    if (rc) return rc;
    for (int i = 0; i < b->frames; i++) f->position[i] = b->days[i] - patches_first_position(f->set);
    return send(f, POSITIONS, f->position, b->frames);
}

static enum raw_type raw_type_of(enum number_type type)
{
    switch (type) {
    case NUMBER_U8: return RAW_U8;
    case NUMBER_I16: return RAW_I16;
    case NUMBER_U16: return RAW_U16;
    case NUMBER_F32: return RAW_F32;
    case NUMBER_F16: return RAW_F16;
    default: panic("a pack of %s", number_name(type));
    }
}

static int load_x(patch_feed *f, const patch_batch *b)
{
    int rc = OK;
    const frame_options o = {
        .type = raw_type_of(b->raw_type),
        .frames = b->frames,
        .bands = patches_bands(f->set),
        .height = patches_height(f->set),
        .width = patches_width(f->set),
    };
    const size_t values = b->raw_bytes / number_size(b->raw_type);
    TRY(send_later(f, RAW, b->raw, b->raw_bytes, &f->raw_ticket));
    TRY(send(f, FRAME_PATCH, b->frame_patch, b->frames));
    TRY(send(f, TURN, b->turn, b->patches));
    TRY(grow(f, X, values * sizeof(float)));
    TRY(load_frames(f->device, f->part[RAW].buffer, f->part[FRAME_PATCH].buffer, f->part[TURN].buffer, f->mean, f->std,
                    o, f->part[X].buffer));
done:
    return rc;
}

static int load_target(patch_feed *f, const patch_batch *b)
{
    int rc = OK;
    const int height = patches_height(f->set), width = patches_width(f->set);
    const size_t pixels = (size_t)b->patches * (size_t)height * (size_t)width;
    TRY(send_later(f, LABELS, b->labels, pixels, &f->labels_ticket));
    TRY(grow(f, TARGET, pixels * sizeof(int32_t)));
    TRY(load_labels(f->device, f->part[LABELS].buffer, f->part[TURN].buffer, f->class_map, b->patches, height, width,
                    f->part[TARGET].buffer));
done:
    return rc;
}

/* The parcels' maps, and what a head wants to know of each parcel. */
static int load_parcels(patch_feed *f, const patch_batch *b)
{
    int rc = OK;
    const parcel_maps *m = b->parcels;
    const size_t pixels = (size_t)b->patches * (size_t)patches_height(f->set) * (size_t)patches_width(f->set);
    const size_t count = (size_t)m->first[b->patches];
    TRY(send_later(f, HEATMAP, m->heatmap, pixels * sizeof(float), &f->heatmap_ticket));
    TRY(send_later(f, INSTANCES, m->instance, pixels * sizeof(int32_t), &f->instances_ticket));
    TRY(memory_grow((void **)&f->parcel, &f->parcel_capacity, count, sizeof *f->parcel));
    for (size_t i = 0; i < count; i++)
        f->parcel[i] = (paps_parcel){m->fact[i].height, m->fact[i].width, m->fact[i].class};
    f->truth = (paps_truth){m->zone, m->first, f->parcel};
done:
    return rc;
}

/* ---- a pass ------------------------------------------------------------------------------------------------------ */

int patch_feed_batches(const patch_feed_pass *pass)
{
    return pass->count / pass->batch_size + (pass->count % pass->batch_size != 0);
}

int patch_feed_begin(patch_feed *f, patch_feed_pass pass)
{
    int rc = OK;
    const size_t bytes = (size_t)patches_bands(f->set) * sizeof(float);
    const patch_pass reading = {.order = pass.order,
                                .count = pass.count,
                                .batch_size = pass.batch_size,
                                .training = pass.training,
                                .labels = pass.labels,
                                .parcels = pass.parcels,
                                .seed = pass.seed,
                                .epoch = pass.epoch};
    patch_feed_end(f);
    f->labels = pass.labels;
    TRY(buffer_write(f->mean, 0, pass.mean, bytes));
    TRY(buffer_write(f->std, 0, pass.std, bytes));
    TRY(patch_loader_start(f->set, &reading, &f->loader));
done:
    return rc;
}

int patch_feed_next(patch_feed *f, patch_feed_batch *out)
{
    int rc = OK;
    const patch_batch *b = NULL;
    *out = (patch_feed_batch){0};
    if (!f->loader) return OK;
    TRY(uploads_wait(f)); /* the loader takes back what they read */
    TRY(patch_loader_next(f->loader, &b));
    if (!b) goto done;
    TRY(load_x(f, b));
    if (f->labels) TRY(load_target(f, b));
    if (b->parcels) TRY(load_parcels(f, b));
    TRY(send(f, OFFSETS, b->offsets, b->patches + 1));
    TRY(send_positions(f, b));
    *out = (patch_feed_batch){
        .patches = b->patches,
        .frames = b->frames,
        .longest = b->longest,
        .height = patches_height(f->set),
        .width = patches_width(f->set),
        .x = f->part[X].buffer,
        .offsets = f->part[OFFSETS].buffer,
        .positions = f->part[POSITIONS].buffer,
        .target = f->labels ? f->part[TARGET].buffer : NULL,
        .heatmap = b->parcels ? f->part[HEATMAP].buffer : NULL,
        .instances = b->parcels ? f->part[INSTANCES].buffer : NULL,
        .maps = b->parcels,
        .truth = b->parcels ? &f->truth : NULL,
        .sample = b->sample,
        .days = b->days,
        .host_offsets = b->offsets,
        .turn = b->turn,
    };
done:
    return rc;
}

void patch_feed_end(patch_feed *f)
{
    (void)uploads_wait(f); /* the pass is over: nobody reads what these uploads brought */
    patch_loader_stop(f->loader);
    f->loader = NULL;
}
