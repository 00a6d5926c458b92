/* What numpy's names mean. Source: numpy's __reduce__ and __setstate__ of ndarray, dtype and scalars, Python's for bytes
 * and bytearray. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "format/pickle_internal.h"

static bool same(const char *text, const char *bytes, size_t length)
{
    return strlen(text) == length && !memcmp(text, bytes, length);
}

/* ---- data types ---------------------------------------------------------------------------------------------------- */

static bool is_text(const pickle_value *v)
{
    return v->kind == PICKLE_TEXT || v->kind == PICKLE_BYTES; /* Python 2 wrote bytes for both */
}

static const struct {
    const char *code;
    enum number_type type;
} codes[] = {
    {"b1", NUMBER_U8},  {"u1", NUMBER_U8},  {"i1", NUMBER_I8},  {"u2", NUMBER_U16},
    {"i2", NUMBER_I16}, {"u4", NUMBER_U32}, {"i4", NUMBER_I32}, {"u8", NUMBER_U64},
    {"i8", NUMBER_I64}, {"f2", NUMBER_F16}, {"f4", NUMBER_F32}, {"f8", NUMBER_F64},
};

static int order_set(pickle *p, pickle_value *type, char order)
{
    if (order != '<' && order != '>' && order != '|' && order != '=')
        return pickle_refuse(p, "byte order '%c' of a data type: wanted <, >, | or =", order);
    type->swapped = (order == '<' || order == '>') && (order == '>') != machine_is_big_endian();
    return OK;
}

static int type_call(pickle *p, const pickle_value *arguments, pickle_value **out)
{
    if (!arguments->count || !is_text(arguments->items[0])) return pickle_refuse(p, "a data type without its name");
    const char *code = arguments->items[0]->bytes;
    size_t length = arguments->items[0]->length;
    char order = '=';
    if (length && strchr("<>|=", code[0])) {
        order = code[0];
        code++;
        length--;
    }
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        if (!same(codes[i].code, code, length)) continue;
        if (!(*out = pickle_new(p, PICKLE_TYPE))) return FAILED;
        (*out)->type = codes[i].type;
        return order_set(p, *out, order);
    }
    return pickle_refuse(p, "elements of type \"%.*s\": wanted bool, integers or reals of 1 to 8 bytes",
                         (int)(length < 20 ? length : 20), code);
}

/* (3, byte order, subtype, names, fields, size, alignment, flags) */
static int type_build(pickle *p, pickle_value *type, const pickle_value *state)
{
    if (state->kind != PICKLE_TUPLE || state->count < 5 || !is_text(state->items[1]) || state->items[1]->length != 1)
        return pickle_refuse(p, "a data type's state: wanted a tuple with a byte order");
    for (int i = 2; i < 5; i++)
        if (state->items[i]->kind != PICKLE_NONE)
            return pickle_refuse(p, "a data type of records: wanted plain numbers");
    return order_set(p, type, state->items[1]->bytes[0]);
}

/* ---- arrays -------------------------------------------------------------------------------------------------------- */

static int array_fill(pickle *p, pickle_value *array, const pickle_value *shape, const pickle_value *type,
                      const pickle_value *data, bool fortran)
{
    size_t bytes, all; /* all: as if no dimension were empty */
    if (type->kind != PICKLE_TYPE) return pickle_refuse(p, "an array whose type is %s", pickle_kind_name(type->kind));
    if (!is_text(data))
        return pickle_refuse(p, "an array whose elements are %s: wanted bytes", pickle_kind_name(data->kind));
    if (shape->kind != PICKLE_TUPLE || shape->count > PICKLE_RANK_MAX)
        return pickle_refuse(p, "an array's shape: wanted a tuple of at most %d dimensions", PICKLE_RANK_MAX);
    if (!(array->shape = pickle_memory(p, shape->count, sizeof *array->shape))) return FAILED;
    bytes = all = number_size(type->type);
    for (size_t i = 0; i < shape->count; i++) {
        const pickle_value *size = shape->items[i];
        if (size->kind != PICKLE_INT || size->integer < 0 ||
            !size_multiply(all, size->integer ? (size_t)size->integer : 1, &all))
            return pickle_refuse(p, "dimension %zu of an array's shape: wanted a size", i);
        array->shape[i] = (size_t)size->integer;
        bytes *= array->shape[i];
    }
    if (bytes != data->length)
        return pickle_refuse(p, "an array with %zu bytes of elements, wanted %zu", data->length, bytes);
    array->rank = (int)shape->count;
    array->type = type->type;
    array->swapped = type->swapped;
    array->fortran = fortran;
    array->data = data->bytes;
    return OK;
}

static bool is_flag(const pickle_value *v)
{
    return v->kind == PICKLE_BOOL || v->kind == PICKLE_INT;
}

