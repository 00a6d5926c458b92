/* Errors, memory, hashes, random numbers, files, JSON, configuration tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <math.h>

#include <cmocka.h>
#undef fail /* ours has that name too */

#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/schema.h"

/* ---- errors, memory, hashes, log -------------------------------------------------------------------------------- */

static void test_errors_nest(void **state)
{
    (void)state;
    assert_int_equal(fail(FAILED, "%s is %d, wanted %d", "x", 1, 2), FAILED);
    assert_string_equal(error_message(), "x is 1, wanted 2");
    assert_int_equal(fail_within(USAGE, "%s", "file.json"), USAGE);
    assert_string_equal(error_message(), "file.json: x is 1, wanted 2");
    fail(FAILED, "again: %s", error_message());
    assert_string_equal(error_message(), "again: file.json: x is 1, wanted 2");
}

static void test_sizes_overflow(void **state)
{
    (void)state;
    size_t out = 7;
    assert_true(size_multiply(3, 5, &out) && out == 15);
    assert_false(size_multiply(SIZE_MAX / 2, 3, &out));
    assert_false(size_add(SIZE_MAX, 1, &out));
    assert_int_equal(out, 15);
    assert_null(memory_new(SIZE_MAX / 2, 4));
    void *items = NULL;
    size_t capacity = 0;
    for (size_t i = 1; i <= 100; i++) assert_int_equal(memory_grow(&items, &capacity, i, sizeof(int)), OK);
    assert_in_range(capacity, 100, 200);
    assert_int_equal(((int *)items)[99], 0);
    assert_int_equal(memory_grow(&items, &capacity, SIZE_MAX / 2, sizeof(int)), FAILED);
    free(items);
}

static void test_hash_separates(void **state)
{
    (void)state;
    assert_true(hash_bytes(HASH_START, "a", 1) == UINT64_C(0xaf63dc4c8601ec8c)); /* FNV-1a's published value */
    assert_true(hash_text(hash_text(HASH_START, "ab"), "c") != hash_text(hash_text(HASH_START, "a"), "bc"));
}

static void remember(void *user, const char *text)
{
    snprintf(user, 64, "%s", text);
}

static void test_log_reaches_its_listener(void **state)
{
    (void)state;
    char said[64] = "";
    log_note("nobody hears this");
    log_listen(&(log_listener){.user = said, .note = remember});
    log_warning("no listener for warnings");
    assert_string_equal(said, "");
    log_note("%d dates", 24);
    assert_string_equal(said, "24 dates");
    log_listen(NULL);
}

/* ---- random numbers --------------------------------------------------------------------------------------------- */

