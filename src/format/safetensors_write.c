#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/schema.h"
#include "format/safetensors.h"
#include "format/safetensors_types.h"

const safetensors_type safetensors_types[] = {
    {"F32", NUMBER_F32, false}, {"F64", NUMBER_F64, false}, {"F16", NUMBER_F16, false}, {"BF16", NUMBER_BF16, false},
    {"I64", NUMBER_I64, false}, {"I32", NUMBER_I32, false}, {"I16", NUMBER_I16, false}, {"I8", NUMBER_I8, false},
    {"U64", NUMBER_U64, false}, {"U32", NUMBER_U32, false}, {"U16", NUMBER_U16, false}, {"BOOL", NUMBER_U8, true},
    {"U8", NUMBER_U8, false},   {NULL, NUMBER_U8, false},
};

static const char *type_name(const tensor_entry *e)
{
    const safetensors_type *t = safetensors_types;
    while (t->name && (t->type != e->type || t->truth != e->truth)) t++;
    if (!t->name) panic("safetensors: no name for %s", tensor_type_name(e));
    return t->name;
}

/* Larger elements first, then by name. */
static int by_size(const void *a, const void *b)
{
    const tensor_entry *x = *(const tensor_entry *const *)a, *y = *(const tensor_entry *const *)b;
    const size_t m = number_size(x->type), n = number_size(y->type);
    return m != n ? (m < n) - (m > n) : strcmp(x->name, y->name);
}

static void add_tensor(cJSON *header, const tensor_entry *e, double from, double to)
{
    const double offsets[] = {from, to};
    cJSON *item = cJSON_AddObjectToObject(header, e->name), *shape;
    cJSON_AddStringToObject(item, "dtype", type_name(e));
    shape = cJSON_AddArrayToObject(item, "shape");
    for (int i = 0; i < e->rank; i++) json_append(shape, cJSON_CreateNumber((double)e->shape[i]));
    json_add(item, "data_offsets", cJSON_CreateDoubleArray(offsets, 2));
}

/* The header's text, spaces behind it up to a multiple of 8 bytes: so the data are aligned. */
static int header_text(const tensor_entry *const *sorted, size_t count, char **out, size_t *length)
{
    double from = 0;
    char *text = NULL;
    cJSON *header = cJSON_CreateObject(), *about = cJSON_AddObjectToObject(header, "__metadata__");
    cJSON_AddStringToObject(about, "format", "pt");
    for (size_t i = 0; i < count; i++) {
        const double to = from + (double)tensor_bytes(sorted[i]);
        add_tensor(header, sorted[i], from, to);
        from = to;
    }
    text = json_print(header, false);
    cJSON_Delete(header);
    if (!text) return FAILED;
    const int spaces = (int)(7 - (strlen(text) + 7) % 8);
    *out = text_format("%s%*s", text, spaces, "");
    free(text);
    if (!*out) return FAILED;
    *length = strlen(*out);
    return OK;
}

static int put(FILE *to, const char *path, const void *bytes, size_t length)
{
    if (length && fwrite(bytes, 1, length, to) != length)
        return fail(FAILED, "%s: cannot write: %s", path, strerror(errno));
    return OK;
}

/* `values`: room for it. */
static int put_tensor(FILE *to, const char *path, tensor_file *from, const tensor_entry *e, void *values)
{
    int rc = OK;
    TRY(tensor_file_read(from, e, e->type, values));
    if (machine_is_big_endian()) number_swap(e->type, values, e->count);
    TRY(put(to, path, values, tensor_bytes(e)));
done:
    return rc;
}

static int write_all(FILE *to, const char *path, tensor_file *from, const tensor_entry *const *sorted, size_t count)
{
    int rc = OK;
    char *header = NULL;
    void *values = NULL;
    size_t length = 0;
    unsigned char prefix[8];
    TRY(tensor_file_room(from, &values));
    TRY(header_text(sorted, count, &header, &length));
    for (int i = 0; i < 8; i++) prefix[i] = (unsigned char)((uint64_t)length >> 8 * i);
    TRY(put(to, path, prefix, sizeof prefix));
    TRY(put(to, path, header, length));
    for (size_t i = 0; i < count; i++) TRY(put_tensor(to, path, from, sorted[i], values));
done:
    free(values);
    free(header);
    return rc;
}

int safetensors_write(const char *path, tensor_file *from)
{
    int rc = OK;
    const size_t count = tensor_file_count(from, TENSOR_WEIGHTS);
    char *temporary = file_temporary(path);
    const tensor_entry **sorted = memory_new(count, sizeof *sorted);
    FILE *to = NULL;
    TRY_NEW(temporary);
    TRY_NEW(sorted);
    for (size_t i = 0; i < count; i++) sorted[i] = tensor_file_at(from, TENSOR_WEIGHTS, i);
    if (tensor_file_find(from, TENSOR_WEIGHTS, "__metadata__")) {
        rc = fail(FAILED, "%s: a tensor's name is __metadata__, which safetensors keep for themselves", path);
        goto done;
    }
    if (count) qsort(sorted, count, sizeof *sorted, by_size);
    if (!(to = fopen(temporary, "wb"))) {
        rc = fail(FAILED, "%s: cannot be made: %s", temporary, strerror(errno));
        goto done;
    }
    rc = write_all(to, path, from, sorted, count);
    if (fclose(to) && !rc) rc = fail(FAILED, "%s: cannot write: %s", path, strerror(errno));
    if (rc)
        remove(temporary);
    else
        rc = file_commit(temporary, path);
done:
    free(sorted);
    free(temporary);
    return rc;
}
