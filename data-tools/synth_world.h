/* The made-up world of the synthetic data sets: crops with a growing season of their own, the spectra of soil and
 * vegetation; and what the commands that make those sets share. */
#ifndef FURROW_DATA_TOOLS_SYNTH_WORLD_H
#define FURROW_DATA_TOOLS_SYNTH_WORLD_H

#include <stdint.h>

#include "base/random.h"

enum { SYNTH_DAYS = 330 }; /* the seasons lie within so many days */

/* A stream of draws. */
typedef struct synth_draws {
    random_key key;
    uint64_t next;
} synth_draws;

double synth_uniform(synth_draws *d); /* in [0, 1) */
double synth_normal(synth_draws *d);

/* Vegetation cover rises around `sown` and falls around `harvested` (days), from `least` by `vigour`: a double-logistic
 * curve. */
typedef struct synth_season_curve {
    double sown, harvested, least, vigour, spring, autumn;
} synth_season_curve;

synth_season_curve synth_season(int class_index);                                /* of a crop; any number of crops */
synth_season_curve synth_season_vary(synth_season_curve season, synth_draws *d); /* a parcel's own: shifted, scaled */
double synth_cover(const synth_season_curve *season, double day);

/* Reflectance in Sentinel-2's band 0 .. 9 (B2 B3 B4 B5 B6 B7 B8 B8A B11 B12; then again) of ground with that vegetation
 * cover; `ground` scales the soil. */
double synth_reflectance(int band, double cover, double ground);

double synth_clamp(double x, double low, double high);

/* USAGE where an option is out of range. */
int synth_in_range(const char *name, int value, int low, int high);

/* FOLDER/NAME; value NULL: out of memory. */
struct cJSON;
int synth_document_write(const char *folder, const char *name, const struct cJSON *value);

#endif
