/* HDF5 data sets: making and writing them. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "format/h5_internal.h"

enum { CHUNK_BYTES = 1 << 20 /* of arrays that are written whole */, CHECKSUM_BYTES = 4 };

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

/* ---- whole arrays ------------------------------------------------------------------------------------------------- */

static uint32_t little_word(const unsigned char *bytes)
{
    return bytes[0] | (uint32_t)bytes[1] << 8;
}

/* Modulo 65535, where 0 is the sum of zeros alone; then its two bytes change places. */
static uint32_t folded(uint64_t sum)
{
    const uint32_t rest = (uint32_t)(sum % 65535), word = sum && !rest ? 65535 : rest;
    return (word & 255) << 8 | word >> 8;
}

/* Fletcher-32 as the library's filter makes it: the sum of big-endian words of 16 bits, and the sum of that sum behind each
 * word. They are added up as little-endian ones: to change a word's bytes is to multiply it by 256 modulo 65535, so the
 * sums are changed in the end. Many sums side by side are several times as fast as one. */
static uint32_t fletcher32(const unsigned char *bytes, size_t length)
{
    enum { LANES = 16, STEPS = 256 /* lanes of 32 bits hold no more */ };
    uint64_t sum = 0, sums = 0;
    for (; length >= 2 * LANES * STEPS; length -= 2 * LANES * STEPS) {
        uint32_t lane[LANES] = {0}, lanes[LANES] = {0};
        for (int i = 0; i < STEPS; i++, bytes += 2 * LANES)
            for (int k = 0; k < LANES; k++) {
                lane[k] += little_word(bytes + 2 * k);
                lanes[k] += lane[k];
            }
        sums += sum % 65535 * LANES * STEPS;
        for (uint64_t k = 0; k < LANES; k++) {
            sums += (uint64_t)LANES * lanes[k] - k * lane[k];
            sum += lane[k];
        }
    }
    for (; length > 1; length -= 2, bytes += 2) sums += sum += little_word(bytes);
    if (length) sums += sum += *bytes;
    return folded(sums) << 16 | folded(sum);
}

/* The chunk whose first row that is, straight into the file: the library would copy it once more, into memory that it asks
 * of the system for each chunk and gives back. `chunk` has room for it and its checksum; what the rows do not fill is 0. */
static int chunk_write(h5_dataset *d, size_t first, size_t bytes, size_t chunk_bytes, const char *values,
                       unsigned char *chunk)
{
    const hsize_t at[H5_RANK_MAX] = {first};
    memcpy(chunk, values, bytes);
    memset(chunk + bytes, 0, chunk_bytes - bytes);
    if (machine_is_big_endian()) number_swap(d->about.type, chunk, bytes / number_size(d->about.type));
    const uint32_t sum = fletcher32(chunk, chunk_bytes);
    for (size_t i = 0; i < CHECKSUM_BYTES; i++) chunk[chunk_bytes + i] = (unsigned char)(sum >> 8 * i);
    h5_enter();
    int rc = H5Dwrite_chunk(d->id, H5P_DEFAULT, 0, at, chunk_bytes + CHECKSUM_BYTES, chunk) < 0
                 ? h5_fail(d->file, d->path, "cannot be written")
                 : OK;
    h5_leave();
    return rc;
}

static int chunks_write(h5_dataset *d, size_t chunk_rows, const char *values)
{
    int rc = OK;
    const size_t rows = d->about.shape[0], row = d->about.count / rows * number_size(d->about.type);
    unsigned char *chunk = memory_new(chunk_rows * row + CHECKSUM_BYTES, 1);
    TRY_NEW(chunk);
    for (size_t first = 0; first < rows; first += chunk_rows) {
        const size_t some = rows - first < chunk_rows ? rows - first : chunk_rows;
        TRY(chunk_write(d, first, some * row, chunk_rows * row, values + first * row, chunk));
    }
done:
    free(chunk);
    return rc;
}

int h5_write(h5 *file, const char *path, enum number_type type, int rank, const size_t *shape, const void *values)
{
    size_t row = number_size(type);
    h5_dataset *d = NULL;
    for (int i = 1; i < rank; i++) row *= shape[i];
    size_t chunk_rows = row && row < CHUNK_BYTES ? CHUNK_BYTES / row : 1;
    if (rank && chunk_rows > shape[0]) chunk_rows = shape[0];
    int rc = h5_dataset_new(file, path, type, rank, shape, chunk_rows, 0, &d);
    if (!rc && d->about.count)
        rc = rank ? chunks_write(d, chunk_rows, values) : h5_dataset_write(d, 0, 1, type, values);
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
