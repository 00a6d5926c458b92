/* What stands behind the public handles (furrow.h, "devices" and "models"). */
#ifndef FURROW_LIBRARY_LIBRARY_MODEL_H
#define FURROW_LIBRARY_LIBRARY_MODEL_H

#include "furrow.h"
#include "network/infer.h"

struct furrow_device {
    device *device;
};

/* A network on arrays. Its tape is recorded for what a call brings: sizes, days and the number of dates are the call's,
 * where a run's are its data set's. */
struct furrow_model {
    device *device; /* not owned */
    run_config config;
    ensemble networks;
    network *network; /* of the ensemble; owned here */
    char **names;     /* [classes] */
    int classes;
    buffer *mean, *std; /* [norm_rows x bands] */
    int norm_rows;      /* 1, or the dates that the normalisation is for */
    inference_room room;
};

struct weight_files;

/* Loads; `out` is freed with furrow_model_free. */
int library_model_load(device *d, const furrow_model_options *o, furrow_model **out);
/* The same of a configuration that is there already and is taken over, also on failure. weights NULL: initial ones. */
int library_model_new(device *d, run_config *config, const struct weight_files *weights, uint64_t seed,
                      const char *normalisation, furrow_model **out);

int library_batch_size(const furrow_model *m); /* samples that go together */

/* The next batches hold these days (or places in the series) and so many dates: FAILED when they are too far apart. */
int library_positions(furrow_model *m, int32_t first, int32_t last, int longest);

/* FAILED, naming `what` and the place, when one of the values of dates x bands x pixels is not finite. */
int library_finite(const float *values, int dates, int bands, size_t pixels, const char *what, int index);

/* The least and greatest of the days, widening *first and *last. */
void library_span(const int32_t *days, int count, int32_t *first, int32_t *last);

/* A buffer of `bytes`, filled from `values` (NULL: not filled). */
int library_upload(device *d, const void *values, size_t bytes, buffer **out);

#endif
