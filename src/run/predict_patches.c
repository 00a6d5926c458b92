/* predict for patches: of each, ID_classes.npy (uint8 or int32, H x W), ID_scores.npy (float32, classes x H x W:
 * probabilities) and ID.png (the clearest date in natural colours, the prediction, the truth where there is one); of
 * all, predictions.json (classes with names and colours, pixels of each class, accuracy). */
#include <stdlib.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "format/npy.h"
#include "format/png.h"
#include "run/attention_log.h"
#include "run/picture.h"
#include "run/prediction.h"

typedef struct maps {
    prediction *job;
    int height, width, bands;
    double *p;     /* [rows of a batch x classes] */
    float *frames; /* of a batch */
    int32_t *offsets;
    float *scores;    /* [classes x H x W] of a patch */
    int32_t *classes; /* [H x W] of a patch */
    uint8_t *rgb;     /* [H x W x 3] */
    int rows, frame_capacity, patch_capacity;
    cJSON *patches;
} maps;

static int pixels_of(const maps *m)
{
    return m->height * m->width;
}

static char *file_of(const maps *m, const char *id, const char *ending)
{
    return text_format("%s/%s%s", m->job->folder, id, ending);
}

/* ---- memory ------------------------------------------------------------------------------------------------------ */

static void maps_free(maps *m)
{
    free(m->p);
    free(m->frames);
    free(m->offsets);
    free(m->scores);
    free(m->classes);
    free(m->rgb);
}

static int maps_new(prediction *job, maps *m)
{
    int rc = OK;
    const patches *set = job->s.set.images;
    *m = (maps){.job = job, .height = patches_height(set), .width = patches_width(set), .bands = patches_bands(set)};
    const size_t pixels = (size_t)pixels_of(m);
    TRY_NEW(m->scores = memory_new(pixels * (size_t)job->classes, sizeof *m->scores));
    TRY_NEW(m->classes = memory_new(pixels, sizeof *m->classes));
    TRY_NEW(m->rgb = memory_new(3 * pixels, 1));
done:
    return rc;
}

static int reserve(maps *m, const inference *i)
{
    int rc = OK;
    const batch *b = i->batch;
    if (i->rows > m->rows) {
        free(m->p);
        TRY_NEW(m->p = memory_new((size_t)i->rows * (size_t)i->classes, sizeof *m->p));
        m->rows = i->rows;
    }
    if (b->frames > m->frame_capacity) {
        free(m->frames);
        TRY_NEW(m->frames = memory_new((size_t)b->frames * (size_t)pixels_of(m) * (size_t)m->bands, sizeof *m->frames));
        m->frame_capacity = b->frames;
    }
    if (b->samples > m->patch_capacity) {
        free(m->offsets);
        TRY_NEW(m->offsets = memory_new((size_t)b->samples + 1, sizeof *m->offsets));
        m->patch_capacity = b->samples;
    }
done:
    return rc;
}

/* ---- one patch --------------------------------------------------------------------------------------------------- */

static int save_arrays(const maps *m, const char *id)
{
    int rc = OK;
    const int pixels = pixels_of(m), classes = m->job->classes;
    const size_t map[2] = {(size_t)m->height, (size_t)m->width};
    const size_t scores[3] = {(size_t)classes, map[0], map[1]};
    char *class_file = file_of(m, id, "_classes.npy"), *score_file = file_of(m, id, "_scores.npy");
    uint8_t *small = memory_new((size_t)pixels, 1);
    TRY_NEW(class_file);
    TRY_NEW(score_file);
    TRY_NEW(small);
    for (int k = 0; k < pixels; k++) small[k] = (uint8_t)m->classes[k];
    TRY(classes <= 256 ? npy_save(class_file, NUMBER_U8, 2, map, small)
                       : npy_save(class_file, NUMBER_I32, 2, map, m->classes));
    TRY(npy_save(score_file, NUMBER_F32, 3, scores, m->scores));
done:
    free(small);
    free(class_file);
    free(score_file);
    return rc;
}

static void paint_classes(const maps *m, const int32_t *classes, uint8_t *rgb)
{
    for (int k = 0; k < pixels_of(m); k++) {
        const uint32_t colour = classes[k] < 0 ? 0xffffff : patches_class_colour(m->job->s.set.images, classes[k]);
        for (int c = 0; c < 3; c++) rgb[3 * (size_t)k + (size_t)c] = (uint8_t)(colour >> (16 - 8 * c));
    }
}

