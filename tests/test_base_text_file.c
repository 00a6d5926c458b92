/* Text files in the making: whole or absent, and the escapes of CSV, JSON and XML. */
#include <signal.h>
#include <sys/resource.h>

#include "format_test.h"

#include "base/file.h"
#include "base/text_file.h"

/* Names in the scratch folder. */
static size_t files(void)
{
    char **names;
    size_t count;
    assert_ok(folder_list(scratch, "", &names, &count));
    folder_free(names, count);
    return count;
}

static void test_pieces_arrive_in_order_and_escaped(void **state)
{
    (void)state;
    static const char wanted[] = "a,\"b \"\"c\"\", d\",p_e\n\"x\\\"\\\\\\u0001y\" &lt;&amp;&gt;&quot;z 7\n";
    const char *path = in_scratch("pieces");
    char *bytes = NULL;
    size_t length;
    text_file *f = NULL;
    assert_ok(text_file_open(path, &f));
    assert_false(file_exists(path));
    text_put(f, "a,");
    text_put_csv(f, "", "b \"c\", d");
    text_put(f, ",");
    text_put_csv(f, "p_", "e");
    text_put(f, "\n");
    text_put_json(f, "x\"\\\1y");
    text_put(f, " ");
    text_put_xml(f, "<&>\"z");
    text_put_format(f, " %d\n", 7);
    assert_ok(text_file_finish(f));
    assert_ok(file_read(path, 1000, &bytes, &length));
    assert_string_equal(bytes, wanted);
    assert_int_equal(length, sizeof wanted - 1);
    free(bytes);
}

static void test_an_abandoned_file_leaves_nothing(void **state)
{
    (void)state;
    const size_t before = files();
    text_file *f = NULL;
    assert_ok(text_file_open(in_scratch("abandoned"), &f));
    text_put(f, "some");
    assert_int_equal(files(), before + 1);
    text_file_abandon(f);
    text_file_abandon(NULL);
    assert_int_equal(files(), before);
}

static void test_a_missing_folder_is_named(void **state)
{
    (void)state;
    text_file *f = NULL;
    assert_refused(text_file_open(in_scratch("none/file"), &f), "none/file");
    assert_null(f);
}

/* A name that is taken by a folder cannot be renamed over: what was written goes. */
static void test_what_cannot_be_renamed_is_taken_away(void **state)
{
    (void)state;
    text_file *f = NULL;
    assert_ok(folder_make(in_scratch("taken/inner")));
    const size_t before = files();
    assert_ok(text_file_open(in_scratch("taken"), &f));
    text_put(f, "some");
    assert_refused(text_file_finish(f), "taken");
    assert_int_equal(files(), before);
}

/* A disk that takes no more, by way of the limit on a file's size. */
static void test_a_write_that_fails_is_told(void **state)
{
    (void)state;
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    const struct rlimit little = {1000, before.rlim_max};
    text_file *f = NULL;
    const size_t count = files();
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_ok(text_file_open(in_scratch("full"), &f));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
    for (int i = 0; i < 5000; i++) text_put(f, "some more\n");
    const int rc = text_file_finish(f);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, handler);
    assert_refused(rc, "full: cannot be written");
    assert_int_equal(files(), count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces_arrive_in_order_and_escaped),
        cmocka_unit_test(test_an_abandoned_file_leaves_nothing),
        cmocka_unit_test(test_a_missing_folder_is_named),
        cmocka_unit_test(test_what_cannot_be_renamed_is_taken_away),
        cmocka_unit_test(test_a_write_that_fails_is_told),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
