/* Reading safetensors. The header (a length in 8 bytes, then JSON) may have 100 MB and a million values; each tensor says
 * its type, shape and place, which must be as large as type and shape say; the places must fill the rest of the file
 * without holes or overlaps. Source: the format's description in github.com/huggingface/safetensors. */
#include "format/safetensors.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/schema.h"
#include "format/safetensors_types.h"
#include "format/tensor_file_internal.h"

enum { HEADER_MAX = 100000000, VALUES_MAX = 1000000, PREFIX = 8 };

/* Where a tensor lies, from the end of the header. */
typedef struct place {
    uint64_t from, to;
} place;

typedef struct safe_file {
    uint64_t start; /* of the data */
    place *places;  /* of each entry; an entry's own */
} safe_file;

static void safe_release(void *own)
{
    safe_file *s = own;
    if (s) free(s->places);
    free(s);
}

static int safe_read(tensor_file *f, const tensor_entry *e, void *out)
{
    const safe_file *s = f->own;
    const place *p = e->own;
    int rc = reader_read(f->file, s->start + p->from, (size_t)(p->to - p->from), out);
    if (!rc && machine_is_big_endian()) number_swap(e->type, out, e->count);
    return rc;
}

/* ---- the header ---------------------------------------------------------------------------------------------------- */

static int header_length(const tensor_file *f, size_t *out)
{
    unsigned char bytes[PREFIX];
    uint64_t length = 0;
    int rc = reader_read(f->file, 0, sizeof bytes, bytes);
    if (rc) return rc;
    for (int i = PREFIX; i-- > 0;) length = length << 8 | bytes[i];
    if (length > HEADER_MAX || length > reader_bytes(f->file) - PREFIX)
        return fail(FAILED, "%s: a header of %llu bytes, wanted at most %d and no more than the file has",
                    reader_path(f->file), (unsigned long long)length, HEADER_MAX);
    *out = (size_t)length;
    return OK;
}

/* Each value takes memory when it is parsed: how many there may be is known before. */
static int values_count(const tensor_file *f, const char *text, size_t length)
{
    size_t values = 0;
    for (size_t i = 0; i < length; i++) values += text[i] == ',' || text[i] == ':';
    if (values <= VALUES_MAX) return OK;
    return fail(FAILED, "%s: a header of %zu values, wanted at most %d", reader_path(f->file), values, VALUES_MAX);
}

static int header_read(const tensor_file *f, size_t length, cJSON **out)
{
    int rc = OK;
    char *text = NULL, *where = NULL;
    TRY_NEW(text = memory_new(length + 1, 1));
    TRY_NEW(where = text_format("%s: header", reader_path(f->file)));
    TRY(reader_read(f->file, PREFIX, length, text));
    if (memchr(text, 0, length)) {
        rc = fail(FAILED, "%s: a zero byte in it", where);
        goto done;
    }
    TRY(values_count(f, text, length));
    TRY(json_parse(text, length, where, out));
done:
    free(where);
    free(text);
    return rc;
}

/* ---- one tensor ---------------------------------------------------------------------------------------------------- */

static int refuse(const tensor_file *f, const cJSON *item, const char *what)
{
    return fail(FAILED, "%s: header: %.100s: %s", reader_path(f->file), item->string, what);
}

static bool whole_number(const cJSON *item, uint64_t *out)
{
    if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0 && item->valuedouble < 0x1p53)) return false;
    *out = (uint64_t)item->valuedouble;
    return (double)*out == item->valuedouble;
}

static int type_read(const tensor_file *f, const cJSON *item, tensor_entry *e)
{
    const cJSON *name = cJSON_GetObjectItemCaseSensitive(item, "dtype");
    for (const safetensors_type *t = safetensors_types; t->name && cJSON_IsString(name); t++) {
        if (strcmp(t->name, name->valuestring)) continue;
        e->type = t->type;
        e->truth = t->truth;
        return OK;
    }
    return fail(FAILED,
                "%s: header: %.100s: its dtype is %.40s: wanted F16, BF16, F32, F64, BOOL, or integers of 8 to 64 bits",
                reader_path(f->file), item->string, cJSON_IsString(name) ? name->valuestring : "missing or no text");
}

static int shape_read(const tensor_file *f, const cJSON *item, tensor_entry *e)
{
    const cJSON *shape = cJSON_GetObjectItemCaseSensitive(item, "shape"), *one;
    uint64_t size;
    if (!cJSON_IsArray(shape)) return refuse(f, item, "wanted a shape: a list of sizes");
    cJSON_ArrayForEach(one, shape) {
        if (e->rank == H5_RANK_MAX) return refuse(f, item, "has more than 8 dimensions");
        if (!whole_number(one, &size)) return refuse(f, item, "its shape holds what is no size");
        e->shape[e->rank++] = (size_t)size;
    }
    return OK;
}

