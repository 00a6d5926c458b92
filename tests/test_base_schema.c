/* JSON read strictly, and configuration tables. */
#include <sys/resource.h>

#include "base/file.h"
#include "base/schema.h"

#include "tests/asserts.h"

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
    refused("{\"a\": 1,\n\"a\\u0000b\": 2}", "f.json: line 2, column 3: a character 0, which no text holds");
    assert_int_equal(json_parse("{}\0{}", 5, "f", &value), FAILED);
    assert_string_equal(error_message(), "f: line 1, column 3: a character 0, which no text holds");
    assert_int_equal(json_parse("[\"\\\\u0000\"]", 11, "f", &value), OK); /* a backslash and letters */
    cJSON_Delete(value);
    refused(deep, "f.json: line 1, column 65: nested deeper than 64");
    assert_int_equal(json_parse("{\"[[\": \"\\\"[\"}", 13, "f", &value), OK); /* brackets and quotes in texts */
    cJSON_Delete(value);
}

/* A document that lost a part to want of memory is not taken for whole. */
static void test_json_without_memory(void **state)
{
    (void)state;
    struct rlimit before, now;
    assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
    size_t length = 300 << 20;
    char *large = malloc(length + 1); /* a copy of it does not fit any more */
    assert_non_null(large);
    memset(large, 'x', length);
    large[length] = 0;
    now = before;
    now.rlim_cur = 2 * length;
    assert_int_equal(setrlimit(RLIMIT_AS, &now), 0);
    cJSON *value = cJSON_CreateObject();
    bool added = cJSON_AddStringToObject(value, "a", large) && cJSON_AddStringToObject(value, "b", large);
    assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
    free(large);
    if (!added) { /* a sanitizer has its memory elsewhere */
        assert_null(json_print(value, true));
        assert_string_equal(error_message(), "out of memory for a part of a JSON document");
    }
    char *text = json_print(value, false); /* asked once, answered once */
    assert_non_null(text);
    free(text);
    cJSON_Delete(value);
}

/* What finds no place is freed, and the document that lacks it is known to. */
static void test_json_loses_nothing_unsaid(void **state)
{
    (void)state;
    cJSON *value = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(value, "list");
    json_add(value, "a", cJSON_CreateNumber(1));
    json_append(list, cJSON_CreateNumber(2));
    assert_int_equal(json_lost(), OK);
    json_add(value, NULL, cJSON_CreateNumber(3)); /* its key could not be made */
    assert_int_equal(json_lost(), FAILED);
    assert_int_equal(json_lost(), OK);
    json_add(NULL, "b", cJSON_CreateNumber(4));
    json_append(NULL, cJSON_CreateNumber(5));
    char *text = json_print(value, false);
    assert_string_equal(text, "{\"list\":[2],\"a\":1}");
    assert_null(json_print(NULL, false));
    assert_string_equal(error_message(), "out of memory for a JSON document");
    assert_int_equal(json_write("/tmp/furrow-no-folder/a.json", value), FAILED);
    assert_int_equal(json_write("/tmp/a.json", NULL), FAILED);
    assert_string_equal(error_message(), "/tmp/a.json: out of memory for a JSON document");
    free(text);
    cJSON_Delete(value);
}

/* Files: the message names the file, and what is written is read again. */
static void test_json_files(void **state)
{
    (void)state;
    char folder[] = "/tmp/furrow-json-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char *path = path_join(folder, "a.json"), wanted[256];
    cJSON *value = cJSON_Parse("{\"a\": [1, 2.5, \"\\u00e9\"]}"), *again = NULL;
    assert_int_equal(json_read(path, 100, &again), FAILED);
    assert_int_equal(json_write(path, value), OK);
    assert_int_equal(json_read(path, 100, &again), OK);
    assert_true(cJSON_Compare(value, again, true));
    assert_int_equal(file_write(path, "{\"a\":\n\n 1", 9), OK);
    cJSON *none = NULL;
    assert_int_equal(json_read(path, 100, &none), FAILED);
    snprintf(wanted, sizeof wanted, "%s: line 3, column 3: not valid JSON", path);
    assert_string_equal(error_message(), wanted);
    assert_null(none);
    cJSON_Delete(value);
    cJSON_Delete(again);
    remove(path);
    rmdir(folder);
    free(path);
}

