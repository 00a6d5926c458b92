/* The pixels of one parcel on their way from a .npy file into a pack. */
#ifndef FURROW_DATA_TOOLS_PACK_PIXELS_H
#define FURROW_DATA_TOOLS_PACK_PIXELS_H

#include "data-tools/pack_source.h"

/* Values of parcel i: T x S x C. */
size_t pack_values(const pack_source *s, size_t i);

/* Reads DATA/ID.npy, turns T x C x S into T x S x C of the pack's type, into new memory. What is wrong with the file
 * (unreadable, another shape than before, a value that is not finite) becomes a problem, and *out NULL. */
int pack_pixels_read(pack_source *s, size_t i, void **out);

#endif
