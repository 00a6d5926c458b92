/* PyTorch's two containers: zip archives with ROOT/data.pkl and ROOT/data/KEY, and the older stream of pickles and
 * storages. Source: torch/serialization.py, _save and _legacy_save. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "format/torch_internal.h"

static const char objects_name[] = "/data.pkl";

/* ---- both ---------------------------------------------------------------------------------------------------------- */

static void torch_release(void *own)
{
    torch_file *t = own;
    if (!t) return;
    pickle_free(t->objects);
    zip_close(t->archive);
    free(t->storage);
    free(t->held);
    free(t);
}

static int torch_element_read(tensor_file *f, const tensor_entry *e, void *out)
{
    return torch_read(f, f->own, e->own, out);
}

static torch_file *torch_new(tensor_file *f)
{
    torch_file *t = memory_new(1, sizeof *t);
    f->own = t;
    f->release = torch_release;
    f->read = torch_element_read;
    return t;
}

static int compare_keys(const pickle_value *a, const pickle_value *b)
{
    const size_t least = a->key_length < b->key_length ? a->key_length : b->key_length;
    const int order = memcmp(a->key, b->key, least);
    return order ? order : (a->key_length > b->key_length) - (a->key_length < b->key_length);
}

static int by_key(const void *a, const void *b)
{
    return compare_keys(((const torch_storage *)a)->about, ((const torch_storage *)b)->about);
}

static int refuse_storage(const tensor_file *f, const pickle_value *about, const char *what)
{
    return fail(FAILED, "%s: storage %.*s: %s", reader_path(f->file),
                (int)(about->key_length < 100 ? about->key_length : 100), about->key, what);
}

int torch_storages_find(const tensor_file *f, torch_file *t)
{
    size_t count = 0, kept = 0;
    const pickle_value *v;
    for (size_t i = 0; (v = pickle_each(t->objects, i)); i++) count += v->kind == PICKLE_STORAGE;
    t->storage = memory_new(count, sizeof *t->storage);
    if (!t->storage) return FAILED;
    count = 0;
    for (size_t i = 0; (v = pickle_each(t->objects, i)); i++)
        if (v->kind == PICKLE_STORAGE)
            t->storage[count++] = (torch_storage){.about = v, .bytes = v->elements * number_size(v->element)};
    if (count) qsort(t->storage, count, sizeof *t->storage, by_key);
    for (size_t i = 0; i < count; i++) {
        const torch_storage *before = kept ? &t->storage[kept - 1] : NULL, *one = &t->storage[i];
        if (!before || by_key(before, one))
            t->storage[kept++] = *one;
        else if (before->bytes != one->bytes || before->about->element != one->about->element)
            return refuse_storage(f, one->about, "is named with two types or sizes");
    }
    t->storages = kept;
    return OK;
}

torch_storage *torch_storage_of(const torch_file *t, const pickle_value *about)
{
    const torch_storage wanted = {.about = about};
    return t->storages ? bsearch(&wanted, t->storage, t->storages, sizeof *t->storage, by_key) : NULL;
}

/* ---- the zip format ------------------------------------------------------------------------------------------------ */

/* The length of ROOT of the one ROOT/data.pkl there is. */
static int root_find(const tensor_file *f, const zip *z, const zip_member **objects, size_t *root)
{
    *objects = NULL;
    for (size_t i = 0; i < zip_count(z); i++) {
        const zip_member *m = zip_at(z, i);
        const size_t length = strlen(m->name), tail = sizeof objects_name - 1;
        if (length <= tail || strcmp(m->name + length - tail, objects_name)) continue;
        if (memchr(m->name, '/', length - tail)) continue;
        if (*objects)
            return fail(FAILED, "%s: both %s and %s: wanted one checkpoint", reader_path(f->file), (*objects)->name,
                        m->name);
        *objects = m;
        *root = length - tail;
    }
    if (*objects) return OK;
    return fail(FAILED, "%s is a zip archive without a data.pkl in its folder: not a PyTorch checkpoint",
                reader_path(f->file));
}