/* Cut anywhere, a document is refused, and reading never leaves its end. */
static void test_json_cut_anywhere(void **state)
{
    (void)state;
    static const char whole[] = "{\"a\": [1, -2.5e3, {\"b\": \"\\u00e9\\n\"}, true, null], \"c\": \"[\"}";
    cJSON *value = NULL;
    for (size_t length = 0; length < strlen(whole); length++) {
        char *part = malloc(length + 1); /* exact: a sanitizer sees one byte too many */
        assert_non_null(part);
        memcpy(part, whole, length);
        part[length] = 0;
        assert_int_equal(json_parse(part, length, "f", &value), FAILED);
        free(part);
    }
    assert_int_equal(json_parse(whole, strlen(whole), "f", &value), OK);
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
    assert_int_equal(json_set(root, "=1"), USAGE);
    assert_string_equal(error_message(), "--set =1: wanted key=value, e.g. train.epochs=10");
    assert_int_equal(json_set(root, "seed=1"), OK);
    assert_int_equal(json_set(root, "seed.own=2"), OK); /* an object in a number's place */
    char *text = cJSON_PrintUnformatted(root);
    assert_string_equal(text, "{\"train\":{\"lr\":1,\"epochs\":7},\"data\":{\"pack\":\"a=b.h5\"},\"model\":{\"mlp1\":["
                              "1,2]},\"seed\":{\"own\":2}}");
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
    real_list shares;
} settings;

static const field fields[] = {
    {"epochs", FIELD_INT, offsetof(settings, epochs), "100", 1, 1000, NULL, "how many"},
    {"rate", FIELD_REAL, offsetof(settings, rate), "0.001", 0, 1, NULL, "step"},
    {"preload", FIELD_BOOL, offsetof(settings, preload), "false", 0, 0, NULL, "hold all"},
    {"name", FIELD_TEXT, offsetof(settings, name), "null", 0, 0, NULL, "a name"},
    {"mode", FIELD_CHOICE, offsetof(settings, mode), "\"dates\"", 0, 0, "dates|order", "which"},
    {"widths", FIELD_INT_LIST, offsetof(settings, widths), "[1, 2]", 1, 99, NULL, "sizes"},
    {"length", FIELD_OPTIONAL_INT, offsetof(settings, length), "null", 0, 50, NULL, "most"},
    {"shares", FIELD_REAL_LIST, offsetof(settings, shares), "null", 0, 9, "even", "of each"},
    {NULL, FIELD_INT, 0, NULL, 0, 0, NULL, NULL},
};

static void test_schema_reads_and_writes(void **state)
{
    (void)state;
    settings s = {0};
    cJSON *given =
        cJSON_Parse("{\"epochs\": 5, \"preload\": 1, \"name\": \"x\", \"widths\": \"[3,4,5]\", \"length\": 9}");
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
                              "\"widths\":[3,4,5],\"length\":9,\"shares\":null}");
    assert_non_null(strstr(help, "dates|order"));
    free(text);
    free(help);
    cJSON_Delete(out);
    cJSON_Delete(given);
    schema_free(fields, &s);
}

/* null is a value where the table allows it, and what is written reads as the same. */
static void test_schema_nulls(void **state)
{
    (void)state;
    settings s = {0};
    cJSON *given = cJSON_Parse("{\"name\": null, \"widths\": null, \"length\": null}"), *out = cJSON_CreateObject();
    assert_int_equal(schema_read(fields, given, "c.json: train", &s), OK);
    assert_null(s.name);
    assert_int_equal(s.widths.count, -1);
    assert_false(s.length.present);
    assert_int_equal(schema_write(fields, &s, out), OK);
    assert_true(cJSON_IsNull(cJSON_GetObjectItem(out, "widths")));
    cJSON_Delete(given);
    cJSON_Delete(out);
    schema_free(fields, &s);
}

