/* Parcel ids of another PASTIS folder, for synthetic images over real parcels. */
#ifndef FURROW_DATA_TOOLS_SYNTH_PARCELS_H
#define FURROW_DATA_TOOLS_SYNTH_PARCELS_H

#include <stddef.h>
#include <stdint.h>

typedef struct synth_parcels {
    char *folder; /* DIR/ANNOTATIONS */
    char **files; /* ParcelIDs_*.npy, sorted */
    size_t count;
    int side; /* of every patch: squares */
} synth_parcels;

/* FAILED: no such files, or one whose array is no square of integers, all of one size. */
int synth_parcels_open(const char *folder, synth_parcels *out);
void synth_parcels_free(synth_parcels *p);

/* ids [side x side] of patch i; 0: none. FAILED: damaged, or an id below 0 or over 2^31 - 1. */
int synth_parcels_read(const synth_parcels *p, size_t i, int32_t *ids);
/* The distinct ids over 0, sorted, in a new array, and how many. */
int synth_parcels_list(const int32_t *ids, size_t pixels, int32_t **out, size_t *count);

#endif
