/* The names of element types in safetensors. */
#ifndef FURROW_FORMAT_SAFETENSORS_TYPES_H
#define FURROW_FORMAT_SAFETENSORS_TYPES_H

#include "format/number.h"

typedef struct safetensors_type {
    const char *name;
    enum number_type type;
    bool truth;
} safetensors_type;

extern const safetensors_type safetensors_types[]; /* ends with a name NULL */

#endif
