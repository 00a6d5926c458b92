/* HDF5 data sets: making and writing them. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "format/h5_internal.h"

enum { CHUNK_BYTES = 1 << 20 }; /* of arrays that are written whole */

/* ---- making ------------------------------------------------------------------------------------------------------- */

static int parent_make(h5 *file, const char *path)
{
    size_t length = (size_t)(strrchr(path, '/') - path);
    if (!length) return OK;
    char *parent = text_format("%.*s", (int)length, path);
    int rc = parent ? h5_group_make(file, parent) : FAILED;
    free(parent);
    return rc;
}

/* Data lies in checksummed chunks, or in the (checksummed) header where it is tiny. No times are kept: the same content
 * gives the same bytes. */
enum { PLACED = -1 }; /* instead of a deflate level: no filter, and a place for every chunk at once */

static int make_id(h5 *file, const char *path, hid_t type, int rank, const size_t *shape, size_t chunk_rows,
                   int deflate, hid_t *out)
{
    hsize_t size[H5_RANK_MAX], chunk[H5_RANK_MAX];
    bool empty = false, made = true;
    hid_t id = -1;
    int rc = parent_make(file, path);
    if (rc) return rc;
    for (int i = 0; i < rank; i++) {
        size[i] = chunk[i] = shape[i];
        empty |= !shape[i];
    }
    if (rank && chunk_rows < shape[0]) chunk[0] = chunk_rows ? chunk_rows : 1;
    hid_t space = rank ? H5Screate_simple(rank, size, NULL) : H5Screate(H5S_SCALAR);
    hid_t properties = H5Pcreate(H5P_DATASET_CREATE);
    made &= space >= 0 && properties >= 0 && H5Pset_obj_track_times(properties, false) >= 0;
    if (!rank || empty) {
        made = made && H5Pset_layout(properties, H5D_COMPACT) >= 0;
    } else {
        made = made && H5Pset_chunk(properties, rank, chunk) >= 0;
        if (deflate > 0)
            made = made && H5Pset_shuffle(properties) >= 0 && H5Pset_deflate(properties, (unsigned)deflate) >= 0;
        if (deflate == PLACED)
            made = made && H5Pset_alloc_time(properties, H5D_ALLOC_TIME_EARLY) >= 0 &&
                   H5Pset_fill_time(properties, H5D_FILL_TIME_NEVER) >= 0;
        else
            made = made && H5Pset_fletcher32(properties) >= 0;
    }
    if (made) id = H5Dcreate2(file->id, path, type, space, H5P_DEFAULT, properties, H5P_DEFAULT);
    if (properties >= 0) H5Pclose(properties);
    if (space >= 0) H5Sclose(space);
    if (id < 0) return h5_fail(file, path, "the data set cannot be made");
    *out = id;
    return OK;
}

static int make(h5 *file, const char *path, hid_t type, int rank, const size_t *shape, size_t chunk_rows, int deflate,
                h5_dataset **out)
{
    h5_about about = {.rank = rank, .count = 1};
    hid_t id = -1;
    if (type < 0) return h5_fail(file, path, "its text type is refused");
    if (rank > H5_RANK_MAX) panic("HDF5: %s: %d dimensions", path, rank);
    for (int i = 0; i < rank; i++) {
        about.shape[i] = shape[i];
        if (!size_multiply(about.count, shape[i], &about.count)) return h5_fail(file, path, "its shape is too large");
    }
    int rc = make_id(file, path, type, rank, shape, chunk_rows, deflate, &id);
    return rc ? rc : h5_dataset_hold(file, path, id, &about, out);
}

int h5_dataset_write(h5_dataset *d, size_t first_row, size_t rows, enum number_type type, const void *values)
{
    h5_enter();
    int rc = h5_rows_move(d, first_row, rows, h5_memory_type(type), NULL, values);
    h5_leave();
    return rc;
}

int h5_dataset_new(h5 *file, const char *path, enum number_type type, int rank, const size_t *shape, size_t chunk_rows,
                   int deflate, h5_dataset **out)
{
    h5_enter();
    int rc = make(file, path, h5_stored_type(type), rank, shape, chunk_rows, deflate, out);
    h5_leave();
    if (!rc) (*out)->about.type = type;
    return rc;
}

int h5_dataset_place(h5 *file, const char *path, enum number_type type, int rank, const size_t *shape)
{
    h5_dataset *d = NULL;
    int rc = h5_dataset_new(file, path, type, rank, shape, 1, PLACED, &d);
    h5_dataset_close(d);
    return rc;
}

int h5_write(h5 *file, const char *path, enum number_type type, int rank, const size_t *shape, const void *values)
{
    size_t row = number_size(type);
    h5_dataset *d = NULL;
    for (int i = 1; i < rank; i++) row *= shape[i];
    int rc =
        h5_dataset_new(file, path, type, rank, shape, row < CHUNK_BYTES ? CHUNK_BYTES / (row ? row : 1) : 1, 0, &d);
    if (!rc && d->about.count) rc = h5_dataset_write(d, 0, h5_rows(&d->about), type, values);
    h5_dataset_close(d);
    return rc;
}

int h5_write_text(h5 *file, const char *path, size_t count, size_t width, const char *values)
{
    h5_dataset *d = NULL;
    h5_enter();
    hid_t type = h5_text_type(width, H5T_STR_NULLPAD, H5T_CSET_UTF8);
    int rc = make(file, path, type, 1, &count, CHUNK_BYTES / width + 1, 0, &d);
    if (type >= 0) H5Tclose(type);
    h5_leave();
    if (!rc && count) rc = h5_text_move(d, width, NULL, values);
    h5_dataset_close(d);
    return rc;
}
