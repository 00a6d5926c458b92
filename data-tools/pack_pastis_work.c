#include "data-tools/pack_pastis_work.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"

/* ---- records ------------------------------------------------------------------------------------------------------- */

/* What a later run must know of a patch that is packed: the writer's record, then the moments of each satellite whose
 * normalisation is computed: count, means, squared distances. */
bool pastis_is_computed(const pastis_work *p, int k)
{
    return !p->source.satellite[p->contents.index[k]].norm_file;
}

static size_t moments_bytes(const pastis_work *p, int k)
{
    return pastis_is_computed(p, k) ? (1 + 2 * (size_t)p->contents.satellite[k].bands) * sizeof(double) : 0;
}

static uint64_t bytes_of(const void *user, uint64_t patches)
{
    const pastis_work *p = user;
    return patches <= p->contents.pack.count ? p->start[patches] : UINT64_MAX;
}

static int starts_count(pastis_work *p)
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
static void record_move(pastis_work *p, size_t patch, char *record, bool put)
{
    char *next = record + patch_record_bytes(&p->contents.pack, patch);
    int fold = p->source.has_folds ? p->contents.pack.fold[patch] : 0;
    if (put)
        patch_writer_record(p->writer, patch, record);
    else
        patch_writer_recall(p->writer, patch, record);
    for (int k = 0; k < p->contents.pack.satellites; k++) {
        moments *m = &p->patch_moments[k];
        if (!pastis_is_computed(p, k)) continue;
        moments_move(m, next, put);
        moments_merge(&p->fold_moments[k][fold], m->count, m->mean, m->squares);
        next += moments_bytes(p, k);
    }
}

int pastis_record_keep(pastis_work *p, size_t patch)
{
    size_t bytes = (size_t)(p->start[patch + 1] - p->start[patch]);
    char *record = memory_new(bytes, 1);
    if (!record) return FAILED;
    record_move(p, patch, record, true);
    int rc = pack_stage_append(p->stage, record, bytes);
    free(record);
    return rc;
}

static int records_recall(pastis_work *p)
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

static int moments_prepare(pastis_work *p)
{
    int rc = OK;
    for (int k = 0; k < p->contents.pack.satellites; k++) {
        int bands = p->contents.satellite[k].bands;
        TRY(moments_new(bands, &p->patch_moments[k]));
        for (int f = 0; f <= PASTIS_FOLDS; f++) TRY(moments_new(bands, &p->fold_moments[k][f]));
    }
done:
    return rc;
}

static int stage_open(pastis_work *p, uint64_t *patches)
{
    return pack_stage_open(p->partial, p->contents.state, bytes_of, p, &p->stage, patches);
}

/* Goes on with the file that an earlier run left, where the journal beside it is of the same state of the folder; else
 * with a new one. */
int pastis_writer_open(pastis_work *p)
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

void pastis_writer_end(pastis_work *p, bool remove)
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
        for (int f = 0; f <= PASTIS_FOLDS; f++) moments_free(&p->fold_moments[k][f]);
    }
    free(p->start);
    p->start = NULL;
    pastis_contents_free(&p->contents);
}

int pastis_progress_keep(pastis_work *p, size_t patches)
{
    int rc = patch_writer_sync(p->writer);
    return rc ? rc : pack_stage_sync(p->stage, patches);
}
