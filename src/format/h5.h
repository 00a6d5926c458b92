/* HDF5, the part of it that furrow's own files and reference results need; the only user of hdf5.h.
 *
 * Nothing in a file is believed. Refused with the file's and the object's name: soft, external and user links,
 * external storage, virtual data sets, filters other than deflate, shuffle and Fletcher-32, types other than fixed
 * strings, integers (enumerations and bool count as such) and reals, variable-length data, and declared sizes that
 * the file's size cannot hold. Plug-ins are never loaded. A file that the library itself cannot take (it crashes, or does
 * not come to an end) is found out by a child process, which looks at it first (h5_guard.c). What is written has checksums on metadata as well as data.
 *
 * Paths are absolute ("/parcels/id"). Rows are counted along the first dimension. Every function may be called from
 * any thread (one lock guards the library); one object is used by one thread at a time. What fails gives FAILED. */
#ifndef FURROW_FORMAT_H5_H
#define FURROW_FORMAT_H5_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/number.h"

enum { H5_RANK_MAX = 8 };

typedef struct h5 h5; /* an open file */

/* ---- files -------------------------------------------------------------------------------------------------------- */

/* By its first bytes, whatever its name. What cannot be read is left to h5_open, to say why: true. */
bool h5_is(const char *path);
int h5_open(const char *path, h5 **out);   /* for reading */
int h5_create(const char *path, h5 **out); /* empties what is there; write to a temporary name and file_commit it */
int h5_extend(const char *path, h5 **out); /* for writing more into a file that h5_create made */

/* Closes; for a created file the code tells whether everything has been written. NULL is fine. */
int h5_close(h5 *file);
const char *h5_path(const h5 *file);

/* ---- what there is ------------------------------------------------------------------------------------------------ */

enum h5_kind { H5_NOTHING, H5_GROUP, H5_DATASET };

/* Absence is no failure; what is damaged or refused is: a damaged name must not pass for one that is not there. */
int h5_kind_of(h5 *file, const char *path, enum h5_kind *out);
int h5_exists(h5 *file, const char *path, bool *there); /* a group or data set */

/* The names in a group, sorted by bytes; free with h5_names_free. Empty where the group does not exist. */
int h5_list(h5 *file, const char *group, char ***names, size_t *count);
void h5_names_free(char **names, size_t count);

typedef struct h5_about {
    bool text; /* fixed-length strings of text_width bytes; else numbers of `type` */
    enum number_type type;
    size_t text_width;
    int rank; /* 0: a scalar */
    size_t shape[H5_RANK_MAX];
    size_t count; /* product of shape */
} h5_about;

int h5_about_of(h5 *file, const char *path, h5_about *out);

/* ---- reading ------------------------------------------------------------------------------------------------------ */

/* All of a data set, converted to `type` (as C does; out of range: the nearest). `count` is what out holds and must
 * be what the data set has. */
int h5_read(h5 *file, const char *path, enum number_type type, size_t count, void *out);

/* All of it into new memory; *about (may be NULL) tells its shape. `limit`: the most elements that are wanted. */
int h5_read_new(h5 *file, const char *path, enum number_type type, size_t limit, void **out, h5_about *about);

/* Fixed-length strings: count of them, each in `width` bytes with a 0 after it, one after the other. */
int h5_read_text(h5 *file, const char *path, size_t limit, char **out, size_t *width, size_t *count);

/* A data set held open: for reading parts of it again and again. */
typedef struct h5_dataset h5_dataset;
int h5_dataset_open(h5 *file, const char *path, h5_dataset **out);
const h5_about *h5_dataset_about(const h5_dataset *d);
int h5_dataset_read(h5_dataset *d, size_t first_row, size_t rows, enum number_type type, void *out);
void h5_dataset_close(h5_dataset *d); /* before its file; NULL is fine */

/* Whether the rows lie one after the other in the file, little-endian and without any filter (as h5_dataset_place makes
 * them), and the byte of the file at which they start: they may then be read and written without the library. */
int h5_dataset_start(h5_dataset *d, bool *plain, uint64_t *start);

/* ---- writing ------------------------------------------------------------------------------------------------------ */

int h5_new_group(h5 *file, const char *path); /* with its parents; fine when it exists */

/* A whole array, with Fletcher-32 (scalars and empty ones lie in the checksummed header). Stored little-endian. */
int h5_write(h5 *file, const char *path, enum number_type type, int rank, const size_t *shape, const void *values);
int h5_write_text(h5 *file, const char *path, size_t count, size_t width, const char *values); /* width bytes each */

/* An array to be filled by rows: chunks of `chunk_rows` whole rows; deflate: level 1 to 9 behind a byte shuffle, 0 for
 * none. Every row must be written before the file is closed. */
int h5_dataset_new(h5 *file, const char *path, enum number_type type, int rank, const size_t *shape, size_t chunk_rows,
                   int deflate, h5_dataset **out);
/* An array without checksums whose rows, a chunk each, have their place in the file from now on, one after the other, and
 * are written there by somebody else once the file is closed: h5_dataset_start says where. At least one row. */
int h5_dataset_place(h5 *file, const char *path, enum number_type type, int rank, const size_t *shape);
int h5_dataset_write(h5_dataset *d, size_t first_row, size_t rows, enum number_type type, const void *values);

/* ---- attributes, of a group or data set ("/" for the file) --------------------------------------------------------- */

int h5_has_attribute(h5 *file, const char *path, const char *name, bool *there); /* fails on what is damaged */
int h5_get_text(h5 *file, const char *path, const char *name, char **out);       /* a new string; at most 16 MiB */
int h5_get_int(h5 *file, const char *path, const char *name, int64_t *out);
int h5_get_reals(h5 *file, const char *path, const char *name, size_t count, double *out); /* exactly count */

int h5_set_text(h5 *file, const char *path, const char *name, const char *value);
int h5_set_int(h5 *file, const char *path, const char *name, int32_t value);
int h5_set_reals(h5 *file, const char *path, const char *name, size_t count, const double *values);

#endif
