#include "data-tools/synth_parcels.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "format/npy.h"

enum { BYTES_MAX = 1 << 28 };
static const char *const prefix = "ParcelIDs_";

/* Moves the names that are parcel ids to the front. */
static void keep_parcels(synth_parcels *p)
{
    size_t kept = 0;
    for (size_t i = 0; i < p->count; i++) {
        char *name = p->files[i];
        if (strncmp(name, prefix, strlen(prefix)) == 0) {
            p->files[i] = p->files[kept];
            p->files[kept++] = name;
        }
    }
    while (p->count > kept) free(p->files[--p->count]);
}

static int side_check(synth_parcels *p, size_t i)
{
    int rc = OK;
    npy_header h;
    char *path = path_join(p->folder, p->files[i]);
    TRY_NEW(path);
    TRY(npy_read_header(path, &h));
    const size_t side = i ? (size_t)p->side : h.shape[0];
    if (h.rank != 2 || h.shape[0] != side || h.shape[1] != side || side < 4 || side > 4096) {
        rc = fail(FAILED, "%s: holds %d dimensions, the first %zu; wanted a square, of %s", path, h.rank, h.shape[0],
                  i ? "the size of the others" : "4 to 4096 pixels a side");
        goto done;
    }
    p->side = (int)side;
done:
    free(path);
    return rc;
}

int synth_parcels_open(const char *folder, synth_parcels *out)
{
    int rc = OK;
    *out = (synth_parcels){0};
    TRY_NEW(out->folder = path_join(folder, "ANNOTATIONS"));
    TRY(folder_list(out->folder, ".npy", &out->files, &out->count));
    keep_parcels(out);
    if (!out->count) {
        rc = fail(FAILED, "%s: holds no %s*.npy; wanted a folder with ANNOTATIONS/%sID.npy", folder, prefix, prefix);
        goto done;
    }
    for (size_t i = 0; i < out->count; i++) TRY(side_check(out, i));
done:
    if (rc) synth_parcels_free(out);
    return rc;
}

void synth_parcels_free(synth_parcels *p)
{
    folder_free(p->files, p->count);
    free(p->folder);
    *p = (synth_parcels){0};
}

int synth_parcels_read(const synth_parcels *p, size_t i, int32_t *ids)
{
    int rc = OK;
    npy_header h;
    void *values = NULL;
    const size_t pixels = (size_t)p->side * (size_t)p->side;
    char *path = path_join(p->folder, p->files[i]);
    TRY_NEW(path);
    TRY(npy_read(path, BYTES_MAX, &h, &values));
    if (h.rank != 2 || h.count != pixels) {
        rc = fail(FAILED, "%s: changed while it was read", path);
        goto done;
    }
    for (size_t k = 0; k < pixels; k++) {
        const double id = number_get(h.type, values, k);
        if (!(id >= 0 && id <= INT32_MAX) || id != (double)(int32_t)id) {
            rc = fail(FAILED, "%s: value %zu is %g; wanted a parcel id, or 0", path, k, id);
            goto done;
        }
        ids[k] = (int32_t)id;
    }
done:
    free(values);
    free(path);
    return rc;
}

static int by_value(const void *a, const void *b)
{
    const int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

int synth_parcels_list(const int32_t *ids, size_t pixels, int32_t **out, size_t *count)
{
    size_t kept = 0;
    int32_t *all = memory_new(pixels, sizeof *all);
    if (!all) return FAILED;
    memcpy(all, ids, pixels * sizeof *all);
    qsort(all, pixels, sizeof *all, by_value);
    for (size_t i = 0; i < pixels; i++)
        if (all[i] > 0 && (!kept || all[kept - 1] != all[i])) all[kept++] = all[i];
    *out = all;
    *count = kept;
    return OK;
}
