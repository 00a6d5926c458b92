/* FNV-1a, 64 bits: names for cache entries. Not for security, not for checksums of data (HDF5's are). */
#ifndef FURROW_BASE_HASH_H
#define FURROW_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define HASH_START UINT64_C(0xcbf29ce484222325)

uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t length);
uint64_t hash_text(uint64_t hash, const char *text); /* with its end, so that "ab","c" differs from "a","bc" */

#endif
