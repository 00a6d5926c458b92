/* `furrow pack pastis`: survey the folder, write every image to its place in a file that survives a kill, finish it. */
#include "data-tools/pack_pastis.h"

#include <math.h>
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
#include "data-tools/pack_pastis_contents.h"
#include "data-tools/pack_pastis_images.h"
#include "data-tools/pack_stage.h"

enum { SYNC_BYTES = 256 << 20, DEFLATE_LEVEL = 4, FOLDS = 5 };

typedef struct packing {
    const pack_pastis_options *options;
    const char *out;
    char *partial, *unfinished, *compressing; /* OUT.partial, ... */
    pastis_source source;
    pastis_contents contents;
    patch_writer *writer; /* NULL: there are problems, and nothing is kept */
    pack_stage *stage;    /* of records */
    uint64_t *start;      /* [count + 1] bytes of records before each patch's */
    moments patch_moments[PATCH_SATELLITES_MAX];
    moments fold_moments[PATCH_SATELLITES_MAX][FOLDS + 1]; /* [0]: of all patches */
    size_t resumed;
} packing;

/* ---- records ------------------------------------------------------------------------------------------------------- */

/* What a later run must know of a patch that is packed: the writer's record, then the moments of each satellite whose
 * normalisation is computed: count, means, squared distances. */
static bool is_computed(const packing *p, int k)
{
    return !p->source.satellite[p->contents.index[k]].norm_file;
}

static size_t moments_bytes(const packing *p, int k)
{
    return is_computed(p, k) ? (1 + 2 * (size_t)p->contents.satellite[k].bands) * sizeof(double) : 0;
}

static uint64_t bytes_of(const void *user, uint64_t patches)
{
    const packing *p = user;
    return patches <= p->contents.pack.count ? p->start[patches] : UINT64_MAX;
}

static int starts_count(packing *p)
{
    size_t count = p->contents.pack.count;
    if (!(p->start = memory_new(count + 1, sizeof *p->start))) return FAILED;
    for (size_t i = 0; i < count; i++) {
        p->start[i + 1] = p->start[i] + patch_record_bytes(&p->contents.pack, i);
        for (int k = 0; k < p->contents.pack.satellites; k++) p->start[i + 1] += moments_bytes(p, k);
    }
    return OK;
}

static void moments_move(moments *m, char *record, bool put)
{
    const size_t bytes = (size_t)m->bands * sizeof(double);
    void *part[3] = {&m->count, m->mean, m->squares};
    size_t size[3] = {sizeof m->count, bytes, bytes};
    for (int i = 0; i < 3; record += size[i++]) memcpy(put ? record : part[i], put ? part[i] : record, size[i]);
}

/* Between a record and the writer and the patch's moments, which then join their fold's: patch after patch, so that a
 * run that goes on gives the same bits. */
static void record_move(packing *p, size_t patch, char *record, bool put)
{
    char *next = record + patch_record_bytes(&p->contents.pack, patch);
    int fold = p->source.has_folds ? p->contents.pack.fold[patch] : 0;
    if (put)
        patch_writer_record(p->writer, patch, record);
    else
        patch_writer_recall(p->writer, patch, record);
    for (int k = 0; k < p->contents.pack.satellites; k++) {
        moments *m = &p->patch_moments[k];
        if (!is_computed(p, k)) continue;
        moments_move(m, next, put);
        moments_merge(&p->fold_moments[k][fold], m->count, m->mean, m->squares);
        next += moments_bytes(p, k);
    }
}

static int record_keep(packing *p, size_t patch)
{
    size_t bytes = (size_t)(p->start[patch + 1] - p->start[patch]);
    char *record = memory_new(bytes, 1);
    if (!record) return FAILED;
    record_move(p, patch, record, true);
    int rc = pack_stage_append(p->stage, record, bytes);
    free(record);
    return rc;
}

static int records_recall(packing *p)
{
    for (size_t i = 0; i < p->resumed; i++) {
        size_t bytes = (size_t)(p->start[i + 1] - p->start[i]);
        char *record = memory_new(bytes, 1);
        if (!record) return FAILED;
        int rc = pack_stage_read(p->stage, p->start[i], record, bytes);
        if (!rc) record_move(p, i, record, false);
        free(record);
        if (rc) return rc;
    }
    return OK;
}

/* ---- the file under way -------------------------------------------------------------------------------------------- */

