/* `furrow pack pastis`: survey the folder, write every image to its place in a file that survives a kill, finish it. */
#include "data-tools/pack_pastis.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "data-tools/pack_pastis_images.h"
#include "data-tools/pack_pastis_targets.h"
#include "data-tools/pack_pastis_work.h"

enum { SYNC_BYTES = 256 << 20, DEFLATE_LEVEL = 4 };

/* ---- gathering the images ------------------------------------------------------------------------------------------ */

/* From the first problem on nothing is written, but what can be wrong inside a file is still looked at, so that all
 * problems are listed: integers are always right. */
static bool is_worth_reading(const pastis_work *p, int k)
{
    enum number_type type = p->contents.satellite[k].type;
    return p->writer || type == NUMBER_F16 || type == NUMBER_F32;
}

static int frames_pack(pastis_work *p, size_t i, int k)
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
    if (pastis_is_computed(p, k))
        moments_add_planes(m, f->type, values, (size_t)f->dates[i], (size_t)s->height * (size_t)s->width);
done:
    free(values);
    return rc;
}

/* What the survey found of the patch's own, unless the files have changed since. */
static int targets_pack(pastis_work *p, size_t i, const uint8_t *labels, const int32_t *parcels)
{
    pastis_patch *patch = &p->source.patches[p->contents.patch[i]];
    pastis_targets t = {0};
    int rc = OK;
    TRY(pastis_targets_read(&p->source, patch, labels, parcels, &t));
    if (patch->bad) goto done;
    for (int k = 0; k < PATCH_TARGETS; k++) {
        const enum patch_target target = (enum patch_target)k;
        if (t.origin[k] != patch->origin[k])
            pastis_problem(&p->source, patch, "%s: changed while it was being packed",
                           pastis_target_name(target, patch->id).text);
        else if (t.own[k])
            TRY(patch_writer_target(p->writer, target, i, t.own[k]));
    }
done:
    pastis_targets_free(&t);
    return rc;
}

static int planes_pack(pastis_work *p, size_t i)
{
    pastis_source *s = &p->source;
    pastis_patch *patch = &s->patches[p->contents.patch[i]];
    const patch_contents *c = &p->contents.pack;
    uint8_t *labels = NULL;
    int32_t *parcels = NULL;
    bool own = false;
    int rc = OK;
    for (int k = 0; k < PATCH_TARGETS; k++) own |= patch->origin[k] == PATCH_OWN;
    if (patch->labels.there) TRY(pastis_labels_read(s, patch, &labels));
    if (pastis_has_parcels(patch)) TRY(pastis_parcels_read(s, patch, &parcels));
    if (labels && p->writer) TRY(patch_writer_labels(p->writer, i, labels));
    if (parcels && p->writer && c->parcelled && c->parcelled[i]) TRY(patch_writer_parcels(p->writer, i, parcels));
    if (own && p->writer && !patch->bad) TRY(targets_pack(p, i, labels, parcels));
done:
    free(labels);
    free(parcels);
    return rc;
}

static int patch_pack_one(pastis_work *p, size_t i)
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

static size_t image_bytes(const pastis_work *p, size_t i)
{
    size_t bytes = 0, pixels = (size_t)p->source.height * (size_t)p->source.width;
    for (int k = 0; k < p->contents.pack.satellites; k++) {
        const patch_frames *f = &p->contents.satellite[k];
        bytes += (size_t)f->dates[i] * (size_t)f->bands * pixels * number_size(f->type);
    }
    for (int k = 0; k < PATCH_TARGETS; k++)
        if (p->source.patches[p->contents.patch[i]].origin[k] == PATCH_OWN) bytes += 4 * pixels;
    return bytes + (p->contents.pack.labelled ? pixels : 0) + (p->contents.pack.parcelled ? 4 * pixels : 0);
}

/* Problems that come up end the writing; *again: with skip_bad, those were left out and the rest is to be packed. */
static int images_gather(pastis_work *p, bool *again)
{
    pastis_source *s = &p->source;
    const size_t count = p->contents.pack.count;
    size_t limit = p->options->sync_bytes ? p->options->sync_bytes : SYNC_BYTES, unsynced = 0, kept = p->resumed;
    int left_out = s->left_out.count, rc = OK;
    for (size_t i = p->resumed; i < count; i++) {
        if (interrupt_requested()) {
            if (p->writer) TRY(pastis_progress_keep(p, kept));
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
            TRY(pastis_record_keep(p, i));
            kept = i + 1;
            unsynced += image_bytes(p, i);
            if (unsynced >= limit) TRY(pastis_progress_keep(p, kept));
            if (unsynced >= limit) unsynced = 0;
        }
        log_progress("patches", i + 1, count, "");
    }
    if (p->writer) TRY(pastis_progress_keep(p, kept));
    *again = s->left_out.count > left_out;
done:
    return rc;
}

