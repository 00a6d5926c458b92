/* What the parser of operations (pickle.c), the list of names (pickle_name.c) and their meaning (pickle_numpy.c,
 * pickle_torch.c) share. */
#ifndef FURROW_FORMAT_PICKLE_INTERNAL_H
#define FURROW_FORMAT_PICKLE_INTERNAL_H

#include "format/pickle.h"

enum { VALUES_MAX = 4 << 20 };

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
    bool checkpoint;      /* tensors are wanted */
    bool cut;             /* an operation wanted bytes beyond the end */
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

/* ---- names ------------------------------------------------------------------------------------------------------- */

enum pickle_tag {
    TAG_RECONSTRUCT,
    TAG_SCALAR,
    TAG_FROM_BUFFER,
    TAG_ARRAY_CLASS,
    TAG_TYPE_CLASS,
    TAG_ENCODE,
    TAG_BYTES_CLASS,
    TAG_ORDERED_DICT,
    TAG_SIZE, /* from here on: in checkpoints alone */
    TAG_SET,
    TAG_TENSOR,
    TAG_PARAMETER,
    TAG_STORAGE,
};

typedef struct pickle_name_entry {
    const char *module, *name;
    enum pickle_tag tag;
    enum number_type type; /* TAG_STORAGE: of its elements */
    bool truth;            /* which are booleans */
} pickle_name_entry;

const pickle_name_entry *pickle_name_of(const pickle_value *v); /* v is a PICKLE_NAME */

/* The tag of a name; refuses what is not in the list. */
int pickle_name(pickle *p, const char *module, size_t module_length, const char *name, size_t name_length,
                pickle_value **out);

/* name(arguments); and what BUILD does to an array, data type or dictionary. */
int pickle_call(pickle *p, const pickle_value *name, const pickle_value *arguments, pickle_value **out);
int pickle_build(pickle *p, pickle_value *target, const pickle_value *state);

/* Their parts. `arguments` is a tuple. */
int pickle_numpy_call(pickle *p, enum pickle_tag tag, const pickle_value *arguments, pickle_value **out);
int pickle_numpy_build(pickle *p, pickle_value *target, const pickle_value *state);
int pickle_torch_call(pickle *p, enum pickle_tag tag, const pickle_value *arguments, pickle_value **out);
int pickle_torch_storage(pickle *p, const pickle_value *id, pickle_value **out); /* of a persistent id */

#endif
