#include "format/tensor_file.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "format/tensor_file_internal.h"

enum { NAME_BYTES_MAX = 1000, HEAD_BYTES = 512 };

/* ---- entries ------------------------------------------------------------------------------------------------------- */

static bool name_fits(const char *name, size_t length)
{
    if (!length || length > NAME_BYTES_MAX || (name[0] == '.' && (length == 1 || (length == 2 && name[1] == '.'))))
        return false;
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)name[i] < 0x20 || name[i] == 0x7f || name[i] == '/') return false;
    return true;
}

int tensor_file_add(tensor_file *f, enum tensor_group g, const char *name, size_t length, const tensor_entry *like)
{
    tensor_list *list = &f->group[g];
    void *grown = list->entry;
    size_t count = 1, bytes;
    const char *path = reader_path(f->file);
    if (!name_fits(name, length))
        return fail(FAILED,
                    "%s: a tensor's name of %zu bytes (\"%.*s\"): wanted 1 to %d, without / and control characters",
                    path, length, (int)(length < 40 ? length : 40), name, NAME_BYTES_MAX);
    if (like->rank < 0 || like->rank > H5_RANK_MAX)
        return fail(FAILED, "%s: %.*s has %d dimensions, wanted at most %d", path, (int)length, name, like->rank,
                    H5_RANK_MAX);
    for (int i = 0; i < like->rank; i++)
        if (!size_multiply(count, like->shape[i], &count))
            return fail(FAILED, "%s: %.*s: its shape is too large", path, (int)length, name);
    if (!size_multiply(count, number_size(like->type), &bytes))
        return fail(FAILED, "%s: %.*s: its shape is too large", path, (int)length, name);
    if (memory_grow(&grown, &list->capacity, list->count + 1, sizeof *list->entry)) return FAILED;
    list->entry = grown;
    tensor_entry *e = &list->entry[list->count];
    *e = *like;
    e->count = count;
    e->name = text_format("%.*s", (int)length, name);
    if (!e->name) return FAILED;
    list->count++;
    return OK;
}

static const char parallel[] = "module.";
enum { PARALLEL = sizeof parallel - 1 };

/* nn.DataParallel puts it before every name: it goes, where every name is one without it too. */
static void prefix_drop(tensor_file *f)
{
    const tensor_list *weights = &f->group[TENSOR_WEIGHTS];
    for (size_t i = 0; i < weights->count; i++) {
        const char *name = weights->entry[i].name;
        if (strncmp(name, parallel, PARALLEL) || !name_fits(name + PARALLEL, strlen(name + PARALLEL))) return;
    }
    for (int g = 0; g < TENSOR_GROUPS; g++)
        for (size_t i = 0; i < f->group[g].count; i++) {
            char *name = (char *)(uintptr_t)f->group[g].entry[i].name;
            memmove(name, name + PARALLEL, strlen(name + PARALLEL) + 1);
        }
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const tensor_entry *const *)a)->name, (*(const tensor_entry *const *)b)->name);
}

static int list_sort(const tensor_file *f, tensor_list *list)
{
    free(list->sorted);
    list->sorted = memory_new(list->count, sizeof *list->sorted);
    if (!list->sorted) return FAILED;
    for (size_t i = 0; i < list->count; i++) list->sorted[i] = &list->entry[i];
    if (list->count) qsort(list->sorted, list->count, sizeof *list->sorted, by_name);
    for (size_t i = 1; i < list->count; i++)
        if (!by_name(&list->sorted[i - 1], &list->sorted[i]))
            return fail(FAILED, "%s: %s is there twice", reader_path(f->file), list->sorted[i]->name);
    return OK;
}

