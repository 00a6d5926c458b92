/* Kernel text: embedded in the program, or from the folder FURROW_CL_DIR while developing. #include "x.clh" is put in
 * here, each file once, so that a driver sees one string and a cache key covers all of it. */
#include "rt/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/memory.h"
#include "rt/kernel_text.h"

enum {
    INCLUDES_MAX = 32,
    TEXT_LIMIT = 4 << 20, /* bytes of one kernel file */
};

typedef struct source {
    const device *device;
    char *text;
    size_t length, capacity;
    char *included[INCLUDES_MAX]; /* names of the files that are in already */
    int includes;
} source;

static int append(source *s, const char *text, size_t length)
{
    void *grown = s->text;
    int rc = memory_grow(&grown, &s->capacity, s->length + length + 1, 1);
    s->text = grown;
    if (rc) return rc;
    memcpy(s->text + s->length, text, length);
    s->length += length;
    s->text[s->length] = 0;
    return OK;
}

/* The file's text; *owned is to be freed, and NULL for embedded text. */
static int read_text(const device *d, const char *file, const char **text, char **owned)
{
    *owned = NULL;
    if (!d->text_folder) {
        *text = kernel_text(file);
        return *text ? OK : fail(FAILED, "there is no kernel file cl/%s", file);
    }
    size_t length;
    char *path = path_join(d->text_folder, file);
    if (!path) return FAILED;
    int rc = file_read(path, TEXT_LIMIT, owned, &length);
    free(path);
    *text = *owned;
    return rc;
}

/* `#include "name"` at the start of a line: true and the name. */
static bool is_include(const char *line, char name[128])
{
    static const char blanks[] = " \t";
    line += strspn(line, blanks);
    if (*line++ != '#') return false;
    line += strspn(line, blanks);
    if (strncmp(line, "include", 7)) return false;
    line += 7;
    line += strspn(line, blanks);
    if (*line++ != '"') return false;
    size_t length = strcspn(line, "\"\n");
    if (line[length] != '"' || length >= 128) return false;
    memcpy(name, line, length);
    name[length] = 0;
    return true;
}

static int put_file(source *s, const char *file);

static int put_include(source *s, const char *name, const char *file, int next_line)
{
    char mark[192];
    int rc = OK;
    for (int i = 0; i < s->includes; i++)
        if (!strcmp(s->included[i], name)) return append(s, "\n", 1);
    if ((rc = put_file(s, name))) return fail_within(rc, "cl/%s, line %d", file, next_line - 1);
    int length = snprintf(mark, sizeof mark, "#line %d \"%s\"\n", next_line, file);
    return append(s, mark, (size_t)length);
}

static int put_lines(source *s, const char *text, const char *file)
{
    int rc = OK, number = 1;
    for (const char *line = text; *line; number++) {
        char name[128];
        size_t length = strcspn(line, "\n");
        if (is_include(line, name))
            TRY(put_include(s, name, file, number + 1));
        else {
            TRY(append(s, line, length));
            TRY(append(s, "\n", 1));
        }
        line += length + (line[length] == '\n');
    }
done:
    return rc;
}

static int put_file(source *s, const char *file)
{
    int rc = OK;
    char mark[192], *owned = NULL;
    const char *text = NULL;
    if (s->includes == INCLUDES_MAX) return fail(FAILED, "cl/%s: more than %d files included", file, INCLUDES_MAX);
    TRY_NEW(s->included[s->includes] = text_copy(file));
    s->includes++;
    TRY(read_text(s->device, file, &text, &owned));
    int length = snprintf(mark, sizeof mark, "#line 1 \"%.127s\"\n", file);
    TRY(append(s, mark, (size_t)length));
    TRY(put_lines(s, text, file));
done:
    free(owned);
    return rc;
}

int source_load(const device *d, const char *name, char **out)
{
    source s = {.device = d};
    char file[128];
    *out = NULL;
    if (snprintf(file, sizeof file, "%s.cl", name) >= (int)sizeof file)
        return fail(FAILED, "the name of the kernel file \"%.40s...\" is too long", name);
    int rc = put_file(&s, file);
    for (int i = 0; i < s.includes; i++) free(s.included[i]);
    if (rc)
        free(s.text);
    else
        *out = s.text;
    return rc;
}

/* ---- all of it -------------------------------------------------------------------------------------------------- */

static int hash_file(const device *d, const char *file, uint64_t *hash)
{
    const char *text = NULL;
    char *owned = NULL;
    int rc = read_text(d, file, &text, &owned);
    if (!rc) *hash = hash_text(hash_text(*hash, file), text);
    free(owned);
    return rc;
}

static int hash_folder(const device *d, const char *ending, uint64_t *hash)
{
    char **names = NULL;
    size_t count = 0;
    int rc = folder_list(d->text_folder, ending, &names, &count);
    if (rc) return fail_within(rc, "FURROW_CL_DIR");
    for (size_t i = 0; i < count && !rc; i++) rc = hash_file(d, names[i], hash);
    folder_free(names, count);
    return rc;
}

int source_hash_all(const device *d, uint64_t *hash)
{
    int rc = OK;
    if (d->text_folder) {
        TRY(hash_folder(d, ".cl", hash));
        TRY(hash_folder(d, ".clh", hash));
    } else
        for (int i = 0; kernel_text_name(i); i++) TRY(hash_file(d, kernel_text_name(i), hash));
done:
    return rc;
}
