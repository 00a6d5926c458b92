/* Counter-based random numbers, and numpy's shuffle, which the published fold split needs. */
#include <math.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/random.h"
#include "base/schema.h"

#include "tests/asserts.h"

/* The first is a known answer of the Random123 distribution (kat_vectors, philox4x32 10). Its others use all four
 * counter words, of which ours leaves two at 0: the rest are from an implementation that gives all of that file's
 * answers. */
static void test_philox_known_answers(void **state)
{
    (void)state;
    static const struct {
        random_key key;
        uint64_t counter;
        uint32_t block[4];
    } known[] = {
        {{{0, 0}}, 0, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{{UINT32_MAX, UINT32_MAX}}, UINT64_MAX, {0x4d18d7d2, 0x430ac65a, 0xbd2fa22a, 0x0afae10d}},
        {{{0xa4093822, 0x299f31d0}}, UINT64_C(0x85a308d3243f6a88), {0xe69c9c31, 0xb5a3d762, 0xe733bfc1, 0x341a787c}},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        uint32_t block[4];
        random_block(known[i].key, known[i].counter, block);
        assert_memory_equal(block, known[i].block, sizeof block);
    }
}

static void test_normal_and_uniform_have_their_moments(void **state)
{
    (void)state;
    enum { COUNT = 20000 };
    const random_key key = random_stream(5, RANDOM_JITTER, 9);
    double sum = 0, squares = 0, uniform = 0;
    for (uint64_t i = 0; i < COUNT; i++) {
        double z = random_normal(key, i), u = random_uniform(key, i);
        assert_true(isfinite(z) && u >= 0 && u < 1);
        sum += z;
        squares += z * z;
        uniform += u;
    }
    assert_true(fabs(sum / COUNT) < 0.03);
    assert_true(fabs(squares / COUNT - 1) < 0.05);
    assert_true(fabs(uniform / COUNT - 0.5) < 0.01);
}

static void test_streams_differ(void **state)
{
    (void)state;
    random_key a = random_stream(1, RANDOM_PIXELS, 3), b = random_stream(1, RANDOM_JITTER, 3);
    random_key c = random_stream(2, RANDOM_PIXELS, 3), d = random_stream(1, RANDOM_PIXELS, 4);
    assert_memory_not_equal(&a, &b, sizeof a);
    assert_memory_not_equal(&a, &c, sizeof a);
    assert_memory_not_equal(&a, &d, sizeof a);
}

static void test_permutation_is_one(void **state)
{
    (void)state;
    uint32_t order[50];
    bool seen[50] = {false};
    int moved = 0;
    random_permutation(random_stream(1, RANDOM_SHUFFLE, 0), 50, order);
    for (int i = 0; i < 50; i++) {
        assert_in_range(order[i], 0, 49);
        assert_false(seen[order[i]]);
        seen[order[i]] = true;
        moved += order[i] != (uint32_t)i;
    }
    assert_true(moved > 30);
}

static void test_below_stays_below(void **state)
{
    (void)state;
    const random_key key = random_stream(3, RANDOM_PIXELS, 1);
    int counts[7] = {0};
    for (uint64_t i = 0; i < 7000; i++) {
        uint64_t drawn = random_below(key, i, 7);
        assert_true(drawn < 7);
        counts[drawn]++;
    }
    for (int i = 0; i < 7; i++) assert_in_range(counts[i], 850, 1150); /* 1000, deviation 29 */
    assert_true(random_below(key, 0, 1) == 0);
}

/* ---- numpy's shuffle: np.random.seed(seed); order = list(range(count)); np.random.shuffle(order) -------------------
 */

static void shuffled(uint32_t seed, size_t count, const uint32_t *wanted)
{
    uint32_t got[64];
    assert_int_equal(random_numpy_shuffle(seed, count, got), OK);
    assert_memory_equal(got, wanted, count * sizeof *got);
}

static void test_numpy_shuffle(void **state)
{
    (void)state;
    shuffled(1, 12, (const uint32_t[]){2, 3, 4, 10, 1, 6, 0, 7, 11, 9, 8, 5});
    shuffled(UINT32_MAX, 5, (const uint32_t[]){4, 1, 0, 2, 3});
    shuffled(0, 2, (const uint32_t[]){1, 0});
    shuffled(0, 1, (const uint32_t[]){0});
    assert_int_equal(random_numpy_shuffle(1, 0, NULL), OK);
}

/* More draws than one state holds, and the bytes' FNV-1a hash as numpy 2.4.6 gives it. */
static void test_long_numpy_shuffle(void **state)
{
    (void)state;
    enum { COUNT = 100000 };
    static uint32_t order[COUNT];
    assert_int_equal(random_numpy_shuffle(1, COUNT, order), OK);
    assert_true(hash_bytes(HASH_START, order, sizeof order) == UINT64_C(0x5af646da8e0e3215));
}

/* The published code's folds: their test sets one after the other are the shuffled order. */
static void test_published_folds(void **state)
{
    (void)state;
    const char *shared = getenv("FURROW_SHARED");
    char *path = path_join(shared ? shared : "../shared", "goldens/kfold_split.json");
    if (!file_exists(path)) {
        print_message("skipped: %s is not there\n", path);
        free(path);
        skip();
    }
    static uint32_t order[1000];
    cJSON *splits = NULL;
    const cJSON *split, *fold, *sample;
    assert_int_equal(json_read(path, 1 << 20, &splits), OK);
    cJSON_ArrayForEach(split, splits) {
        int count = cJSON_GetObjectItem(split, "n")->valueint, at = 0;
        assert_in_range(count, 1, 1000);
        uint32_t seed = (uint32_t)cJSON_GetObjectItem(split, "rdm_seed")->valueint;
        assert_int_equal(random_numpy_shuffle(seed, (size_t)count, order), OK);
        cJSON_ArrayForEach(fold, cJSON_GetObjectItem(split, "folds")) {
            cJSON_ArrayForEach(sample, cJSON_GetObjectItem(fold, "test")) {
                assert_int_equal(order[at], sample->valueint);
                at++;
            }
        }
        assert_int_equal(at, count);
    }
    cJSON_Delete(splits);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_philox_known_answers), cmocka_unit_test(test_normal_and_uniform_have_their_moments),
        cmocka_unit_test(test_streams_differ),       cmocka_unit_test(test_permutation_is_one),
        cmocka_unit_test(test_below_stays_below),    cmocka_unit_test(test_numpy_shuffle),
        cmocka_unit_test(test_long_numpy_shuffle),   cmocka_unit_test(test_published_folds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
