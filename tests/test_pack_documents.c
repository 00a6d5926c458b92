/* The documents of a pixel set, at the edges of what they may say. */
#include "tests/pack_test.h"

typedef struct document {
    const char *file, *text;
    const char *message; /* NULL: packed */
    const char *logged;  /* NULL: whatever */
} document;

static void try_all(const document *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char name[40];
        put_folder();
        log_text[0] = 0;
        snprintf(name, sizeof name, "in/META/%s.json", cases[i].file);
        put_text(in_scratch(name), cases[i].text);
        if (cases[i].message)
            assert_refused(pack_it(), cases[i].message);
        else
            assert_ok(pack_it());
        if (cases[i].logged) assert_logged(cases[i].logged);
    }
}

#define OTHERS ", \"2\": [1, 1, 1], \"10\": [1, 1, 1], \"b\": [1, 1, 1]}"

static void dates(void **state)
{
    static const document cases[] = {
        {"dates", "{\"0\": 19000101, \"1\": 19000101, \"2\": 22001231}", NULL, NULL},
        {"dates", "{\"0\": 18991231, \"1\": 20170101, \"2\": 20170301}", "date 0 is 18991231", NULL},
        {"dates", "{\"0\": 20161231, \"1\": 22010101, \"2\": 20170301}", "date 1 is 22010101", NULL},
        {"dates", "{\"0\": 20161231, \"1\": 20170101.5, \"2\": 20170301}", "date 1 is 20170101.5", NULL},
        {"dates", "{\"0\": 20161231, \"1\": true, \"2\": 20170301}", "date 1 is true", NULL},
        {"dates", "{\"0\": 20161231, \"\": 20170101, \"2\": 20170301}", "wanted the keys", NULL},
        {"dates", "{\"0\": 20161231, \"10000000\": 20170101, \"2\": 20170301}", "wanted the keys", NULL},
        {"dates", "{\"0\": 20161231, \"1000000\": 20170101, \"2\": 20170301}", "key \"1000000\", wanted 0 to 2", NULL},
        {"dates", "{\"0\": 20161231, \"1\": 20170101, \"01\": 20170301}", "key \"01\", wanted 0 to 2, each once", NULL},
        {"dates", "[20170301, 20161231, 20170301]", NULL, "META/dates.json: the dates are not in order"},
        {"dates", "[[], 20161231, 20170301]", "date 1 is [], wanted YYYYMMDD", NULL},
        {"dates", "{\"1\": [19700101, 19700102, 19700103], \"2\": 5, \"10\": {}, \"b\": [19700101, \"x\", 19700103]}",
         "no dates for 1 parcels: 2", NULL},
        {"dates", "{\"1\": {\"0\": 19700101, \"1\": 19700102, \"2\": \"x\"}" OTHERS, "parcel 1: date 2 is \"x\"", NULL},
        {"dates", "\"2017\"", "wanted {\"0\": YYYYMMDD", NULL},
    };
    (void)state;
    try_all(cases, sizeof cases / sizeof *cases);
}

static void labels(void **state)
{
    static const document cases[] = {
        {"labels", "{\"crop\": {\"1\": null, \"2\": 2147483647, \"b\": -2147483647}}", NULL,
         "crop: 2 parcels have no label: 1, 10"},
        {"classes", "{\"crop\": [\"a\", \"b\"]}",
         "classes.json: crop: holds 2 texts, wanted one for label 5 of parcel 1", NULL},
        {"classes", "{\"group\": [\"a\", 1]}", "classes.json: group: wanted a list of texts", NULL},
        {"classes", "{\"group\": {\"2\": \"a\"}}", "classes.json: group: wanted a list of texts", NULL},
        {"classes", "{\"group\": [\"a\"", "classes.json: line 1", NULL},
        {"labels", "{\"crop\": {\"1\": -2147483648}}", "label of parcel 1 is -2147483648, wanted an integer", NULL},
        {"labels", "{\"crop\": {\"1\": 2147483648}}", "label of parcel 1 is 2147483648, wanted an integer", NULL},
        {"labels", "{\"crop\": {\"1\": \"\"}}", "label of parcel 1 is \"\", wanted an integer", NULL},
        {"labels", "{\"crop\": {\"1\": \"nan\"}}", "label of parcel 1 is \"nan\", wanted an integer", NULL},
        {"labels", "{\"crop\": {\"1\": true}}", "label of parcel 1 is true, wanted an integer", NULL},
        {"labels", "{\"crop\": {\"1\": []}}", "label of parcel 1 is [], wanted an integer", NULL},
        {"labels", "{}", NULL, NULL},
        {"labels", "3", "wanted {nomenclature", NULL},
        {"labels", "[{\"1\": 3}]", "wanted {nomenclature", NULL},
    };
    (void)state;
    try_all(cases, sizeof cases / sizeof *cases);
}

/* Texts are numbered in the order of their bytes, those of no number of their own among them. */
static void names_are_labels(void **state)
{
    const int32_t *labels;
    char *classes;
    (void)state;
    put_folder();
    put_text(in_scratch("in/META/labels.json"), "{\"crop\": {\"1\": \"wheat\", \"2\": \"12\", \"b\": null}}");
    pixelset_pack *p = packed();
    assert_ok(pixelset_pack_labels(p, NULL, &labels));
    assert_int_equal(labels[0], 1);
    assert_int_equal(labels[1], 0);
    assert_int_equal(labels[3], PACK_NO_LABEL);
    assert_ok(pixelset_pack_classes(p, NULL, &classes));
    assert_string_equal(classes, "[\"12\",\"wheat\"]");
    free(classes);
    pixelset_pack_close(p);
}

static void features(void **state)
{
    static const document cases[] = {
        {"area", "[1]", NULL, "META/area.json holds no features"},
        {"area", "3", NULL, "META/area.json holds no features"},
        {"area", "{\"1\": true}", NULL, "META/area.json holds no features"},
        {"area", "{\"1\": [1, \"x\"]}", NULL, "META/area.json holds no features"},
        {"area", "{\"1\": []}", NULL, "META/area.json holds no features"},
        {"area", "{\"unknown\": 1, \"1\": null, \"2\": null}", NULL, "META/area.json holds no features"},
        {"area", "{\"1\": null, \"2\": [1], \"10\": 2}", NULL, "META/area.json: 2 parcels have no features: 1, b"},
        {"area", "{\"1\": 1, \"2\": [1, 2]}", "META/area.json: parcel 2: wanted 1 numbers", NULL},
        {"area", "{\"1\": -1e39}", "-1e+39 is too large", NULL},
        {".hidden", "{\"1\": -1e39}", NULL, NULL},
    };
    (void)state;
    try_all(cases, sizeof cases / sizeof *cases);
}

static void too_many_features(void **state)
{
    enum { MANY = (1 << 16) + 1 };
    char *text = malloc(2 * MANY + 16);
    (void)state;
    put_folder();
    strcpy(text, "{\"1\": [");
    for (size_t i = 0, used = 7; i < MANY; i++, used += 2) memcpy(text + used, "1,", 2);
    strcpy(text + 7 + 2 * MANY - 1, "]}");
    put_text(in_scratch("in/META/area.json"), text);
    free(text);
    assert_refused(pack_it(), "META/area.json: 65537 features, wanted at most 65536");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(dates, log_start),
        cmocka_unit_test_setup(labels, log_start),
        cmocka_unit_test_setup(names_are_labels, log_start),
        cmocka_unit_test_setup(features, log_start),
        cmocka_unit_test_setup(too_many_features, log_start),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
