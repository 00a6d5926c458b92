/* Errors, memory, hashes, messages, files. */
#include <signal.h>
#include <sys/resource.h>

#include "base/date.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/reader.h"
#include "base/sha256.h"

#include "tests/asserts.h"

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

static void assert_sha256(const char *text, size_t pieces, const char *wanted)
{
    sha256 s;
    sha256_start(&s);
    for (size_t i = 0; i < pieces; i++) sha256_add(&s, text, strlen(text));
    assert_string_equal(sha256_end(&s).text, wanted);
}

/* NIST's examples for FIPS 180-4: one block, two blocks, nothing, a million letters in odd pieces. */
static void test_sha256_is_the_published(void **state)
{
    static const char million[] = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";
    (void)state;
    assert_sha256("abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
                  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    assert_sha256("", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_sha256("a", 1000000, million);
    assert_sha256(
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 10000,
        million);
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

static void remember_progress(void *user, const char *task, size_t done, size_t total, const char *metric)
{
    snprintf(user, 64, "%s %zu/%zu %s", task, done, total, metric);
}

static void test_progress_reaches_its_listener(void **state)
{
    (void)state;
    char said[64] = "";
    log_progress("unheard", 0, 1, "");
    log_listen(&(log_listener){.user = said, .warning = remember, .progress = remember_progress});
    log_progress("epoch 3", 5, 20, "loss 0.25");
    assert_string_equal(said, "epoch 3 5/20 loss 0.25");
    log_warning("%s has deviation 0", "B02");
    assert_string_equal(said, "B02 has deviation 0");
    log_note("no listener for notes");
    assert_string_equal(said, "B02 has deviation 0");
    log_listen(NULL);
}

static void test_interrupt_is_remembered(void **state)
{
    (void)state;
    assert_false(interrupt_requested());
    interrupt_request();
    assert_true(interrupt_requested());
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

/* A write that cannot be finished leaves the old content and no other file. */
static void test_failed_writes_leave_nothing(void **state)
{
    (void)state;
    char *inner = path_join(folder, "full"), *path = path_join(inner, "a"), *text = NULL, **names = NULL;
    char *temporary = file_temporary(path);
    size_t length = 0, count = 0;
    assert_int_equal(folder_make(inner), OK);
    assert_int_equal(file_write(path, "old", 3), OK);
    const struct rlimit small = {2, RLIM_INFINITY}, all = {RLIM_INFINITY, RLIM_INFINITY};
    signal(SIGXFSZ, SIG_IGN); /* a file grown over the limit: the write fails, as on a full disk */
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    int rc = file_write(path, "newer", 5);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &all), 0);
    assert_int_equal(rc, FAILED);
    assert_non_null(strstr(error_message(), "cannot write"));
    assert_int_equal(file_commit(temporary, path), FAILED); /* there is none */
    assert_int_equal(file_read(path, 100, &text, &length), OK);
    assert_string_equal(text, "old");
    assert_int_equal(folder_list(inner, "", &names, &count), OK);
    assert_int_equal(count, 1);
    folder_free(names, count);
    free(text);
    free(temporary);
    free(path);
    free(inner);
}

/* What a writer that needs a name does: the file appears under its own name at once. */
static void test_commit_renames(void **state)
{
    (void)state;
    char *path = path_join(folder, "b.h5"), *temporary = file_temporary(path), *text = NULL;
    size_t length = 0;
    assert_int_equal(file_write(temporary, "bytes", 5), OK);
    assert_false(file_exists(path));
    assert_int_equal(file_commit(temporary, path), OK);
    assert_false(file_exists(temporary));
    assert_int_equal(file_read(path, 5, &text, &length), OK);
    assert_string_equal(text, "bytes");
    free(text);
    free(temporary);
    free(path);
}

static void test_folders_are_listed_sorted(void **state)
{
    (void)state;
    char *inner = path_join(folder, "list/"), **names = NULL;
    size_t count = 0;
    assert_int_equal(folder_make(inner), OK);
    static const char *const files[] = {"10.npy", "2.npy", "a.json", "1.npy", ".npy"};
    for (size_t i = 0; i < 5; i++) {
        char *path = path_join(inner, files[i]);
        assert_null(strstr(path, "//"));
        assert_int_equal(file_write(path, "", 0), OK);
        free(path);
    }
    assert_int_equal(folder_list(inner, ".npy", &names, &count), OK);
    assert_int_equal(count, 4);
    assert_string_equal(names[0], ".npy");
    assert_string_equal(names[1], "1.npy");
    assert_string_equal(names[2], "10.npy");
    assert_string_equal(names[3], "2.npy");
    folder_free(names, count);
    assert_int_equal(folder_list("/nonexistent/furrow", "", &names, &count), FAILED);
    free(inner);
}

/* Every day of three centuries comes back as it was. */
static void test_dates_come_back(void **state)
{
    int32_t day;
    (void)state;
    assert_string_equal(date_write(0).text, "1970-01-01");
    assert_string_equal(date_write(-1).text, "1969-12-31");
    assert_string_equal(date_write(-719162).text, "0001-01-01");
    for (int32_t i = -25567; i < 84006; i++) { /* 1900 to 2199 */
        assert_true(date_read(date_write(i).text, &day));
        assert_int_equal(day, i);
    }
    assert_false(date_read("2019-02-29", &day));
}

static void test_dates_in_people_s_forms(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int day; /* -1: none */
    } cases[] = {
        {"19700102", 1},      {"1970-01-02", 1},   {"1970-01-02T10:00", 1},
        {"1970-01-02 10", 1}, {"19700102T10", -1}, {"1970-01-02x", -1},
        {"1970-0102", -1},    {"197001", -1},      {"1899-12-31", -1},
        {"2201-01-01", -1},   {"1970-00-01", -1},  {"1970-13-01", -1},
        {"1970-01-00", -1},   {"1970-04-31", -1},  {"2000-02-29", 11016},
        {"1900-02-29", -1},   {"1970-1-02", -1},   {"", -1},
        {"197o0102", -1},     {"1970-01-", -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int32_t day = -1;
        assert_int_equal(date_read(cases[i].text, &day), cases[i].day >= 0);
        assert_int_equal(day, cases[i].day);
    }
    assert_string_equal(date_write(-720000).text, "-002-09-16");
}

/* A file is as long as it was when it was opened. */
static void test_readers_know_the_end(void **state)
{
    (void)state;
    reader *r;
    char bytes[8], *path = path_join(folder, "read");
    assert_int_equal(file_write(path, "abcdef", 6), OK);
    assert_int_equal(reader_open(path, &r), OK);
    assert_int_equal(reader_read(r, 2, 4, bytes), OK);
    assert_memory_equal(bytes, "cdef", 4);
    assert_int_equal(reader_read(r, 6, 0, bytes), OK);
    assert_int_equal(reader_read(r, 3, 4, bytes), FAILED);
    assert_int_equal(reader_read(r, 7, 0, bytes), FAILED);
    assert_non_null(strstr(error_message(), "read: ends after 6 bytes, wanted 0 from byte 7"));
    assert_int_equal(truncate(path, 3), 0);
    assert_int_equal(reader_read(r, 2, 4, bytes), FAILED);
    assert_non_null(strstr(error_message(), "read: has become shorter while it was read"));
    reader_close(r);
    remove(path);
    free(path);
}

static void cache_is(const char *wanted)
{
    char *got = cache_folder();
    assert_non_null(got);
    assert_string_equal(got, wanted);
    assert_true(file_exists(got));
    free(got);
}

static void test_cache_folder_by_environment(void **state)
{
    (void)state;
    char *own = path_join(folder, "own"), *shared = path_join(folder, "shared"), *below = path_join(shared, "furrow");
    char *home = path_join(folder, ".cache/furrow");
    setenv("FURROW_CACHE_DIR", own, 1);
    setenv("XDG_CACHE_HOME", shared, 1);
    setenv("HOME", folder, 1);
    cache_is(own);
    setenv("FURROW_CACHE_DIR", "", 1);
    cache_is(below);
    unsetenv("XDG_CACHE_HOME");
    cache_is(home);
    unsetenv("HOME");
    assert_null(cache_folder());
    assert_string_equal(error_message(), "no cache folder: set FURROW_CACHE_DIR or HOME");
    free(own);
    free(shared);
    free(below);
    free(home);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_errors_nest),
        cmocka_unit_test(test_sizes_overflow),
        cmocka_unit_test(test_hash_separates),
        cmocka_unit_test(test_sha256_is_the_published),
        cmocka_unit_test(test_log_reaches_its_listener),
        cmocka_unit_test(test_progress_reaches_its_listener),
        cmocka_unit_test(test_interrupt_is_remembered),
        cmocka_unit_test(test_files_are_whole),
        cmocka_unit_test(test_failed_writes_leave_nothing),
        cmocka_unit_test(test_commit_renames),
        cmocka_unit_test(test_folders_are_made_with_their_parents),
        cmocka_unit_test(test_folders_are_listed_sorted),
        cmocka_unit_test(test_dates_come_back),
        cmocka_unit_test(test_dates_in_people_s_forms),
        cmocka_unit_test(test_readers_know_the_end),
        cmocka_unit_test(test_cache_folder_by_environment),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
