/* What the three files of the HDF5 wrapper share. Everything here is called with the lock held. */
#ifndef FURROW_FORMAT_H5_INTERNAL_H
#define FURROW_FORMAT_H5_INTERNAL_H

#define H5_USE_110_API
#include <hdf5.h>

#include "format/h5.h"

struct h5 {
    hid_t id;
    char *path;
    uint64_t bytes; /* the file's size when it was opened for reading */
    bool writing;
};

struct h5_dataset {
    h5 *file;
    char *path;
    hid_t id;
    h5_about about;
};

/* The library is not thread safe: one thread at a time is in it. */
void h5_enter(void);
void h5_leave(void);

/* Opens as this library always does; below 0 on failure. */
hid_t h5_open_id(const char *path, bool writing);

/* Whether the library survives what the file holds: a child process finds out (h5_guard.c). FAILED where not. */
int h5_guard(h5 *file);

/* "FILE: OBJECT: what (the library's innermost reason)"; gives FAILED and clears the library's errors. */
int h5_fail(const h5 *file, const char *object, const char *what);

/* Follows hard links alone; anything else on the way is refused. H5_NOTHING where there is no such object. */
int h5_walk(h5 *file, const char *path, enum h5_kind *out);

/* With its parents; fine when it exists. */
int h5_group_make(h5 *file, const char *path);

/* Data sets (h5_dataset.c). Takes the id over, and closes it when it fails. */
int h5_dataset_hold(h5 *file, const char *path, hid_t id, const h5_about *about, h5_dataset **out);
size_t h5_rows(const h5_about *about); /* a scalar is one row */
/* Rows in from the file (in), or out to it (out), whichever is not NULL. */
int h5_rows_move(h5_dataset *d, size_t first, size_t rows, hid_t type, void *in, const void *out);
/* The same for all of a data set of text; takes the lock itself. */
int h5_text_move(h5_dataset *d, size_t width, void *in, const void *out);

/* The names of an object's attributes, freed with h5_names_free, and how many elements one has; these take the lock. */
int h5_attribute_list(h5 *file, const char *path, char ***names, size_t *count);
int h5_attribute_count(h5 *file, const char *path, const char *name, size_t *count);

/* The element type of a data set or attribute, or its refusal. */
int h5_type_of(const h5 *file, const char *object, hid_t type, h5_about *out);
hid_t h5_memory_type(enum number_type type);
hid_t h5_stored_type(enum number_type type);

/* Fixed-length strings of `width` bytes, new; below 0 on failure. */
hid_t h5_text_type(size_t width, H5T_str_t padding, H5T_cset_t set);

#endif