int tensor_file_give(tensor_file *f, const char *name, int rank, const size_t *shape, const float *values)
{
    tensor_list *list = &f->group[TENSOR_WEIGHTS];
    tensor_entry like = {.type = NUMBER_F32, .rank = rank};
    memcpy(like.shape, shape, (size_t)rank * sizeof *shape);
    int rc = tensor_file_add(f, TENSOR_WEIGHTS, name, strlen(name), &like);
    if (rc) return rc;
    tensor_entry *e = &list->entry[list->count - 1];
    float *copy = memory_new(e->count, sizeof *copy);
    if (!copy) return FAILED;
    memcpy(copy, values, tensor_bytes(e));
    e->given = copy;
    return list_sort(f, list);
}

/* ---- formats ------------------------------------------------------------------------------------------------------- */

static bool is_zip(const unsigned char *head, size_t have)
{
    return have >= 4 && (!memcmp(head, "PK\3\4", 4) || !memcmp(head, "PK\5\6", 4));
}

/* The older stream starts with a pickle of its magic number: 10 bytes, by protocol 2 to 5 (from 4 on in a frame). */
static bool is_stream(const unsigned char *head, size_t have)
{
    static const char number[] = "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";
    enum { NUMBER = sizeof number - 1, FRAME = 9 };
    if (have < 2 || head[0] != 0x80 || head[1] < 2 || head[1] > 5) return false;
    const size_t frame = head[1] < 4 ? 0 : FRAME;
    return have >= 2 + frame + NUMBER && !memcmp(head + 2, "\x95\x0d\0\0\0\0\0\0\0", frame) &&
           !memcmp(head + 2 + frame, number, NUMBER);
}

static bool is_hdf5(const unsigned char *head, size_t have)
{
    return have >= 8 && !memcmp(head, "\x89HDF\r\n\x1a\n", 8);
}

/* A length of 8 bytes, then a JSON object. */
static bool is_safetensors(const unsigned char *head, size_t have)
{
    return have >= 9 && head[8] == '{' && !head[5] && !head[6] && !head[7];
}

static bool is_tar(const unsigned char *head, size_t have)
{
    return have >= 263 && !memcmp(head + 257, "ustar", 5);
}

static const struct {
    bool (*fits)(const unsigned char *head, size_t have);
    int (*open)(tensor_file *f);
    const char *name;
} formats[] = {
    {is_zip, torch_zip_open, "PyTorch's zip format"},
    {is_stream, torch_stream_open, "PyTorch's older stream"},
    {is_hdf5, checkpoint_file_open, "furrow's checkpoint"},
    {is_safetensors, safetensors_open, "safetensors"},
};

static int refuse(const char *path, const unsigned char *head, size_t have)
{
    if (is_tar(head, have))
        return fail(
            FAILED,
            "%s is a tar archive: the .pth.tar files of the published code are none, but PyTorch checkpoints by "
            "that name; unpack it (tar xf) and give what is in it",
            path);
    if (have >= 2 && head[0] == 0x1f && head[1] == 0x8b)
        return fail(FAILED, "%s is compressed by gzip; wanted what is in it (gunzip)", path);
    if (have >= 2 && head[0] == 0x80 && head[1] <= 5)
        return fail(FAILED, "%s is a pickle, but not by torch.save: it does not start with PyTorch's magic number",
                    path);
    return fail(FAILED,
                "%s holds no weights: wanted a PyTorch checkpoint (.pth.tar, .pth, .pt), safetensors, or furrow's HDF5",
                path);
}

static int choose(tensor_file *f)
{
    unsigned char head[HEAD_BYTES] = {0};
    const uint64_t bytes = reader_bytes(f->file);
    const size_t have = bytes < sizeof head ? (size_t)bytes : sizeof head;
    int rc = reader_read(f->file, 0, have, head);
    if (rc) return rc;
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (formats[i].fits(head, have)) {
            f->format = formats[i].name;
            return formats[i].open(f);
        }
    return refuse(reader_path(f->file), head, have);
}

int tensor_file_open(const char *path, tensor_file **out)
{
    int rc = OK;
    tensor_file *f = memory_new(1, sizeof *f);
    if (!f) return FAILED;
    TRY(reader_open(path, &f->file));
    TRY(choose(f));
    if (!f->h5) prefix_drop(f);
    for (int g = 0; g < TENSOR_GROUPS; g++) TRY(list_sort(f, &f->group[g]));
    *out = f;
    f = NULL;
done:
    tensor_file_close(f);
    return rc;
}

