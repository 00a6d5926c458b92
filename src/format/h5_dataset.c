/* HDF5 data sets: what may be opened, reading by rows. Making and writing them is in h5_write.c. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "format/h5_internal.h"

enum {
    DEFLATE_MOST = 1032, /* deflate cannot make data smaller than that */
    TEXT_WIDTH_MAX = 1 << 16,
};

/* ---- what may be opened ------------------------------------------------------------------------------------------- */

static int filters_check(const h5 *file, const char *path, hid_t properties, bool *deflated)
{
    int count = H5Pget_nfilters(properties), deflates = 0;
    if (count < 0) return h5_fail(file, path, "its filters cannot be read");
    for (int i = 0; i < count; i++) {
        unsigned flags, configuration;
        size_t values = 0;
        H5Z_filter_t filter = H5Pget_filter2(properties, (unsigned)i, &flags, &values, NULL, 0, NULL, &configuration);
        if (filter == H5Z_FILTER_DEFLATE) deflates++;
        if (filter != H5Z_FILTER_DEFLATE && filter != H5Z_FILTER_SHUFFLE && filter != H5Z_FILTER_FLETCHER32)
            return fail(FAILED, "%s: %s: has filter %d; wanted deflate, shuffle and Fletcher-32 alone", file->path,
                        path, (int)filter);
    }
    if (deflates > 1) return h5_fail(file, path, "is deflated more than once");
    *deflated = deflates;
    return OK;
}

static int shape_read(const h5 *file, const char *path, hid_t space, h5_about *about)
{
    hsize_t shape[H5_RANK_MAX];
    H5S_class_t class = H5Sget_simple_extent_type(space);
    if (class != H5S_SCALAR && class != H5S_SIMPLE) return h5_fail(file, path, "has no shape");
    about->rank = H5Sget_simple_extent_ndims(space);
    if (about->rank < 0 || about->rank > H5_RANK_MAX)
        return fail(FAILED, "%s: %s: has %d dimensions, wanted at most %d", file->path, path, about->rank, H5_RANK_MAX);
    if (about->rank && H5Sget_simple_extent_dims(space, shape, NULL) < 0)
        return h5_fail(file, path, "its shape cannot be read");
    size_t all = 1; /* as if no dimension were empty: whatever is made of some of them fits too */
    about->count = 1;
    for (int i = 0; i < about->rank; i++) {
        if (shape[i] > SIZE_MAX / 16 || !size_multiply(all, shape[i] ? (size_t)shape[i] : 1, &all) ||
            all > SIZE_MAX / 16)
            return h5_fail(file, path, "its shape is too large");
        about->shape[i] = (size_t)shape[i];
        about->count *= about->shape[i];
    }
    return OK;
}

/* The bytes that one chunk has in memory; 0 for data that is not in chunks. */
static int chunk_bytes(const h5 *file, const char *path, hid_t properties, size_t element, size_t *out)
{
    hsize_t chunk[H5_RANK_MAX];
    size_t bytes = element;
    *out = 0;
    if (H5Pget_layout(properties) != H5D_CHUNKED) return OK;
    int rank = H5Pget_chunk(properties, H5_RANK_MAX, chunk);
    if (rank < 0 || rank > H5_RANK_MAX) return h5_fail(file, path, "its chunks cannot be read");
    for (int i = 0; i < rank; i++)
        if (chunk[i] > SIZE_MAX / 16 || !size_multiply(bytes, (size_t)chunk[i], &bytes))
            return h5_fail(file, path, "its chunks are too large");
    *out = bytes;
    return OK;
}

