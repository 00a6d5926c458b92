/* What the readers behind tensor_file.h share. */
#ifndef FURROW_FORMAT_TENSOR_FILE_INTERNAL_H
#define FURROW_FORMAT_TENSOR_FILE_INTERNAL_H

#include "base/reader.h"
#include "format/tensor_file.h"

typedef struct tensor_list {
    tensor_entry *entry;
    size_t count, capacity;
    const tensor_entry **sorted; /* by name */
} tensor_list;

struct tensor_file {
    reader *file;
    const char *format;
    tensor_list group[TENSOR_GROUPS];
    bool has_step, has_epoch;
    int64_t step, epoch;
    char *note;
    h5 *h5;
    /* The reader's: its state, the elements of an entry as they are (C order, native), and what frees the state. */
    void *own;
    int (*read)(tensor_file *f, const tensor_entry *e, void *out);
    void (*release)(void *own);
};

/* Adds an entry; `name` (length bytes) is checked and copied, rank and count of `like` are checked. */
int tensor_file_add(tensor_file *f, enum tensor_group g, const char *name, size_t length, const tensor_entry *like);

/* Readers: f->file is open and has been found to be of the format. They add entries and set read and release. */
int torch_zip_open(tensor_file *f);
int torch_stream_open(tensor_file *f);
int safetensors_open(tensor_file *f);
int checkpoint_file_open(tensor_file *f);

#endif
