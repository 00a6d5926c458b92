/* PNG pictures, written with libpng. */
#ifndef FURROW_FORMAT_PNG_H
#define FURROW_FORMAT_PNG_H

#include <stdint.h>

/* rgb [height x width x 3], 8 bits a channel. To a temporary name, synced, renamed. */
int png_save(const char *path, int width, int height, const uint8_t *rgb);

#endif
