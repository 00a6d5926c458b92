/* The values of a pickle and their memory, which live as long as the pickle; its messages. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"
#include "format/pickle_internal.h"

int pickle_refuse(const pickle *p, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return fail(FAILED, "%s: byte %zu of the pickle: %s", p->where, p->operation, text);
}

void *pickle_memory(pickle *p, size_t count, size_t size)
{
    void *grown = p->memory;
    if (memory_grow(&grown, &p->pieces_capacity, p->pieces + 1, sizeof *p->memory)) return NULL;
    p->memory = grown;
    void *piece = memory_new(count, size);
    if (piece) p->memory[p->pieces++] = piece;
    return piece;
}

pickle_value *pickle_new(pickle *p, enum pickle_kind kind)
{
    void *grown = p->pool;
    if (p->pooled >= VALUES_MAX) {
        pickle_refuse(p, "more than %d values", VALUES_MAX);
        return NULL;
    }
    if (memory_grow(&grown, &p->pool_capacity, p->pooled + 1, sizeof *p->pool)) return NULL;
    p->pool = grown;
    pickle_value *value = memory_new(1, sizeof *value);
    if (!value) return NULL;
    value->kind = kind;
    p->pool[p->pooled++] = value;
    return value;
}

void pickle_free(pickle *p)
{
    if (!p) return;
    for (size_t i = 0; i < p->pooled; i++) {
        enum pickle_kind kind = p->pool[i]->kind;
        if (kind == PICKLE_TUPLE || kind == PICKLE_LIST || kind == PICKLE_DICT) free(p->pool[i]->items);
        free(p->pool[i]);
    }
    for (size_t i = 0; i < p->pieces; i++) free(p->memory[i]);
    free(p->pool);
    free(p->memory);
    free(p->stack);
    free(p->marks);
    free(p->memo);
    free(p->bytes);
    free(p);
}

const char *pickle_kind_name(enum pickle_kind kind)
{
    static const char *const names[] = {
        "None",         "a bool",   "an integer",        "a real",  "text",      "bytes",   "a tuple", "a list",
        "a dictionary", "an array", "a numpy data type", "a class", "a storage", "a tensor"};
    return names[kind];
}

const pickle_value *pickle_each(const pickle *p, size_t i)
{
    return i < p->pooled ? p->pool[i] : NULL;
}
