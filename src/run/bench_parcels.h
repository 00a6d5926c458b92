/* Parcels for measuring a head: a grid of equal squares, so many a patch, whose centres and sizes are known. */
#ifndef FURROW_RUN_BENCH_PARCELS_H
#define FURROW_RUN_BENCH_PARCELS_H

#include "network/network.h"

typedef struct bench_parcels {
    int32_t *zone, *first;
    paps_parcel *parcel;
    paps_truth truth;
    int side;                       /* pixels of a parcel's side */
    buffer *heatmap, *instance;     /* [patches x side x side], on the device */
    int32_t *instance_map, *chosen; /* [side x side] of a pseudo-NMS */
} bench_parcels;

/* `count` parcels in each of `patches` patches of side x side pixels. USAGE: they do not fit. */
int bench_parcels_new(device *d, int patches, int side, int count, int classes, bench_parcels *out);
void bench_parcels_free(bench_parcels *p);

/* Makes a network's head find them: a centre a parcel when evaluating too, all as large as they are. */
int bench_parcels_aim(const bench_parcels *p, network *w);

/* What predicting does after a forward pass: reads what was found, and the pseudo-NMS of each patch. */
int bench_parcels_settle(bench_parcels *p, const network *w);

#endif