static int moments_prepare(packing *p)
{
    int rc = OK;
    for (int k = 0; k < p->contents.pack.satellites; k++) {
        int bands = p->contents.satellite[k].bands;
        TRY(moments_new(bands, &p->patch_moments[k]));
        for (int f = 0; f <= FOLDS; f++) TRY(moments_new(bands, &p->fold_moments[k][f]));
    }
done:
    return rc;
}

static int stage_open(packing *p, uint64_t *patches)
{
    return pack_stage_open(p->partial, p->contents.state, bytes_of, p, &p->stage, patches);
}

/* Goes on with the file that an earlier run left, where the journal beside it is of the same state of the folder; else
 * with a new one. */
static int writer_open(packing *p)
{
    const patch_contents *c = &p->contents.pack;
    uint64_t patches;
    int rc = OK;
    TRY(moments_prepare(p));
    TRY(starts_count(p));
    TRY(stage_open(p, &patches));
    if (patches && !patch_writer_take_up(p->unfinished, c, &p->writer)) {
        p->resumed = (size_t)patches;
        log_note("%s: going on after %zu of %zu patches", p->unfinished, p->resumed, c->count);
        return records_recall(p);
    }
    if (patches) { /* a journal without its file */
        pack_stage_remove(p->stage);
        p->stage = NULL;
        TRY(stage_open(p, &patches));
    }
    TRY(patch_writer_open(p->unfinished, c, 0, &p->writer));
done:
    return rc;
}

/* Ends an attempt; what lies on disk stays unless `remove`. */
static void writer_end(packing *p, bool remove)
{
    patch_writer_close(p->writer);
    p->writer = NULL;
    if (p->stage && remove) {
        pack_stage_remove(p->stage);
        unlink(p->unfinished);
    } else {
        pack_stage_close(p->stage);
    }
    p->stage = NULL;
    for (int k = 0; k < PATCH_SATELLITES_MAX; k++) {
        moments_free(&p->patch_moments[k]);
        for (int f = 0; f <= FOLDS; f++) moments_free(&p->fold_moments[k][f]);
    }
    free(p->start);
    p->start = NULL;
    pastis_contents_free(&p->contents);
}

/* ---- gathering the images ------------------------------------------------------------------------------------------ */

/* From the first problem on nothing is written, but what can be wrong inside a file is still looked at, so that all
 * problems are listed: integers are always right. */
static bool is_worth_reading(const packing *p, int k)
{
    enum number_type type = p->contents.satellite[k].type;
    return p->writer || type == NUMBER_F16 || type == NUMBER_F32;
}

static int frames_pack(packing *p, size_t i, int k)
{
    pastis_source *s = &p->source;
    pastis_patch *patch = &s->patches[p->contents.patch[i]];
    const patch_frames *f = &p->contents.satellite[k];
    moments *m = &p->patch_moments[k];
    void *values = NULL;
    int rc = OK;
    if (!f->dates[i] || !is_worth_reading(p, k)) return OK;
    TRY(pastis_frames_read(s, patch, p->contents.index[k], &values));
    if (!values || patch->bad || !p->writer) goto done;
    TRY(patch_writer_frames(p->writer, k, i, values));
    if (is_computed(p, k))
        moments_add_planes(m, f->type, values, (size_t)f->dates[i], (size_t)s->height * (size_t)s->width);
done:
    free(values);
    return rc;
}

static int planes_pack(packing *p, size_t i)
{
    pastis_source *s = &p->source;
    pastis_patch *patch = &s->patches[p->contents.patch[i]];
    uint8_t *labels = NULL;
    int32_t *parcels = NULL;
    int rc = OK;
    if (patch->labels.there) TRY(pastis_labels_read(s, patch, &labels));
    if (patch->parcels.there) TRY(pastis_parcels_read(s, patch, &parcels));
    if (labels && p->writer) TRY(patch_writer_labels(p->writer, i, labels));
    if (parcels && p->writer) TRY(patch_writer_parcels(p->writer, i, parcels));
done:
    free(labels);
    free(parcels);
    return rc;
}

static int patch_pack_one(packing *p, size_t i)
{
    int rc = OK;
    for (int k = 0; k < p->contents.pack.satellites; k++) {
        if (p->writer) moments_clear(&p->patch_moments[k]);
        TRY(frames_pack(p, i, k));
    }
    TRY(planes_pack(p, i));
done:
    return rc;
}