static int save_picture(const maps *m, const char *id, const float *frames, int dates, const int32_t *truth)
{
    int rc = OK;
    picture p = {0};
    const int pixels = pixels_of(m), clearest = picture_clearest(frames, dates, pixels, m->bands);
    char *path = file_of(m, id, ".png");
    TRY_NEW(path);
    TRY(picture_new(m->width, m->height, truth ? 3 : 2, &p));
    TRY(picture_natural(frames + (size_t)clearest * (size_t)pixels * (size_t)m->bands, pixels, m->bands, m->rgb));
    picture_panel(&p, 0, m->rgb);
    paint_classes(m, m->classes, m->rgb);
    picture_panel(&p, 1, m->rgb);
    if (truth) {
        paint_classes(m, truth, m->rgb);
        picture_panel(&p, 2, m->rgb);
    }
    TRY(png_save(path, p.width, p.height, p.rgb));
done:
    picture_free(&p);
    free(path);
    return rc;
}

/* Predicted classes and class by class scores of patch k of the batch. */
static void settle(maps *m, int k)
{
    const int pixels = pixels_of(m), classes = m->job->classes;
    for (int i = 0; i < pixels; i++) {
        const double *row = m->p + ((size_t)k * (size_t)pixels + (size_t)i) * (size_t)classes;
        m->classes[i] = argmax(row, classes);
        m->job->tally[m->classes[i]]++;
        for (int c = 0; c < classes; c++) m->scores[(size_t)c * (size_t)pixels + (size_t)i] = (float)row[c];
    }
}

/* Share of the pixels with a class of their own whose class was found, in percent. */
static double accuracy_of(const maps *m, const int32_t *truth)
{
    int64_t right = 0, all = 0;
    for (int i = 0; i < pixels_of(m); i++) {
        if (truth[i] < 0 || truth[i] == m->job->networks.network->ignore_class) continue;
        all++;
        right += truth[i] == m->classes[i];
    }
    return all ? 100.0 * (double)right / (double)all : metric_undefined();
}

static int save_patch(maps *m, int k, int sample, const int32_t *truth)
{
    int rc = OK;
    const char *id = patches_id(m->job->s.set.images, sample);
    const int first = m->offsets[k], dates = m->offsets[k + 1] - first;
    settle(m, k);
    TRY(save_arrays(m, id));
    TRY(save_picture(m, id, m->frames + (size_t)first * (size_t)pixels_of(m) * (size_t)m->bands, dates, truth));
    cJSON *entry = cJSON_CreateObject();
    cJSON_AddStringToObject(entry, "id", id);
    cJSON_AddNumberToObject(entry, "dates", dates);
    if (truth) json_add(entry, "accuracy", metric_json(accuracy_of(m, truth)));
    json_append(m->patches, entry);
done:
    return rc;
}

/* A patch without any label has no truth to show. */
static const int32_t *truth_of(const maps *m, const inference *i, int k)
{
    const int pixels = pixels_of(m);
    if (!i->target) return NULL;
    const int32_t *truth = i->target + (size_t)k * (size_t)pixels;
    for (int p = 0; p < pixels; p++)
        if (truth[p] >= 0) return truth;
    return NULL;
}

static int take(void *user, const inference *i)
{
    int rc = OK;
    maps *m = user;
    const batch *b = i->batch;
    TRY(reserve(m, i));
    TRY(prediction_probabilities(m->job, i, m->p));
    TRY(buffer_read(b->offsets, 0, m->offsets, ((size_t)b->samples + 1) * sizeof *m->offsets));
    TRY(buffer_read(b->x, 0, m->frames,
                    (size_t)b->frames * (size_t)pixels_of(m) * (size_t)m->bands * sizeof *m->frames));
    if (m->job->attention) TRY(attention_log_take(m->job->attention, i, NULL));
    for (int k = 0; k < b->samples; k++) TRY(save_patch(m, k, (int)b->sample[k], truth_of(m, i, k)));
done:
    return rc;
}

/* ---- all of them ------------------------------------------------------------------------------------------------- */

int predict_patches(prediction *job, cJSON *all)
{
    int rc = OK;
    maps m = {0};
    cJSON *found = cJSON_CreateArray();
    char *document = path_join(job->folder, "predictions.json");
    TRY_NEW(document);
    TRY(maps_new(job, &m));
    m.patches = found;
    TRY(prediction_run(job, true, take, &m));
    TRY(prediction_save_patches(job, document, "pixels", found));
    cJSON_AddNumberToObject(all, "patches", job->count);
    cJSON_AddStringToObject(all, "out", job->folder);
    cJSON_AddStringToObject(all, "json", document);
done:
    cJSON_Delete(found);
    maps_free(&m);
    free(document);
    return rc;
}
