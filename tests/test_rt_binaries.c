/* Programs in a folder: what is saved loads without a compiler; what is not there, or was made of something else, is
 * refused with its name; forms and facts come from the index. */
#include "rt_test.h"

#include <cjson/cJSON.h>

static char *folder; /* of binaries */

static kernel *get(const char *options)
{
    kernel *k = NULL;
    assert_ok(kernel_get(test_device, "test", options, "scale", &k));
    return k;
}

static void use(const char *options)
{
    buffer *b = NULL;
    float x[4] = {1, 2, 3, 4};
    assert_ok(buffer_new(test_device, sizeof x, &b));
    assert_ok(buffer_write(b, 0, x, sizeof x));
    assert_ok(LAUNCH(get(options), 1, 1, 1, 4, ((cost){0}), arg_buffer(b), arg_float(3), arg_int(4)));
    assert_ok(buffer_read(b, 0, x, sizeof x));
    assert_true(x[0] == 3 && x[3] == 12);
    buffer_free(b);
}

static const char *const forms[] = {"broken", "first", "second"};

static int run_form(void *user, int form)
{
    ++*(int *)user;
    return form ? OK : fail(FAILED, "broken");
}

static int chosen_form(const char *key, int *runs)
{
    int form = -1;
    *runs = 0;
    assert_ok(tune_choose(test_device, key, forms, 3, run_form, runs, &form));
    return form;
}

/* Saves "test" with -DA=1 and -DB=2 -DC=3, a choice and a fact, and opens the device with them. */
static int start(void **state)
{
    int runs;
    binaries_summary sum;
    test_start(state);
    folder = path_join(test_folder, "binaries");
    assert_ok(folder_make(folder));
    folder_empty(folder);
    unsetenv("FURROW_BINARY_DIR");
    assert_ok(device_open(NULL, &test_device));
    binaries_collect(test_device);
    use("-DA=1");
    use("-DB=2 -DC=3");
    setenv("FURROW_FORM", "kept=second", 1);
    assert_int_equal(chosen_form("kept", &runs), 2);
    unsetenv("FURROW_FORM");
    assert_ok(memo_set(test_device, "fact", "true"));
    bool before = device_rehearse(test_device, true);
    use("-DREHEARSED=1");
    device_rehearse(test_device, before);
    assert_ok(binaries_save(test_device, folder, "the test", &sum));
    assert_int_equal(sum.programs, 3); /* with the runtime's own */
    assert_int_equal(sum.kernels, 2);
    assert_true(sum.bytes > 0);
    device_close(test_device);
    test_device = NULL;
    folder_empty(test_cache);
    setenv("FURROW_BINARY_DIR", folder, 1);
    sources_built = binaries_loaded = 0;
    notes[0] = 0;
    return 0;
}

static int end(void **state)
{
    test_end(state);
    unsetenv("FURROW_BINARY_DIR");
    folder_empty(folder);
    rmdir(folder);
    free(folder);
    return 0;
}

static void open_folder(void)
{
    assert_ok(device_open(NULL, &test_device));
}

static cJSON *index_read(void)
{
    char *text = NULL, *path = path_join(folder, "programs.json");
    size_t length;
    assert_ok(file_read(path, 1 << 20, &text, &length));
    cJSON *index = cJSON_Parse(text);
    assert_non_null(index);
    free(text);
    free(path);
    return index;
}

static void index_write(cJSON *index)
{
    char *text = cJSON_Print(index), *path = path_join(folder, "programs.json");
    assert_ok(file_write(path, text, strlen(text)));
    free(text);
    free(path);
    cJSON_Delete(index);
}

/* ---- what works --------------------------------------------------------------------------------------------------- */

static void binaries_load_and_nothing_is_compiled(void **state)
{
    (void)state;
    open_folder();
    assert_false(device_compiles(test_device));
    assert_false(blas_allowed(test_device));
    use("-DA=1");
    use("-DB=2 -DC=3");
    assert_int_equal(binaries_loaded, 2);
    device_close(test_device);
    test_device = NULL;
    assert_int_equal(sources_built, 0);
    assert_string_equal(notes, "");
    char **names = NULL;
    size_t count = 0;
    assert_ok(folder_list(test_cache, "program-", &names, &count)); /* nothing goes into the cache */
    assert_int_equal(count, 0);
    folder_free(names, count);
}

static void files_are_named_after_kernel_file_and_macros(void **state)
{
    (void)state;
    static const char *const names[] = {"test.A=1.bin", "test.A=1.cl", "test.B=2.C=3.bin", "test.B=2.C=3.cl",
                                        "limits.bin"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *path = path_join(folder, names[i]);
        assert_true(file_exists(path));
        free(path);
    }
    cJSON *index = index_read();
    const cJSON *program = cJSON_GetArrayItem(cJSON_GetObjectItem(index, "programs"), 1);
    assert_string_equal(cJSON_GetObjectItem(program, "options")->valuestring, "-cl-std=CL1.2 -DA=1");
    const cJSON *k = cJSON_GetArrayItem(cJSON_GetObjectItem(program, "kernels"), 0);
    assert_string_equal(cJSON_GetObjectItem(k, "name")->valuestring, "scale");
    assert_int_equal(cJSON_GetObjectItem(k, "work_group")->valueint, 4);
    assert_int_equal(cJSON_GetObjectItem(k, "arguments")->valueint, 3);
    cJSON_Delete(index);
}

