#include "data/tile_parcels.h"

#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "format/npy.h"

static const char table_ending[] = "_parcels";
static const double SUM_ERROR = 1e-3; /* of probabilities that are float32 */

static size_t line_of(const tile_plan *p)
{
    return 1 + (size_t)p->class_count;
}

static bool pixels_fit(const tile_plan *p, const npy_header *h)
{
    const size_t side = (size_t)p->side;
    return h->type == NUMBER_U16 && !h->fortran && h->rank == 2 && h->shape[0] == side && h->shape[1] == side;
}

static bool table_fits(const tile_plan *p, const npy_header *h)
{
    return h->type == NUMBER_F32 && !h->fortran && h->rank == 2 && h->shape[0] <= TILE_PARCELS_MAX &&
           h->shape[1] == line_of(p);
}

static bool is_there(const tile_plan *p, const char *path, bool (*fits)(const tile_plan *p, const npy_header *h))
{
    npy_header h;
    return file_exists(path) && !npy_read_header(path, &h) && fits(p, &h);
}

bool tile_parcels_are_done(const tile_plan *p, const char *folder, int index)
{
    char *pixels = tile_path(p, folder, index, ""), *table = tile_path(p, folder, index, table_ending);
    const bool done = pixels && table && is_there(p, pixels, pixels_fit) && is_there(p, table, table_fits);
    free(pixels);
    free(table);
    return done;
}

bool tile_is_made(const tile_plan *p, const char *folder, int index)
{
    return p->parcels ? tile_parcels_are_done(p, folder, index) : tile_is_done(p, folder, index);
}

int tile_parcels_save(const tile_plan *p, const char *folder, int index, const tile_parcels *t)
{
    const size_t side[2] = {(size_t)p->side, (size_t)p->side}, lines[2] = {(size_t)t->count, line_of(p)};
    char *pixels = tile_path(p, folder, index, ""), *table = tile_path(p, folder, index, table_ending);
    static const float nothing;
    int rc = OK;
    TRY_NEW(pixels);
    TRY_NEW(table);
    TRY(npy_save(table, NUMBER_F32, 2, lines, t->count ? t->fact : &nothing));
    TRY(npy_save(pixels, NUMBER_U16, 2, side, t->pixel));
done:
    free(pixels);
    free(table);
    return rc;
}

/* ---- reading ------------------------------------------------------------------------------------------------------- */

static bool is_share(float value)
{
    return value >= 0 && value <= 1;
}

static int table_read(const tile_plan *p, const char *path, tile_parcels *t)
{
    npy_header h;
    void *read = NULL;
    const size_t line = line_of(p);
    int rc = OK;
    TRY(npy_read(path, TILE_PARCELS_MAX * line * sizeof(float), &h, &read));
    t->fact = read;
    if (!table_fits(p, &h))
        return fail(FAILED, "%s: is no table of parcels of this map: wanted float32 N x %zu", path, line);
    t->count = (int)h.shape[0];
    for (int k = 0; k < t->count; k++) {
        const float *fact = t->fact + (size_t)k * line;
        double sum = 0;
        for (size_t c = 0; c < line; c++) {
            if (!is_share(fact[c]))
                return fail(FAILED, "%s: parcel %d: %g in column %zu, wanted 0 to 1", path, k + 1, (double)fact[c], c);
            sum += c ? (double)fact[c] : 0;
        }
        if (fabs(sum - 1) > SUM_ERROR)
            return fail(FAILED, "%s: parcel %d: its classes' probabilities sum to %g, wanted 1", path, k + 1, sum);
    }
done:
    return rc;
}

static int pixels_read(const tile_plan *p, const char *path, tile_parcels *t)
{
    npy_header h;
    void *read = NULL;
    const size_t pixels = (size_t)p->side * (size_t)p->side;
    int rc = OK;
    TRY(npy_read(path, pixels * sizeof *t->pixel, &h, &read));
    t->pixel = read;
    if (!pixels_fit(p, &h))
        return fail(FAILED, "%s: is no tile of this map: wanted uint16 %d x %d", path, p->side, p->side);
    const bool unseen = t->pixel[0] == PARCEL_UNSEEN;
    for (size_t i = 0; i < pixels; i++)
        if (unseen ? t->pixel[i] != PARCEL_UNSEEN : t->pixel[i] > t->count)
            return fail(FAILED, "%s: row %zu, column %zu: %d, wanted %s", path, i / (size_t)p->side,
                        i % (size_t)p->side, t->pixel[i],
                        unseen ? "65535 as everywhere in a tile that was not seen" : "a line of the tile's table");
done:
    return rc;
}

int tile_parcels_load(const tile_plan *p, const char *folder, int index, tile_parcels *out)
{
    char *pixels = tile_path(p, folder, index, ""), *table = tile_path(p, folder, index, table_ending);
    int rc = OK;
    *out = (tile_parcels){0};
    TRY_NEW(pixels);
    TRY_NEW(table);
    TRY(table_read(p, table, out));
    TRY(pixels_read(p, pixels, out));
done:
    if (rc) tile_parcels_free(out);
    free(pixels);
    free(table);
    return rc;
}

void tile_parcels_free(tile_parcels *t)
{
    free(t->pixel);
    free(t->fact);
    *t = (tile_parcels){0};
}
