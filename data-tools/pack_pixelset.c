/* `furrow pack pixelset`: survey the folder, gather the pixels in a file that survives a kill, make the pack of it. */
#include "data-tools/pack_pixelset.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "data-tools/pack_moments.h"
#include "data-tools/pack_pixels.h"
#include "data-tools/pack_source.h"
#include "data-tools/pack_stage.h"
#include "format/normalisation.h"

enum { SYNC_BYTES = 64 << 20, DEFLATE_LEVEL = 4 };

typedef struct packing {
    const pack_options *options;
    const char *folder, *out;
    char *partial, *unfinished; /* OUT.partial, OUT.unfinished */
    pack_source source;
    uint64_t *start; /* [count + 1] values before each parcel */
    pack_stage *stage;
    uint64_t resumed;
    char *norm_path;
    const char *norm_name; /* in norm_path; NULL: computed */
    normalisation norm;
} packing;

/* ---- normalisation file -------------------------------------------------------------------------------------------- */

/* normalisation_values.pkl, else the only *meanstd.pkl; *path NULL: there is none. */
static int norm_find(packing *p, char **path)
{
    char **names, *plain = NULL;
    size_t count = 0;
    int rc = OK;
    *path = NULL;
    TRY_NEW(plain = path_join(p->folder, "normalisation_values.pkl"));
    if (file_exists(plain)) {
        *path = plain;
        return OK;
    }
    TRY(folder_list(p->folder, "meanstd.pkl", &names, &count));
    if (count > 1)
        pack_problem(&p->source, "%zu normalisation files (%s, %s, ...): choose one with --norm", count, names[0],
                     names[1]);
    else if (count && !(*path = path_join(p->folder, names[0])))
        rc = FAILED;
    folder_free(names, count);
done:
    free(plain);
    return rc;
}

static int norm_read(packing *p)
{
    const pack_source *s = &p->source;
    int rc = OK;
    if (p->options->norm && !strcmp(p->options->norm, "computed")) return OK;
    if (p->options->norm)
        TRY_NEW(p->norm_path = text_copy(p->options->norm));
    else
        TRY(norm_find(p, &p->norm_path));
    if (!p->norm_path) return OK;
    const char *slash = strrchr(p->norm_path, '/');
    p->norm_name = slash ? slash + 1 : p->norm_path;
    if (normalisation_read(p->norm_path, s->common_dates, s->bands, &p->norm))
        pack_problem(&p->source, "%s", error_message());
done:
    return rc;
}

/* ---- gathering the pixels ------------------------------------------------------------------------------------------ */

static uint64_t bytes_of(const void *user, uint64_t parcels)
{
    const packing *p = user;
    return parcels <= p->source.count ? p->start[parcels] * number_size(p->source.type) : UINT64_MAX;
}

static int starts_count(packing *p)
{
    const pack_source *s = &p->source;
    if (!(p->start = memory_new(s->count + 1, sizeof *p->start))) return FAILED;
    for (size_t i = 0; i < s->count; i++) p->start[i + 1] = p->start[i] + pack_values(s, i);
    return OK;
}

static int stage_open(packing *p)
{
    int rc = pack_stage_open(p->partial, p->source.state, bytes_of, p, &p->stage, &p->resumed);
    if (!rc && p->resumed)
        log_note("%s: going on after %llu of %zu parcels", p->partial, (unsigned long long)p->resumed, p->source.count);
    return rc;
}

/* From the first problem on nothing is kept, but every parcel is still looked at, so that all problems are listed. */
static int pixels_gather(packing *p)
{
    pack_source *s = &p->source;
    size_t limit = p->options->sync_bytes ? p->options->sync_bytes : SYNC_BYTES, unsynced = 0,
           kept = (size_t)p->resumed;
    void *values = NULL;
    int rc = OK;
    for (size_t i = (size_t)p->resumed; i < s->count; i++) {
        if (interrupt_requested()) {
            if (p->stage) TRY(pack_stage_sync(p->stage, kept));
            rc = fail(INTERRUPTED, "interrupted after %zu of %zu parcels; the same command goes on from there", kept,
                      s->count);
            goto done;
        }
        if (s->readable[i]) TRY(pack_pixels_read(s, i, &values));
        if (values && p->stage && !s->found.count) {
            size_t bytes = pack_values(s, i) * number_size(s->type);
            TRY(pack_stage_append(p->stage, values, bytes));
            kept = i + 1;
            unsynced += bytes;
            if (unsynced >= limit) TRY(pack_stage_sync(p->stage, kept));
            if (unsynced >= limit) unsynced = 0;
        }
        free(values);
        values = NULL;
        log_progress("pixels", i + 1, s->count, "");
    }
    if (p->stage && !s->found.count) TRY(pack_stage_sync(p->stage, kept));
done:
    free(values);
    return rc;
}

/* ---- the pack ------------------------------------------------------------------------------------------------------ */