/* ---- the end ------------------------------------------------------------------------------------------------------- */

/* The values of each fold that has patches, NaN for the others; over all patches where none has a fold. */
static int norm_compute(const pastis_work *p, int k, normalisation *out)
{
    const int bands = p->contents.satellite[k].bands, rows = p->source.has_folds ? PASTIS_FOLDS : 1;
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

static int writer_finish(pastis_work *p, patch_writer *w)
{
    normalisation computed[PATCH_SATELLITES_MAX] = {0}, norms[PATCH_SATELLITES_MAX];
    const char *sources[PATCH_SATELLITES_MAX];
    int rc = OK;
    for (int k = 0; k < p->contents.pack.satellites; k++) {
        const pastis_satellite *a = &p->source.satellite[p->contents.index[k]];
        if (pastis_is_computed(p, k)) TRY(norm_compute(p, k, &computed[k]));
        norms[k] = pastis_is_computed(p, k) ? computed[k] : a->norm;
        sources[k] = pastis_is_computed(p, k) ? "computed" : a->norm_file;
    }
    TRY(patch_writer_finish(w, norms, sources));
done:
    for (int k = 0; k < PATCH_SATELLITES_MAX; k++) normalisation_free(&computed[k]);
    return rc;
}

/* The file under way becomes the pack. A kill from here to the rename starts anew: the library changes the file in ways
 * that the journal does not follow. */
static int finish_plain(pastis_work *p)
{
    int rc = OK;
    TRY(pack_stage_sync(p->stage, 0));
    TRY(writer_finish(p, p->writer));
    TRY(file_commit(p->unfinished, p->out));
done:
    return rc;
}

static int finish_compressed(pastis_work *p)
{
    const size_t count = p->contents.pack.count;
    patch_writer *w = NULL;
    int rc = OK;
    TRY(patch_writer_open(p->compressing, &p->contents.pack, DEFLATE_LEVEL, &w));
    for (size_t i = 0; i < count; i++) {
        TRY(interrupt_check());
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

static void origins_count(const pastis_patch *patch, pack_pastis_result *r)
{
    pack_pastis_origins *const all[PATCH_TARGETS] = {&r->instances, &r->heat_maps, &r->zones};
    for (int k = 0; k < PATCH_TARGETS; k++) {
        all[k]->made += patch->origin[k] == PATCH_MADE;
        all[k]->as_made += patch->origin[k] == PATCH_AS_MADE;
        all[k]->own += patch->origin[k] == PATCH_OWN;
    }
}

static void result_fill(const pastis_work *p, pack_pastis_result *r)
{
    const pastis_contents *c = &p->contents;
    size_t used = 0;
    *r = (pack_pastis_result){.patches = c->pack.count,
                              .resumed = p->resumed,
                              .left_out = p->source.absent,
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
        const pastis_patch *patch = &p->source.patches[c->patch[i]];
        r->parcelled += pastis_has_parcels(patch);
        if (pastis_has_parcels(patch)) origins_count(patch, r);
        r->bytes += (double)image_bytes(p, i);
    }
    for (int k = 0; k < c->pack.satellites; k++) {
        used += (size_t)snprintf(r->names + used, sizeof r->names - used, k ? ", %s" : "%s", c->satellite[k].name);
        r->computed_norm |= pastis_is_computed(p, k);
    }
}

static void left_out_warn(const pastis_source *s)
{
    if (s->left_out.count) log_warning("left out, %d problems:\n  %s", s->left_out.count, s->left_out.text);
}

/* One attempt with the patches that nothing is wrong with so far. */
static int attempt(pastis_work *p, bool *again, pack_pastis_result *result)
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
    if (!p->source.found.count) TRY(pastis_writer_open(p));
    TRY(images_gather(p, again));
    if (p->source.found.count || *again) goto done;
    left_out_warn(&p->source);
    TRY(p->options->compress ? finish_compressed(p) : finish_plain(p));
    if (result) result_fill(p, result);
    whole = true;
done:
    pastis_writer_end(p, whole || p->source.found.count || *again);
    return rc;
}

static void packing_free(pastis_work *p)
{
    pastis_source_free(&p->source);
    free(p->partial);
    free(p->unfinished);
    free(p->compressing);
}

int pack_pastis(const char *folder, const char *out, const pack_pastis_options *options, pack_pastis_result *result)
{
    pastis_work p = {.options = options, .out = out};
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