/* Known answers of the Random123 distribution (kat_vectors, philox4x32 10). */
static void test_philox_known_answers(void **state)
{
    (void)state;
    uint32_t out[4];
    random_block((random_key){{0, 0}}, 0, out);
    assert_memory_equal(out, ((uint32_t[]){0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}), sizeof out);
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

/* numpy: np.random.seed(1); l = list(range(12)); np.random.shuffle(l) */
static void test_numpy_shuffle(void **state)
{
    (void)state;
    static const uint32_t wanted[12] = {2, 3, 4, 10, 1, 6, 0, 7, 11, 9, 8, 5};
    uint32_t got[12];
    assert_int_equal(random_numpy_shuffle(1, 12, got), OK);
    assert_memory_equal(got, wanted, sizeof wanted);
}

/* ---- files ------------------------------------------------------------------------------------------------------ */

static char folder[] = "/tmp/furrow-base-XXXXXX";

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

static void test_files_are_whole(void **state)
{
    (void)state;
    char *path = path_join(folder, "a.txt"), *text = NULL, **names = NULL;
    size_t length = 0, count = 0;
    assert_int_equal(file_write(path, "first", 5), OK);
    assert_int_equal(file_write(path, "second", 6), OK);
    assert_int_equal(file_read(path, 100, &text, &length), OK);
    assert_int_equal(length, 6);
    assert_string_equal(text, "second");
    assert_int_equal(folder_list(folder, "", &names, &count), OK);
    assert_int_equal(count, 1); /* no temporary file is left */
    folder_free(names, count);
    free(text);
    assert_int_equal(file_read(path, 3, &text, &length), FAILED);
    assert_non_null(strstr(error_message(), "has 6 bytes, wanted at most 3"));
    assert_int_equal(file_read(folder, 3, &text, &length), FAILED);
    assert_non_null(strstr(error_message(), "is not a file"));
    assert_int_equal(file_write("/nonexistent/furrow", "x", 1), FAILED);
    free(path);
}

static void test_folders_are_made_with_their_parents(void **state)
{
    (void)state;
    char *path = path_join(folder, "b/c/d"), *blocked = path_join(folder, "a.txt/e");
    assert_int_equal(folder_make(path), OK);
    assert_int_equal(folder_make(path), OK);
    assert_true(file_exists(path));
    assert_int_equal(folder_make(blocked), FAILED);
    free(path);
    free(blocked);
}

/* ---- JSON ------------------------------------------------------------------------------------------------------- */

static void refused(const char *text, const char *message)
{
    cJSON *value = NULL;
    assert_int_equal(json_parse(text, strlen(text), "f.json", &value), FAILED);
    assert_string_equal(error_message(), message);
    assert_null(value);
}

static void test_json_is_strict(void **state)
{
    (void)state;
    char deep[400] = "";
    cJSON *value = NULL;
    memset(deep, '[', 100);
    refused("{\"a\": 1,\n \"b\" 2}", "f.json: line 2, column 6: not valid JSON");
    refused("{\"a\": {\"b\": 1, \"b\": 2}}", "f.json: the key \"b\" stands twice in one object");
    refused("[1, 2] 3", "f.json: line 1, column 8: not valid JSON");
    refused("", "f.json: line 1, column 1: not valid JSON");
    refused(deep, "f.json: line 1, column 65: nested deeper than 64");
    assert_int_equal(json_parse("{\"[[\": \"\\\"[\"}", 13, "f", &value), OK); /* brackets and quotes in texts */
    cJSON_Delete(value);
}

static void test_json_set(void **state)
{
    (void)state;
    cJSON *root = cJSON_Parse("{\"train\": {\"epochs\": 100, \"lr\": 1}}");
    assert_int_equal(json_set(root, "train.epochs=7"), OK);
    assert_int_equal(json_set(root, "data.pack=a=b.h5"), OK);
    assert_int_equal(json_set(root, "model.mlp1=[1,2]"), OK);
    assert_int_equal(json_set(root, "epochs"), USAGE);
    char *text = cJSON_PrintUnformatted(root);
    assert_string_equal(text, "{\"train\":{\"lr\":1,\"epochs\":7},\"data\":{\"pack\":\"a=b.h5\"},\"model\":{\"mlp1\":[1,2]}}");
    free(text);
    cJSON_Delete(root);
}

/* ---- configuration tables --------------------------------------------------------------------------------------- */

typedef struct settings {
    int epochs;
    double rate;
    bool preload;
    char *name, *mode;
    int_list widths;
    optional_int length;
} settings;

static const field fields[] = {
    {"epochs", FIELD_INT, offsetof(settings, epochs), "100", 1, 1000, NULL, "how many"},
    {"rate", FIELD_REAL, offsetof(settings, rate), "0.001", 0, 1, NULL, "step"},
    {"preload", FIELD_BOOL, offsetof(settings, preload), "false", 0, 0, NULL, "hold all"},
    {"name", FIELD_TEXT, offsetof(settings, name), "null", 0, 0, NULL, "a name"},
    {"mode", FIELD_CHOICE, offsetof(settings, mode), "\"dates\"", 0, 0, "dates|order", "which"},
    {"widths", FIELD_INT_LIST, offsetof(settings, widths), "[1, 2]", 1, 99, NULL, "sizes"},
    {"length", FIELD_OPTIONAL_INT, offsetof(settings, length), "null", 0, 50, NULL, "most"},
    {NULL, FIELD_INT, 0, NULL, 0, 0, NULL, NULL},
};

static void test_schema_reads_and_writes(void **state)
{
    (void)state;
    settings s = {0};
    cJSON *given = cJSON_Parse("{\"epochs\": 5, \"preload\": 1, \"name\": \"x\", \"widths\": \"[3,4,5]\", \"length\": 9}");
    assert_int_equal(schema_read(fields, given, "c.json: train", &s), OK);
    assert_int_equal(s.epochs, 5);
    assert_true(s.rate == 0.001 && s.preload && s.length.present && s.length.value == 9);
    assert_string_equal(s.mode, "dates");
    assert_int_equal(s.widths.count, 3);
    assert_int_equal(s.widths.value[2], 5);
    cJSON *out = cJSON_CreateObject();
    assert_int_equal(schema_write(fields, &s, out), OK);
    char *text = cJSON_PrintUnformatted(out), *help = schema_help(fields, "train");
    assert_string_equal(text, "{\"epochs\":5,\"rate\":0.001,\"preload\":true,\"name\":\"x\",\"mode\":\"dates\","
                              "\"widths\":[3,4,5],\"length\":9}");
    assert_non_null(strstr(help, "dates|order"));
    free(text);
    free(help);
    cJSON_Delete(out);
    cJSON_Delete(given);
    schema_free(fields, &s);
}

static void schema_refused(const char *json, const char *message)
{
    settings s = {0};
    cJSON *given = cJSON_Parse(json);
    assert_non_null(given);
    assert_int_equal(schema_read(fields, given, "c.json: train", &s), USAGE);
    assert_string_equal(error_message(), message);
    schema_free(fields, &s);
    cJSON_Delete(given);
}

static void test_schema_refusals(void **state)
{
    (void)state;
    schema_refused("{\"epoch\": 5}", "c.json: train.epoch is no known key (did you mean epochs?)");
    schema_refused("{\"zzzzzz\": 5}", "c.json: train.zzzzzz is no known key");
    schema_refused("{\"epochs\": 0}", "c.json: train.epochs is 0, wanted a whole number from 1 to 1000");
    schema_refused("{\"epochs\": 1.5}", "c.json: train.epochs is 1.5, wanted a whole number from 1 to 1000");
    schema_refused("{\"rate\": \"a\"}", "c.json: train.rate is \"a\", wanted a number from 0 to 1");
    schema_refused("{\"preload\": 2}", "c.json: train.preload is 2, wanted true or false");
    schema_refused("{\"name\": 2}", "c.json: train.name is 2, wanted a text");
    schema_refused("{\"mode\": \"date\"}", "c.json: train.mode is \"date\", wanted one of dates|order");
    schema_refused("{\"widths\": [1, 200]}", "c.json: train.widths is [1,200], wanted a list of whole numbers from 1 to 99");
    schema_refused("[1]", "c.json: train is no object, wanted {...}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_errors_nest),
        cmocka_unit_test(test_sizes_overflow),
        cmocka_unit_test(test_hash_separates),
        cmocka_unit_test(test_log_reaches_its_listener),
        cmocka_unit_test(test_philox_known_answers),
        cmocka_unit_test(test_normal_and_uniform_have_their_moments),
        cmocka_unit_test(test_streams_differ),
        cmocka_unit_test(test_permutation_is_one),
        cmocka_unit_test(test_numpy_shuffle),
        cmocka_unit_test(test_files_are_whole),
        cmocka_unit_test(test_folders_are_made_with_their_parents),
        cmocka_unit_test(test_json_is_strict),
        cmocka_unit_test(test_json_set),
        cmocka_unit_test(test_schema_reads_and_writes),
        cmocka_unit_test(test_schema_refusals),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
