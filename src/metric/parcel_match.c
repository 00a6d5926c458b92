#include "metric/parcel_match.h"

void parcel_ious(const paps_found *found, const int32_t *instance, int (*area)(const void *user, int patch, int id),
                 const void *user, float *iou)
{
    const size_t plane = (size_t)found->height * (size_t)found->width;
    for (int i = 0; i < found->count; i++) {
        const crop *c = &found->crop[i];
        const float *mask = found->mask + c->first;
        const int id = found->parcel[i];
        int predicted = 0, both = 0;
        for (int y = c->top; y < c->top + c->height; y++) {
            const int32_t *row = instance + (size_t)c->patch * plane + (size_t)y * (size_t)found->width;
            for (int x = c->left; x < c->left + c->width; x++) {
                if (!(*mask++ > match_threshold)) continue;
                predicted++;
                both += row[x] == id;
            }
        }
        const int either = id > 0 ? predicted + area(user, c->patch, id) - both : 0;
        iou[i] = id <= 0 ? -1 : either ? (float)both / (float)either : 0;
    }
}

static float threshold_at(int k)
{
    return (float)(k * 0.01);
}

void confidence_count(confidence_counts *c, const float *confidence, const float *iou, int count)
{
    for (int i = 0; i < count; i++) {
        if (iou[i] < 0) continue;
        const bool fits = iou[i] > 0.5f;
        for (int k = 0; k < MATCH_THRESHOLDS; k++) {
            const float t = threshold_at(k);
            if (confidence[i] > t)
                ++*(fits ? &c->right[k] : &c->wrong[k]);
            else if (confidence[i] < t && fits)
                c->missed[k]++;
        }
    }
}

double confidence_best(const confidence_counts *c, double *f1)
{
    int best = 0;
    *f1 = 0;
    for (int k = 0; k < MATCH_THRESHOLDS; k++) {
        const double right = (double)c->right[k], errors = (double)(c->wrong[k] + c->missed[k]);
        const double score = right > 0 ? right / (right + 0.5 * errors) : 0;
        if (score <= *f1) continue;
        *f1 = score;
        best = k;
    }
    return best * 0.01;
}
