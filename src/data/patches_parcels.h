/* The parcels of a batch of patches, as panoptic training wants them (struct parcel_maps of patches.h). */
#ifndef FURROW_DATA_PATCHES_PARCELS_H
#define FURROW_DATA_PATCHES_PARCELS_H

#include "data/patches_internal.h"

/* Room for the maps of some patches, and their parcels so far. */
typedef struct parcel_room {
    float *heatmap;
    int32_t *instance, *zone, *label, *first;
    int32_t *ids; /* of the patch being read, as stored */
    float *heat;
    parcel_fact *fact;
    size_t fact_capacity;
} parcel_room;

int parcel_room_new(const patches *s, size_t length, parcel_room *out);
void parcel_room_free(parcel_room *r);

/* Patch i of the batch, which is turned as load_frames takes it; labels [height x width] as stored. Those before it are
 * there already. FAILED: the patch has no parcels, or they are damaged. */
int parcels_read(patches *s, int sample, int turn, const uint8_t *labels, int i, parcel_room *r);

parcel_maps parcel_room_maps(const parcel_room *r);

#endif
