/* Choosing forms: what is measured, what is remembered, what wins over measuring. And the memory of facts. */
#include "rt_test.h"

#include <time.h>

static const char *const forms[] = {"slow", "fast", "broken"};

typedef struct bench {
    kernel *k;
    buffer *x;
    int runs[3];
} bench;

/* Form 0 takes five milliseconds more than form 1, whatever the device; form 2 never works. */
static int run_form(void *user, int form)
{
    bench *b = user;
    b->runs[form]++;
    if (form == 2) return fail(FAILED, "this form is broken");
    if (form == 0) nanosleep(&(struct timespec){0, 5000000}, NULL);
    return LAUNCH(b->k, 1, 1, 1, 1, ((cost){0}), arg_buffer(b->x), arg_float(1), arg_int(200));
}

static int total_runs(const bench *b)
{
    return b->runs[0] + b->runs[1] + b->runs[2];
}

static void bench_open(bench *b)
{
    memset(b, 0, sizeof *b);
    assert_ok(buffer_new(test_device, 200 * 4, &b->x));
    assert_ok(buffer_fill(b->x, 0, 0, 200 * 4));
    assert_ok(kernel_get(test_device, "test", "", "scale", &b->k));
}

/* Chooses for `key` on a device opened anew; gives the form and how many runs it took. */
static int choose_anew(const char *key, const char *import, int *runs)
{
    bench b;
    int form = -1;
    reopen();
    bench_open(&b);
    if (import) assert_ok(tune_import(test_device, import));
    assert_ok(tune_choose(test_device, key, forms, 3, run_form, &b, &form));
    *runs = total_runs(&b);
    buffer_free(b.x);
    return form;
}

static void the_fastest_form_that_works_is_chosen(void **state)
{
    (void)state;
    bench b;
    int form = -1;
    bench_open(&b);
    assert_ok(tune_choose(test_device, "scale 200", forms, 3, run_form, &b, &form));
    assert_int_equal(form, 1);
    assert_true(b.runs[0] >= 2 && b.runs[1] >= 3);
    assert_int_equal(b.runs[2], 1);
    int before = total_runs(&b);
    form = -1;
    assert_ok(tune_choose(test_device, "scale 200", forms, 3, run_form, &b, &form));
    assert_int_equal(form, 1);
    assert_int_equal(total_runs(&b), before);
    assert_ok(tune_choose(test_device, "scale 300", forms, 2, run_form, &b, &form));
    assert_true(total_runs(&b) > before);
    assert_int_equal(occurrences(notes, "measuring kernel forms"), 1);
    buffer_free(b.x);
}

static void one_form_needs_no_measuring(void **state)
{
    (void)state;
    bench b;
    int form = -1;
    bench_open(&b);
    assert_ok(tune_choose(test_device, "k", forms, 1, run_form, &b, &form));
    assert_int_equal(form, 0);
    assert_int_equal(total_runs(&b), 0);
    buffer_free(b.x);
}

static void no_form_that_works_is_an_error(void **state)
{
    (void)state;
    static const char *const alone[] = {"x", "y"};
    bench b;
    int form = -1;
    bench_open(&b);
    lie.finish = CL_OUT_OF_RESOURCES;
    assert_refused(tune_choose(test_device, "k", alone, 2, run_form, &b, &form), FAILED, "CL_OUT_OF_RESOURCES");
    lie.finish = CL_SUCCESS;
    assert_refused(tune_choose(test_device, "k", forms, 0, run_form, &b, &form), FAILED, "0 forms");
    buffer_free(b.x);
}

static void choices_are_kept_on_disk(void **state)
{
    (void)state;
    int runs = 0;
    assert_int_equal(choose_anew("scale 200", NULL, &runs), 1);
    assert_true(runs > 0);
    assert_int_equal(choose_anew("scale 200", NULL, &runs), 1);
    assert_int_equal(runs, 0);
    lie.other_driver = true;
    assert_int_equal(choose_anew("scale 200", NULL, &runs), 1);
    assert_true(runs > 0);
    lie.other_driver = false;
    assert_int_equal(choose_anew("scale 200", NULL, &runs), 1);
    assert_int_equal(runs, 0);
    write_kernels("more.cl", "__kernel void f(void) {}\n"); /* any kernel text may matter */
    assert_int_equal(choose_anew("scale 200", NULL, &runs), 1);
    assert_true(runs > 0);
}

