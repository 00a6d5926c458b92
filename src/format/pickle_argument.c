/* What follows an operation's code in a pickle: numbers, counted bytes, lines of text. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "format/pickle_internal.h"

int pickle_push_integer(pickle *p, enum pickle_kind kind, int64_t integer)
{
    pickle_value *value = pickle_new(p, kind);
    if (value) value->integer = integer;
    return pickle_push(p, value);
}

static int push_real(pickle *p, double real)
{
    pickle_value *value = pickle_new(p, PICKLE_REAL);
    if (value) value->real = real;
    return pickle_push(p, value);
}

static int push_bytes(pickle *p, enum pickle_kind kind, const char *bytes, size_t length)
{
    pickle_value *value = pickle_new(p, kind);
    if (value) {
        value->bytes = bytes;
        value->length = length;
    }
    return pickle_push(p, value);
}

/* ---- taking ------------------------------------------------------------------------------------------------------- */

static int take(pickle *p, uint64_t count, const char **out)
{
    *out = NULL;
    if (count > p->length - p->at) {
        p->cut = true;
        return pickle_refuse(p, "wants %llu bytes, %zu are left", (unsigned long long)count, p->length - p->at);
    }
    *out = p->bytes + p->at;
    p->at += (size_t)count;
    return OK;
}

int pickle_take_number(pickle *p, size_t size, uint64_t *out) /* little-endian */
{
    const char *bytes = NULL;
    int rc = take(p, size, &bytes);
    *out = 0;
    for (size_t i = 0; !rc && i < size; i++) *out |= (uint64_t)(unsigned char)bytes[i] << 8 * i;
    return rc;
}

int pickle_take_line(pickle *p, const char **line, size_t *length)
{
    const char *end = memchr(p->bytes + p->at, '\n', p->length - p->at);
    if (!end) {
        p->cut = true;
        return pickle_refuse(p, "a line without an end");
    }
    *line = p->bytes + p->at;
    *length = (size_t)(end - *line);
    p->at += *length + 1;
    return OK;
}

static int line_integer(pickle *p, int64_t *out, size_t *length)
{
    const char *line;
    char *end;
    int rc = pickle_take_line(p, &line, length);
    if (rc) return rc;
    errno = 0;
    *out = strtoll(line, &end, 10); /* ends at the newline at the latest: the copy ends in a 0 byte */
    if (end > line && end == line + *length - 1 && *end == 'L') end++;
    if (errno || end != line + *length || !*length)
        return pickle_refuse(p, "\"%.*s\": wanted an integer of 64 bits", (int)(*length < 30 ? *length : 30), line);
    return OK;
}

int pickle_line_index(pickle *p, uint64_t *out)
{
    int64_t value;
    size_t length;
    int rc = line_integer(p, &value, &length);
    *out = value < 0 ? UINT64_MAX : (uint64_t)value;
    return rc;
}

int pickle_integer_line(pickle *p)
{
    int64_t value;
    size_t length;
    int rc = line_integer(p, &value, &length);
    if (rc) return rc;
    bool flag = length == 2 && (value == 0 || value == 1); /* "00" and "01" */
    return pickle_push_integer(p, flag ? PICKLE_BOOL : PICKLE_INT, value);
}

int pickle_real_line(pickle *p)
{
    const char *line;
    char *end;
    size_t length;
    int rc = pickle_take_line(p, &line, &length);
    if (rc) return rc;
    double value = strtod(line, &end);
    if (!length || end != line + length)
        return pickle_refuse(p, "\"%.*s\": wanted a real", (int)(length < 30 ? length : 30), line);
    return push_real(p, value);
}

int pickle_real_binary(pickle *p) /* big-endian */
{
    const char *bytes = NULL;
    uint64_t bits = 0;
    double value;
    int rc = take(p, 8, &bytes);
    if (rc) return rc;
    for (int i = 0; i < 8; i++) bits = bits << 8 | (unsigned char)bytes[i];
    memcpy(&value, &bits, sizeof value);
    return push_real(p, value);
}

int pickle_integer_binary(pickle *p, size_t size, bool is_signed)
{
    uint64_t value;
    int rc = pickle_take_number(p, size, &value);
    if (rc) return rc;
    return pickle_push_integer(p, PICKLE_INT, is_signed && size == 4 ? (int32_t)(uint32_t)value : (int64_t)value);
}

