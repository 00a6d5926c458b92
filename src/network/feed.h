/* Batches on the device: reads them ahead (the loader's thread), uploads the next while the device works on this one,
 * draws pixels, normalises and jitters there. One feed serves a whole run, a pass at a time. */
#ifndef FURROW_NETWORK_FEED_H
#define FURROW_NETWORK_FEED_H

#include "data/pixelset.h"
#include "network/batch.h"

typedef struct feed feed;

typedef struct feed_options {
    pixelset *set;
    int npixel;
    bool jitter;         /* in training passes */
    bool date_positions; /* positions are days; else 1, 2, ... in each series */
    uint64_t seed;       /* of the draws; evaluation depends on (seed, parcel id) alone */
} feed_options;

typedef struct feed_pass {
    const uint32_t *order; /* indices into the set; copied */
    int count, batch_size;
    bool training;  /* jitter, and no batch of a single parcel: a remainder of 1 joins the batch before */
    uint64_t epoch; /* training: which draws; evaluation: 0 */
} feed_pass;

int feed_new(device *d, feed_options options, feed **out);
void feed_free(feed *f); /* NULL is fine */

int feed_begin(feed *f, feed_pass pass);
int feed_next(feed *f, batch *out);
void feed_end(feed *f); /* also early */

int feed_batches(const feed_pass *pass); /* how many batches a pass has */

#endif
