/* One patch's images, in the types of the pack. What is wrong with them becomes the patch's problem, and *out NULL. */
#ifndef FURROW_DATA_TOOLS_PACK_PASTIS_IMAGES_H
#define FURROW_DATA_TOOLS_PACK_PASTIS_IMAGES_H

#include "data-tools/pack_pastis_source.h"

/* dates x C x H x W of the satellite's type; freed with free(). Every value is finite. */
int pastis_frames_read(pastis_source *s, pastis_patch *p, int satellite, void **out);
int pastis_labels_read(pastis_source *s, pastis_patch *p, uint8_t **out);  /* H x W */
int pastis_parcels_read(pastis_source *s, pastis_patch *p, int32_t **out); /* H x W */

#endif
