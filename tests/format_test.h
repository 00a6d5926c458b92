/* What the tests of file formats share: a scratch folder, files of given bytes, messages that must be there. */
#ifndef FURROW_TESTS_FORMAT_TEST_H
#define FURROW_TESTS_FORMAT_TEST_H

#include <sys/stat.h>

#include "tests/asserts.h"

#define assert_refused(expression, part)                                                                               \
    do {                                                                                                               \
        assert_int_equal(expression, FAILED);                                                                          \
        assert_message(part);                                                                                          \
    } while (0)

/* A pack that lies: truth() sets all of it right, `change` one thing wrong, and tell(), which writes p.h5 so and opens it,
 * gives FAILED and the message, with the file's name. */
#define LIE(change, message)                                                                                           \
    do {                                                                                                               \
        truth();                                                                                                       \
        change;                                                                                                        \
        assert_refused(tell(), message);                                                                               \
        assert_message("p.h5");                                                                                        \
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
