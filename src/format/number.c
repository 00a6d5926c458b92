#include "format/number.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

static const struct {
    const char *name;
    size_t size;
} types[NUMBER_TYPES] = {
    [NUMBER_U8] = {"uint8", 1},    [NUMBER_I16] = {"int16", 2},   [NUMBER_U16] = {"uint16", 2},
    [NUMBER_F32] = {"float32", 4}, [NUMBER_I8] = {"int8", 1},     [NUMBER_I32] = {"int32", 4},
    [NUMBER_U32] = {"uint32", 4},  [NUMBER_I64] = {"int64", 8},   [NUMBER_U64] = {"uint64", 8},
    [NUMBER_F16] = {"float16", 2}, [NUMBER_F64] = {"float64", 8}, [NUMBER_BF16] = {"bfloat16", 2},
};

size_t number_size(enum number_type type)
{
    return types[type].size;
}

const char *number_name(enum number_type type)
{
    return types[type].name;
}

bool number_is_integer(enum number_type type)
{
    return type != NUMBER_F16 && type != NUMBER_BF16 && type != NUMBER_F32 && type != NUMBER_F64;
}

enum number_type number_storable(enum number_type type)
{
    if (type <= NUMBER_F32) return type;
    return type == NUMBER_I8 ? NUMBER_I16 : NUMBER_F32;
}

/* IEEE 754 binary16: 1 sign, 5 exponent (bias 15), 10 fraction bits. */
static double half_value(uint16_t bits)
{
    int exponent = bits >> 10 & 31, fraction = bits & 1023;
    double sign = bits >> 15 ? -1.0 : 1.0;
    if (exponent == 31) return fraction ? (double)NAN : sign * (double)INFINITY;
    if (exponent == 0) return sign * ldexp(fraction, -24);
    return sign * ldexp(1024 + fraction, exponent - 25);
}

static double bfloat_value(uint16_t bits)
{
    const uint32_t wide = (uint32_t)bits << 16;
    float value;
    memcpy(&value, &wide, sizeof value);
    return (double)value;
}

#define GET(ctype)                                                                                                     \
    {                                                                                                                  \
        ctype value;                                                                                                   \
        memcpy(&value, place, sizeof value);                                                                           \
        return (double)value;                                                                                          \
    }

double number_get(enum number_type type, const void *values, size_t index)
{
    const char *place = (const char *)values + index * types[type].size;
    switch (type) {
    case NUMBER_U8: GET(uint8_t)
    case NUMBER_I8: GET(int8_t)
    case NUMBER_U16: GET(uint16_t)
    case NUMBER_I16: GET(int16_t)
    case NUMBER_U32: GET(uint32_t)
    case NUMBER_I32: GET(int32_t)
    case NUMBER_U64: GET(uint64_t)
    case NUMBER_I64: GET(int64_t)
    case NUMBER_F32: GET(float)
    case NUMBER_F64: GET(double)
    case NUMBER_F16: {
        uint16_t bits;
        memcpy(&bits, place, sizeof bits);
        return half_value(bits);
    }
    case NUMBER_BF16: {
        uint16_t bits;
        memcpy(&bits, place, sizeof bits);
        return bfloat_value(bits);
    }
    case NUMBER_TYPES: break;
    }
    return (double)NAN;
}

void number_swap(enum number_type type, void *values, size_t count)
{
    size_t size = types[type].size;
    unsigned char *element = values;
    for (size_t i = 0; i < count; i++, element += size)
        for (size_t low = 0, high = size - 1; low < high; low++, high--) {
            unsigned char byte = element[low];
            element[low] = element[high];
            element[high] = byte;
        }
}

bool machine_is_big_endian(void)
{
    const uint16_t one = 1;
    unsigned char first;
    memcpy(&first, &one, 1);
    return first == 0;
}
