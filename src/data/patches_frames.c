/* The frames and labels of a sample: from the pack, or from memory once they have been preloaded. */
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"
#include "data/patches_internal.h"

enum { PROGRESS_EVERY = 16 };

size_t patch_frame_bytes(const patches *s)
{
    return patch_pack_frame_bytes(s->pack, s->satellite);
}

static size_t label_bytes(const patches *s)
{
    return (size_t)patches_height(s) * (size_t)patches_width(s);
}

/* ---- values that are not finite ---------------------------------------------------------------------------------- */

/* The exponent is all ones: infinity or NaN. Loops without an exit, which compilers turn into vectors. */
static bool is_finite(enum number_type type, const void *values, size_t count)
{
    bool finite = true;
    const uint16_t *half = values;
    const float *single = values;
    if (type == NUMBER_F16)
        for (size_t i = 0; i < count; i++) finite &= (half[i] & 0x7C00) != 0x7C00;
    if (type == NUMBER_F32)
        for (size_t i = 0; i < count; i++) finite &= isfinite(single[i]) != 0;
    return finite;
}

/* A value that is not finite would end as a NaN loss, far from its cause. */
static int finite_check(const patches *s, int sample, const int *date, int dates, const void *frames)
{
    const size_t width = (size_t)patches_width(s), plane = label_bytes(s), bands = (size_t)patches_bands(s);
    const size_t size = number_size(s->about->type), count = (size_t)dates * bands * plane;
    const unsigned char *bytes = frames;
    if (is_finite(s->about->type, frames, count)) return OK;
    size_t at = 0;
    while (is_finite(s->about->type, bytes + at * size, 1)) at++;
    return fail(FAILED, "%s: patch %s, %s: row %zu, column %zu, band %zu of date %d is %g, wanted a finite value",
                patch_pack_path(s->pack), patches_id(s, sample), s->about->name, at % plane / width + 1, at % width + 1,
                at / plane % bands + 1, s->first_date[sample] + date[at / plane / bands] + 1,
                number_get(s->about->type, frames, at));
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

/* Usable dates into the pack's: `series` has room for them. */
static int read_from_pack(patches *s, int sample, const int *date, int dates, int *series, void *out)
{
    for (int i = 0; i < dates; i++) series[i] = s->first_date[sample] + date[i];
    pthread_mutex_lock(&s->reading);
    int rc = patch_pack_read_frames(s->pack, s->satellite, (size_t)sample, series, dates, out);
    pthread_mutex_unlock(&s->reading);
    return rc ? rc : finite_check(s, sample, date, dates, out);
}

int patch_frames_read(patches *s, int sample, const int *date, int dates, void *out)
{
    const size_t bytes = patch_frame_bytes(s);
    if (s->frames) {
        const unsigned char *from = s->frames + s->frames_start[sample];
        for (int i = 0; i < dates; i++)
            memcpy((unsigned char *)out + (size_t)i * bytes, from + (size_t)date[i] * bytes, bytes);
        return OK;
    }
    int *series = memory_new((size_t)dates, sizeof *series);
    if (!series) return FAILED;
    int rc = read_from_pack(s, sample, date, dates, series, out);
    free(series);
    return rc;
}

int patch_labels_read(patches *s, int sample, uint8_t *out)
{
    if (s->labels && patch_pack_has_label(s->pack, (size_t)sample)) {
        memcpy(out, s->labels + (size_t)sample * label_bytes(s), label_bytes(s));
        return OK;
    }
    pthread_mutex_lock(&s->reading);
    int rc = patch_pack_read_labels(s->pack, (size_t)sample, out);
    pthread_mutex_unlock(&s->reading);
    return rc;
}

/* ---- all of them ------------------------------------------------------------------------------------------------- */

static int no_room(const patches *s, size_t bytes)
{
    return fail(FAILED, "%s: data.preload needs %zu MiB of memory for the frames, which are not there",
                patch_pack_path(s->pack), bytes >> 20);
}

static int places_find(patches *s)
{
    const size_t bytes = patch_frame_bytes(s);
    s->frames_start = memory_new((size_t)s->count + 1, sizeof *s->frames_start);
    if (!s->frames_start) return FAILED;
    for (int i = 0; i < s->count; i++) {
        size_t series;
        if (!size_multiply((size_t)s->dates[i], bytes, &series) ||
            !size_add(s->frames_start[i], series, &s->frames_start[i + 1]))
            return no_room(s, SIZE_MAX);
    }
    return OK;
}

static int sample_preload(patches *s, int sample, const int *every_date, int *series, unsigned char *frames)
{
    int rc = read_from_pack(s, sample, every_date, s->dates[sample], series, frames + s->frames_start[sample]);
    if (rc || !patch_pack_has_label(s->pack, (size_t)sample)) return rc;
    return patch_pack_read_labels(s->pack, (size_t)sample, s->labels + (size_t)sample * label_bytes(s));
}

/* One allocation: sample after sample, each with its usable dates. */
int patch_frames_preload(patches *s)
{
    int rc = OK, longest = 0;
    unsigned char *frames = NULL;
    int *every_date = NULL, *series = NULL;
    TRY(places_find(s));
    for (int i = 0; i < s->count; i++)
        if (s->dates[i] > longest) longest = s->dates[i];
    TRY_NEW(every_date = memory_new((size_t)longest, sizeof *every_date));
    TRY_NEW(series = memory_new((size_t)longest, sizeof *series));
    for (int t = 0; t < longest; t++) every_date[t] = t;
    frames = memory_new(s->frames_start[s->count], 1);
    if (frames && patch_pack_has_labels(s->pack)) s->labels = memory_new((size_t)s->count, label_bytes(s));
    if (!frames || (patch_pack_has_labels(s->pack) && !s->labels)) {
        rc = no_room(s, s->frames_start[s->count]);
        goto done;
    }
    for (int i = 0; i < s->count; i++) {
        if (interrupt_requested()) rc = fail(INTERRUPTED, "interrupted");
        if (!rc) rc = sample_preload(s, i, every_date, series, frames);
        if (rc) goto done;
        if ((i + 1) % PROGRESS_EVERY == 0 || i + 1 == s->count)
            log_progress("Loading patches", (size_t)i + 1, (size_t)s->count, "");
    }
    s->frames = frames;
    frames = NULL;
done:
    free(frames);
    free(every_date);
    free(series);
    return rc;
}
