/* The part of a network that is about images: recording a tape within a memory limit, reading a batch in parts. */
#ifndef FURROW_NETWORK_NETWORK_IMAGES_H
#define FURROW_NETWORK_NETWORK_IMAGES_H

#include "network/network.h"

int images_parameters(network *w); /* makes the parameters, without planning memory */
int images_record(network *w, bool training, int patches, int frames, int longest);
int images_use(network *w, const batch *b);
void images_release(network *w);

#endif