/* What the journal speaks of is on disk before it speaks of it. */
static int progress_keep(packing *p, size_t patches)
{
    int rc = patch_writer_sync(p->writer);
    return rc ? rc : pack_stage_sync(p->stage, patches);
}

static size_t image_bytes(const packing *p, size_t i)
{
    size_t bytes = 0, pixels = (size_t)p->source.height * (size_t)p->source.width;
    for (int k = 0; k < p->contents.pack.satellites; k++) {
        const patch_frames *f = &p->contents.satellite[k];
        bytes += (size_t)f->dates[i] * (size_t)f->bands * pixels * number_size(f->type);
    }
    return bytes + (p->source.has_labels ? pixels : 0) + (p->source.has_parcels ? 4 * pixels : 0);
}

/* Problems that come up end the writing; *again: with skip_bad, those were left out and the rest is to be packed. */
static int images_gather(packing *p, bool *again)
{
    pastis_source *s = &p->source;
    const size_t count = p->contents.pack.count;
    size_t limit = p->options->sync_bytes ? p->options->sync_bytes : SYNC_BYTES, unsynced = 0, kept = p->resumed;
    int left_out = s->left_out.count, rc = OK;
    for (size_t i = p->resumed; i < count; i++) {
        if (interrupt_requested()) {
            if (p->writer) TRY(progress_keep(p, kept));
            rc = fail(INTERRUPTED, "interrupted after %zu of %zu patches; the same command goes on from there", kept,
                      count);
            goto done;
        }
        TRY(patch_pack_one(p, i));
        if (p->writer && (s->found.count || s->left_out.count > left_out)) {
            patch_writer_close(p->writer);
            p->writer = NULL;
        }
        if (p->writer) {
            TRY(record_keep(p, i));
            kept = i + 1;
            unsynced += image_bytes(p, i);
            if (unsynced >= limit) TRY(progress_keep(p, kept));
            if (unsynced >= limit) unsynced = 0;
        }
        log_progress("patches", i + 1, count, "");
    }
    if (p->writer) TRY(progress_keep(p, kept));
    *again = s->left_out.count > left_out;
done:
    return rc;
}

/* ---- the end ------------------------------------------------------------------------------------------------------- */

/* The values of each fold that has patches, NaN for the others; over all patches where none has a fold. */
static int norm_compute(const packing *p, int k, normalisation *out)
{
    const int bands = p->contents.satellite[k].bands, rows = p->source.has_folds ? FOLDS : 1;
    int rc = OK;
    *out = (normalisation){.rows = rows, .columns = bands};
    TRY_NEW(out->mean = memory_new((size_t)rows * (size_t)bands, sizeof *out->mean));
    TRY_NEW(out->std = memory_new((size_t)rows * (size_t)bands, sizeof *out->std));
    for (int f = 0; f < rows; f++) {
        const moments *m = &p->fold_moments[k][p->source.has_folds ? f + 1 : 0];
        for (int b = 0; b < bands; b++) {
            out->mean[f * bands + b] = m->count > 0 ? m->mean[b] : (double)NAN;
            out->std[f * bands + b] = m->count > 0 ? sqrt(m->squares[b] / m->count) : (double)NAN;
        }
    }
    log_note("no NORM_%s_patch.json: mean and standard deviation of each band are computed over %s",
             p->contents.satellite[k].name, p->source.has_folds ? "each fold's patches" : "all patches");
done:
    return rc;
}

static int writer_finish(packing *p, patch_writer *w)
{
    normalisation computed[PATCH_SATELLITES_MAX] = {0}, norms[PATCH_SATELLITES_MAX];
    const char *sources[PATCH_SATELLITES_MAX];
    int rc = OK;
    for (int k = 0; k < p->contents.pack.satellites; k++) {
        const pastis_satellite *a = &p->source.satellite[p->contents.index[k]];
        if (is_computed(p, k)) TRY(norm_compute(p, k, &computed[k]));
        norms[k] = is_computed(p, k) ? computed[k] : a->norm;
        sources[k] = is_computed(p, k) ? "computed" : a->norm_file;
    }
    TRY(patch_writer_finish(w, norms, sources));
done:
    for (int k = 0; k < PATCH_SATELLITES_MAX; k++) normalisation_free(&computed[k]);
    return rc;
}

/* The file under way becomes the pack. A kill from here to the rename starts anew: the library changes the file in ways
 * that the journal does not follow. */
