#include "data-tools/synth_pixelset.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include <cjson/cJSON.h>

#include "base/date.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/schema.h"
#include "data-tools/synth_world.h"
#include "format/npy.h"

enum { FIRST_DAY = 17167 }; /* 2017-01-01, since 1970-01-01 */

/* ---- one parcel ------------------------------------------------------------------------------------------------- */

typedef struct parcel {
    int id, class_index, pixels;
} parcel;

static int day_of(const synth_options *o, int date)
{
    return o->dates > 1 ? date * SYNTH_DAYS / (o->dates - 1) : 0;
}

/* Which of the year's dates a parcel has: places into kept [o->dates], rising; how many. */
static int dates_choose(const synth_options *o, const parcel *p, int *kept)
{
    synth_draws d = {random_stream(o->seed + 3, RANDOM_SYNTHETIC, (uint64_t)p->id), 0};
    const int spread = o->least_dates ? o->dates - o->least_dates + 1 : 0;
    const int wanted = spread ? o->least_dates + (int)(spread * synth_uniform(&d)) : o->dates;
    int count = 0;
    for (int t = 0; t < o->dates; t++) /* each of those left with the share that is still wanted */
        if (synth_uniform(&d) * (o->dates - t) < wanted - count) kept[count++] = t;
    return count;
}

/* values [dates x bands x pixels], dates those of `kept` */
static void parcel_fill(const synth_options *o, const parcel *p, const int *kept, int dates, uint16_t *values)
{
    synth_draws d = {random_stream(o->seed, RANDOM_SYNTHETIC, (uint64_t)p->id), 0};
    synth_season_curve own = synth_season_vary(synth_season(p->class_index), &d);
    double ground = 1 + 0.12 * synth_normal(&d);
    for (int t = 0; t < dates; t++) {
        double cloud = synth_uniform(&d) < 0.125 ? 0.4 + 0.6 * synth_uniform(&d) : 0, haze = 0.01 * synth_normal(&d);
        double mean_cover = synth_cover(&own, day_of(o, kept[t]));
        for (int s = 0; s < p->pixels; s++) {
            double green = synth_clamp(mean_cover + 0.06 * synth_normal(&d), 0, 1);
            for (int b = 0; b < o->bands; b++) {
                double clear = synth_reflectance(b, green, ground);
                double seen = (1 - cloud) * (clear * (1 + 0.03 * synth_normal(&d)) + haze) + 0.7 * cloud;
                size_t at = ((size_t)t * (size_t)o->bands + (size_t)b) * (size_t)p->pixels + (size_t)s;
                values[at] = (uint16_t)lrint(10000 * synth_clamp(seen, 0, 2));
            }
        }
    }
}

static int parcel_write(const synth_options *o, const parcel *p, const int *kept, int dates, const char *data)
{
    int rc = OK;
    char *path = NULL;
    const size_t shape[3] = {(size_t)dates, (size_t)o->bands, (size_t)p->pixels};
    uint16_t *values = NULL;
    TRY_NEW(values = memory_new(shape[0] * shape[1] * shape[2], sizeof *values));
    TRY_NEW(path = text_format("%s/%d.npy", data, p->id));
    parcel_fill(o, p, kept, dates, values);
    TRY(npy_write(path, NUMBER_U16, 3, shape, values));
done:
    free(values);
    free(path);
    return rc;
}

/* Ids have gaps, as parcel registers have; frequent classes come first; sizes are skewed towards small. */
static parcel parcel_choose(const synth_options *o, int index, int previous_id)
{
    synth_draws d = {random_stream(o->seed + 1, RANDOM_SYNTHETIC, (uint64_t)index), 0};
    double u = synth_uniform(&d), size = synth_uniform(&d);
    return (parcel){
        .id = previous_id + 1 + (int)(3 * synth_uniform(&d)),
        .class_index = index < o->classes ? index : (int)(o->classes * pow(u, 1.25)), /* each class at least once */
        .pixels = o->least_pixels + (int)(size * size * (o->most_pixels - o->least_pixels + 1)),
    };
}