static int objects_read(const tensor_file *f, torch_file *t, const zip_member *m)
{
    int rc = OK;
    char *bytes = NULL, *where = NULL;
    size_t used;
    bool cut;
    if (m->size > PICKLE_BYTES_MAX)
        return fail(FAILED, "%s: %s has %llu bytes, wanted at most %d", reader_path(f->file), m->name,
                    (unsigned long long)m->size, PICKLE_BYTES_MAX);
    TRY_NEW(where = text_format("%s: %s", reader_path(f->file), m->name));
    TRY_NEW(bytes = memory_new((size_t)m->size, 1));
    TRY(zip_read(t->archive, m, bytes));
    TRY(pickle_parse_checkpoint(bytes, (size_t)m->size, where, &used, &cut, &t->objects));
    if (used != m->size)
        rc = fail(FAILED, "%s: %llu bytes follow the end of the pickle", where, (unsigned long long)(m->size - used));
done:
    free(bytes);
    free(where);
    return rc;
}

static int order_read(const tensor_file *f, torch_file *t, const char *root, size_t length)
{
    int rc = OK;
    char order[8] = {0}, *name = text_format("%.*s/byteorder", (int)length, root);
    if (!name) return FAILED;
    const zip_member *m = zip_find(t->archive, name);
    bool big = false;
    if (m) {
        if (m->size < sizeof order) rc = zip_read(t->archive, m, order);
        big = !strcmp(order, "big");
        if (!rc && !big && strcmp(order, "little"))
            rc = fail(FAILED, "%s: %s is \"%.7s\": wanted little or big", reader_path(f->file), name, order);
    }
    t->swapped = big != machine_is_big_endian();
    free(name);
    return rc;
}

static int members_find(const tensor_file *f, torch_file *t, const char *root, size_t length)
{
    for (size_t i = 0; i < t->storages; i++) {
        torch_storage *s = &t->storage[i];
        if (memchr(s->about->key, 0, s->about->key_length))
            return refuse_storage(f, s->about, "a key with a zero in it");
        char *name = text_format("%.*s/data/%.*s", (int)length, root, (int)s->about->key_length, s->about->key);
        if (!name) return FAILED;
        s->member = zip_find(t->archive, name);
        free(name);
        if (!s->member) return refuse_storage(f, s->about, "is not in the archive");
        if (s->member->size != s->bytes)
            return fail(FAILED, "%s: %s has %llu bytes, but %llu elements of %s, which take %llu, are wanted of it",
                        reader_path(f->file), s->member->name, (unsigned long long)s->member->size,
                        (unsigned long long)s->about->elements, number_name(s->about->element),
                        (unsigned long long)s->bytes);
        s->place = s->member->place;
    }
    return OK;
}

int torch_zip_open(tensor_file *f)
{
    int rc = OK;
    const zip_member *objects;
    size_t root = 0;
    torch_file *t = torch_new(f);
    TRY_NEW(t);
    TRY(zip_open(f->file, &t->archive));
    TRY(root_find(f, t->archive, &objects, &root));
    TRY(objects_read(f, t, objects));
    TRY(order_read(f, t, objects->name, root));
    TRY(torch_storages_find(f, t));
    TRY(members_find(f, t, objects->name, root));
    TRY(torch_state_read(f, t));
done:
    return rc;
}

/* ---- the older stream ---------------------------------------------------------------------------------------------- */

/* The pickle at *place, which moves behind it. How long it is turns out while it is read: more and more is tried. */
static int stream_pickle(const tensor_file *f, uint64_t *place, pickle **out)
{
    enum { FIRST = 1 << 14, TIMES = 16 };
    const uint64_t left = reader_bytes(f->file) - *place;
    const size_t most = left < PICKLE_BYTES_MAX ? (size_t)left : PICKLE_BYTES_MAX;
    size_t length = FIRST, used = 0;
    int rc;
    bool cut;
    char *where = text_format("%s: from byte %llu", reader_path(f->file), (unsigned long long)*place);
    if (!where) return FAILED;
    do {
        if (length > most) length = most;
        char *bytes = memory_new(length, 1);
        cut = false;
        rc = bytes ? reader_read(f->file, *place, length, bytes) : FAILED;
        if (!rc) rc = pickle_parse_checkpoint(bytes, length, where, &used, &cut, out);
        free(bytes);
        if (!rc || !cut || length == most) break;
        length *= TIMES;
    } while (true);
    free(where);
    *place += used;
    return rc;
}