/* (1, shape, type, fortran order, bytes) */
static int array_build(pickle *p, pickle_value *array, const pickle_value *state)
{
    if (state->kind != PICKLE_TUPLE || state->count != 5 || !is_flag(state->items[3]))
        return pickle_refuse(p, "an array's state: wanted (1, shape, type, order, bytes)");
    return array_fill(p, array, state->items[1], state->items[2], state->items[4], state->items[3]->integer != 0);
}

/* numpy.core.numeric._frombuffer(bytes, type, shape, "C" or "F") */
static int buffer_call(pickle *p, const pickle_value *arguments, pickle_value **out)
{
    if (arguments->count != 4 || !is_text(arguments->items[3]) || arguments->items[3]->length != 1)
        return pickle_refuse(p, "_frombuffer: wanted (bytes, type, shape, order)");
    if (!(*out = pickle_new(p, PICKLE_ARRAY))) return FAILED;
    return array_fill(p, *out, arguments->items[2], arguments->items[1], arguments->items[0],
                      arguments->items[3]->bytes[0] == 'F');
}

static int scalar_call(pickle *p, const pickle_value *arguments, pickle_value **out)
{
    const pickle_value none = {.kind = PICKLE_TUPLE};
    if (arguments->count != 2) return pickle_refuse(p, "a numpy scalar: wanted (type, bytes)");
    if (!(*out = pickle_new(p, PICKLE_ARRAY))) return FAILED;
    return array_fill(p, *out, &none, arguments->items[0], arguments->items[1], false);
}

/* ---- bytes --------------------------------------------------------------------------------------------------------- */

/* Text whose characters stand for bytes (UTF-8 of U+0000..U+00FF), as protocols 0 to 2 write bytes. */
static int encode_call(pickle *p, const pickle_value *arguments, pickle_value **out)
{
    if (arguments->count != 2 || !is_text(arguments->items[0]) || !is_text(arguments->items[1]))
        return pickle_refuse(p, "encode: wanted (text, \"latin1\")");
    const pickle_value *set = arguments->items[1];
    if (!same("latin1", set->bytes, set->length) && !same("latin-1", set->bytes, set->length))
        return pickle_refuse(p, "encode to \"%.*s\": wanted latin1", (int)(set->length < 20 ? set->length : 20),
                             set->bytes);
    const unsigned char *text = (const unsigned char *)arguments->items[0]->bytes;
    size_t length = arguments->items[0]->length, used = 0;
    if (length > p->budget) return pickle_refuse(p, "text that is turned into bytes again and again");
    p->budget -= length;
    char *bytes = pickle_memory(p, length, 1);
    if (!bytes || !(*out = pickle_new(p, PICKLE_BYTES))) return FAILED;
    for (size_t i = 0; i < length; i++) {
        unsigned value = text[i];
        if (value >= 0x80) {
            if ((value != 0xc2 && value != 0xc3) || i + 1 >= length || (text[i + 1] & 0xc0) != 0x80)
                return pickle_refuse(p, "a character beyond latin1 where bytes are wanted");
            value = (value & 3) << 6 | (text[++i] & 0x3f);
        }
        bytes[used++] = (char)value;
    }
    (*out)->bytes = bytes;
    (*out)->length = used;
    return OK;
}

static int bytes_call(pickle *p, const pickle_value *arguments, pickle_value **out)
{
    if (arguments->count == 2) return encode_call(p, arguments, out);
    if (arguments->count > 1 || (arguments->count == 1 && arguments->items[0]->kind != PICKLE_BYTES))
        return pickle_refuse(p, "bytes made of %s", pickle_kind_name(arguments->items[0]->kind));
    if (!(*out = pickle_new(p, PICKLE_BYTES))) return FAILED;
    (*out)->bytes = arguments->count ? arguments->items[0]->bytes : "";
    (*out)->length = arguments->count ? arguments->items[0]->length : 0;
    return OK;
}

/* ---- what the parser asks ------------------------------------------------------------------------------------------ */

int pickle_numpy_call(pickle *p, enum pickle_tag tag, const pickle_value *arguments, pickle_value **out)
{
    switch (tag) {
    case TAG_RECONSTRUCT: *out = pickle_new(p, PICKLE_ARRAY); return *out ? OK : FAILED;
    case TAG_SCALAR: return scalar_call(p, arguments, out);
    case TAG_FROM_BUFFER: return buffer_call(p, arguments, out);
    case TAG_TYPE_CLASS: return type_call(p, arguments, out);
    case TAG_ENCODE: return encode_call(p, arguments, out);
    case TAG_BYTES_CLASS: return bytes_call(p, arguments, out);
    default: return pickle_refuse(p, "a call of a class that is none to call");
    }
}

int pickle_numpy_build(pickle *p, pickle_value *target, const pickle_value *state)
{
    return target->kind == PICKLE_ARRAY ? array_build(p, target, state) : type_build(p, target, state);
}
