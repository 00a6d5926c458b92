#include "base/text_file.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"

struct text_file {
    char *path, *temporary;
    FILE *file;
    int error; /* errno of the first write that failed */
};

static int refuse(const char *path, int error)
{
    return fail(FAILED, "%s: cannot be written: %s", path, strerror(error));
}

static void release(text_file *f)
{
    free(f->path);
    free(f->temporary);
    free(f);
}

int text_file_open(const char *path, text_file **out)
{
    int rc = OK;
    text_file *f = memory_new(1, sizeof *f);
    TRY_NEW(f);
    TRY_NEW(f->path = text_copy(path));
    TRY_NEW(f->temporary = file_temporary(path));
    if (!(f->file = fopen(f->temporary, "w"))) {
        rc = refuse(path, errno);
        goto done;
    }
    *out = f;
    f = NULL;
done:
    text_file_abandon(f);
    return rc;
}

static void remember(text_file *f)
{
    if (!f->error) f->error = errno ? errno : EIO;
}

void text_put(text_file *f, const char *text)
{
    const size_t length = strlen(text);
    errno = 0;
    if (fwrite(text, 1, length, f->file) < length) remember(f);
}

void text_put_format(text_file *f, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    errno = 0;
    if (vfprintf(f->file, format, arguments) < 0) remember(f);
    va_end(arguments);
}

static void put_byte(text_file *f, char c)
{
    errno = 0;
    if (putc(c, f->file) == EOF) remember(f);
}

void text_put_csv(text_file *f, const char *prefix, const char *value)
{
    const bool quoted = strpbrk(value, ",\"\r\n") != NULL;
    if (quoted) put_byte(f, '"');
    text_put(f, prefix);
    for (const char *c = value; *c; c++) {
        if (*c == '"') put_byte(f, '"');
        put_byte(f, *c);
    }
    if (quoted) put_byte(f, '"');
}

void text_put_json(text_file *f, const char *value)
{
    put_byte(f, '"');
    for (const char *c = value; *c; c++) {
        if ((unsigned char)*c < 0x20) {
            text_put_format(f, "\\u%04x", (unsigned)(unsigned char)*c);
            continue;
        }
        if (*c == '"' || *c == '\\') put_byte(f, '\\');
        put_byte(f, *c);
    }
    put_byte(f, '"');
}

void text_put_xml(text_file *f, const char *value)
{
    for (const char *c = value; *c; c++) switch (*c) {
        case '&': text_put(f, "&amp;"); break;
        case '<': text_put(f, "&lt;"); break;
        case '>': text_put(f, "&gt;"); break;
        case '"': text_put(f, "&quot;"); break;
        default: put_byte(f, *c);
        }
}

int text_file_finish(text_file *f)
{
    errno = 0;
    if (fclose(f->file)) remember(f);
    f->file = NULL;
    int rc = f->error ? refuse(f->path, f->error) : file_commit(f->temporary, f->path);
    if (f->error) unlink(f->temporary);
    release(f);
    return rc;
}

void text_file_abandon(text_file *f)
{
    if (!f) return;
    if (f->file) {
        fclose(f->file);
        unlink(f->temporary);
    }
    release(f);
}
