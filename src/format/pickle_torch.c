/* What PyTorch's names mean: tensors, as views of storages whose elements lie outside of the pickle.
 * Source: torch/_utils.py (_rebuild_tensor_v2, _rebuild_parameter) and torch/serialization.py (persistent_id). */
#include "base/error.h"
#include "base/memory.h"
#include "format/pickle_internal.h"

/* A tensor may show elements of its storage more than once (expand), but not without bounds. */
enum { EXPANDED_MAX = 1 << 24 };

/* ---- storages ------------------------------------------------------------------------------------------------------ */

static bool is_text(const pickle_value *v)
{
    return v->kind == PICKLE_TEXT || v->kind == PICKLE_BYTES; /* Python 2 wrote bytes for both */
}

/* ("storage", class, key, location, elements), in the older stream with None behind it. The location is where it was
 * when it was saved: a device that need not be here. */
int pickle_torch_storage(pickle *p, const pickle_value *id, pickle_value **out)
{
    size_t bytes;
    if (id->kind != PICKLE_TUPLE || (id->count != 5 && id->count != 6) || !pickle_is_text(id->items[0], "storage"))
        return pickle_refuse(p, "a persistent id: wanted (\"storage\", class, key, location, elements)");
    pickle_value *const *item = id->items;
    if (item[1]->kind != PICKLE_NAME || pickle_name_of(item[1])->tag != TAG_STORAGE)
        return pickle_refuse(p, "a storage whose class is %s: wanted one of PyTorch's",
                             pickle_kind_name(item[1]->kind));
    if (!is_text(item[2]) || !item[2]->length || !is_text(item[3]))
        return pickle_refuse(p, "a storage whose key or location is no text");
    if (id->count == 6 && item[5]->kind != PICKLE_NONE)
        return pickle_refuse(p, "a view of a storage, as PyTorch before 0.4 wrote them: load and save it anew");
    const pickle_name_entry *class = pickle_name_of(item[1]);
    if (item[4]->kind != PICKLE_INT || item[4]->integer < 0 ||
        !size_multiply((size_t)item[4]->integer, number_size(class->type), &bytes))
        return pickle_refuse(p, "a storage's number of elements: wanted a size");
    if (!(*out = pickle_new(p, PICKLE_STORAGE))) return FAILED;
    (*out)->element = class->type;
    (*out)->truth = class->truth;
    (*out)->key = item[2]->bytes;
    (*out)->key_length = item[2]->length;
    (*out)->elements = (uint64_t)item[4]->integer;
    return OK;
}

/* ---- tensors ------------------------------------------------------------------------------------------------------- */

static int sizes_read(pickle *p, const pickle_value *tuple, const char *what, size_t **out)
{
    if (tuple->kind != PICKLE_TUPLE || tuple->count > PICKLE_RANK_MAX)
        return pickle_refuse(p, "a tensor's %s: wanted a tuple of at most %d", what, PICKLE_RANK_MAX);
    size_t *sizes = pickle_memory(p, tuple->count, sizeof *sizes);
    if (!sizes) return FAILED;
    for (size_t i = 0; i < tuple->count; i++) {
        const pickle_value *size = tuple->items[i];
        if (size->kind != PICKLE_INT || size->integer < 0)
            return pickle_refuse(p, "%s %zu of a tensor: wanted a number from 0", what, i);
        sizes[i] = (size_t)size->integer;
    }
    *out = sizes;
    return OK;
}

/* Every element must lie inside of the storage. */
static int bounds_check(pickle *p, pickle_value *t)
{
    const uint64_t elements = t->storage->elements;
    size_t total = 1, bytes, last = (size_t)t->start, reach;
    bool empty = false, fits = true;
    for (int i = 0; i < t->dimensions; i++) empty |= !t->sizes[i];
    for (int i = 0; i < t->dimensions && !empty; i++) {
        fits = fits && size_multiply(total, t->sizes[i], &total);
        fits = fits && size_multiply(t->sizes[i] - 1, t->strides[i], &reach) && size_add(last, reach, &last);
    }
    t->total = empty ? 0 : total;
    if (!fits || !size_multiply(t->total, number_size(t->storage->element), &bytes) || t->start > elements ||
        (!empty && last >= elements))
        return pickle_refuse(p, "a tensor reaches beyond its storage of %llu elements", (unsigned long long)elements);
    if (t->total > elements && t->total > EXPANDED_MAX)
        return pickle_refuse(p, "a tensor of %zu elements out of %llu: wanted at most %d", t->total,
                             (unsigned long long)elements, EXPANDED_MAX);
    return OK;
}

/* _rebuild_tensor_v2(storage, offset, sizes, strides, requires_grad, hooks, metadata); the first four without _v2. */
static int tensor_call(pickle *p, const pickle_value *arguments, pickle_value **out)
{
    pickle_value *const *item = arguments->items;
    if (arguments->count < 4 || arguments->count > 7 || item[0]->kind != PICKLE_STORAGE ||
        item[1]->kind != PICKLE_INT || item[1]->integer < 0)
        return pickle_refuse(p, "a tensor: wanted (storage, offset, sizes, strides, ...)");
    if (arguments->count == 7 && (item[6]->kind != PICKLE_DICT || item[6]->count))
        return pickle_refuse(p, "a tensor that is conjugated or negated: wanted a plain one");
    pickle_value *t = pickle_new(p, PICKLE_TENSOR);
    if (!t) return FAILED;
    t->storage = item[0];
    t->start = (uint64_t)item[1]->integer;
    int rc = sizes_read(p, item[2], "size", &t->sizes);
    if (!rc) rc = sizes_read(p, item[3], "stride", &t->strides);
    if (!rc && item[2]->count != item[3]->count)
        rc = pickle_refuse(p, "a tensor of %zu sizes and %zu strides", item[2]->count, item[3]->count);
    t->dimensions = rc ? 0 : (int)item[2]->count;
    if (!rc) rc = bounds_check(p, t);
    *out = t;
    return rc;
}

int pickle_torch_call(pickle *p, enum pickle_tag tag, const pickle_value *arguments, pickle_value **out)
{
    pickle_value *const *item = arguments->items;
    switch (tag) {
    case TAG_TENSOR: return tensor_call(p, arguments, out);
    case TAG_PARAMETER: /* (tensor, requires_grad, hooks) */
        if (arguments->count != 3 || item[0]->kind != PICKLE_TENSOR)
            return pickle_refuse(p, "a parameter: wanted (tensor, requires_grad, hooks)");
        *out = item[0];
        return OK;
    case TAG_SIZE: /* a tuple by another name; a set's elements, in the order they were written */
    case TAG_SET:
        if (arguments->count != 1 || (item[0]->kind != PICKLE_TUPLE && item[0]->kind != PICKLE_LIST))
            return pickle_refuse(p, "torch.Size or a set: wanted a tuple or a list");
        *out = item[0];
        return OK;
    default: return pickle_refuse(p, "a call of a storage's class: wanted it in a persistent id");
    }
}
