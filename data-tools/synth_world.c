#include "data-tools/synth_world.h"

#include <math.h>
#include <stdlib.h>

#include <cjson/cJSON.h>

#include "base/error.h"
#include "base/file.h"
#include "base/schema.h"

/* Reflectance of Sentinel-2's ten bands (B2 B3 B4 B5 B6 B7 B8 B8A B11 B12), about as published spectra have it. */
enum { SPECTRUM = 10 };
static const double soil[SPECTRUM] = {0.08, 0.11, 0.14, 0.17, 0.19, 0.21, 0.23, 0.25, 0.33, 0.28};
static const double vegetation[SPECTRUM] = {0.03, 0.06, 0.03, 0.10, 0.30, 0.40, 0.42, 0.45, 0.20, 0.10};

/* Fractions of multiples of irrational numbers spread any number of classes evenly over the year. */
static double spread(int class_index, double step)
{
    double x = step * (class_index + 1);
    return x - floor(x);
}

synth_season_curve synth_season(int class_index)
{
    double sown = 30 + 150 * spread(class_index, 0.6180339887);
    return (synth_season_curve){
        .sown = sown,
        .harvested = sown + 60 + 110 * spread(class_index, 0.7548776662),
        .least = 0.08 + 0.25 * spread(class_index, 0.5698402910),
        .vigour = 0.40 + 0.25 * spread(class_index, 0.8191725134),
        .spring = 8 + 10 * spread(class_index, 0.6710436067),
        .autumn = 5 + 12 * spread(class_index, 0.5497004779),
    };
}

double synth_normal(synth_draws *d)
{
    return random_normal(d->key, d->next++);
}

double synth_uniform(synth_draws *d)
{
    return random_uniform(d->key, d->next++);
}

synth_season_curve synth_season_vary(synth_season_curve s, synth_draws *d)
{
    double shift = 8 * synth_normal(d);
    s.sown += shift;
    s.harvested += shift + 5 * synth_normal(d);
    s.vigour *= 1 + 0.12 * synth_normal(d);
    s.least *= 1 + 0.2 * synth_normal(d);
    return s;
}

static double logistic(double x)
{
    return 1 / (1 + exp(-x));
}

double synth_cover(const synth_season_curve *s, double day)
{
    double grown = logistic((day - s->sown) / s->spring), gone = logistic((day - s->harvested) / s->autumn);
    return s->least + s->vigour * grown * (1 - gone);
}

double synth_clamp(double x, double low, double high)
{
    return x < low ? low : x > high ? high : x;
}

double synth_reflectance(int band, double cover, double ground)
{
    return ground * soil[band % SPECTRUM] * (1 - cover) + vegetation[band % SPECTRUM] * cover;
}

int synth_in_range(const char *name, int value, int low, int high)
{
    if (value >= low && value <= high) return OK;
    return fail(USAGE, "%s is %d, wanted %d to %d", name, value, low, high);
}

int synth_document_write(const char *folder, const char *name, const cJSON *value)
{
    char *path = path_join(folder, name);
    int rc = !path ? FAILED : !value ? fail(FAILED, "out of memory") : json_write(path, value);
    free(path);
    return rc;
}
