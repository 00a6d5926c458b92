/* Random numbers.
 *
 * Philox4x32-10 (Salmon et al., SC 2011) is a function of (key, counter): nothing is stored, so whatever is drawn for
 * (seed, purpose, epoch, position) is drawn again after a resume. cl/random.clh holds the same function for kernels.
 * MT19937 with numpy's legacy seeding and shuffle exists for one thing only: the published fold split. */
#ifndef FURROW_BASE_RANDOM_H
#define FURROW_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* What a stream is for: one number each, so that no two uses share draws. */
enum random_purpose {
    RANDOM_INITIAL_WEIGHTS = 1,
    RANDOM_SHUFFLE = 2,
    RANDOM_PIXELS = 3,
    RANDOM_JITTER = 4,
    RANDOM_DROPOUT = 5,
    RANDOM_SYNTHETIC = 6,
    RANDOM_DATES = 7,
    RANDOM_TURN = 8,
};

typedef struct random_key {
    uint32_t word[2];
} random_key;

/* The key of one stream: a mix of seed, purpose and `stream` (epoch, parameter index, parcel id, ...). */
random_key random_stream(uint64_t seed, enum random_purpose purpose, uint64_t stream);

void random_block(random_key key, uint64_t counter, uint32_t out[4]);  /* Philox4x32-10, counter words {lo, hi, 0, 0} */
double random_uniform(random_key key, uint64_t index);                 /* in [0, 1), 53 bits; one block per index */
double random_normal(random_key key, uint64_t index);                  /* mean 0, deviation 1 (Box-Muller) */
uint64_t random_below(random_key key, uint64_t index, uint64_t limit); /* in [0, limit), no modulo bias that matters */
void random_permutation(random_key key, size_t count, uint32_t *out);  /* Fisher-Yates over 0..count-1 */

/* numpy: np.random.seed(seed); np.random.shuffle(list(range(count))) */
int random_numpy_shuffle(uint32_t seed, size_t count, uint32_t *out);

#endif
