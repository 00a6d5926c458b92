/* Checked memory: sizes are products that can overflow, and allocation can fail. */
#ifndef FURROW_BASE_MEMORY_H
#define FURROW_BASE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/* a * b or a + b into *out; false (and *out untouched) when the result does not fit a size_t. */
bool size_multiply(size_t a, size_t b, size_t *out);
bool size_add(size_t a, size_t b, size_t *out);

/* `count` zeroed elements of `size` bytes. NULL, with the message set, when there is no such memory.
 * A count of 0 gives a valid pointer. Freed with free(). */
void *memory_new(size_t count, size_t size);

/* Grows *items (elements of `size` bytes, *capacity of them) so that `wanted` fit, at least doubling; new
 * elements are zeroed. Returns a code. */
int memory_grow(void **items, size_t *capacity, size_t wanted, size_t size);

/* Copies of text; NULL with the message set when out of memory. text_format is sprintf to a new string. */
char *text_copy(const char *text);
char *text_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
