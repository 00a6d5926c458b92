/* What the files of the PyTorch reader share: the containers (torch_file.c), what the pickled objects say
 * (torch_state.c), and the elements (torch_read.c). */
#ifndef FURROW_FORMAT_TORCH_INTERNAL_H
#define FURROW_FORMAT_TORCH_INTERNAL_H

#include "format/pickle.h"
#include "format/tensor_file_internal.h"
#include "format/zip.h"

/* A run of elements of one type, which tensors are views of. */
typedef struct torch_storage {
    const pickle_value *about; /* its key, type and number of elements */
    uint64_t bytes;
    const zip_member *member; /* in the zip format */
    uint64_t place;           /* byte of the file where they start, unless they are deflated */
    bool checked;             /* the member's checksum holds */
} torch_storage;

typedef struct torch_file {
    pickle *objects;
    zip *archive;           /* NULL: the older stream */
    torch_storage *storage; /* sorted by key */
    size_t storages;
    bool swapped;                 /* the elements have the other byte order */
    const torch_storage *held_of; /* whose inflated bytes are held, for views of parts of it */
    void *held;
} torch_file;

/* The storages that the pickle names, by key; one key must always mean the same. */
int torch_storages_find(const tensor_file *f, torch_file *t);
torch_storage *torch_storage_of(const torch_file *t, const pickle_value *about); /* NULL: none of that key */

/* Adds the weights, the optimiser's moments and the epoch to the file's entries; an entry's own is its tensor. */
int torch_state_read(tensor_file *f, torch_file *t);

/* The elements of a tensor in C order and native byte order. */
int torch_read(tensor_file *f, torch_file *t, const pickle_value *tensor, void *out);

#endif