/* A list of reals, or a word in its place. */
static void test_schema_real_lists(void **state)
{
    (void)state;
    static const char *const given[2] = {"{\"shares\": [0.5, 9]}", "{\"shares\": \"even\"}"};
    static const char *const written[2] = {"\"shares\":[0.5,9]}", "\"shares\":\"even\"}"};
    for (int i = 0; i < 2; i++) {
        settings s = {0};
        cJSON *object = cJSON_Parse(given[i]), *out = cJSON_CreateObject();
        assert_int_equal(schema_read(fields, object, "c.json: train", &s), OK);
        assert_int_equal(s.shares.count, i ? -1 : 2);
        assert_int_equal(s.shares.word, i);
        assert_int_equal(schema_write(fields, &s, out), OK);
        char *text = cJSON_PrintUnformatted(out);
        assert_non_null(strstr(text, written[i]));
        free(text);
        cJSON_Delete(object);
        cJSON_Delete(out);
        schema_free(fields, &s);
    }
}

/* A word is a text, or a whole number's digits. */
static void test_schema_words(void **state)
{
    (void)state;
    static const field word[] = {
        {"date", FIELD_WORD, offsetof(settings, name), "null", 0, 0, NULL, "an index or a date"},
        {NULL, FIELD_INT, 0, NULL, 0, 0, NULL, NULL},
    };
    static const char *const given[4] = {"{\"date\": -3}", "{\"date\": \"2019-05-01\"}", "{\"date\": null}",
                                         "{\"date\": 1.5}"};
    settings s = {0};
    cJSON *object[4];
    for (int i = 0; i < 4; i++) object[i] = cJSON_Parse(given[i]);
    assert_int_equal(schema_read(word, object[0], "c.json: data", &s), OK);
    assert_string_equal(s.name, "-3");
    schema_free(word, &s);
    assert_int_equal(schema_read(word, object[1], "c.json: data", &s), OK);
    assert_string_equal(s.name, "2019-05-01");
    schema_free(word, &s);
    assert_int_equal(schema_read(word, object[2], "c.json: data", &s), OK);
    assert_null(s.name);
    assert_int_equal(schema_read(word, object[3], "c.json: data", &s), USAGE);
    assert_non_null(strstr(error_message(), "wanted a text or a whole number"));
    for (int i = 0; i < 4; i++) cJSON_Delete(object[i]);
}

/* No object: every default. A key without one must be given. */
static void test_schema_defaults(void **state)
{
    (void)state;
    static const field needed[] = {
        {"pack", FIELD_TEXT, offsetof(settings, name), NULL, 0, 0, NULL, "the HDF5 file"},
        {NULL, FIELD_INT, 0, NULL, 0, 0, NULL, NULL},
    };
    settings s = {0};
    assert_int_equal(schema_read(fields, NULL, "c.json: train", &s), OK);
    assert_int_equal(s.epochs, 100);
    assert_int_equal(s.widths.count, 2);
    schema_free(fields, &s);
    assert_int_equal(schema_read(needed, NULL, "c.json: data", &s), USAGE);
    assert_string_equal(error_message(), "c.json: data.pack is missing, wanted the HDF5 file");
}

