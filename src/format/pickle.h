/* Python pickles, protocols 0 to 5, parsed as data: numbers, text, bytes, tuples, lists, dictionaries and numpy arrays; in
 * PyTorch's checkpoints tensors too.
 * Source: Python's pickletools module, which documents every operation.
 *
 * Nothing is executed. A pickle names functions to call; here a name is a tag from a short list (what numpy 1 and 2
 * write for arrays, data types and scalars, what PyTorch writes for tensors) with a fixed meaning, and any other name is
 * refused with its position.
 * There is no recursion; stack, memo, depth, values and memory are capped. Errors (FAILED) name file, byte, what was
 * met and what was wanted. */
#ifndef FURROW_FORMAT_PICKLE_H
#define FURROW_FORMAT_PICKLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/number.h"

enum { PICKLE_RANK_MAX = 8, PICKLE_BYTES_MAX = 64 << 20 };

enum pickle_kind {
    PICKLE_NONE,
    PICKLE_BOOL,
    PICKLE_INT,
    PICKLE_REAL,
    PICKLE_TEXT,
    PICKLE_BYTES, /* also Python 2's str */
    PICKLE_TUPLE,
    PICKLE_LIST,
    PICKLE_DICT,
    PICKLE_ARRAY,   /* numpy's arrays, and its scalars with rank 0 */
    PICKLE_TYPE,    /* numpy's data types */
    PICKLE_NAME,    /* a tag from the list */
    PICKLE_STORAGE, /* PyTorch's: elements that lie outside of the pickle, under a key */
    PICKLE_TENSOR,  /* a view of a storage */
};

typedef struct pickle_value pickle_value;
struct pickle_value {
    enum pickle_kind kind;
    union {
        int64_t integer; /* BOOL, INT */
        double real;
        struct { /* TEXT in UTF-8, BYTES; not ended by 0 */
            const char *bytes;
            size_t length;
        };
        struct { /* TUPLE, LIST; DICT: key, value, key, value ... A list may hold itself: do not recurse unbounded */
            pickle_value **items;
            size_t count, capacity;
        };
        struct { /* ARRAY (data NULL: never filled), TYPE (no shape) */
            enum number_type type;
            bool swapped, fortran;
            int rank;
            size_t *shape;
            const char *data;
        };
        int name;
        struct { /* STORAGE */
            enum number_type element;
            bool truth; /* the elements are booleans, a byte each */
            const char *key;
            size_t key_length;
            uint64_t elements;
        };
        struct
        { /* TENSOR: element (i, j, ...) is the storage's start + i strides[0] + j strides[1] + ..., inside of it */
            const pickle_value *storage;
            uint64_t start;
            int dimensions;
            size_t *sizes, *strides, total; /* total: the product of sizes */
        };
    };
};

typedef struct pickle pickle; /* owns the values and a copy of the bytes */

int pickle_parse(const void *bytes, size_t length, const char *where, pickle **out);
int pickle_read(const char *path, pickle **out); /* at most PICKLE_BYTES_MAX */

/* A pickle with tensors at the start of `bytes`, behind which more may follow: *used says how long it is. When it is not
 * all there (FAILED), *cut is true: more bytes may help. */
int pickle_parse_checkpoint(const void *bytes, size_t length, const char *where, size_t *used, bool *cut, pickle **out);

void pickle_free(pickle *p); /* NULL is fine */
const pickle_value *pickle_root(const pickle *p);
const pickle_value *pickle_each(const pickle *p,
                                size_t i); /* every value that was made, in order; NULL after the last */

const char *pickle_kind_name(enum pickle_kind kind); /* "a tuple", ... for messages */

bool pickle_is_text(const pickle_value *v, const char *text); /* TEXT, or what Python 2 wrote for it */
/* The value of a dictionary's text key; NULL: none, or v is no dictionary. Of several the last, as in Python. */
const pickle_value *pickle_member(const pickle_value *v, const char *key);

/* A number, an array, or a list or tuple of numbers (or of such lists, at most 2 deep), as reals in C order.
 * *rank 0 to 2; *values is freed with free(). what: its name in messages. */
int pickle_numbers(const pickle_value *v, const char *where, const char *what, int *rank, size_t shape[2],
                   double **values);

#endif
