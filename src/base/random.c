#include "base/random.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

/* ---- Philox4x32-10 (Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3; SC 2011) ------------ */

static void philox_round(uint32_t x[4], const uint32_t key[2])
{
    uint64_t a = UINT64_C(0xD2511F53) * x[0], b = UINT64_C(0xCD9E8D57) * x[2];
    uint32_t next[4] = {(uint32_t)(b >> 32) ^ x[1] ^ key[0], (uint32_t)b, (uint32_t)(a >> 32) ^ x[3] ^ key[1],
                        (uint32_t)a};
    memcpy(x, next, sizeof next);
}

void random_block(random_key key, uint64_t counter, uint32_t out[4])
{
    uint32_t words[2] = {key.word[0], key.word[1]};
    uint32_t x[4] = {(uint32_t)counter, (uint32_t)(counter >> 32), 0, 0};
    for (int i = 0; i < 10; i++) {
        philox_round(x, words);
        words[0] += UINT32_C(0x9E3779B9);
        words[1] += UINT32_C(0xBB67AE85);
    }
    memcpy(out, x, sizeof x);
}

/* Two blocks chained: every bit of seed, purpose and stream reaches every bit of the key. */
random_key random_stream(uint64_t seed, enum random_purpose purpose, uint64_t stream)
{
    uint32_t block[4];
    random_block((random_key){{(uint32_t)seed, (uint32_t)(seed >> 32)}}, (uint64_t)purpose, block);
    random_block((random_key){{block[0], block[1]}}, stream, block);
    return (random_key){{block[0], block[1]}};
}

/* 53 bits of two words, in [0, 1) */
static double unit(uint32_t high, uint32_t low)
{
    return (double)(((uint64_t)high << 32 | low) >> 11) * 0x1p-53;
}

double random_uniform(random_key key, uint64_t index)
{
    uint32_t block[4];
    random_block(key, index, block);
    return unit(block[0], block[1]);
}

/* Box and Muller 1958; 1 - u is in (0, 1], so that the logarithm is finite. */
double random_normal(random_key key, uint64_t index)
{
    static const double two_pi = 6.283185307179586;
    uint32_t block[4];
    random_block(key, index, block);
    return sqrt(-2 * log(1 - unit(block[0], block[1]))) * cos(two_pi * unit(block[2], block[3]));
}

/* limit below 2^32 in practice: the bias of a 64-bit modulo is under 2^-32. */
uint64_t random_below(random_key key, uint64_t index, uint64_t limit)
{
    uint32_t block[4];
    random_block(key, index, block);
    return ((uint64_t)block[0] << 32 | block[1]) % limit;
}

void random_permutation(random_key key, size_t count, uint32_t *out)
{
    for (size_t i = 0; i < count; i++) out[i] = (uint32_t)i;
    for (size_t i = count; i > 1; i--) {
        size_t k = (size_t)random_below(key, i, i);
        uint32_t other = out[k];
        out[k] = out[i - 1];
        out[i - 1] = other;
    }
}

/* ---- MT19937 (Matsumoto and Nishimura 1998) with numpy's legacy seeding and shuffle ------------------------------ */

enum { MT_SIZE = 624, MT_MIDDLE = 397 };

typedef struct mersenne {
    uint32_t state[MT_SIZE];
    int next;
} mersenne;

static void mersenne_seed(mersenne *m, uint32_t seed)
{
    m->state[0] = seed;
    for (uint32_t i = 1; i < MT_SIZE; i++)
        m->state[i] = UINT32_C(1812433253) * (m->state[i - 1] ^ m->state[i - 1] >> 30) + i;
    m->next = MT_SIZE;
}

static void mersenne_refill(mersenne *m)
{
    for (int i = 0; i < MT_SIZE; i++) {
        uint32_t y = (m->state[i] & UINT32_C(0x80000000)) | (m->state[(i + 1) % MT_SIZE] & UINT32_C(0x7fffffff));
        m->state[i] = m->state[(i + MT_MIDDLE) % MT_SIZE] ^ y >> 1 ^ (y & 1 ? UINT32_C(0x9908b0df) : 0);
    }
    m->next = 0;
}

static uint32_t mersenne_draw(mersenne *m)
{
    if (m->next == MT_SIZE) mersenne_refill(m);
    uint32_t y = m->state[m->next++];
    y ^= y >> 11;
    y ^= y << 7 & UINT32_C(0x9d2c5680);
    y ^= y << 15 & UINT32_C(0xefc60000);
    return y ^ y >> 18;
}

/* numpy's random_interval: 0..most, by masked rejection of 32-bit draws. */
static uint32_t mersenne_interval(mersenne *m, uint32_t most)
{
    uint32_t mask = most, value;
    for (unsigned shift = 1; shift < 32; shift *= 2) mask |= mask >> shift;
    do value = mersenne_draw(m) & mask;
    while (value > most);
    return value;
}

int random_numpy_shuffle(uint32_t seed, size_t count, uint32_t *out)
{
    if (count > UINT32_MAX) return fail(FAILED, "%zu samples cannot be shuffled, wanted at most %u", count, UINT32_MAX);
    mersenne *m = memory_new(1, sizeof *m);
    if (!m) return FAILED;
    mersenne_seed(m, seed);
    for (size_t i = 0; i < count; i++) out[i] = (uint32_t)i;
    for (size_t i = count; i > 1; i--) {
        uint32_t k = mersenne_interval(m, (uint32_t)i - 1), other = out[k];
        out[k] = out[i - 1];
        out[i - 1] = other;
    }
    free(m);
    return OK;
}
