/* A small labelled pixel-set folder in the published form, made up: for the demo, tests and benchmarks. */
#ifndef FURROW_DATA_TOOLS_SYNTH_PIXELSET_H
#define FURROW_DATA_TOOLS_SYNTH_PIXELSET_H

#include <stdint.h>

typedef struct synth_options {
    int parcels, classes, dates, bands;
    int least_pixels, most_pixels; /* of a parcel */
    uint64_t seed;
    int least_dates; /* of a parcel, which then has dates of its own, drawn from the `dates` of all; 0: each has them all */
} synth_options;

/* What `furrow synth pixelset DIR` makes without options. */
synth_options synth_defaults(void);

/* Writes into `folder` (made when absent; one that holds DATA already is refused):
 *   DATA/ID.npy            uint16, dates x bands x pixels, reflectance x 10,000
 *   META/labels.json       {"label_44class": {ID: 0 .. classes - 1}}
 *   META/dates.json        {"0": YYYYMMDD, ...}, one list for all parcels, January to November 2017;
 *                          with least_dates {ID: [YYYYMMDD, ...], ...}
 *   META/geomfeat.json     {ID: [perimeter in m, pixels, cover ratio, perimeter / area]}
 * Every class has a growing season of its own (a double-logistic curve of vegetation cover) and parcels differ from
 * their class in timing, vigour and soil; pixels are noisy, and an eighth of the images is cloudy. A function of the
 * options alone. USAGE for options out of range, FAILED when something cannot be written, INTERRUPTED. */
int synth_pixelset(const char *folder, const synth_options *options);

#endif