/* {"protocol_version": 1001, "little_endian": bool, ...} behind the magic number and the version. */
static int stream_head(const tensor_file *f, torch_file *t, uint64_t *place)
{
    pickle *version = NULL, *about = NULL;
    unsigned char protocol[2];
    int rc = OK;
    TRY(reader_read(f->file, 0, sizeof protocol, protocol));
    *place = protocol[1] < 4 ? 15 : 24; /* tensor_file.c has seen the magic number */
    TRY(stream_pickle(f, place, &version));
    TRY(stream_pickle(f, place, &about));
    const pickle_value *number = pickle_root(version), *little = pickle_member(pickle_root(about), "little_endian");
    if (number->kind != PICKLE_INT || number->integer != 1001) {
        rc = fail(FAILED, "%s: its protocol version is %s %lld, wanted 1001", reader_path(f->file),
                  pickle_kind_name(number->kind), number->kind == PICKLE_INT ? (long long)number->integer : 0);
        goto done;
    }
    if (!little || little->kind != PICKLE_BOOL) {
        rc = fail(FAILED, "%s: does not say its byte order (little_endian)", reader_path(f->file));
        goto done;
    }
    t->swapped = (little->integer != 0) == machine_is_big_endian();
done:
    pickle_free(version);
    pickle_free(about);
    return rc;
}

/* One storage: its number of elements in 8 bytes, then they. */
static int stream_storage(const tensor_file *f, const torch_file *t, const pickle_value *key, uint64_t *place)
{
    uint64_t elements;
    if (key->kind != PICKLE_TEXT && key->kind != PICKLE_BYTES)
        return fail(FAILED, "%s: a storage's key is %s, wanted text", reader_path(f->file),
                    pickle_kind_name(key->kind));
    const pickle_value named = {.kind = PICKLE_STORAGE, .key = key->bytes, .key_length = key->length};
    torch_storage *s = torch_storage_of(t, &named);
    if (!s) return refuse_storage(f, &named, "is no tensor's: its size is not known");
    if (s->place) return refuse_storage(f, &named, "is there twice");
    int rc = reader_read(f->file, *place, sizeof elements, &elements);
    if (rc) return rc;
    if (t->swapped) number_swap(NUMBER_U64, &elements, 1);
    *place += sizeof elements;
    if (elements != s->about->elements)
        return fail(FAILED, "%s: byte %llu: storage %.*s has %llu elements, but %llu are wanted of it",
                    reader_path(f->file), (unsigned long long)(*place - sizeof elements), (int)named.key_length,
                    named.key, (unsigned long long)elements, (unsigned long long)s->about->elements);
    if (s->bytes > reader_bytes(f->file) - *place) return refuse_storage(f, &named, "reaches beyond the file: cut off");
    s->place = *place;
    s->checked = true; /* there is no checksum */
    *place += s->bytes;
    return OK;
}

static int stream_storages(const tensor_file *f, torch_file *t, uint64_t place)
{
    int rc = OK;
    pickle *keys = NULL;
    TRY(stream_pickle(f, &place, &keys));
    const pickle_value *list = pickle_root(keys);
    if (list->kind != PICKLE_LIST) {
        rc = fail(FAILED, "%s: its list of storages is %s", reader_path(f->file), pickle_kind_name(list->kind));
        goto done;
    }
    for (size_t i = 0; i < list->count; i++) TRY(stream_storage(f, t, list->items[i], &place));
    for (size_t i = 0; i < t->storages; i++)
        if (!t->storage[i].place) {
            rc = refuse_storage(f, t->storage[i].about, "is not in the file");
            goto done;
        }
    if (place != reader_bytes(f->file))
        rc = fail(FAILED, "%s: %llu bytes follow the last storage", reader_path(f->file),
                  (unsigned long long)(reader_bytes(f->file) - place));
done:
    pickle_free(keys);
    return rc;
}

int torch_stream_open(tensor_file *f)
{
    int rc = OK;
    uint64_t place = 0;
    torch_file *t = torch_new(f);
    TRY_NEW(t);
    TRY(stream_head(f, t, &place));
    TRY(stream_pickle(f, &place, &t->objects));
    TRY(torch_storages_find(f, t));
    TRY(stream_storages(f, t, place));
    TRY(torch_state_read(f, t));
done:
    return rc;
}