/* A few bytes can declare terabytes: what is declared must be there, or come out of deflate. */
static int size_check(const h5 *file, const char *path, hid_t id, hid_t properties, bool deflated, size_t declared)
{
    hsize_t stored = H5Dget_storage_size(id);
    size_t chunk;
    if (file->writing || !declared) return OK;
    if (stored > file->bytes)
        return fail(FAILED, "%s: %s: claims %llu bytes of a file of %llu", file->path, path, (unsigned long long)stored,
                    (unsigned long long)file->bytes);
    int rc = chunk_bytes(file, path, properties, 1, &chunk);
    if (rc) return rc;
    hsize_t most = deflated ? stored * DEFLATE_MOST : stored;
    if (declared > most || chunk > most)
        return fail(FAILED, "%s: %s: declares %zu bytes, but %llu are stored: data is missing", file->path, path,
                    declared, (unsigned long long)stored);
    return OK;
}

static int dataset_check(const h5 *file, const char *path, hid_t id, hid_t properties, h5_about *about)
{
    bool deflated = false;
    size_t declared;
    int rc = OK;
    hid_t type = H5Dget_type(id), space = H5Dget_space(id);
    if (type < 0 || space < 0) {
        rc = h5_fail(file, path, "its type or shape cannot be read");
        goto done;
    }
    if (H5Pget_external_count(properties) != 0 || H5Pget_layout(properties) == H5D_VIRTUAL) {
        rc = h5_fail(file, path, "keeps its data in other files, which are not read");
        goto done;
    }
    TRY(filters_check(file, path, properties, &deflated));
    TRY(h5_type_of(file, path, type, about));
    TRY(shape_read(file, path, space, about));
    if (!size_multiply(about->count, H5Tget_size(type), &declared)) {
        rc = h5_fail(file, path, "its shape is too large");
        goto done;
    }
    TRY(size_check(file, path, id, properties, deflated, declared));
done:
    if (space >= 0) H5Sclose(space);
    if (type >= 0) H5Tclose(type);
    return rc;
}

static int open_id(h5 *file, const char *path, hid_t *out, h5_about *about)
{
    enum h5_kind kind;
    int rc = h5_walk(file, path, &kind);
    if (rc) return rc;
    if (kind != H5_DATASET)
        return h5_fail(file, path, kind == H5_GROUP ? "is a group, wanted a data set" : "is missing");
    memset(about, 0, sizeof *about);
    hid_t id = H5Dopen2(file->id, path, H5P_DEFAULT);
    if (id < 0) return h5_fail(file, path, "the data set cannot be opened");
    hid_t properties = H5Dget_create_plist(id);
    rc = properties < 0 ? h5_fail(file, path, "its properties cannot be read")
                        : dataset_check(file, path, id, properties, about);
    if (properties >= 0) H5Pclose(properties);
    if (rc)
        H5Dclose(id);
    else
        *out = id;
    return rc;
}

int h5_dataset_hold(h5 *file, const char *path, hid_t id, const h5_about *about, h5_dataset **out)
{
    h5_dataset *d = memory_new(1, sizeof *d);
    if (!d || !(d->path = text_copy(path))) {
        free(d);
        H5Dclose(id);
        return FAILED;
    }
    d->file = file;
    d->id = id;
    d->about = *about;
    *out = d;
    return OK;
}

int h5_dataset_open(h5 *file, const char *path, h5_dataset **out)
{
    h5_about about;
    hid_t id;
    h5_enter();
    int rc = open_id(file, path, &id, &about);
    if (!rc) rc = h5_dataset_hold(file, path, id, &about, out);
    h5_leave();
    return rc;
}

const h5_about *h5_dataset_about(const h5_dataset *d)
{
    return &d->about;
}

void h5_dataset_close(h5_dataset *d)
{
    if (!d) return;
    h5_enter();
    H5Dclose(d->id);
    h5_leave();
    free(d->path);
    free(d);
}

int h5_about_of(h5 *file, const char *path, h5_about *out)
{
    hid_t id;
    h5_enter();
    int rc = open_id(file, path, &id, out);
    if (!rc) H5Dclose(id);
    h5_leave();
    return rc;
}

/* ---- rows --------------------------------------------------------------------------------------------------------- */

