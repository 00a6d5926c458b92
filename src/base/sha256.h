/* SHA-256 (FIPS 180-4): what others compare a file's bytes by. For names of our own there is base/hash.h. */
#ifndef FURROW_BASE_SHA256_H
#define FURROW_BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

typedef struct sha256 {
    uint32_t state[8];
    uint8_t block[64];
    uint64_t bytes; /* so far */
} sha256;

void sha256_start(sha256 *s);
void sha256_add(sha256 *s, const void *bytes, size_t length);

typedef struct sha256_text {
    char text[65]; /* hexadecimal */
} sha256_text;
sha256_text sha256_end(sha256 *s);

/* Of a whole file, in pieces; *bytes: its length. */
int sha256_file(const char *path, sha256_text *out, uint64_t *bytes);

#endif
