#include "verify/reference_truth.h"

#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"

enum { HEAT, INSTANCE, ZONE, HEIGHT, WIDTH, PARCEL_CLASS, PIXEL_CLASS, CHANNELS };
static const char *const channel_names[] = {
    "heat", "instance", "zone", "height", "width", "class of the parcel", "class of the pixel"};

/* ids up to the number of pixels, sides up to the image's: what a batch's tables are sized by */
static int channel_check(const reference_input *r, const float *target, size_t pixels, size_t plane, int classes)
{
    for (size_t i = 0; i < pixels; i++)
        for (int c = INSTANCE; c < CHANNELS; c++) {
            const float value = target[i * CHANNELS + (size_t)c];
            const double most = c == PARCEL_CLASS || c == PIXEL_CLASS ? classes - 1 : (double)plane;
            if (value >= 0 && (double)value <= most && value == floorf(value)) continue;
            return fail(FAILED, "%s: /input/target: %s of pixel %zu is %g; wanted a whole number from 0 to %g",
                        h5_path(r->file), channel_names[c], i, (double)value, most);
        }
    return OK;
}

/* The channels apart. */
static int maps_split(const float *target, size_t pixels, reference_truth *t)
{
    int rc = OK;
    TRY_NEW(t->heatmap = memory_new(pixels, sizeof(float)));
    TRY_NEW(t->instance = memory_new(pixels, sizeof(int32_t)));
    TRY_NEW(t->zone = memory_new(pixels, sizeof(int32_t)));
    TRY_NEW(t->label = memory_new(pixels, sizeof(int32_t)));
    for (size_t i = 0; i < pixels; i++, target += CHANNELS) {
        t->heatmap[i] = target[HEAT];
        t->instance[i] = (int32_t)target[INSTANCE];
        t->zone[i] = (int32_t)target[ZONE];
        t->label[i] = (int32_t)target[PIXEL_CLASS];
    }
done:
    return rc;
}

/* A table of parcels a patch, as long as its largest id. */
static int tables_make(const float *target, int patches, size_t plane, reference_truth *t)
{
    int rc = OK;
    TRY_NEW(t->first = memory_new((size_t)patches + 1, sizeof *t->first));
    for (int p = 0; p < patches; p++) {
        int32_t largest = 0;
        for (size_t i = (size_t)p * plane; i < (size_t)(p + 1) * plane; i++) {
            largest = t->instance[i] > largest ? t->instance[i] : largest;
            largest = t->zone[i] > largest ? t->zone[i] : largest;
        }
        t->first[p + 1] = t->first[p] + largest + 1;
    }
    TRY_NEW(t->parcel = memory_new((size_t)t->first[patches], sizeof *t->parcel));
    TRY_NEW(t->area = memory_new((size_t)t->first[patches], sizeof *t->area));
    for (size_t i = 0; i < (size_t)patches * plane; i++, target += CHANNELS) {
        const int32_t first = t->first[i / plane];
        t->area[first + t->instance[i]]++;
        t->parcel[first + t->zone[i]] =
            (paps_parcel){(int32_t)target[HEIGHT], (int32_t)target[WIDTH], (int32_t)target[PARCEL_CLASS]};
    }
    t->parcels = (paps_truth){t->zone, t->first, t->parcel};
done:
    return rc;
}

int reference_read_truth(reference_input *r, int classes, reference_truth *out)
{
    int rc = OK;
    float *target = NULL;
    const size_t plane = (size_t)r->input.height * (size_t)r->input.width, pixels = plane * (size_t)r->batch.samples;
    TRY_NEW(target = memory_new(pixels * CHANNELS, sizeof *target));
    TRY(h5_read(r->file, "/input/target", NUMBER_F32, pixels * CHANNELS, target));
    TRY(channel_check(r, target, pixels, plane, classes));
    TRY(maps_split(target, pixels, out));
    TRY(tables_make(target, r->batch.samples, plane, out));
    TRY(reference_upload(r, out->heatmap, pixels, &r->batch.heatmap));
    TRY(reference_upload(r, out->instance, pixels, &r->batch.instances));
    r->batch.parcels = &out->parcels;
done:
    free(target);
    return rc;
}

void reference_truth_free(reference_truth *t)
{
    free(t->heatmap);
    free(t->instance);
    free(t->zone);
    free(t->label);
    free(t->first);
    free(t->area);
    free(t->parcel);
}

int reference_truth_area(const void *truth, int patch, int id)
{
    const reference_truth *t = truth;
    return t->area[t->first[patch] + id];
}
