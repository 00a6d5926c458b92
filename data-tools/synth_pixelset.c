#include "data-tools/synth_pixelset.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include <cjson/cJSON.h>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/schema.h"
#include "format/npy.h"

/* ---- the made-up world ------------------------------------------------------------------------------------------ */

/* Reflectance of Sentinel-2's ten bands (B2 B3 B4 B5 B6 B7 B8 B8A B11 B12), about as published spectra have it. */
enum { SPECTRUM = 10, DAYS = 330 };
static const double soil[SPECTRUM] = {0.08, 0.11, 0.14, 0.17, 0.19, 0.21, 0.23, 0.25, 0.33, 0.28};
static const double vegetation[SPECTRUM] = {0.03, 0.06, 0.03, 0.10, 0.30, 0.40, 0.42, 0.45, 0.20, 0.10};

/* Cover rises around `sown` and falls around `harvested` (days), from `least` by `vigour`. */
typedef struct season {
    double sown, harvested, least, vigour, spring, autumn;
} season;

/* Fractions of multiples of irrational numbers spread any number of classes evenly over the year. */
static double spread(int class_index, double step)
{
    double x = step * (class_index + 1);
    return x - floor(x);
}

static season season_of(int class_index)
{
    double sown = 30 + 150 * spread(class_index, 0.6180339887);
    return (season){
        .sown = sown,
        .harvested = sown + 60 + 110 * spread(class_index, 0.7548776662),
        .least = 0.08 + 0.25 * spread(class_index, 0.5698402910),
        .vigour = 0.40 + 0.25 * spread(class_index, 0.8191725134),
        .spring = 8 + 10 * spread(class_index, 0.6710436067),
        .autumn = 5 + 12 * spread(class_index, 0.5497004779),
    };
}

/* Of a parcel or a pixel: a stream of normal draws. */
typedef struct draws {
    random_key key;
    uint64_t next;
} draws;

static double normal(draws *d)
{
    return random_normal(d->key, d->next++);
}

static double uniform(draws *d)
{
    return random_uniform(d->key, d->next++);
}

/* The parcel's own season: its class's, shifted and scaled. */
static season season_vary(season s, draws *d)
{
    double shift = 8 * normal(d);
    s.sown += shift;
    s.harvested += shift + 5 * normal(d);
    s.vigour *= 1 + 0.12 * normal(d);
    s.least *= 1 + 0.2 * normal(d);
    return s;
}

static double logistic(double x)
{
    return 1 / (1 + exp(-x));
}

static double cover(const season *s, double day)
{
    double grown = logistic((day - s->sown) / s->spring), gone = logistic((day - s->harvested) / s->autumn);
    return s->least + s->vigour * grown * (1 - gone);
}

static double clamp(double x, double low, double high)
{
    return x < low ? low : x > high ? high : x;
}

/* ---- one parcel ------------------------------------------------------------------------------------------------- */

typedef struct parcel {
    int id, class_index, pixels;
} parcel;

static int day_of(const synth_options *o, int date)
{
    return o->dates > 1 ? date * DAYS / (o->dates - 1) : 0;
}

/* values [dates x bands x pixels] */
static void parcel_fill(const synth_options *o, const parcel *p, uint16_t *values)
{
    draws d = {random_stream(o->seed, RANDOM_SYNTHETIC, (uint64_t)p->id), 0};
    season own = season_vary(season_of(p->class_index), &d);
    double ground = 1 + 0.12 * normal(&d);
    for (int t = 0; t < o->dates; t++) {
        double cloud = uniform(&d) < 0.125 ? 0.4 + 0.6 * uniform(&d) : 0, haze = 0.01 * normal(&d);
        double mean_cover = cover(&own, day_of(o, t));
        for (int s = 0; s < p->pixels; s++) {
            double green = clamp(mean_cover + 0.06 * normal(&d), 0, 1);
            for (int b = 0; b < o->bands; b++) {
                double clear = ground * soil[b % SPECTRUM] * (1 - green) + vegetation[b % SPECTRUM] * green;
                double seen = (1 - cloud) * (clear * (1 + 0.03 * normal(&d)) + haze) + 0.7 * cloud;
                size_t at = ((size_t)t * (size_t)o->bands + (size_t)b) * (size_t)p->pixels + (size_t)s;
                values[at] = (uint16_t)lrint(10000 * clamp(seen, 0, 2));
            }
        }
    }
}

static int parcel_write(const synth_options *o, const parcel *p, const char *data)
{
    int rc = OK;
    char *path = NULL;
    const size_t shape[3] = {(size_t)o->dates, (size_t)o->bands, (size_t)p->pixels};
    uint16_t *values = NULL;
    TRY_NEW(values = memory_new(shape[0] * shape[1] * shape[2], sizeof *values));
    TRY_NEW(path = text_format("%s/%d.npy", data, p->id));
    parcel_fill(o, p, values);
    TRY(npy_write(path, NUMBER_U16, 3, shape, values));
done:
    free(values);
    free(path);
    return rc;
}

