/* Files of tensors: every weight and every moment read. */
#ifndef FURROW_TESTS_FUZZ_FUZZ_TENSORS_H
#define FURROW_TESTS_FUZZ_FUZZ_TENSORS_H

#include "tests/fuzz/fuzz.h"

#include "format/tensor_file.h"

static inline void fuzz_tensor(tensor_file *f, const tensor_entry *e)
{
    if (tensor_bytes(e) > 1 << 20) return;
    void *values = malloc(tensor_bytes(e) + 1);
    if (values) tensor_file_read(f, e, e->type, values);
    free(values);
}

/* Opens the bytes as a file of that name; NULL: they are none. To be closed. */
static inline tensor_file *fuzz_tensors(const char *name, const uint8_t *bytes, size_t length)
{
    tensor_file *f;
    if (tensor_file_open(fuzz_file(name, bytes, length), &f)) return NULL;
    for (int g = 0; g < TENSOR_GROUPS; g++)
        for (size_t i = 0; i < tensor_file_count(f, (enum tensor_group)g); i++)
            fuzz_tensor(f, tensor_file_at(f, (enum tensor_group)g, i));
    return f;
}

#endif
