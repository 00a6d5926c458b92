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

/* The library is not thread safe: one thread at a time is in it. */
void h5_enter(void);
void h5_leave(void);

/* "FILE: OBJECT: what (the library's innermost reason)"; gives FAILED and clears the library's errors. */
int h5_fail(const h5 *file, const char *object, const char *what);

/* Follows hard links alone; anything else on the way is refused. H5_NOTHING where there is no such object. */
int h5_walk(h5 *file, const char *path, enum h5_kind *out);

/* With its parents; fine when it exists. */
int h5_group_make(h5 *file, const char *path);

/* The element type of a data set or attribute, or its refusal. */
int h5_type_of(const h5 *file, const char *object, hid_t type, h5_about *out);
hid_t h5_memory_type(enum number_type type);
hid_t h5_stored_type(enum number_type type);

/* Fixed-length strings of `width` bytes, new; below 0 on failure. */
hid_t h5_text_type(size_t width, H5T_str_t padding, H5T_cset_t set);

#endif