/* Ids have gaps, as parcel registers have; frequent classes come first; sizes are skewed towards small. */
static parcel parcel_choose(const synth_options *o, int index, int previous_id)
{
    draws d = {random_stream(o->seed + 1, RANDOM_SYNTHETIC, (uint64_t)index), 0};
    double u = uniform(&d), size = uniform(&d);
    return (parcel){
        .id = previous_id + 1 + (int)(3 * uniform(&d)),
        .class_index = index < o->classes ? index : (int)(o->classes * pow(u, 1.25)), /* each class at least once */
        .pixels = o->least_pixels + (int)(size * size * (o->most_pixels - o->least_pixels + 1)),
    };
}

/* ---- documents -------------------------------------------------------------------------------------------------- */

/* 10 m pixels of a compact shape; [perimeter, pixels, cover ratio, perimeter / area] */
static cJSON *features_of(const synth_options *o, const parcel *p)
{
    draws d = {random_stream(o->seed + 2, RANDOM_SYNTHETIC, (uint64_t)p->id), 0};
    double area = 100.0 * p->pixels, perimeter = 4 * sqrt(area) * (1.05 + 0.3 * uniform(&d));
    const double features[4] = {round(perimeter), p->pixels, 0.55 + 0.4 * uniform(&d), perimeter / area};
    return cJSON_CreateDoubleArray(features, 4);
}

/* YYYYMMDD of a day of 2017, from 0. */
static int calendar(int day)
{
    static const int lengths[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int month = 0;
    for (; day >= lengths[month]; month++) day -= lengths[month];
    return 20170000 + 100 * (month + 1) + day + 1;
}

static cJSON *dates_document(const synth_options *o)
{
    cJSON *dates = cJSON_CreateObject();
    for (int t = 0; t < o->dates && dates; t++) {
        char key[16];
        snprintf(key, sizeof key, "%d", t);
        cJSON_AddNumberToObject(dates, key, calendar(day_of(o, t)));
    }
    return dates;
}

static int document_write(const char *folder, const char *name, const cJSON *value)
{
    char *path = path_join(folder, name);
    int rc = !path ? FAILED : !value ? fail(FAILED, "out of memory") : json_write(path, value);
    free(path);
    return rc;
}

/* ---- the whole -------------------------------------------------------------------------------------------------- */

synth_options synth_defaults(void)
{
    return (synth_options){
        .parcels = 1500, .classes = 8, .dates = 24, .bands = 10, .least_pixels = 8, .most_pixels = 150, .seed = 1};
}

static int in_range(const char *name, int value, int low, int high)
{
    if (value >= low && value <= high) return OK;
    return fail(USAGE, "%s is %d, wanted %d to %d", name, value, low, high);
}

static int options_check(const synth_options *o)
{
    int rc = OK;
    TRY(in_range("parcels", o->parcels, 1, 1000000));
    TRY(in_range("classes", o->classes, 1, o->parcels));
    TRY(in_range("dates", o->dates, 1, DAYS));
    TRY(in_range("bands", o->bands, 1, 1000));
    TRY(in_range("least-pixels", o->least_pixels, 1, 100000));
    TRY(in_range("most-pixels", o->most_pixels, o->least_pixels, 100000));
done:
    return rc;
}

static int parcels_write(const synth_options *o, const char *data, cJSON *labels, cJSON *features)
{
    int rc = OK, id = 0;
    for (int i = 0; i < o->parcels; i++) {
        char key[16];
        if (interrupt_requested()) return fail(INTERRUPTED, "interrupted after %d parcels", i);
        const parcel p = parcel_choose(o, i, id);
        id = p.id;
        snprintf(key, sizeof key, "%d", p.id);
        TRY(parcel_write(o, &p, data));
        cJSON *row = features_of(o, &p);
        if (!cJSON_AddNumberToObject(labels, key, p.class_index) || !row || !cJSON_AddItemToObject(features, key, row))
            return fail(FAILED, "out of memory");
        log_progress("making parcels", (size_t)i + 1, (size_t)o->parcels, "");
    }
done:
    return rc;
}

int synth_pixelset(const char *folder, const synth_options *options)
{
    int rc = OK;
    char *data = path_join(folder, "DATA"), *meta = path_join(folder, "META");
    cJSON *labels = cJSON_CreateObject(), *features = cJSON_CreateObject(), *dates = dates_document(options);
    cJSON *nomenclature = labels ? cJSON_AddObjectToObject(labels, "label_44class") : NULL;
    if (!data || !meta || !features || !dates || !nomenclature) {
        rc = fail(FAILED, "out of memory");
        goto done;
    }
    TRY(options_check(options));
    if (file_exists(data)) {
        rc = fail(FAILED, "%s exists: wanted a folder without DATA, so that no parcels are mixed", data);
        goto done;
    }
    TRY(folder_make(data));
    TRY(folder_make(meta));
    TRY(parcels_write(options, data, nomenclature, features));
    TRY(document_write(meta, "labels.json", labels));
    TRY(document_write(meta, "dates.json", dates));
    TRY(document_write(meta, "geomfeat.json", features));
done:
    cJSON_Delete(labels);
    cJSON_Delete(features);
    cJSON_Delete(dates);
    free(data);
    free(meta);
    return rc;
}