static int finish_plain(packing *p)
{
    int rc = OK;
    TRY(pack_stage_sync(p->stage, 0));
    TRY(writer_finish(p, p->writer));
    TRY(file_commit(p->unfinished, p->out));
done:
    return rc;
}

static int finish_compressed(packing *p)
{
    const size_t count = p->contents.pack.count;
    patch_writer *w = NULL;
    int rc = OK;
    TRY(patch_writer_open(p->compressing, &p->contents.pack, DEFLATE_LEVEL, &w));
    for (size_t i = 0; i < count; i++) {
        if (interrupt_requested()) {
            rc = fail(INTERRUPTED, "interrupted; the same command goes on");
            goto done;
        }
        TRY(patch_writer_copy(p->writer, i, w));
        log_progress("compressing", i + 1, count, "");
    }
    TRY(writer_finish(p, w));
    TRY(file_commit(p->compressing, p->out));
done:
    patch_writer_close(w);
    if (rc) unlink(p->compressing);
    return rc;
}

/* ---- all of it ----------------------------------------------------------------------------------------------------- */

static void result_fill(const packing *p, pack_pastis_result *r)
{
    const pastis_contents *c = &p->contents;
    size_t used = 0;
    *r = (pack_pastis_result){.patches = c->pack.count,
                              .resumed = p->resumed,
                              .height = c->pack.height,
                              .width = c->pack.width,
                              .satellites = c->pack.satellites,
                              .least_dates = c->satellite[0].dates[0]};
    for (size_t i = 0; i < p->source.count; i++) r->left_out += p->source.patches[i].bad;
    for (size_t i = 0; i < c->pack.count; i++) {
        int dates = c->satellite[0].dates[i];
        if (dates < r->least_dates) r->least_dates = dates;
        if (dates > r->most_dates) r->most_dates = dates;
        r->labelled += c->pack.labelled && c->pack.labelled[i];
        r->parcelled += c->pack.parcelled && c->pack.parcelled[i];
        r->bytes += (double)image_bytes(p, i);
    }
    for (int k = 0; k < c->pack.satellites; k++) {
        used += (size_t)snprintf(r->names + used, sizeof r->names - used, k ? ", %s" : "%s", c->satellite[k].name);
        r->computed_norm |= is_computed(p, k);
    }
}

static void left_out_warn(const pastis_source *s)
{
    if (s->left_out.count) log_warning("left out, %d problems:\n  %s", s->left_out.count, s->left_out.text);
}

/* One attempt with the patches that nothing is wrong with so far. */
static int attempt(packing *p, bool *again, pack_pastis_result *result)
{
    int rc = OK;
    bool whole = false;
    p->resumed = 0;
    TRY(pastis_contents_make(&p->source, &p->contents));
    if (!p->contents.pack.count || !p->contents.pack.satellites) {
        left_out_warn(&p->source);
        if (!p->source.found.count) pastis_problem(&p->source, NULL, "no patch is left that could be packed");
        goto done;
    }
    if (!p->source.found.count) TRY(writer_open(p));
    TRY(images_gather(p, again));
    if (p->source.found.count || *again) goto done;
    left_out_warn(&p->source);
    TRY(p->options->compress ? finish_compressed(p) : finish_plain(p));
    if (result) result_fill(p, result);
    whole = true;
done:
    writer_end(p, whole || p->source.found.count || *again);
    return rc;
}

static void packing_free(packing *p)
{
    pastis_source_free(&p->source);
    free(p->partial);
    free(p->unfinished);
    free(p->compressing);
}

int pack_pastis(const char *folder, const char *out, const pack_pastis_options *options, pack_pastis_result *result)
{
    packing p = {.options = options, .out = out};
    struct stat about;
    bool again;
    int rc = OK;
    if (!stat(out, &about) && S_ISDIR(about.st_mode))
        return fail(FAILED, "%s: is a folder, wanted the pack's file name", out);
    TRY_NEW(p.partial = text_format("%s.partial", out));
    TRY_NEW(p.unfinished = text_format("%s.unfinished", out));
    TRY_NEW(p.compressing = text_format("%s.compressing", out));
    TRY(pastis_source_open(folder, options->folds, options->skip_bad, &p.source));
    do {
        again = false;
        TRY(attempt(&p, &again, result));
        TRY(problems_report(&p.source.found, folder));
    } while (again);
done:
    packing_free(&p);
    return rc;
}
