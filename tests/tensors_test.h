/* What the tests of PyTorch's checkpoints share: making files of parts, reading all of one. */
#ifndef FURROW_TESTS_TENSORS_TEST_H
#define FURROW_TESTS_TENSORS_TEST_H

#include "format/tensor_file.h"
#include "tests/torch_fixtures.h"

static inline const char *put_archive(const zip_part *parts, size_t count)
{
    size_t length;
    const char *path = in_scratch("test.pt");
    unsigned char *bytes = zip_build(parts, count, true, &length);
    put_file(path, bytes, length);
    free(bytes);
    return path;
}

/* An archive with this pickle and no storages. */
static inline const char *put_pickle(const char *pickle, size_t length)
{
    const zip_part part = {.name = "a/data.pkl", .content = pickle, .size = length};
    return put_archive(&part, 1);
}

static inline tensor_file *opened(const char *path)
{
    tensor_file *f = NULL;
    assert_ok(tensor_file_open(path, &f));
    return f;
}

/* Opens, and reads whatever is there. */
static inline int read_all(const char *path)
{
    tensor_file *f = NULL;
    int rc = tensor_file_open(path, &f);
    for (int g = 0; g < TENSOR_GROUPS && !rc; g++)
        for (size_t i = 0; i < tensor_file_count(f, (enum tensor_group)g) && !rc; i++) {
            const tensor_entry *e = tensor_file_at(f, (enum tensor_group)g, i);
            void *values = malloc(tensor_bytes(e) + 1);
            rc = tensor_file_read(f, e, e->type, values);
            free(values);
        }
    tensor_file_close(f);
    return rc;
}

/* Bytes of pickles; of a storage's elements at most 255. */
#define STORAGE(elements)                                                                                              \
    "(\x8c\x07storagectorch\nFloatStorage\n\x8c\x01"                                                                   \
    "0\x8c\x03"                                                                                                        \
    "cpuK" elements "tQ"
#define TENSOR(elements, start, size, stride)                                                                          \
    "\x80\x04"                                                                                                         \
    "}\x8c\x01w"                                                                                                       \
    "ctorch._utils\n_rebuild_tensor_v2\n(" STORAGE(elements) "K" start "K" size "\x85K" stride "\x85\x89}tRs."
#define BYTES(text) text, sizeof text - 1

#endif