static void a_damaged_file_counts_as_empty(void **state)
{
    (void)state;
    static const char *const damage[] = {"",
                                         "{\"entries\": {\"scale 200\": \"fa",
                                         "[1]",
                                         "{\"entries\": 3}",
                                         "{\"entries\": {\"scale 200\": 1}}",
                                         "{\"entries\": {\"scale 200\": \"odd\"}}"};
    int runs = 0;
    choose_anew("scale 200", NULL, &runs);
    for (size_t i = 0; i < sizeof damage / sizeof damage[0]; i++) {
        device_close(test_device);
        test_device = NULL;
        char *entry = cache_entry("tune-");
        assert_ok(file_write(entry, damage[i], strlen(damage[i])));
        assert_int_equal(choose_anew("scale 200", NULL, &runs), 1);
        assert_true(runs > 0);
        assert_int_equal(choose_anew("scale 200", NULL, &runs), 1);
        assert_int_equal(runs, 0);
        free(entry);
    }
    assert_string_equal(warnings, "");
}

static void what_others_wrote_is_kept(void **state)
{
    (void)state;
    device *other = NULL;
    bench b;
    int form = -1, runs = 0;
    assert_ok(device_open(NULL, &other));
    bench_open(&b);
    assert_ok(tune_choose(test_device, "one", forms, 3, run_form, &b, &form)); /* both have read an empty file */
    buffer_free(b.x);
    device *mine = test_device;
    test_device = other;
    bench_open(&b);
    assert_ok(tune_choose(test_device, "two", forms, 3, run_form, &b, &form));
    buffer_free(b.x);
    device_close(mine);
    assert_int_equal(choose_anew("one", NULL, &runs), 1);
    assert_int_equal(runs, 0);
    assert_int_equal(choose_anew("two", NULL, &runs), 1);
    assert_int_equal(runs, 0);
}

static void imported_choices_win(void **state)
{
    (void)state;
    bench b;
    int form = -1, runs = 0;
    bench_open(&b);
    assert_ok(tune_choose(test_device, "scale 200", forms, 3, run_form, &b, &form));
    assert_int_equal(form, 1);
    assert_ok(tune_import(test_device, "{\"scale 200\": \"slow\", \"other\": \"fast\"}"));
    assert_ok(tune_choose(test_device, "scale 200", forms, 3, run_form, &b, &form));
    assert_int_equal(form, 0);
    char *json = tune_export(test_device);
    assert_non_null(strstr(json, "\"scale 200\":\t\"slow\""));
    assert_non_null(strstr(json, "\"other\":\t\"fast\"")); /* a resumed run keeps what only its first part used */
    assert_true(strstr(json, "other") < strstr(json, "scale 200")); /* in the order of the alphabet */
    buffer_free(b.x);

    assert_int_equal(choose_anew("scale 200", NULL, &runs), 1); /* the disk keeps what was measured */
    assert_int_equal(choose_anew("scale 200", json, &runs), 0);
    assert_int_equal(runs, 0);
    free(json);
}

/* Whether a race was run or remembered must not be seen in what is recorded. */
static void what_only_rehearsed_is_not_exported(void **state)
{
    (void)state;
    bench b;
    int form = -1;
    bench_open(&b);
    bool before = device_rehearse(test_device, true);
    assert_ok(tune_choose(test_device, "inner", forms, 3, run_form, &b, &form));
    assert_ok(tune_choose(test_device, "both", forms, 3, run_form, &b, &form));
    device_rehearse(test_device, before);
    assert_ok(tune_choose(test_device, "both", forms, 3, run_form, &b, &form));
    char *json = tune_export(test_device);
    assert_null(strstr(json, "inner"));
    assert_non_null(strstr(json, "both"));
    free(json);
    buffer_free(b.x);
}

