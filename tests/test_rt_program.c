/* Programs: messages of builds that fail, includes, and the disk cache in every state it can be found in. */
#include "rt_test.h"

static kernel *get(const char *options)
{
    kernel *k = NULL;
    assert_ok(kernel_get(test_device, "test", options, "scale", &k));
    return k;
}

/* Runs the kernel, so that there is something to save. */
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

/* Opens anew and uses the program: how often was text compiled? */
static int builds_of_next_start(void)
{
    device_close(test_device);
    test_device = NULL;
    sources_built = binaries_loaded = 0;
    assert_ok(device_open(NULL, &test_device));
    use("-DA=1");
    return sources_built;
}

/* ---- building --------------------------------------------------------------------------------------------------- */

static void kernels_are_kept(void **state)
{
    (void)state;
    kernel *k = get("-DA=1");
    assert_ptr_equal(get("-DA=1"), k);
    assert_ptr_not_equal(get("-DA=2"), k);
    assert_int_equal(sources_built, 2);
    kernel *other = NULL;
    assert_ok(kernel_get(test_device, "test", "-DA=1", "group_sum", &other));
    assert_ptr_not_equal(other, k);
    assert_int_equal(sources_built, 2);
}

static void build_errors_name_kernel_file_line_and_reason(void **state)
{
    (void)state;
    kernel *k = NULL;
    write_kernels("broken.cl",
                  "#include \"shared.clh\"\n__kernel void f(__global float *x)\n{\n    x[0] = seven;\n}\n");
    assert_refused(kernel_get(test_device, "broken", "-DB=3", "f", &k), FAILED,
                   "kernel f: cl/broken.cl does not build");
    assert_null(k);
    assert_non_null(strstr(error_message(), "-DB=3"));
    assert_non_null(strstr(error_message(), "seven"));
    if (strcmp(device_about(test_device)->platform, "Oclgrind")) /* which counts the lines of the whole text */
        assert_non_null(strstr(error_message(), "broken.cl:4:"));
    assert_refused(kernel_get(test_device, "broken", "-DB=3", "f", &k), FAILED, "does not build");
}

static void what_does_not_exist_is_named(void **state)
{
    (void)state;
    kernel *k = NULL;
    assert_refused(kernel_get(test_device, "missing", "", "f", &k), FAILED, "missing.cl");
    assert_refused(kernel_get(test_device, "test", "", "g", &k), FAILED, "kernel g: cl/test.cl built with");
    write_kernels("lost.cl", "\n#include \"nowhere.clh\"\n__kernel void f(void) {}\n");
    assert_refused(kernel_get(test_device, "lost", "", "f", &k), FAILED, "nowhere.clh");
    assert_non_null(strstr(error_message(), "cl/lost.cl, line 2"));
    assert_refused(kernel_get(test_device, "../test", "", "f", &k), FAILED, "test.cl");
}

/* Each file once, however it is reached, and files that include each other do not turn in circles. */
static void includes_are_put_in_once(void **state)
{
    (void)state;
    kernel *k = NULL;
    write_kernels("a.clh", "#include \"b.clh\"\n#include \"a.clh\"\ntypedef struct a { int x; } a;\n");
    write_kernels("b.clh", "  #  include \"a.clh\"\ntypedef struct b { int x; } b;\n");
    write_kernels("many.cl", "#include \"a.clh\"\n#include \"b.clh\"\n"
                             "__kernel void f(__global int *x) { a s = {1}; b t = {2}; x[0] = s.x + t.x; }");
    assert_ok(kernel_get(test_device, "many", "", "f", &k));
}

/* ---- the disk cache --------------------------------------------------------------------------------------------- */

static void second_start_compiles_nothing(void **state)
{
    (void)state;
    use("-DA=1");
    assert_int_equal(sources_built, 1);
    assert_int_equal(occurrences(notes, "compiling kernels for"), 1);
    assert_int_equal(builds_of_next_start(), 0);
    assert_int_equal(binaries_loaded, 1);
    assert_string_equal(warnings, "");
    assert_int_equal(occurrences(notes, "compiling kernels for"), 1);
}

/* A start that runs nothing new leaves the entry as it is; a new group size makes the driver compile: saved again. */
static void entries_are_saved_when_something_new_ran(void **state)
{
    (void)state;
    size_t first = 0, second = 0;
    char *bytes = NULL, *again = NULL, *entry = NULL;
    use("-DA=1");
    device_close(test_device);
    test_device = NULL;
    entry = cache_entry("program-");
    assert_ok(file_read(entry, 1 << 28, &bytes, &first));
    unlink(entry);
    assert_ok(file_write(entry, bytes, first));

    assert_int_equal(builds_of_next_start(), 0);
    unlink(entry);
    device_close(test_device);
    assert_false(file_exists(entry)); /* nothing new: not written */

    assert_ok(file_write(entry, bytes, first));
    assert_ok(device_open(NULL, &test_device));
    buffer *b = NULL;
    assert_ok(buffer_new(test_device, 64, &b));
    assert_ok(LAUNCH(get("-DA=1"), 2, 1, 1, 2, ((cost){0}), arg_buffer(b), arg_float(0), arg_int(0)));
    assert_ok(device_finish(test_device));
    buffer_free(b);
    device_close(test_device);
    test_device = NULL;
    assert_ok(file_read(entry, 1 << 28, &again, &second));
    assert_true(second != first || memcmp(bytes, again, first));
    assert_int_equal(builds_of_next_start(), 0);
    free(bytes);
    free(again);
    free(entry);
}

