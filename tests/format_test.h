/* What the tests of file formats share: a scratch folder, files of given bytes, messages that must be there. */
#ifndef FURROW_TESTS_FORMAT_TEST_H
#define FURROW_TESTS_FORMAT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#undef fail /* ours (base/error.h) has that name too */

#include "base/error.h"

/* Fails the test with the error's message. */
#define assert_ok(expression)                                                                                          \
    do {                                                                                                               \
        int assert_ok_code = (expression);                                                                             \
        if (assert_ok_code) {                                                                                          \
            print_error("%s: %d: %s\n", #expression, assert_ok_code, error_message());                                 \
            _fail(__FILE__, __LINE__);                                                                                 \
        }                                                                                                              \
    } while (0)

/* The last message must hold this. */
#define assert_message(part)                                                                                           \
    do {                                                                                                               \
        if (!strstr(error_message(), part)) {                                                                          \
            print_error("wanted \"%s\" in \"%s\"\n", part, error_message());                                           \
            _fail(__FILE__, __LINE__);                                                                                 \
        }                                                                                                              \
    } while (0)

#define assert_refused(expression, part)                                                                               \
    do {                                                                                                               \
        assert_int_equal(expression, FAILED);                                                                          \
        assert_message(part);                                                                                          \
    } while (0)

static char scratch[160]; /* a folder for the test alone */

static inline int scratch_make(void **state)
{
    const char *root = getenv("TMPDIR");
    (void)state;
    snprintf(scratch, sizeof scratch, "%s/furrow-test-XXXXXX", root ? root : "/tmp");
    return mkdtemp(scratch) ? 0 : -1;
}

static inline int scratch_remove(void **state)
{
    char command[400];
    (void)state;
    snprintf(command, sizeof command, "rm -rf '%s'", scratch);
    return system(command);
}

/* A path in the scratch folder; good until the eighth call after it. */
static inline const char *in_scratch(const char *name)
{
    static char paths[8][512];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", scratch, name);
    return path;
}

static inline void put_file(const char *path, const void *bytes, size_t length)
{
    remove(path); /* some file systems write to the disk at once what takes an old file's place */
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

static inline void put_text(const char *path, const char *text)
{
    put_file(path, text, strlen(text));
}

/* A file of the shared reference data, or NULL, said, where it is absent. */
static inline const char *in_shared(const char *name)
{
    static char path[512];
    const char *folder = getenv("FURROW_SHARED");
    snprintf(path, sizeof path, "%s/%s", folder ? folder : "../shared", name);
    if (!access(path, R_OK)) return path;
    print_message("%s is not there (FURROW_SHARED): skipped\n", path);
    return NULL;
}

#endif
