#include "base/memory.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

bool size_multiply(size_t a, size_t b, size_t *out)
{
    if (b && a > SIZE_MAX / b) return false;
    *out = a * b;
    return true;
}

bool size_add(size_t a, size_t b, size_t *out)
{
    if (a > SIZE_MAX - b) return false;
    *out = a + b;
    return true;
}

static void no_memory(size_t count, size_t size)
{
    fail(FAILED, "out of memory: %zu elements of %zu bytes were wanted", count, size);
}

void *memory_new(size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size ? size : 1); /* calloc checks the product */
    if (!memory) no_memory(count, size);
    return memory;
}

int memory_grow(void **items, size_t *capacity, size_t wanted, size_t size)
{
    if (wanted <= *capacity) return OK;
    size_t larger = *capacity < SIZE_MAX / 2 ? 2 * *capacity : wanted, bytes;
    if (larger < wanted) larger = wanted;
    void *memory = size_multiply(larger, size, &bytes) ? realloc(*items, bytes) : NULL;
    if (!memory) {
        no_memory(larger, size);
        return FAILED;
    }
    memset((char *)memory + *capacity * size, 0, (larger - *capacity) * size);
    *items = memory;
    *capacity = larger;
    return OK;
}

char *text_copy(const char *text)
{
    size_t length = strlen(text);
    char *copy = memory_new(length + 1, 1);
    if (copy) memcpy(copy, text, length);
    return copy;
}

char *text_format(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0) panic("text_format: bad format %s", format);
    char *text = memory_new((size_t)length + 1, 1);
    if (!text) return NULL;
    va_start(arguments, format);
    vsnprintf(text, (size_t)length + 1, format, arguments);
    va_end(arguments);
    return text;
}