static void what_only_rehearsed_is_not_kept(void **state)
{
    (void)state;
    assert_false(device_rehearse(test_device, true));
    use("-DA=1");
    assert_true(device_rehearse(test_device, false));
    assert_int_equal(builds_of_next_start(), 1); /* and this one is a performance */
    assert_int_equal(builds_of_next_start(), 0);
    assert_true(!device_rehearse(test_device, true));
    use("-DA=2");
    device_rehearse(test_device, false);
    use("-DA=2"); /* first rehearsed, then wanted */
    reopen();
    sources_built = 0;
    use("-DA=2");
    assert_int_equal(sources_built, 0);
}

/* Replaces the entry by what `change` makes of it and expects one silent build, and a whole entry afterwards. */
static void expect_rebuild_after(void (*change)(char *bytes, size_t *length))
{
    char *bytes = NULL, *entry = NULL;
    size_t length = 0;
    use("-DA=1");
    device_close(test_device);
    test_device = NULL;
    entry = cache_entry("program-");
    assert_ok(file_read(entry, 1 << 28, &bytes, &length));
    change(bytes, &length);
    assert_ok(file_write(entry, bytes, length));
    assert_int_equal(builds_of_next_start(), 1);
    assert_int_equal(binaries_loaded, 0);
    assert_int_equal(builds_of_next_start(), 0);
    assert_string_equal(warnings, "");
    free(bytes);
    free(entry);
}

static void make_empty(char *bytes, size_t *length)
{
    (void)bytes;
    *length = 0;
}

static void cut_header(char *bytes, size_t *length)
{
    (void)bytes;
    *length = 20;
}

static void cut_last_byte(char *bytes, size_t *length)
{
    (void)bytes;
    *length -= 1;
}

static void flip_last_byte(char *bytes, size_t *length)
{
    bytes[*length - 1] ^= 1;
}

static void flip_middle_byte(char *bytes, size_t *length)
{
    bytes[*length / 2] ^= 64;
}

static void change_magic(char *bytes, size_t *length)
{
    (void)length;
    bytes[0] = 'G';
}

static void change_key(char *bytes, size_t *length)
{
    (void)length;
    bytes[8] ^= 1;
}

/* Counts of variants and bytes that overflow when they are added. */
static void lie_about_lengths(char *bytes, size_t *length)
{
    (void)length;
    memset(bytes + 24, 0xff, 16);
}

static void damaged_entries_are_built_anew(void **state)
{
    (void)state;
    void (*const changes[])(char *, size_t *) = {make_empty,       cut_header,   cut_last_byte, flip_last_byte,
                                                 flip_middle_byte, change_magic, change_key,    lie_about_lengths};
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        folder_empty(test_cache);
        reopen();
        expect_rebuild_after(changes[i]);
    }
}

static void a_binary_that_the_driver_refuses_is_rebuilt_once(void **state)
{
    (void)state;
    use("-DA=1");
    lie.reject_binaries = true;
    assert_int_equal(builds_of_next_start(), 1);
    assert_int_equal(binaries_loaded, 1);
    lie.reject_binaries = false;
    assert_int_equal(builds_of_next_start(), 0);
    assert_string_equal(warnings, "");
}

static void another_driver_text_or_options_build_anew(void **state)
{
    (void)state;
    use("-DA=1");
    lie.other_driver = true;
    assert_int_equal(builds_of_next_start(), 1);
    lie.other_driver = false;
    assert_int_equal(builds_of_next_start(), 0);
    write_kernels("shared.clh", "inline float twice(float x) { return x + x; }\n");
    assert_int_equal(builds_of_next_start(), 1);
    use("-DA=2");
    assert_int_equal(sources_built, 2);
}

static void an_unusable_cache_costs_one_warning(void **state)
{
    (void)state;
    char *file = path_join(test_cache, "file"), *below = path_join(file, "cache");
    assert_ok(file_write(file, "x", 1));
    setenv("FURROW_CACHE_DIR", below, 1);
    reopen();
    use("-DA=1");
    use("-DA=2");
    assert_ok(memo_set(test_device, "key", "value"));
    device_close(test_device);
    test_device = NULL;
    assert_int_equal(occurrences(warnings, "the cache cannot be used"), 1);
    setenv("FURROW_CACHE_DIR", test_cache, 1);
    free(file);
    free(below);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, test_start_open, test_end)
    const struct CMUnitTest tests[] = {
        TEST(kernels_are_kept),
        TEST(build_errors_name_kernel_file_line_and_reason),
        TEST(what_does_not_exist_is_named),
        TEST(includes_are_put_in_once),
        TEST(second_start_compiles_nothing),
        TEST(entries_are_saved_when_something_new_ran),
        TEST(what_only_rehearsed_is_not_kept),
        TEST(damaged_entries_are_built_anew),
        TEST(a_binary_that_the_driver_refuses_is_rebuilt_once),
        TEST(another_driver_text_or_options_build_anew),
        TEST(an_unusable_cache_costs_one_warning),
    };
    return cmocka_run_group_tests_name("rt program", tests, group_open, group_close);
}