static pack_contents contents_of(const pack_source *s)
{
    return (pack_contents){
        .count = s->count,
        .bands = s->bands,
        .type = s->type,
        .fingerprint = s->fingerprint,
        .ids = (const char *const *)s->ids,
        .dates = s->dates,
        .pixels = s->pixels,
        .days = s->days,
        .day_count = s->day_count,
        .days_shared = s->days_shared,
        .labels = s->labels,
        .nomenclatures = s->nomenclatures,
        .features = s->features,
        .feature_count = s->feature_count,
    };
}

static int parcel_copy(packing *p, size_t i, pack_writer *w, moments *m)
{
    const pack_source *s = &p->source;
    size_t count = pack_values(s, i), size = number_size(s->type);
    int rc = OK;
    void *values = memory_new(count, size);
    if (!values) return FAILED;
    TRY(pack_stage_read(p->stage, p->start[i] * size, values, count * size));
    TRY(pack_writer_append(w, values, count));
    if (!p->norm_name) moments_add(m, s->type, values, count / (size_t)s->bands);
done:
    free(values);
    return rc;
}

static int norm_compute(packing *p, const moments *m)
{
    if (p->norm_name) return OK;
    log_note("%smean and standard deviation of each band are computed over all pixels",
             p->options->norm ? "" : "no normalisation file: ");
    return moments_result(m, &p->norm);
}

static int pack_write(packing *p)
{
    const pack_source *s = &p->source;
    const pack_contents contents = contents_of(s);
    pack_writer *w = NULL;
    moments m = {0};
    int rc = OK;
    TRY(moments_new(s->bands, &m));
    TRY(pack_writer_open(p->unfinished, &contents, p->options->compress ? DEFLATE_LEVEL : 0, &w));
    for (size_t i = 0; i < s->count; i++) {
        TRY(interrupt_check());
        TRY(parcel_copy(p, i, w, &m));
        log_progress("pack", i + 1, s->count, "");
    }
    TRY(norm_compute(p, &m));
    TRY(pack_writer_finish(w, &p->norm, p->norm_name ? p->norm_name : "computed"));
    TRY(file_commit(p->unfinished, p->out));
done:
    pack_writer_close(w);
    if (rc) unlink(p->unfinished);
    moments_free(&m);
    return rc;
}

/* ---- all of it ----------------------------------------------------------------------------------------------------- */

static void result_fill(const packing *p, pack_result *r)
{
    const pack_source *s = &p->source;
    *r = (pack_result){
        .parcels = s->count,
        .resumed = (size_t)p->resumed,
        .bands = s->bands,
        .least_dates = s->dates[0],
        .most_dates = s->dates[0],
        .least_pixels = s->pixels[0],
        .most_pixels = s->pixels[0],
        .nomenclatures = s->nomenclatures,
        .features = s->feature_count,
        .dates = s->days != NULL,
        .computed_norm = !p->norm_name,
        .type = number_name(s->type),
    };
    for (size_t i = 0; i < s->count; i++) {
        if (s->dates[i] < r->least_dates) r->least_dates = s->dates[i];
        if (s->dates[i] > r->most_dates) r->most_dates = s->dates[i];
        if (s->pixels[i] < r->least_pixels) r->least_pixels = s->pixels[i];
        if (s->pixels[i] > r->most_pixels) r->most_pixels = s->pixels[i];
    }
}

static int survey(packing *p)
{
    int rc = OK;
    TRY_NEW(p->partial = text_format("%s.partial", p->out));
    TRY_NEW(p->unfinished = text_format("%s.unfinished", p->out));
    TRY(pack_source_open(p->folder, &p->source));
    TRY(pack_labels_read(&p->source));
    TRY(pack_dates_read(&p->source));
    TRY(pack_features_read(&p->source));
    TRY(norm_read(p));
    TRY(starts_count(p));
done:
    return rc;
}

static void packing_free(packing *p)
{
    pack_stage_close(p->stage);
    pack_source_free(&p->source);
    normalisation_free(&p->norm);
    free(p->norm_path);
    free(p->start);
    free(p->unfinished);
    free(p->partial);
}

int pack_pixelset(const char *folder, const char *out, const pack_options *options, pack_result *result)
{
    packing p = {.options = options, .folder = folder, .out = out};
    struct stat about;
    int rc = OK;
    if (!stat(out, &about) && S_ISDIR(about.st_mode))
        return fail(FAILED, "%s: is a folder, wanted the pack's file name", out);
    TRY(survey(&p));
    if (!p.source.found.count) TRY(stage_open(&p));
    TRY(pixels_gather(&p));
    if (p.source.found.count) {
        pack_stage_remove(p.stage);
        p.stage = NULL;
    }
    TRY(problems_report(&p.source.found, folder));
    TRY(pack_write(&p));
    pack_stage_remove(p.stage);
    p.stage = NULL;
    if (result) result_fill(&p, result);
done:
    packing_free(&p);
    return rc;
}