static int place_read(const tensor_file *f, const cJSON *item, place *out)
{
    const cJSON *offsets = cJSON_GetObjectItemCaseSensitive(item, "data_offsets");
    const safe_file *s = f->own;
    if (!cJSON_IsArray(offsets) || cJSON_GetArraySize(offsets) != 2 || !whole_number(offsets->child, &out->from) ||
        !whole_number(offsets->child->next, &out->to))
        return refuse(f, item, "wanted data_offsets: where it starts and ends");
    if (out->from > out->to || out->to > reader_bytes(f->file) - s->start)
        return fail(FAILED, "%s: header: %.100s: lies from byte %llu to %llu of %llu: cut off, or a lie",
                    reader_path(f->file), item->string, (unsigned long long)out->from, (unsigned long long)out->to,
                    (unsigned long long)(reader_bytes(f->file) - s->start));
    return OK;
}

static int tensor_read(tensor_file *f, const cJSON *item, place *p)
{
    tensor_entry e = {.own = p};
    if (!cJSON_IsObject(item)) return refuse(f, item, "wanted an object with dtype, shape and data_offsets");
    if (cJSON_GetArraySize(item) != 3) return refuse(f, item, "wanted dtype, shape and data_offsets alone");
    int rc = type_read(f, item, &e);
    if (!rc) rc = shape_read(f, item, &e);
    if (!rc) rc = place_read(f, item, p);
    if (!rc) rc = tensor_file_add(f, TENSOR_WEIGHTS, item->string, strlen(item->string), &e);
    if (rc) return rc;
    const tensor_list *list = &f->group[TENSOR_WEIGHTS];
    const size_t bytes = tensor_bytes(&list->entry[list->count - 1]);
    if (bytes != p->to - p->from)
        return fail(FAILED, "%s: header: %.100s: has %llu bytes, its type and shape want %zu", reader_path(f->file),
                    item->string, (unsigned long long)(p->to - p->from), bytes);
    return OK;
}

/* {text: text}, of which nothing is needed. */
static int metadata_check(const tensor_file *f, const cJSON *item)
{
    const cJSON *one;
    bool texts = cJSON_IsObject(item);
    cJSON_ArrayForEach(one, item) texts = texts && cJSON_IsString(one);
    return texts ? OK : refuse(f, item, "wanted an object of texts");
}

static int by_place(const void *a, const void *b)
{
    const place *x = a, *y = b;
    if (x->from != y->from) return x->from < y->from ? -1 : 1;
    return (x->to > y->to) - (x->to < y->to);
}

/* From 0 to the file's end each byte is one tensor's. */
static int places_check(const tensor_file *f, size_t count)
{
    const safe_file *s = f->own;
    const uint64_t bytes = reader_bytes(f->file) - s->start;
    uint64_t end = 0;
    place *sorted = memory_new(count, sizeof *sorted);
    if (!sorted) return FAILED;
    if (count) {
        memcpy(sorted, s->places, count * sizeof *sorted);
        qsort(sorted, count, sizeof *sorted, by_place);
    }
    int rc = OK;
    for (size_t i = 0; i < count && !rc; i++) {
        if (sorted[i].from != end)
            rc = fail(FAILED, "%s: a tensor starts at byte %llu of the data, where byte %llu would be next: %s",
                      reader_path(f->file), (unsigned long long)sorted[i].from, (unsigned long long)end,
                      sorted[i].from < end ? "two overlap" : "a hole");
        end = sorted[i].to;
    }
    if (!rc && end != bytes)
        rc = fail(FAILED, "%s: %llu bytes follow the last tensor", reader_path(f->file),
                  (unsigned long long)(bytes - end));
    free(sorted);
    return rc;
}

int safetensors_open(tensor_file *f)
{
    int rc = OK;
    size_t length = 0, count = 0;
    cJSON *header = NULL;
    const cJSON *item;
    safe_file *s = memory_new(1, sizeof *s);
    TRY_NEW(s);
    f->own = s;
    f->release = safe_release;
    f->read = safe_read;
    TRY(header_length(f, &length));
    s->start = PREFIX + length;
    TRY(header_read(f, length, &header));
    if (!cJSON_IsObject(header)) {
        rc = fail(FAILED, "%s: its header is no JSON object", reader_path(f->file));
        goto done;
    }
    TRY_NEW(s->places = memory_new((size_t)cJSON_GetArraySize(header), sizeof *s->places));
    cJSON_ArrayForEach(item, header) {
        if (!strcmp(item->string, "__metadata__"))
            TRY(metadata_check(f, item));
        else
            TRY(tensor_read(f, item, &s->places[count++]));
    }
    TRY(places_check(f, count));
done:
    cJSON_Delete(header);
    return rc;
}
