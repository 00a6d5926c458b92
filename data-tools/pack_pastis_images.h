/* One patch's images, in the types of the pack. What is wrong with them becomes the patch's problem, and *out NULL. */
#ifndef FURROW_DATA_TOOLS_PACK_PASTIS_IMAGES_H
#define FURROW_DATA_TOOLS_PACK_PASTIS_IMAGES_H

#include "data-tools/pack_pastis_source.h"

/* dates x C x H x W of the satellite's type; freed with free(). Every value is finite. */
int pastis_frames_read(pastis_source *s, pastis_patch *p, int satellite, void **out);

/* H x W of files that are there; freed likewise. */
int pastis_labels_read(pastis_source *s, pastis_patch *p, uint8_t **out);
int pastis_parcels_read(pastis_source *s, pastis_patch *p, int32_t **out); /* ids, else instances */
/* Instances or zones: none is negative. */
int pastis_numbers_read(pastis_source *s, pastis_patch *p, enum patch_target target, int32_t **out);
int pastis_heat_read(pastis_source *s, pastis_patch *p, void **out); /* of the file's type, each of 0 to 1 */

#endif
