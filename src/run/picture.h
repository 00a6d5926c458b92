/* Pictures of patches: panels side by side, enlarged by whole factors so that small patches can be looked at. */
#ifndef FURROW_RUN_PICTURE_H
#define FURROW_RUN_PICTURE_H

#include <stdint.h>

typedef struct picture {
    int width, height; /* of the whole, in pixels */
    int panel_width, panel_height, scale, panels;
    uint8_t *rgb;
} picture;

/* White, with room for `panels` panels of width x height. */
int picture_new(int width, int height, int panels, picture *out);
void picture_free(picture *p);

/* Panel `panel` from colours [height x width x 3]. */
void picture_panel(picture *p, int panel, const uint8_t *rgb);

/* Panel `panel` from colours, with parcels drawn over it: ids [height x width] (0: none) tinted in colour[id] (0xRRGGBB)
 * and outlined where the id changes. */
void picture_parcels(picture *p, int panel, const uint8_t *rgb, const int32_t *ids, const uint32_t *colour);

/* The clearest of `dates` frames [dates x height x width x bands]: the one whose visible bands are dark and even, as
 * clouds and their shadows are not; frames without any contrast come last. */
int picture_clearest(const float *frames, int dates, int pixels, int bands);

/* A frame in natural colours, each band stretched between its 2nd and 98th percentile: red, green and blue are bands
 * 2, 1 and 0 where there are three or more (Sentinel-2 from B02 on), else the first band in grey. */
int picture_natural(const float *frame, int pixels, int bands, uint8_t *rgb);

#endif