/* Selects rows in the data set's space and makes the memory's; both are the caller's to close. */
static int rows_select(const h5_dataset *d, size_t first, size_t rows, hid_t *file_space, hid_t *memory_space)
{
    hsize_t start[H5_RANK_MAX] = {first}, count[H5_RANK_MAX];
    size_t have = d->about.rank ? d->about.shape[0] : 1;
    if (first > have || rows > have - first)
        return fail(FAILED, "%s: %s: has %zu rows, wanted %zu from row %zu", d->file->path, d->path, have, rows, first);
    *file_space = H5Dget_space(d->id);
    for (int i = 0; i < d->about.rank; i++) count[i] = i ? d->about.shape[i] : rows;
    *memory_space = d->about.rank ? H5Screate_simple(d->about.rank, count, NULL) : H5Screate(H5S_SCALAR);
    if (*file_space < 0 || *memory_space < 0) return h5_fail(d->file, d->path, "its rows cannot be selected");
    if (d->about.rank && H5Sselect_hyperslab(*file_space, H5S_SELECT_SET, start, NULL, count, NULL) < 0)
        return h5_fail(d->file, d->path, "its rows cannot be selected");
    return OK;
}

int h5_rows_move(h5_dataset *d, size_t first, size_t rows, hid_t type, void *in, const void *out)
{
    hid_t file_space = -1, memory_space = -1;
    int rc = rows_select(d, first, rows, &file_space, &memory_space);
    if (!rc && in && H5Dread(d->id, type, memory_space, file_space, H5P_DEFAULT, in) < 0)
        rc = h5_fail(d->file, d->path, "cannot be read: damaged or cut off");
    if (!rc && out && H5Dwrite(d->id, type, memory_space, file_space, H5P_DEFAULT, out) < 0)
        rc = h5_fail(d->file, d->path, "cannot be written");
    if (memory_space >= 0) H5Sclose(memory_space);
    if (file_space >= 0) H5Sclose(file_space);
    return rc;
}

int h5_dataset_read(h5_dataset *d, size_t first_row, size_t rows, enum number_type type, void *out)
{
    if (d->about.text) return fail(FAILED, "%s: %s: holds text, wanted numbers", d->file->path, d->path);
    h5_enter();
    int rc = h5_rows_move(d, first_row, rows, h5_memory_type(type), out, NULL);
    h5_leave();
    return rc;
}

/* The place of the chunk that is one row. */
static int row_place(const h5_dataset *d, size_t row, uint64_t *place)
{
    hsize_t first[H5_RANK_MAX] = {row}, size = 0;
    unsigned filters = 0;
    haddr_t address = HADDR_UNDEF;
    if (H5Dget_chunk_info_by_coord(d->id, first, &filters, &address, &size) < 0)
        return h5_fail(d->file, d->path, "its rows cannot be found");
    if (address == HADDR_UNDEF || size != d->about.count / d->about.shape[0] * number_size(d->about.type))
        return fail(FAILED, "%s: %s: row %zu has no place in the file", d->file->path, d->path, row);
    *place = (uint64_t)address;
    return OK;
}

static bool chunk_is_row(const h5_dataset *d, hid_t properties)
{
    hsize_t chunk[H5_RANK_MAX] = {0};
    hid_t type = H5Dget_type(d->id);
    bool is_row = d->about.rank && d->about.count && !d->about.text && H5Pget_layout(properties) == H5D_CHUNKED &&
                  H5Pget_nfilters(properties) == 0 && type >= 0 &&
                  (number_size(d->about.type) == 1 || H5Tget_order(type) == H5T_ORDER_LE) &&
                  H5Pget_chunk(properties, H5_RANK_MAX, chunk) == d->about.rank && chunk[0] == 1;
    for (int i = 1; i < d->about.rank; i++) is_row &= chunk[i] == d->about.shape[i];
    if (type >= 0) H5Tclose(type);
    return is_row;
}

