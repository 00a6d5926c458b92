/* The few names that a pickle may call: numpy's (numpy 1 says numpy.core, numpy 2 numpy._core), Python's bytes and
 * OrderedDict, and in checkpoints PyTorch's. */
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "format/pickle_internal.h"

static const pickle_name_entry names[] = {
    {"numpy.core.multiarray", "_reconstruct", .tag = TAG_RECONSTRUCT},
    {"numpy._core.multiarray", "_reconstruct", .tag = TAG_RECONSTRUCT},
    {"numpy.core.multiarray", "scalar", .tag = TAG_SCALAR},
    {"numpy._core.multiarray", "scalar", .tag = TAG_SCALAR},
    {"numpy.core.numeric", "_frombuffer", .tag = TAG_FROM_BUFFER},
    {"numpy._core.numeric", "_frombuffer", .tag = TAG_FROM_BUFFER},
    {"numpy", "ndarray", .tag = TAG_ARRAY_CLASS},
    {"numpy", "dtype", .tag = TAG_TYPE_CLASS},
    {"_codecs", "encode", .tag = TAG_ENCODE},
    {"builtins", "bytes", .tag = TAG_BYTES_CLASS},
    {"__builtin__", "bytes", .tag = TAG_BYTES_CLASS},
    {"builtins", "bytearray", .tag = TAG_BYTES_CLASS},
    {"__builtin__", "bytearray", .tag = TAG_BYTES_CLASS},
    {"collections", "OrderedDict", .tag = TAG_ORDERED_DICT},
    {"builtins", "set", .tag = TAG_SET},
    {"__builtin__", "set", .tag = TAG_SET},
    {"torch", "Size", .tag = TAG_SIZE},
    {"torch._utils", "_rebuild_tensor", .tag = TAG_TENSOR},
    {"torch._utils", "_rebuild_tensor_v2", .tag = TAG_TENSOR},
    {"torch._utils", "_rebuild_parameter", .tag = TAG_PARAMETER},
    {"torch", "FloatStorage", .tag = TAG_STORAGE, .type = NUMBER_F32},
    {"torch", "DoubleStorage", .tag = TAG_STORAGE, .type = NUMBER_F64},
    {"torch", "HalfStorage", .tag = TAG_STORAGE, .type = NUMBER_F16},
    {"torch", "BFloat16Storage", .tag = TAG_STORAGE, .type = NUMBER_BF16},
    {"torch", "LongStorage", .tag = TAG_STORAGE, .type = NUMBER_I64},
    {"torch", "IntStorage", .tag = TAG_STORAGE, .type = NUMBER_I32},
    {"torch", "ShortStorage", .tag = TAG_STORAGE, .type = NUMBER_I16},
    {"torch", "CharStorage", .tag = TAG_STORAGE, .type = NUMBER_I8},
    {"torch", "ByteStorage", .tag = TAG_STORAGE, .type = NUMBER_U8},
    {"torch", "BoolStorage", .tag = TAG_STORAGE, .type = NUMBER_U8, .truth = true},
};

static bool same(const char *text, const char *bytes, size_t length)
{
    return strlen(text) == length && !memcmp(text, bytes, length);
}

const pickle_name_entry *pickle_name_of(const pickle_value *v)
{
    return &names[v->name];
}

int pickle_name(pickle *p, const char *module, size_t module_length, const char *name, size_t name_length,
                pickle_value **out)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (names[i].tag >= TAG_SIZE && !p->checkpoint) continue;
        if (!same(names[i].module, module, module_length) || !same(names[i].name, name, name_length)) continue;
        if (!(*out = pickle_new(p, PICKLE_NAME))) return FAILED;
        (*out)->name = (int)i;
        return OK;
    }
    return pickle_refuse(p, "wants to run %.*s.%.*s, which is refused: wanted %snumpy arrays, numbers, tuples, lists",
                         (int)(module_length < 100 ? module_length : 100), module,
                         (int)(name_length < 100 ? name_length : 100), name, p->checkpoint ? "tensors, " : "");
}

static bool is_list(const pickle_value *v)
{
    return v->kind == PICKLE_LIST || v->kind == PICKLE_TUPLE;
}

/* OrderedDict(), or as Python 2 wrote it, of a list of [key, value]. */
static int ordered_dict(pickle *p, const pickle_value *arguments, pickle_value **out)
{
    if (!(*out = pickle_new(p, PICKLE_DICT))) return FAILED;
    if (!arguments->count) return OK;
    const pickle_value *pairs = arguments->items[0];
    if (arguments->count != 1 || !is_list(pairs)) return pickle_refuse(p, "an OrderedDict of no list");
    const size_t bytes = 2 * pairs->count * sizeof *pairs->items;
    if (bytes > p->budget) return pickle_refuse(p, "a list that is made an OrderedDict again and again");
    p->budget -= bytes;
    void *grown = NULL;
    if (memory_grow(&grown, &(*out)->capacity, 2 * pairs->count, sizeof *pairs->items)) return FAILED;
    (*out)->items = grown;
    for (size_t i = 0; i < pairs->count; i++) {
        const pickle_value *pair = pairs->items[i];
        if (!is_list(pair) || pair->count != 2) return pickle_refuse(p, "an OrderedDict of what is no [key, value]");
        (*out)->items[(*out)->count++] = pair->items[0];
        (*out)->items[(*out)->count++] = pair->items[1];
    }
    return OK;
}

int pickle_call(pickle *p, const pickle_value *name, const pickle_value *arguments, pickle_value **out)
{
    if (name->kind != PICKLE_NAME) return pickle_refuse(p, "a call of %s", pickle_kind_name(name->kind));
    if (arguments->kind != PICKLE_TUPLE) return pickle_refuse(p, "a call without a tuple of arguments");
    const enum pickle_tag tag = names[name->name].tag;
    if (tag >= TAG_SIZE) return pickle_torch_call(p, tag, arguments, out);
    return tag == TAG_ORDERED_DICT ? ordered_dict(p, arguments, out) : pickle_numpy_call(p, tag, arguments, out);
}

int pickle_build(pickle *p, pickle_value *target, const pickle_value *state)
{
    if (target->kind == PICKLE_ARRAY || target->kind == PICKLE_TYPE) return pickle_numpy_build(p, target, state);
    /* PyTorch keeps versions of modules (_metadata) as an attribute of a state_dict: nothing that weights need. */
    if (target->kind == PICKLE_DICT && state->kind == PICKLE_DICT && p->checkpoint) return OK;
    return pickle_refuse(p, "a state for %s: wanted a numpy array or data type", pickle_kind_name(target->kind));
}
