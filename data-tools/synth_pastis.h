/* A small labelled folder of image patches in PASTIS's form, made up: for the demo, tests and benchmarks. */
#ifndef FURROW_DATA_TOOLS_SYNTH_PASTIS_H
#define FURROW_DATA_TOOLS_SYNTH_PASTIS_H

#include <stdint.h>

typedef struct synth_pastis_options {
    int patches; /* 0: 20, or one of each file of `parcels` */
    int size;    /* pixels of a side */
    int least_dates, most_dates;
    int bands, classes; /* background, crops, void */
    uint64_t seed;
    const char *parcels; /* a folder in PASTIS's form whose parcel ids are taken, and their size; NULL: none */
} synth_pastis_options;

/* What `furrow synth pastis DIR` makes without options. */
synth_pastis_options synth_pastis_defaults(void);

/* Writes into `folder` (made when absent; one that holds DATA_S2 already is refused), ids from 10000 on:
 *   DATA_S2/S2_ID.npy             int16, dates x bands x size x size, reflectance x 10,000
 *   ANNOTATIONS/TARGET_ID.npy     uint8, 3 x size x size: classes; the nearest parcel's class; 0
 *   ANNOTATIONS/ParcelIDs_ID.npy  int32, size x size; 0: no parcel
 *   metadata.geojson              folds 1 to 5 in turn, dates from September 2018 to September 2019, squares in EPSG:2154
 *   NORM_S2_patch.json            mean and standard deviation of each band over each fold's patches
 *   label_names.json              unless there are PASTIS's own 20 classes
 * With `parcels` the parcels are those files' in turn, and a fold is a file's: what is tested has other parcels than what
 * trained. Their id 0 is background.
 * Parcels are the cells around random points, with a strip of background (class 0) between them; some cells are
 * background, some of the last class (void). Every crop has a growing season of its own, parcels differ from it in
 * timing, vigour and soil; pixels are noisy, and a third of the images has clouds. A function of the options alone;
 * options->patches and, with `parcels`, size become what was made.
 * USAGE for options out of range, FAILED when something cannot be written, INTERRUPTED. */
int synth_pastis(const char *folder, synth_pastis_options *options);

#endif