void tensor_file_close(tensor_file *f)
{
    if (!f) return;
    if (f->release) f->release(f->own);
    for (int g = 0; g < TENSOR_GROUPS; g++) {
        tensor_list *list = &f->group[g];
        for (size_t i = 0; i < list->count; i++) {
            free((char *)(uintptr_t)list->entry[i].name);
            free((float *)(uintptr_t)list->entry[i].given);
        }
        free(list->entry);
        free(list->sorted);
    }
    h5_close(f->h5);
    reader_close(f->file);
    free(f->note);
    free(f);
}

/* ---- what there is ------------------------------------------------------------------------------------------------- */

const char *tensor_file_path(const tensor_file *f)
{
    return reader_path(f->file);
}

const char *tensor_file_format(const tensor_file *f)
{
    return f->format;
}

h5 *tensor_file_h5(tensor_file *f)
{
    return f->h5;
}

size_t tensor_file_count(const tensor_file *f, enum tensor_group g)
{
    return f->group[g].count;
}

const tensor_entry *tensor_file_at(const tensor_file *f, enum tensor_group g, size_t i)
{
    return &f->group[g].entry[i];
}

const tensor_entry *tensor_file_find(const tensor_file *f, enum tensor_group g, const char *name)
{
    const tensor_list *list = &f->group[g];
    const tensor_entry wanted = {.name = name}, *key = &wanted;
    const tensor_entry **found =
        list->count ? bsearch(&key, list->sorted, list->count, sizeof *list->sorted, by_name) : NULL;
    return found ? *found : NULL;
}

bool tensor_file_step(const tensor_file *f, int64_t *step)
{
    if (f->has_step) *step = f->step;
    return f->has_step;
}

const char *tensor_file_optimiser_note(const tensor_file *f)
{
    return f->note;
}

bool tensor_file_epoch(const tensor_file *f, int64_t *epoch)
{
    if (f->has_epoch) *epoch = f->epoch;
    return f->has_epoch;
}

size_t tensor_bytes(const tensor_entry *e)
{
    return e->count * number_size(e->type);
}

size_t tensor_file_largest(const tensor_file *f)
{
    size_t most = 0;
    for (int g = 0; g < TENSOR_GROUPS; g++)
        for (size_t i = 0; i < f->group[g].count; i++) {
            const size_t bytes = tensor_bytes(&f->group[g].entry[i]);
            if (bytes > most) most = bytes;
        }
    return most;
}

int tensor_file_room(const tensor_file *f, void **out)
{
    *out = memory_new(tensor_file_largest(f), 1);
    return *out ? OK : FAILED;
}

const char *tensor_type_name(const tensor_entry *e)
{
    return e->truth ? "bool" : number_name(e->type);
}

/* ---- reading ------------------------------------------------------------------------------------------------------- */

static int elements_read(tensor_file *f, const tensor_entry *e, void *out)
{
    if (!e->given) return f->read(f, e, out);
    memcpy(out, e->given, tensor_bytes(e));
    return OK;
}

static void convert(enum number_type from, const void *values, size_t count, enum number_type to, void *out)
{
    for (size_t i = 0; i < count; i++) {
        const double value = number_get(from, values, i);
        if (to == NUMBER_F32)
            ((float *)out)[i] = (float)value;
        else
            ((double *)out)[i] = value;
    }
}

int tensor_file_read(tensor_file *f, const tensor_entry *e, enum number_type type, void *out)
{
    if (type == e->type) return elements_read(f, e, out);
    if (type != NUMBER_F32 && type != NUMBER_F64) panic("tensors are not converted to %s", number_name(type));
    void *values = memory_new(e->count, number_size(e->type));
    int rc = values ? elements_read(f, e, values) : FAILED;
    if (!rc) convert(e->type, values, e->count, type, out);
    free(values);
    return rc;
}