int h5_dataset_start(h5_dataset *d, bool *plain, uint64_t *start)
{
    uint64_t last = 0, row = 0;
    int rc = OK;
    h5_enter();
    hid_t properties = H5Dget_create_plist(d->id);
    *plain = properties >= 0 && chunk_is_row(d, properties);
    if (properties >= 0) H5Pclose(properties);
    if (*plain) {
        row = d->about.count / d->about.shape[0] * number_size(d->about.type);
        rc = row_place(d, 0, start);
        if (!rc) rc = row_place(d, d->about.shape[0] - 1, &last);
        *plain = !rc && last == *start + (d->about.shape[0] - 1) * row;
    }
    h5_leave();
    return rc;
}

/* ---- whole arrays ------------------------------------------------------------------------------------------------- */

size_t h5_rows(const h5_about *about)
{
    return about->rank ? about->shape[0] : 1;
}

int h5_read(h5 *file, const char *path, enum number_type type, size_t count, void *out)
{
    int rc = OK;
    h5_dataset *d = NULL;
    TRY(h5_dataset_open(file, path, &d));
    if (d->about.count != count) {
        rc = fail(FAILED, "%s: %s: has %zu elements, wanted %zu", file->path, path, d->about.count, count);
        goto done;
    }
    TRY(h5_dataset_read(d, 0, h5_rows(&d->about), type, out));
done:
    h5_dataset_close(d);
    return rc;
}

int h5_read_new(h5 *file, const char *path, enum number_type type, size_t limit, void **out, h5_about *about)
{
    int rc = OK;
    void *values = NULL;
    h5_dataset *d = NULL;
    TRY(h5_dataset_open(file, path, &d));
    if (d->about.count > limit) {
        rc = fail(FAILED, "%s: %s: has %zu elements, wanted at most %zu", file->path, path, d->about.count, limit);
        goto done;
    }
    TRY_NEW(values = memory_new(d->about.count, number_size(type)));
    TRY(h5_dataset_read(d, 0, h5_rows(&d->about), type, values));
    if (about) *about = d->about;
    *out = values;
    values = NULL;
done:
    free(values);
    h5_dataset_close(d);
    return rc;
}

/* The set of a stored text type: the library converts between no two. */
static H5T_cset_t character_set(hid_t id)
{
    hid_t type = H5Dget_type(id);
    H5T_cset_t set = type < 0 ? H5T_CSET_ASCII : H5Tget_cset(type);
    if (type >= 0) H5Tclose(type);
    return set;
}

int h5_text_move(h5_dataset *d, size_t width, void *in, const void *out)
{
    int rc;
    h5_enter();
    hid_t type = h5_text_type(width, in ? H5T_STR_NULLTERM : H5T_STR_NULLPAD, character_set(d->id));
    rc = type < 0 ? h5_fail(d->file, d->path, "its text type is refused")
                  : h5_rows_move(d, 0, h5_rows(&d->about), type, in, out);
    if (type >= 0) H5Tclose(type);
    h5_leave();
    return rc;
}

int h5_read_text(h5 *file, const char *path, size_t limit, char **out, size_t *width, size_t *count)
{
    int rc = OK;
    char *text = NULL;
    h5_dataset *d = NULL;
    TRY(h5_dataset_open(file, path, &d));
    if (!d->about.text || d->about.count > limit || d->about.text_width > TEXT_WIDTH_MAX) {
        rc = fail(FAILED, "%s: %s: wanted at most %zu texts of at most %d bytes", file->path, path, limit,
                  TEXT_WIDTH_MAX);
        goto done;
    }
    *width = d->about.text_width + 1;
    *count = d->about.count;
    TRY_NEW(text = memory_new(*count, *width));
    TRY(h5_text_move(d, *width, text, NULL));
    *out = text;
    text = NULL;
done:
    free(text);
    h5_dataset_close(d);
    return rc;
}
