/* What patches are to be learnt from: classes, parcel ids, folds. */
#ifndef FURROW_DATA_TOOLS_GEOTIFF_TARGETS_H
#define FURROW_DATA_TOOLS_GEOTIFF_TARGETS_H

#include "data-tools/geotiff_map.h"

typedef struct geotiff_targets {
    const geotiff_parcels *parcels;
    int across, down, size, folds; /* patches; pixels of a side */
    int block;                     /* patches of a side that share a fold */
    int labels, classes;           /* classes: labels, background and void */
    int32_t *label;                /* [labels] as in the register (or numbers of its texts), rising */
    uint8_t *class_of;             /* [parcels] 1 .. labels, or labels + 1: void */
    uint8_t *home;                 /* [parcels] the fold in which it counts */
    size_t several;                /* parcels that lie in several folds */
    bool own_ids;                  /* ids are whole numbers: they stand for themselves */
    int32_t *mark;                 /* [parcels] the last patch it was seen in */
    int32_t patch;
} geotiff_targets;

/* FAILED where there are more labels than classes fit a byte. */
int geotiff_targets_new(const geotiff_parcels *p, const geotiff_map *map, int across, int down, int size, int folds,
                        geotiff_targets *out);
void geotiff_targets_free(geotiff_targets *t);

/* From 0. Blocks of patches, in the pattern of a knight's move: neighbours are of other folds. */
int geotiff_targets_fold(const geotiff_targets *t, int column, int row);

typedef struct geotiff_painted {
    int parcels;
    double cover; /* share of pixels that are some parcel's */
} geotiff_painted;

/* Of a patch [size][size], whose pixels `owner` gives to parcels (-1: none). */
void geotiff_targets_paint(geotiff_targets *t, const int32_t *owner, int fold, uint8_t *classes, int32_t *ids,
                           geotiff_painted *out);

/* label_names.json and, where ids are no whole numbers, parcels.csv. */
int geotiff_targets_write(const geotiff_targets *t, const char *folder);

#endif
