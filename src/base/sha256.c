#include "base/sha256.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"

enum { ROUNDS = 64, PIECE = 1 << 16 };

/* The first 32 bits of the fractional parts of the cube roots of the first 64 primes (FIPS 180-4, 4.2.2). */
static const uint32_t constants[ROUNDS] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t turn(uint32_t x, int by)
{
    return x >> by | x << (32 - by);
}

static void block_take(sha256 *s)
{
    uint32_t w[ROUNDS], v[8];
    for (int t = 0; t < 16; t++) {
        const uint8_t *at = s->block + 4 * t;
        w[t] = (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
    }
    for (int t = 16; t < ROUNDS; t++) {
        const uint32_t a = w[t - 15], b = w[t - 2];
        w[t] = w[t - 16] + (turn(a, 7) ^ turn(a, 18) ^ a >> 3) + w[t - 7] + (turn(b, 17) ^ turn(b, 19) ^ b >> 10);
    }
    memcpy(v, s->state, sizeof v);
    for (int t = 0; t < ROUNDS; t++) {
        const uint32_t a = v[0], e = v[4];
        const uint32_t first =
            v[7] + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & v[5]) ^ (~e & v[6])) + constants[t] + w[t];
        const uint32_t second = (turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & v[1]) ^ (a & v[2]) ^ (v[1] & v[2]));
        memmove(v + 1, v, 7 * sizeof *v);
        v[4] += first;
        v[0] = first + second;
    }
    for (int i = 0; i < 8; i++) s->state[i] += v[i];
}

void sha256_start(sha256 *s)
{
    *s = (sha256){
        .state = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19}};
}

void sha256_add(sha256 *s, const void *bytes, size_t length)
{
    const uint8_t *at = bytes;
    while (length) {
        const size_t have = s->bytes % sizeof s->block, room = sizeof s->block - have;
        const size_t take = length < room ? length : room;
        memcpy(s->block + have, at, take);
        s->bytes += take;
        at += take;
        length -= take;
        if (take == room) block_take(s);
    }
}

sha256_text sha256_end(sha256 *s)
{
    static const uint8_t padding[64] = {0x80};
    const uint64_t bits = 8 * s->bytes;
    const size_t have = s->bytes % sizeof s->block;
    sha256_text out;
    uint8_t length[8];
    for (int i = 0; i < 8; i++) length[i] = (uint8_t)(bits >> (56 - 8 * i));
    sha256_add(s, padding, have < 56 ? 56 - have : 120 - have);
    sha256_add(s, length, sizeof length);
    for (int i = 0; i < 8; i++) snprintf(out.text + 8 * i, 9, "%08x", (unsigned)s->state[i]);
    return out;
}

int sha256_file(const char *path, sha256_text *out, uint64_t *bytes)
{
    char piece[PIECE];
    size_t got;
    sha256 s;
    FILE *file = fopen(path, "rb");
    if (!file) return fail(FAILED, "%s: cannot be read: %s", path, strerror(errno));
    sha256_start(&s);
    while ((got = fread(piece, 1, sizeof piece, file)) > 0) sha256_add(&s, piece, got);
    const int broken = ferror(file);
    fclose(file);
    if (broken) return fail(FAILED, "%s: cannot be read to its end", path);
    *bytes = s.bytes;
    *out = sha256_end(&s);
    return OK;
}