static void forms_and_facts_come_from_the_index(void **state)
{
    (void)state;
    int runs;
    char value[8];
    open_folder();
    assert_int_equal(chosen_form("kept", &runs), 2);
    assert_int_equal(runs, 0);
    assert_true(chosen_form("other", &runs) > 0); /* a race among what works */
    assert_true(runs > 0);
    assert_ok(memo_get(test_device, "fact", value, sizeof value));
    assert_string_equal(value, "true");
    reopen();
    assert_true(chosen_form("other", &runs) > 0);
    assert_true(runs > 0); /* not remembered on disk */
}

/* The vendor's binaries, made where the device was not: nothing is known of it. */
static void a_folder_of_no_device_serves_any(void **state)
{
    (void)state;
    char value[8];
    cJSON *index = index_read();
    cJSON_ReplaceItemInObject(index, "device", cJSON_CreateNull());
    cJSON_ReplaceItemInObject(index, "tiles", cJSON_CreateString("gpu"));
    index_write(index);
    lie.other_driver = true;
    open_folder();
    assert_int_equal(device_tiles(test_device), TILE_GPU);
    assert_int_equal(memo_get(test_device, "fact", value, sizeof value), FAILED);
    use("-DA=1");
    assert_int_equal(sources_built, 0);
}

/* ---- what is refused ---------------------------------------------------------------------------------------------- */

static void a_program_that_is_missing_is_named(void **state)
{
    (void)state;
    kernel *k = NULL;
    open_folder();
    assert_refused(kernel_get(test_device, "test", "-DREHEARSED=1", "scale", &k), FAILED,
                   "no program of cl/test.cl with \"-DREHEARSED=1\"");
    assert_non_null(strstr(error_message(), "furrow devices --build DIR CONFIG"));
    assert_non_null(strstr(error_message(), "made by: the test"));
    assert_null(k);
    char *path = path_join(folder, "test.A=1.bin");
    unlink(path);
    free(path);
    assert_refused(kernel_get(test_device, "test", "-DA=1", "scale", &k), FAILED, "test.A=1.bin");
    assert_int_equal(sources_built, 0);
}

static void another_text_is_refused(void **state)
{
    (void)state;
    kernel *k = NULL;
    write_kernels("shared.clh", "inline float twice(float x) { return x + x; }\n");
    open_folder();
    assert_refused(kernel_get(test_device, "test", "-DA=1", "scale", &k), FAILED,
                   "made from another text of cl/test.cl");
}

static void another_driver_is_refused(void **state)
{
    (void)state;
    lie.other_driver = true;
    assert_refused(device_open(NULL, &test_device), NO_DEVICE, "whose driver is");
    assert_non_null(strstr(error_message(), "\"99.0\""));
}

static void a_binary_that_the_driver_does_not_take_is_refused(void **state)
{
    (void)state;
    kernel *k = NULL;
    open_folder();
    lie.reject_binaries = true;
    assert_refused(kernel_get(test_device, "test", "-DA=1", "scale", &k), FAILED, "CL_INVALID_BINARY");
    assert_int_equal(sources_built, 0);
}

static void index_damaged(const char *key, const char *json, const char *part)
{
    cJSON *index = index_read(), *copy = cJSON_Duplicate(index, true);
    cJSON_DeleteItemFromObject(index, key);
    if (json) cJSON_AddItemToObject(index, key, cJSON_Parse(json));
    index_write(index);
    assert_refused(device_open(NULL, &test_device), FAILED, part);
    assert_non_null(strstr(error_message(), "programs.json"));
    index_write(copy);
}

static void a_damaged_index_is_refused(void **state)
{
    (void)state;
    index_damaged("furrow_format", NULL, "furrow_format is missing");
    index_damaged("furrow_format", "\"checkpoint\"", "furrow_format is \"checkpoint\"");
    index_damaged("version", "2", "another version; wanted 1");
    index_damaged("programs", "{}", "programs is no list");
    index_damaged("programs", "[{\"kernel_file\": \"test\"}]", "programs[0] lacks");
    index_damaged("programs", "[3]", "programs[0] lacks");
    index_damaged("programs", "[{\"kernel_file\": \"test\", \"macros\": \"\", \"text\": \"\", \"binary\": \"../x\"}]",
                  "wanted the name of a file in its folder");
    index_damaged("device", "{\"platform\": 3}", "device.platform is no text");
    index_damaged("device", NULL, "device.platform is no text");
    index_damaged("tiles", "\"wide\"", "tiles is wide");
    setenv("FURROW_BINARY_DIR", "/nowhere", 1);
    assert_refused(device_open(NULL, &test_device), FAILED, "FURROW_BINARY_DIR");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)
    const struct CMUnitTest tests[] = {
        TEST(binaries_load_and_nothing_is_compiled),
        TEST(files_are_named_after_kernel_file_and_macros),
        TEST(forms_and_facts_come_from_the_index),
        TEST(a_folder_of_no_device_serves_any),
        TEST(a_program_that_is_missing_is_named),
        TEST(another_text_is_refused),
        TEST(another_driver_is_refused),
        TEST(a_binary_that_the_driver_does_not_take_is_refused),
        TEST(a_damaged_index_is_refused),
    };
    return cmocka_run_group_tests(tests, group_open, group_close);
}