/* Two's complement of any length; more than 8 bytes are refused. */
int pickle_integer_long(pickle *p, size_t size_bytes)
{
    uint64_t size, value = 0;
    const char *bytes = NULL;
    int rc = pickle_take_number(p, size_bytes, &size);
    if (rc) return rc;
    if (size > 8) return pickle_refuse(p, "an integer of %llu bytes, wanted at most 8", (unsigned long long)size);
    if ((rc = take(p, size, &bytes))) return rc;
    if (size && (unsigned char)bytes[size - 1] & 0x80) value = UINT64_MAX;
    for (size_t i = (size_t)size; i-- > 0;) value = value << 8 | (unsigned char)bytes[i];
    return pickle_push_integer(p, PICKLE_INT, (int64_t)value);
}

int pickle_counted_bytes(pickle *p, enum pickle_kind kind, size_t size_bytes)
{
    uint64_t size;
    const char *bytes = NULL;
    int rc = pickle_take_number(p, size_bytes, &size);
    if (!rc) rc = take(p, size, &bytes);
    return rc ? rc : push_bytes(p, kind, bytes, (size_t)size);
}

/* ---- text in lines (protocol 0) ------------------------------------------------------------------------------------ */

static int hexadecimal(const char *text, size_t digits, size_t have, unsigned *out)
{
    *out = 0;
    if (have < digits) return FAILED;
    for (size_t i = 0; i < digits; i++) {
        char c = text[i];
        unsigned digit = c >= '0' && c <= '9'                 ? (unsigned)(c - '0')
                         : (c | 32) >= 'a' && (c | 32) <= 'f' ? (unsigned)((c | 32) - 'a') + 10
                                                              : 16;
        if (digit > 15) return FAILED;
        *out = *out << 4 | digit;
    }
    return OK;
}

static size_t utf8_put(unsigned code, char *out)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    size_t more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    static const unsigned char lead[] = {0, 0xc0, 0xe0, 0xf0};
    out[0] = (char)(lead[more] | code >> 6 * more);
    for (size_t i = 1; i <= more; i++) out[i] = (char)(0x80 | (code >> 6 * (more - i) & 0x3f));
    return more + 1;
}

/* Latin-1 with \uXXXX and \UXXXXXXXX. */
int pickle_unicode_line(pickle *p)
{
    const char *line;
    size_t length, used = 0;
    int rc = pickle_take_line(p, &line, &length);
    if (rc) return rc;
    char *text = pickle_memory(p, 2 * length + 1, 1);
    if (!text) return FAILED;
    for (size_t i = 0; i < length; i++) {
        unsigned code = (unsigned char)line[i];
        size_t digits = code == '\\' && i + 1 < length ? (line[i + 1] == 'u' ? 4 : line[i + 1] == 'U' ? 8 : 0) : 0;
        if (digits) {
            if (hexadecimal(line + i + 2, digits, length - i - 2, &code) || code > 0x10ffff)
                return pickle_refuse(p, "a broken \\u in text");
            i += 1 + digits;
        }
        used += utf8_put(code, text + used);
    }
    return push_bytes(p, PICKLE_TEXT, text, used);
}

/* Python 2's quoted str with \n, \t, \r, \\, \', \" and \xXX. */
int pickle_string_line(pickle *p)
{
    static const char escapes[] = "n\nt\tr\r\\\\''\"\"";
    const char *line;
    size_t length, used = 0;
    int rc = pickle_take_line(p, &line, &length);
    if (rc) return rc;
    if (length < 2 || (line[0] != '\'' && line[0] != '"') || line[length - 1] != line[0])
        return pickle_refuse(p, "a string without its quotes");
    char *text = pickle_memory(p, length, 1);
    if (!text) return FAILED;
    for (size_t i = 1; i + 1 < length; i++) {
        unsigned code = (unsigned char)line[i];
        if (code == '\\') {
            char escape = line[++i];
            const char *found = escape ? strchr(escapes, escape) : NULL;
            if (escape == 'x' && i + 4 <= length && !hexadecimal(line + i + 1, 2, length - i - 2, &code))
                i += 2;
            else if (found && (found - escapes) % 2 == 0 && i + 1 < length)
                code = (unsigned char)found[1];
            else
                return pickle_refuse(p, "a broken escape in a string");
        }
        text[used++] = (char)code;
    }
    return push_bytes(p, PICKLE_BYTES, text, used);
}
