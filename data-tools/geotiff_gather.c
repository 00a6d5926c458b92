#include "data-tools/geotiff_gather.h"

#include <stdlib.h>
#include <string.h>

#include "base/date.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"

enum { STRIP_BYTES = 64 << 20, STRIP_BYTES_MOST = 512 << 20 };

/* What of a parcel lies in one strip: its runs there, and the number of its pixels before them. */
typedef struct piece {
    size_t parcel, run, run_count;
    int32_t first, pixels;
} piece;

typedef struct strips {
    int rows, count; /* rows of each but the last */
    size_t *first;   /* [count + 1] pieces before each strip */
    piece *pieces;
    void *values;     /* [bands][rows][width] */
    uint8_t *missing; /* [rows][width]; NULL: there are no gaps */
    void *gathered;   /* of one piece: pixels x bands */
    uint8_t *gathered_missing;
} strips;

/* ---- opening ------------------------------------------------------------------------------------------------------- */

size_t geotiff_gather_values(const geotiff_gather *g, size_t i)
{
    const scenes *s = g->scenes;
    return (size_t)s->dates * (size_t)g->parcels->parcel[i].pixels * (size_t)s->bands * number_size(s->type);
}

static size_t missing_bytes(const geotiff_gather *g, size_t i)
{
    return g->scenes->gaps ? (size_t)g->scenes->dates * (size_t)g->parcels->parcel[i].pixels : 0;
}

/* All of it from the first date on: the file gets its size before any. */
static uint64_t bytes_of(const void *user, uint64_t dates)
{
    const geotiff_gather *g = user;
    if (dates > (uint64_t)g->scenes->dates) return UINT64_MAX;
    return dates ? g->start[g->parcels->count] : 0;
}

int geotiff_gather_open(const char *path, scenes *s, const geotiff_parcels *p, uint64_t state, double more,
                        geotiff_gather *out)
{
    int rc = OK;
    uint64_t resumed = 0;
    *out = (geotiff_gather){.scenes = s, .parcels = p};
    TRY_NEW(out->start = memory_new(p->count + 1, sizeof *out->start));
    for (size_t i = 0; i < p->count; i++)
        out->start[i + 1] = out->start[i] + geotiff_gather_values(out, i) + missing_bytes(out, i);
    TRY(pack_stage_open(path, state, bytes_of, out, &out->stage, &resumed));
    out->resumed = (int)resumed;
    if (resumed)
        log_note("%s: going on after %llu of %d dates", path, (unsigned long long)resumed, s->dates);
    else
        TRY(file_room(path, (double)out->start[p->count] * (1 + more)));
    if (!resumed) TRY(pack_stage_write(out->stage, out->start[p->count] - 1, "", 1));
done:
    if (rc) geotiff_gather_close(out, false);
    return rc;
}

void geotiff_gather_close(geotiff_gather *g, bool keep)
{
    if (keep)
        pack_stage_close(g->stage);
    else
        pack_stage_remove(g->stage);
    free(g->start);
    *g = (geotiff_gather){0};
}

int geotiff_gather_read(const geotiff_gather *g, size_t i, void *values, uint8_t *missing)
{
    int rc = OK;
    const size_t bytes = geotiff_gather_values(g, i);
    if (values) TRY(pack_stage_read(g->stage, g->start[i], values, bytes));
    if (g->scenes->gaps) TRY(pack_stage_read(g->stage, g->start[i] + bytes, missing, missing_bytes(g, i)));
done:
    return rc;
}

/* ---- strips -------------------------------------------------------------------------------------------------------- */

/* Whole blocks of the files, as many as fit. A file that is one block is decoded strip by strip all the same: memory is
 * dearer than time. */
static int strip_rows(const scenes *s)
{
    const size_t row = (size_t)s->grid.width * ((size_t)s->bands * number_size(s->type) + 1);
    const size_t block = row * (size_t)s->block_height > STRIP_BYTES_MOST ? 1 : (size_t)s->block_height;
    const size_t fit = STRIP_BYTES / row / block * block;
    const size_t rows = fit ? fit : block;
    return rows < (size_t)s->grid.height ? (int)rows : s->grid.height;
}

static size_t pieces_of(const geotiff_gather *g, const strips *t, size_t i, piece *out, size_t *next)
{
    const geotiff_parcel *p = &g->parcels->parcel[i];
    const geo_run *run = g->parcels->runs.items + p->first_run;
    size_t count = 0;
    int32_t pixels = 0;
    for (size_t k = 0; k < p->run_count; count++) {
        const int strip = run[k].row / t->rows;
        piece one = {.parcel = i, .run = p->first_run + k, .first = pixels};
        for (; k < p->run_count && run[k].row / t->rows == strip; k++) {
            one.run_count++;
            one.pixels += run[k].count;
        }
        pixels += one.pixels;
        if (out) out[next[strip]] = one;
        next[strip]++;
    }
    return count;
}

/* Pieces sorted by strip, then parcel: counted first, then put in place. */
static int pieces_make(const geotiff_gather *g, strips *t)
{
    int rc = OK;
    size_t total = 0, *next = memory_new((size_t)t->count + 1, sizeof *next);
    if (!next) return FAILED;
    for (size_t i = 0; i < g->parcels->count; i++) total += pieces_of(g, t, i, NULL, next);
    TRY_NEW(t->first = memory_new((size_t)t->count + 1, sizeof *t->first));
    TRY_NEW(t->pieces = memory_new(total, sizeof *t->pieces));
    for (int k = 0; k < t->count; k++) t->first[k + 1] = t->first[k] + next[k];
    memcpy(next, t->first, (size_t)t->count * sizeof *next);
    for (size_t i = 0; i < g->parcels->count; i++) pieces_of(g, t, i, t->pieces, next);
done:
    free(next);
    return rc;
}

