/* The element types that arrays in files have: .npy, pickled arrays, HDF5 data sets. */
#ifndef FURROW_FORMAT_NUMBER_H
#define FURROW_FORMAT_NUMBER_H

#include <stdbool.h>
#include <stddef.h>

enum number_type {
    NUMBER_U8, /* also what bool is read as */
    NUMBER_I16,
    NUMBER_U16,
    NUMBER_F32, /* these four are what a pack may hold, see pixelset_pack.h */
    NUMBER_I8,
    NUMBER_I32,
    NUMBER_U32,
    NUMBER_I64,
    NUMBER_U64,
    NUMBER_F16,
    NUMBER_F64,
    NUMBER_BF16, /* bfloat16: the upper half of a float32 */
    NUMBER_TYPES,
};

size_t number_size(enum number_type type);      /* bytes */
const char *number_name(enum number_type type); /* "uint8", "float32", ..., as numpy says it */

bool number_is_integer(enum number_type type);

/* The type of a pack that takes a source type's values: those up to F32 as they are, int8 as int16, any other as
 * float32. */
enum number_type number_storable(enum number_type type);

/* Element `index` of an array of native byte order. 64-bit integers beyond 2^53 are rounded. `values` may be
 * unaligned. */
double number_get(enum number_type type, const void *values, size_t index);

/* Turns `count` elements from the other byte order to this machine's, in place. */
void number_swap(enum number_type type, void *values, size_t count);

bool machine_is_big_endian(void);

#endif