/* Ranges that start or end at 0 are ranges; without one any number will do, but none that is none. */
static void test_schema_ranges(void **state)
{
    (void)state;
    static const field ranged[] = {
        {"below", FIELD_REAL, offsetof(settings, rate), "-1", -5, 0, NULL, "negative"},
        {"any", FIELD_INT, offsetof(settings, epochs), "1", 0, 0, NULL, NULL},
        {"all", FIELD_INT_LIST, offsetof(settings, widths), "[]", 0, 0, NULL, NULL},
        {"flag", FIELD_BOOL, offsetof(settings, preload), "true", 0, 0, NULL, NULL},
        {NULL, FIELD_INT, 0, NULL, 0, 0, NULL, NULL},
    };
    static const struct {
        const char *json, *message; /* NULL: fine */
    } cases[] = {
        {"{\"below\": -5, \"any\": -2147483648, \"all\": [2147483647], \"flag\": 0}", NULL},
        {"{\"below\": 0, \"any\": 2147483647, \"flag\": 1}", NULL},
        {"{\"below\": 0.5}", "c.json.below is 0.5, wanted a number from -5 to 0"},
        {"{\"below\": -5.5}", "c.json.below is -5.5, wanted a number from -5 to 0"},
        {"{\"any\": 2147483648}", "c.json.any is 2147483648, wanted a whole number"},
        {"{\"any\": -2147483649}", "c.json.any is -2147483649, wanted a whole number"},
        {"{\"any\": 1e999}", "c.json.any is null, wanted a whole number"},
        {"{\"flag\": \"yes\"}", "c.json.flag is \"yes\", wanted true or false"},
        {"{\"all\": 3}", "c.json.all is 3, wanted a list of at most 64 whole numbers"},
        {"{\"all\": [1.5]}", "c.json.all is [1.5], wanted a list of whole numbers"},
        {"{\"all\": [1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,"
         "1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]}",
         "wanted a list of at most 64 whole numbers"},
        {"{\"a key that is longer than any word that is compared with those that there are\": 1}", "is no known key"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        settings s = {0};
        cJSON *given = cJSON_Parse(cases[i].json);
        assert_int_equal(schema_read(ranged, given, "c.json", &s), cases[i].message ? USAGE : OK);
        if (cases[i].message) assert_non_null(strstr(error_message(), cases[i].message));
        cJSON_Delete(given);
    }
}

/* What must be given, and what nobody has explained. */
static void test_schema_help(void **state)
{
    (void)state;
    static const field bare[] = {
        {"pack", FIELD_TEXT, offsetof(settings, name), NULL, 0, 0, NULL, NULL},
        {NULL, FIELD_INT, 0, NULL, 0, 0, NULL, NULL},
    };
    settings s = {0};
    char *help = schema_help(bare, "data");
    assert_non_null(strstr(help, "must be given"));
    free(help);
    assert_int_equal(schema_read(bare, NULL, "c.json: data", &s), USAGE);
    assert_string_equal(error_message(), "c.json: data.pack is missing, wanted a value");
}

static void test_nearest_word(void **state)
{
    (void)state;
    static const char *const words[] = {"epochs", "batch_size", "lr", NULL};
    assert_string_equal(nearest_word("epoch", words), "epochs");
    assert_string_equal(nearest_word("bach_sise", words), "batch_size");
    assert_null(nearest_word("pooling", words));
    static const char *const long_ones[] = {"a word that is longer than any that is compared with others, by some way",
                                            NULL};
    assert_null(nearest_word("a word that is longer", long_ones));
    assert_null(nearest_word("a word that is longer than any key that a table could ever hold, by some way", words));
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
    schema_refused("{\"widths\": [1, 200]}",
                   "c.json: train.widths is [1,200], wanted a list of whole numbers from 1 to 99");
    schema_refused("{\"widths\": \"[1\"}", "c.json: train.widths is \"[1\", wanted a list of at most 64 whole numbers");
    schema_refused("{\"length\": 1e99}", "c.json: train.length is 1e+99, wanted null or a whole number from 0 to 50");
    schema_refused("{\"shares\": [1, 10]}", "c.json: train.shares is [1,10], wanted a list of numbers from 0 to 9");
    schema_refused("{\"shares\": \"odd\"}",
                   "c.json: train.shares is \"odd\", wanted \"even\", null or a list of at most 256 numbers");
    schema_refused("[1]", "c.json: train is no object, wanted {...}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_is_strict),
        cmocka_unit_test(test_json_without_memory),
        cmocka_unit_test(test_json_files),
        cmocka_unit_test(test_json_cut_anywhere),
        cmocka_unit_test(test_json_set),
        cmocka_unit_test(test_schema_reads_and_writes),
        cmocka_unit_test(test_schema_nulls),
        cmocka_unit_test(test_schema_words),
        cmocka_unit_test(test_schema_defaults),
        cmocka_unit_test(test_nearest_word),
        cmocka_unit_test(test_schema_refusals),
        cmocka_unit_test(test_schema_real_lists),
        cmocka_unit_test(test_schema_ranges),
        cmocka_unit_test(test_schema_help),
        cmocka_unit_test(test_json_loses_nothing_unsaid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