static void unknown_imported_forms_are_measured_with_a_warning(void **state)
{
    (void)state;
    int runs = 0;
    assert_int_equal(choose_anew("scale 200", "{\"scale 200\": \"cuda\"}", &runs), 1);
    assert_true(runs > 0);
    assert_int_equal(occurrences(warnings, "\"cuda\" of scale 200"), 1);
    assert_refused(tune_import(test_device, "[1]"), FAILED, "not a JSON object");
    assert_refused(tune_import(test_device, "{\"a\": 1}"), FAILED, "\"a\" is not a text");
    assert_refused(tune_import(test_device, "{"), FAILED, "the list of kernel forms: line 1, column 2: not valid JSON");
    assert_refused(tune_import(test_device, "{\"a\": \"x\", \"a\": \"y\"}"), FAILED, "stands twice");
    char *many = memory_new(20 * 10001 + 3, 1), *end = many; /* whose look-ups would take for ever */
    *end++ = '{';
    for (int i = 0; i <= 10000; i++) end += sprintf(end, "%s\"%d\": \"x\"", i ? "," : "", i);
    *end = '}';
    assert_refused(tune_import(test_device, many), FAILED, "has 10001 entries, wanted at most 10000");
    free(many);
}

static void the_environment_wins(void **state)
{
    (void)state;
    int runs = 0;
    setenv("FURROW_FORM", "other=fast,scale=slow", 1);
    assert_int_equal(choose_anew("scale 200", "{\"scale 200\": \"fast\"}", &runs), 0);
    assert_int_equal(runs, 0);
    setenv("FURROW_FORM", "scale 2=none", 1);
    assert_int_equal(choose_anew("scale 200", NULL, &runs), 1);
    assert_int_equal(occurrences(warnings, "FURROW_FORM: scale 200 has no form \"none\""), 1);
}

static void forgetting_measures_again(void **state)
{
    (void)state;
    bench b;
    int form = -1, runs = 0;
    choose_anew("one", NULL, &runs);
    choose_anew("two", NULL, &runs);
    bench_open(&b);
    tune_forget(test_device);
    assert_ok(tune_choose(test_device, "one", forms, 3, run_form, &b, &form));
    assert_true(total_runs(&b) > 0);
    buffer_free(b.x);
    choose_anew("two", NULL, &runs);
    assert_true(runs > 0);
}

static void facts_are_remembered(void **state)
{
    (void)state;
    char value[8] = "";
    assert_int_equal(memo_get(test_device, "self-test", value, sizeof value), FAILED);
    assert_ok(memo_set(test_device, "self-test", "passed"));
    assert_ok(memo_get(test_device, "self-test", value, sizeof value));
    assert_string_equal(value, "passed");
    reopen();
    value[0] = 0;
    assert_ok(memo_get(test_device, "self-test", value, sizeof value));
    assert_string_equal(value, "passed");
    assert_int_equal(memo_get(test_device, "self-test", value, 6), FAILED); /* does not fit */
    assert_ok(memo_set(test_device, "self-test", "no"));
    reopen();
    assert_ok(memo_get(test_device, "self-test", value, sizeof value));
    assert_string_equal(value, "no");
    lie.other_driver = true;
    reopen();
    assert_int_equal(memo_get(test_device, "self-test", value, sizeof value), FAILED);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, test_start_open, test_end)
    const struct CMUnitTest tests[] = {
        TEST(the_fastest_form_that_works_is_chosen),
        TEST(one_form_needs_no_measuring),
        TEST(no_form_that_works_is_an_error),
        TEST(choices_are_kept_on_disk),
        TEST(a_damaged_file_counts_as_empty),
        TEST(what_others_wrote_is_kept),
        TEST(imported_choices_win),
        TEST(what_only_rehearsed_is_not_exported),
        TEST(unknown_imported_forms_are_measured_with_a_warning),
        TEST(the_environment_wins),
        TEST(forgetting_measures_again),
        TEST(facts_are_remembered),
    };
    return cmocka_run_group_tests_name("rt tune", tests, group_open, group_close);
}
