/* The batches of a run's data set on the device, a pass at a time: of parcels (feed.h) or of patches (patch_feed.h). */
#ifndef FURROW_NETWORK_BATCHES_H
#define FURROW_NETWORK_BATCHES_H

#include "network/samples.h"

typedef struct batches batches;

typedef struct batches_pass {
    const uint32_t *order; /* indices into the set; copied */
    int count, batch_size;
    bool training; /* draws: jitter, dates, turns */
    bool labels;   /* targets are wanted */
    uint64_t epoch;
} batches_pass;

/* `positions_are_dates`: the network's; seed: of the draws. */
int batches_new(device *d, const sample_set *s, const run_config *c, bool positions_are_dates, batches **out);
void batches_free(batches *b); /* NULL is fine */

int batches_begin(batches *b, batches_pass pass);
int batches_next(batches *b, batch *out);
void batches_end(batches *b);                                  /* also early */
int batches_count(const batches *b, const batches_pass *pass); /* how many a pass has */

#endif
