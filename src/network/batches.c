#include "network/batches.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"
#include "network/feed.h"
#include "network/patch_feed.h"

struct batches {
    const sample_set *set;
    uint64_t seed;
    bool head;     /* the network wants to know the true parcels */
    feed *parcels; /* one of the two */
    patch_feed *images;
    float *mean; /* of the pass's patches, std behind it */
};

int batches_new(device *d, const sample_set *s, const run_config *c, bool positions_are_dates, batches **out)
{
    int rc = OK;
    batches *b = memory_new(1, sizeof *b);
    if (!b) return FAILED;
    *b = (batches){.set = s, .seed = (uint64_t)c->train.rdm_seed, .head = c->head};
    if (s->images) {
        TRY(patch_feed_new(d, s->images, &b->images));
    } else {
        const feed_options options = {.set = s->parcels,
                                      .npixel = c->parcels.npixel,
                                      .jitter = c->parcels.jitter,
                                      .date_positions = positions_are_dates,
                                      .seed = b->seed};
        TRY(feed_new(d, options, &b->parcels));
    }
    *out = b;
    b = NULL;
done:
    batches_free(b);
    return rc;
}

void batches_free(batches *b)
{
    if (!b) return;
    feed_free(b->parcels);
    patch_feed_free(b->images);
    free(b->mean);
    free(b);
}

static patch_feed_pass image_pass(const batches *b, const batches_pass *p)
{
    return (patch_feed_pass){
        .order = p->order,
        .count = p->count,
        .batch_size = p->batch_size,
        .training = p->training,
        .labels = p->labels,
        .parcels = p->labels && b->head && patches_have_parcels(b->set->images),
        .seed = b->seed,
        .epoch = p->epoch,
    };
}

static feed_pass parcel_pass(const batches_pass *p)
{
    return (feed_pass){p->order, p->count, p->batch_size, p->training, p->epoch};
}

/* The published loaders normalise by the folds that are loaded: a pass's own. */
static int images_begin(batches *b, const batches_pass *p)
{
    float *std = NULL;
    free(b->mean);
    b->mean = NULL;
    int rc = patches_normalisation(b->set->images, p->order, p->count, &b->mean, &std);
    if (rc) return rc;
    patch_feed_pass pass = image_pass(b, p);
    pass.mean = b->mean;
    pass.std = std;
    return patch_feed_begin(b->images, pass);
}

int batches_begin(batches *b, batches_pass p)
{
    return b->images ? images_begin(b, &p) : feed_begin(b->parcels, parcel_pass(&p));
}

int batches_next(batches *b, batch *out)
{
    patch_feed_batch p;
    if (b->parcels) return feed_next(b->parcels, out);
    int rc = patch_feed_next(b->images, &p);
    *out = (batch){0};
    if (rc || !p.patches) return rc;
    *out = (batch){
        .samples = p.patches,
        .frames = p.frames,
        .longest = p.longest,
        .rows = p.patches * p.height * p.width,
        .x = p.x,
        .offsets = p.offsets,
        .positions = p.positions,
        .target = p.target,
        .parcels = p.truth,
        .maps = p.maps,
        .heatmap = p.heatmap,
        .instances = p.instances,
        .sample = p.sample,
        .days = p.days,
    };
    return OK;
}

void batches_end(batches *b)
{
    if (b->parcels) feed_end(b->parcels);
    if (b->images) patch_feed_end(b->images);
}

int batches_count(const batches *b, const batches_pass *p)
{
    const patch_feed_pass images = image_pass(b, p);
    const feed_pass parcels = parcel_pass(p);
    return b->images ? patch_feed_batches(&images) : feed_batches(&parcels);
}