static int strips_new(const geotiff_gather *g, strips *t)
{
    const scenes *s = g->scenes;
    int rc = OK;
    size_t most = 0;
    *t = (strips){.rows = strip_rows(s)};
    t->count = (s->grid.height + t->rows - 1) / t->rows;
    TRY(pieces_make(g, t));
    for (size_t i = 0; i < t->first[t->count]; i++)
        if ((size_t)t->pieces[i].pixels > most) most = (size_t)t->pieces[i].pixels;
    const size_t plane = (size_t)t->rows * (size_t)s->grid.width, pixel = (size_t)s->bands * number_size(s->type);
    TRY_NEW(t->values = memory_new(plane, pixel));
    TRY_NEW(t->gathered = memory_new(most, pixel));
    if (s->gaps) TRY_NEW(t->missing = memory_new(plane, 1));
    if (s->gaps) TRY_NEW(t->gathered_missing = memory_new(most, 1));
done:
    return rc;
}

static void strips_free(strips *t)
{
    free(t->first);
    free(t->pieces);
    free(t->values);
    free(t->missing);
    free(t->gathered);
    free(t->gathered_missing);
}

/* ---- pixels to their places ---------------------------------------------------------------------------------------- */

#define GATHER(ctype)                                                                                                  \
    for (size_t c = 0; c < bands; c++)                                                                                 \
        for (size_t k = 0; k < count; k++) ((ctype *)to)[k * bands + c] = ((const ctype *)from)[c * plane + k]

/* `count` pixels of planes to pixels x bands. */
static void gather(size_t size, const void *from, size_t plane, size_t count, size_t bands, void *to)
{
    if (size == 1)
        GATHER(uint8_t);
    else if (size == 2)
        GATHER(uint16_t);
    else
        GATHER(uint32_t);
}

static int piece_write(const geotiff_gather *g, const strips *t, int date, int top, int rows, const piece *p)
{
    const scenes *s = g->scenes;
    const size_t size = number_size(s->type), bands = (size_t)s->bands, plane = (size_t)rows * (size_t)s->grid.width;
    const size_t at = (size_t)date * (size_t)g->parcels->parcel[p->parcel].pixels + (size_t)p->first;
    size_t done = 0;
    int rc = OK;
    for (size_t k = 0; k < p->run_count; k++) {
        const geo_run *run = &g->parcels->runs.items[p->run + k];
        const size_t from = (size_t)(run->row - top) * (size_t)s->grid.width + (size_t)run->first;
        gather(size, (const char *)t->values + from * size, plane, (size_t)run->count, bands,
               (char *)t->gathered + done * bands * size);
        if (t->missing) memcpy(t->gathered_missing + done, t->missing + from, (size_t)run->count);
        done += (size_t)run->count;
    }
    const uint64_t start = g->start[p->parcel];
    TRY(pack_stage_write(g->stage, start + at * bands * size, t->gathered, done * bands * size));
    if (t->missing)
        TRY(pack_stage_write(g->stage, start + geotiff_gather_values(g, p->parcel) + at, t->gathered_missing, done));
done:
    return rc;
}

static int date_gather(const geotiff_gather *g, const strips *t, int date)
{
    scenes *s = g->scenes;
    int rc = OK;
    for (int k = 0; k < t->count; k++) {
        const int top = k * t->rows, rows = s->grid.height - top < t->rows ? s->grid.height - top : t->rows;
        if (interrupt_requested())
            return fail(INTERRUPTED, "interrupted at date %d of %d; the same command goes on from there", date + 1,
                        s->dates);
        log_progress("images", (size_t)date * (size_t)t->count + (size_t)k, (size_t)s->dates * (size_t)t->count,
                     date_write(s->days[date]).text);
        if (t->first[k] == t->first[k + 1]) continue;
        TRY(scenes_read(s, date, 0, top, s->grid.width, rows, t->values, t->missing));
        for (size_t i = t->first[k]; i < t->first[k + 1]; i++) TRY(piece_write(g, t, date, top, rows, &t->pieces[i]));
    }
done:
    return rc;
}

int geotiff_gather_run(geotiff_gather *g, size_t sync_bytes)
{
    const int dates = g->scenes->dates;
    const uint64_t a_date = g->start[g->parcels->count] / (uint64_t)dates;
    uint64_t unsynced = 0;
    int rc = OK;
    strips t = {0};
    if (g->resumed < dates) TRY(strips_new(g, &t));
    for (int d = g->resumed; d < dates; d++) {
        rc = date_gather(g, &t, d);
        if (rc == INTERRUPTED && d && pack_stage_sync(g->stage, (uint64_t)d)) rc = FAILED;
        TRY(rc);
        scenes_release(g->scenes);
        unsynced += a_date;
        if (unsynced < sync_bytes && d + 1 < dates) continue;
        TRY(pack_stage_sync(g->stage, (uint64_t)d + 1));
        unsynced = 0;
    }
    log_progress("images", (size_t)dates, (size_t)dates, "");
done:
    strips_free(&t);
    return rc;
}
