/* What the parser of operations (pickle.c) and the meaning of names (pickle_numpy.c) share. */
#ifndef FURROW_FORMAT_PICKLE_INTERNAL_H
#define FURROW_FORMAT_PICKLE_INTERNAL_H

#include "format/pickle.h"

struct pickle {
    char *bytes; /* a copy */
    size_t length;
    const char *where;
    pickle_value **pool; /* every value that was made */
    size_t pooled, pool_capacity;
    void **memory; /* every other piece of memory */
    size_t pieces, pieces_capacity;
    size_t budget;        /* bytes that text conversions may still take */
    size_t at, operation; /* where reading stands; where the operation under way starts */
    pickle_value **stack;
    size_t depth, stack_capacity;
    size_t *marks;
    size_t marked, marks_capacity;
    pickle_value **memo;
    size_t memo_count, memo_capacity;
};

/* "WHERE: byte N: ..." of the operation under way; gives FAILED. */
int pickle_refuse(const pickle *p, const char *format, ...) __attribute__((format(printf, 2, 3)));

pickle_value *pickle_new(pickle *p, enum pickle_kind kind); /* NULL with the message set */
void *pickle_memory(pickle *p, size_t count, size_t size);  /* freed with the pickle */

int pickle_push(pickle *p, pickle_value *value); /* NULL: its maker has failed */
int pickle_need(const pickle *p, size_t count);  /* so many values above the last mark, or a refusal */

/* Arguments of operations (pickle_argument.c): read from p->at on, and most pushed as a value. */
int pickle_push_integer(pickle *p, enum pickle_kind kind, int64_t integer);
int pickle_take_number(pickle *p, size_t size, uint64_t *out); /* little-endian, of size bytes */
int pickle_take_line(pickle *p, const char **line, size_t *length);
int pickle_line_index(pickle *p, uint64_t *out); /* below 0 gives UINT64_MAX */
int pickle_integer_line(pickle *p);
int pickle_integer_binary(pickle *p, size_t size, bool is_signed);
int pickle_integer_long(pickle *p, size_t size_bytes);
int pickle_real_line(pickle *p);
int pickle_real_binary(pickle *p);
int pickle_counted_bytes(pickle *p, enum pickle_kind kind, size_t size_bytes);
int pickle_unicode_line(pickle *p);
int pickle_string_line(pickle *p);

/* The tag of a name; refuses what is not in the list. */
int pickle_name(pickle *p, const char *module, size_t module_length, const char *name, size_t name_length,
                pickle_value **out);

/* name(arguments); and what BUILD does to an array or data type. */
int pickle_call(pickle *p, const pickle_value *name, const pickle_value *arguments, pickle_value **out);
int pickle_build(pickle *p, pickle_value *target, const pickle_value *state);

#endif