/* ---- documents -------------------------------------------------------------------------------------------------- */

/* 10 m pixels of a compact shape; [perimeter, pixels, cover ratio, perimeter / area] */
static cJSON *features_of(const synth_options *o, const parcel *p)
{
    synth_draws d = {random_stream(o->seed + 2, RANDOM_SYNTHETIC, (uint64_t)p->id), 0};
    double area = 100.0 * p->pixels, perimeter = 4 * sqrt(area) * (1.05 + 0.3 * synth_uniform(&d));
    const double features[4] = {round(perimeter), p->pixels, 0.55 + 0.4 * synth_uniform(&d), perimeter / area};
    return cJSON_CreateDoubleArray(features, 4);
}

/* Of all parcels; empty where each has its own. */
static cJSON *dates_document(const synth_options *o)
{
    cJSON *dates = cJSON_CreateObject();
    for (int t = 0; t < o->dates && dates && !o->least_dates; t++) {
        char key[16];
        snprintf(key, sizeof key, "%d", t);
        cJSON_AddNumberToObject(dates, key, date_digits(FIRST_DAY + day_of(o, t)));
    }
    return dates;
}

static int own_dates_add(const synth_options *o, const char *id, const int *kept, int count, cJSON *dates)
{
    cJSON *list = cJSON_AddArrayToObject(dates, id);
    for (int t = 0; t < count; t++) json_append(list, cJSON_CreateNumber(date_digits(FIRST_DAY + day_of(o, kept[t]))));
    return json_lost();
}

/* ---- the whole -------------------------------------------------------------------------------------------------- */

synth_options synth_defaults(void)
{
    return (synth_options){
        .parcels = 1500, .classes = 8, .dates = 24, .bands = 10, .least_pixels = 8, .most_pixels = 150, .seed = 1};
}

static int options_check(const synth_options *o)
{
    int rc = OK;
    TRY(synth_in_range("parcels", o->parcels, 1, 1000000));
    TRY(synth_in_range("classes", o->classes, 1, o->parcels));
    TRY(synth_in_range("dates", o->dates, 1, SYNTH_DAYS));
    if (o->least_dates) TRY(synth_in_range("the least of dates", o->least_dates, 1, o->dates));
    TRY(synth_in_range("bands", o->bands, 1, 1000));
    TRY(synth_in_range("least-pixels", o->least_pixels, 1, 100000));
    TRY(synth_in_range("most-pixels", o->most_pixels, o->least_pixels, 100000));
done:
    return rc;
}

static int parcels_write(const synth_options *o, const char *data, cJSON *labels, cJSON *features, cJSON *dates)
{
    int rc = OK, id = 0, *kept = memory_new((size_t)o->dates, sizeof *kept);
    TRY_NEW(kept);
    for (int i = 0; i < o->parcels; i++) {
        char key[16];
        if (interrupt_requested()) {
            rc = fail(INTERRUPTED, "interrupted after %d parcels", i);
            goto done;
        }
        const parcel p = parcel_choose(o, i, id);
        id = p.id;
        snprintf(key, sizeof key, "%d", p.id);
        const int count = dates_choose(o, &p, kept);
        TRY(parcel_write(o, &p, kept, count, data));
        if (o->least_dates) TRY(own_dates_add(o, key, kept, count, dates));
        json_add(labels, key, cJSON_CreateNumber(p.class_index));
        json_add(features, key, features_of(o, &p));
        TRY(json_lost());
        log_progress("making parcels", (size_t)i + 1, (size_t)o->parcels, "");
    }
done:
    free(kept);
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
    TRY(parcels_write(options, data, nomenclature, features, dates));
    TRY(synth_document_write(meta, "labels.json", labels));
    TRY(synth_document_write(meta, "dates.json", dates));
    TRY(synth_document_write(meta, "geomfeat.json", features));
done:
    cJSON_Delete(labels);
    cJSON_Delete(features);
    cJSON_Delete(dates);
    free(data);
    free(meta);
    return rc;
}
