/* The three files of a patch that `furrow instances` makes: what is there already, is it the same, writing. */
#ifndef FURROW_DATA_TOOLS_INSTANCES_FILES_H
#define FURROW_DATA_TOOLS_INSTANCES_FILES_H

#include <stdbool.h>

#include "data/instances.h"
#include "format/number.h"

enum { INSTANCES_FILES = 3 }; /* INSTANCES_ID.npy, HEATMAP_ID.npy, ZONES_ID.npy */

typedef struct instances_files {
    int height, width;
    char *path[INSTANCES_FILES];
    bool present[INSTANCES_FILES]; /* an array of that size is there */
} instances_files;

/* Names the files and looks for them; what is there but no such array gets a warning and counts as absent. `force`:
 * nothing counts as present. Freed with instances_files_free, also after a failure. */
int instances_files_find(const char *folder, const char *id, int height, int width, bool force, instances_files *out);
void instances_files_free(instances_files *f);

bool instances_files_complete(const instances_files *f);

/* FAILED where a file that is present differs from `s`: instances and zones anywhere, the heat map by more than 1e-6.
 * *difference: the largest of the heat map; negative where none is present. */
int instances_files_compare(const instances_files *f, const instance_set *s, double *difference);

/* The largest difference of a heat map from that of `s`, NaN where a value is none; *worst: its pixel. Up to the
 * tolerance it is the same. */
#define INSTANCES_HEAT_TOLERANCE 1e-6
double instances_heat_difference(const instance_set *s, enum number_type type, const void *heat, size_t pixels,
                                 size_t *worst);

int instances_files_save(const instances_files *f, const instance_set *s); /* those that are not present */

#endif
