/* INSTANCE_ANNOTATIONS/{INSTANCES,HEATMAP,ZONES}_ID.npy of a folder: which of them say something else than would be made
 * of parcels and labels (data/instances.h), and what that is.
 *
 * A file is as made where all values agree: heat maps to 1e-6; instances as sets of pixels, numbered in the order of
 * their ids; zones by these numbers. Heat map and zones are compared with what would be made of the patch's instances:
 * of INSTANCES_ID.npy where it is there. Without it, zones count as it would be made: 1, 2, ... by parcel id. */
#ifndef FURROW_DATA_TOOLS_PACK_PASTIS_TARGETS_H
#define FURROW_DATA_TOOLS_PACK_PASTIS_TARGETS_H

#include "data-tools/pack_pastis_source.h"

typedef struct pastis_targets {
    enum patch_origin origin[PATCH_TARGETS];
    void *own[PATCH_TARGETS]; /* H x W as a pack has it (patch_pack.h), NULL: not the patch's own */
} pastis_targets;

/* The files of one patch; parcels as pastis_parcels_read gives them, labels NULL where there are none. What is wrong
 * becomes the patch's problem, and *out is as if there were no files. */
int pastis_targets_read(pastis_source *s, pastis_patch *p, const uint8_t *labels, const int32_t *parcels,
                        pastis_targets *out);
void pastis_targets_free(pastis_targets *t);

/* Sets the origins of all patches that are not bad, and says which have their own. Reads all annotations of patches that
 * have such files, so that a pack needs no room for what is as made. INTERRUPTED. */
int pastis_targets_survey(pastis_source *s);

#endif
