/* `furrow instances`: instance ids, centre heat maps and zones of a folder's patches, in PASTIS's files. */
#ifndef FURROW_DATA_TOOLS_INSTANCES_PASTIS_H
#define FURROW_DATA_TOOLS_INSTANCES_PASTIS_H

#include <stdbool.h>
#include <stddef.h>

typedef struct instances_pastis_options {
    const char *without; /* "12,15": parcels left out as if they were background; NULL: none */
    bool force;          /* files that are there are made again */
} instances_pastis_options;

typedef struct instances_pastis_result {
    size_t patches, made, present; /* present: had all their files, which were not looked into */
    size_t instances;              /* parcels of the patches made that count */
    size_t background, without;    /* left out for their label; as asked for */
    size_t unlabelled;             /* patches made without labels: every parcel counts */
    size_t compared;               /* heat maps that were there, as they are made here */
    double difference;             /* the largest of a value in them */
} instances_pastis_result;

/* Reads ANNOTATIONS/ParcelIDs_ID.npy (H x W, or the first of several such planes; 0: no parcel) and, where it is there,
 * ANNOTATIONS/TARGET_ID.npy (likewise; 0: background), for every ID; writes into INSTANCE_ANNOTATIONS
 *   INSTANCES_ID.npy   int32 H x W    HEATMAP_ID.npy   float64 H x W    ZONES_ID.npy   int32 H x W
 * as in data/instances.h. Each file appears whole or not at all.
 *
 * What is there is not overwritten, but by force: a patch that has three arrays of its size is left alone, so that the
 * same call goes on where an interrupted one stopped. Where some are there, or `without` is given, they are compared
 * with what is made (heat maps to 1e-6) and kept if they are the same; else nothing of that patch is written, and the
 * message names the parcels of which the heat map has no peak. A file that is no such array is made again, with a
 * warning.
 *
 * FAILED with all that is wrong, patch by patch, after the others were made; USAGE for a wrong `without`; INTERRUPTED;
 * warnings go to the log. result may be NULL. */
int instances_pastis(const char *folder, const instances_pastis_options *options, instances_pastis_result *result);

#endif
