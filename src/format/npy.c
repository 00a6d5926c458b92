#include "format/npy.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"

enum { HEADER_MAX = 10000, PREFIX = 12 };

static const char magic[6] = "\x93NUMPY";

/* ---- the header's text: a Python dictionary ------------------------------------------------------------------------ */

typedef struct cursor {
    const char *text;  /* of the header */
    size_t length, at; /* in the text */
    size_t base;       /* byte of the file at which the text starts */
    const char *where;
} cursor;

static int wanted(const cursor *c, const char *what)
{
    char found[24] = "its end";
    if (c->at < c->length) snprintf(found, sizeof found, "\"%.10s\"", c->text + c->at);
    for (char *f = found; *f; f++)
        if (!isprint((unsigned char)*f)) *f = '?';
    return fail(FAILED, "%s: byte %zu of the .npy header: wanted %s, found %s", c->where, c->base + c->at, what, found);
}

static void skip_space(cursor *c)
{
    while (c->at < c->length && isspace((unsigned char)c->text[c->at])) c->at++;
}

static bool accept(cursor *c, const char *token)
{
    size_t length = strlen(token);
    skip_space(c);
    if (c->length - c->at < length || memcmp(c->text + c->at, token, length) != 0) return false;
    c->at += length;
    return true;
}

/* A quoted word without escapes, into `out`. */
static int quoted(cursor *c, const char *what, char *out, size_t size)
{
    size_t used = 0;
    skip_space(c);
    char quote = c->at < c->length ? c->text[c->at] : 0;
    if (quote != '\'' && quote != '"') return wanted(c, what);
    size_t i = c->at + 1;
    for (; i < c->length && c->text[i] != quote && used + 1 < size; i++) out[used++] = c->text[i];
    if (i >= c->length || c->text[i] != quote) return wanted(c, what);
    out[used] = 0;
    c->at = i + 1;
    return OK;
}

static int dimension(cursor *c, size_t *out)
{
    size_t value = 0;
    skip_space(c);
    if (c->at >= c->length || !isdigit((unsigned char)c->text[c->at])) return wanted(c, "a dimension");
    for (; c->at < c->length && isdigit((unsigned char)c->text[c->at]); c->at++) {
        size_t digit = (size_t)(c->text[c->at] - '0');
        if (!size_multiply(value, 10, &value) || !size_add(value, digit, &value))
            return wanted(c, "a dimension that fits the memory");
    }
    if (c->at < c->length && c->text[c->at] == 'L') c->at++; /* Python 2 wrote long integers so */
    *out = value;
    return OK;
}

static int shape_parse(cursor *c, npy_header *out)
{
    int rc;
    if (!accept(c, "(")) return wanted(c, "( of the shape");
    out->rank = 0;
    while (!accept(c, ")")) {
        if (out->rank == NPY_RANK_MAX) return wanted(c, "at most 8 dimensions");
        if ((rc = dimension(c, &out->shape[out->rank++]))) return rc;
        if (accept(c, ",")) continue;
        if (out->rank == 1 || !accept(c, ")")) return wanted(c, "a comma or ) in the shape"); /* (5) is no tuple */
        break;
    }
    return OK;
}

static const struct {
    const char *code;
    enum number_type type;
} codes[] = {
    {"b1", NUMBER_U8},  {"u1", NUMBER_U8},  {"i1", NUMBER_I8},  {"u2", NUMBER_U16},
    {"i2", NUMBER_I16}, {"u4", NUMBER_U32}, {"i4", NUMBER_I32}, {"u8", NUMBER_U64},
    {"i8", NUMBER_I64}, {"f2", NUMBER_F16}, {"f4", NUMBER_F32}, {"f8", NUMBER_F64},
};

static int type_parse(cursor *c, npy_header *out)
{
    char word[16];
    size_t at;
    int rc;
    skip_space(c);
    at = c->at;
    if ((rc = quoted(c, "an element type such as '<f4'", word, sizeof word))) return rc;
    bool ordered = strchr("<>|=", word[0]) && word[0];
    for (size_t i = 0; ordered && i < sizeof codes / sizeof *codes; i++) {
        if (strcmp(word + 1, codes[i].code) != 0) continue;
        out->type = codes[i].type;
        out->swapped = number_size(out->type) > 1 && (word[0] == '<' || word[0] == '>') &&
                       (word[0] == '>') != machine_is_big_endian();
        return OK;
    }
    c->at = at;
    return wanted(c, "a bool, integer or real type of 1 to 8 bytes");
}

static int entry_parse(cursor *c, unsigned *seen, npy_header *out)
{
    char key[16];
    int rc;
    if ((rc = quoted(c, "a key: descr, fortran_order or shape", key, sizeof key))) return rc;
    unsigned bit = !strcmp(key, "descr") ? 1 : !strcmp(key, "fortran_order") ? 2 : !strcmp(key, "shape") ? 4 : 0;
    if (!bit || *seen & bit) return wanted(c, "descr, fortran_order and shape, each once, before here");
    *seen |= bit;
    if (!accept(c, ":")) return wanted(c, "a colon");
    if (bit == 1) return type_parse(c, out);
    if (bit == 4) return shape_parse(c, out);
    out->fortran = accept(c, "True");
    return out->fortran || accept(c, "False") ? OK : wanted(c, "True or False");
}

static int dictionary_parse(cursor *c, npy_header *out)
{
    unsigned seen = 0;
    int rc;
    if (!accept(c, "{")) return wanted(c, "{");
    while (!accept(c, "}")) {
        if ((rc = entry_parse(c, &seen, out))) return rc;
        if (accept(c, ",")) continue;
        if (!accept(c, "}")) return wanted(c, "a comma or }");
        break;
    }
    skip_space(c);
    if (c->at != c->length) return wanted(c, "nothing after the dictionary");
    if (seen != 7) return wanted(c, "descr, fortran_order and shape");
    return OK;
}

/* ---- the file ------------------------------------------------------------------------------------------------------ */

static int payload_check(const char *where, uint64_t length, npy_header *out)
{
    size_t bytes, all = 1; /* as if no dimension were empty: whatever is made of some of them fits too */
    out->count = 1;
    for (int i = 0; i < out->rank; i++) {
        if (!size_multiply(all, out->shape[i] ? out->shape[i] : 1, &all) || all > SIZE_MAX / 16)
            return fail(FAILED, "%s: the .npy shape is too large", where);
        out->count *= out->shape[i];
    }
    if (!size_multiply(out->count, number_size(out->type), &bytes) || length - out->start != bytes)
        return fail(FAILED, "%s: %llu bytes of elements from byte %zu on, wanted %zu x %zu of %s (%s)", where,
                    (unsigned long long)(length - out->start), out->start, out->count, number_size(out->type),
                    number_name(out->type), length - out->start < bytes ? "the file is cut off" : "there is too much");
    return OK;
}

int npy_parse(const void *bytes, size_t have, uint64_t length, const char *where, npy_header *out)
{
    const unsigned char *b = bytes;
    size_t size, prefix;
    int rc;
    memset(out, 0, sizeof *out);
    if (have < 10 || memcmp(b, magic, sizeof magic) != 0)
        return fail(FAILED, "%s: byte 0: wanted \\x93NUMPY and a version: not a .npy file, or cut off", where);
    if (b[6] < 1 || b[6] > 3 || b[7] != 0)
        return fail(FAILED, "%s: byte 6: .npy version %d.%d, wanted 1.0, 2.0 or 3.0", where, b[6], b[7]);
    prefix = b[6] == 1 ? 10 : 12;
    if (have < prefix) return fail(FAILED, "%s: byte %zu: the .npy header is cut off", where, have);
    size = (size_t)b[8] | (size_t)b[9] << 8;
    if (b[6] > 1) size |= (size_t)b[10] << 16 | (size_t)b[11] << 24;
    if (size > HEADER_MAX)
        return fail(FAILED, "%s: byte 8: a .npy header of %zu bytes, wanted at most %d", where, size, HEADER_MAX);
    if (have - prefix < size || length < prefix + size)
        return fail(FAILED, "%s: byte 8: a .npy header of %zu bytes, but the file ends after %llu", where, size,
                    (unsigned long long)length);
    cursor c = {(const char *)b + prefix, size, 0, prefix, where};
    if ((rc = dictionary_parse(&c, out))) return rc;
    out->start = prefix + size;
    return payload_check(where, length, out);
}

static int read_at_most(int descriptor, const char *path, void *out, size_t size, size_t *got)
{
    *got = 0;
    while (*got < size) {
        ssize_t more = read(descriptor, (char *)out + *got, size - *got);
        if (more < 0 && errno == EINTR) continue;
        if (more < 0) return fail(FAILED, "%s: cannot be read: %s", path, strerror(errno));
        if (!more) break;
        *got += (size_t)more;
    }
    return OK;
}

/* Leaves the descriptor open, behind the header. */
static int open_and_parse(const char *path, int *descriptor, npy_header *out)
{
    char bytes[HEADER_MAX + PREFIX];
    struct stat about;
    size_t got;
    int rc = OK;
    *descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (*descriptor < 0 || fstat(*descriptor, &about))
        return fail(FAILED, "%s: cannot be opened: %s", path, strerror(errno));
    if (!S_ISREG(about.st_mode)) return fail(FAILED, "%s: is not a file", path);
    TRY(read_at_most(*descriptor, path, bytes, sizeof bytes, &got));
    TRY(npy_parse(bytes, got, (uint64_t)about.st_size, path, out));
    if (lseek(*descriptor, (off_t)out->start, SEEK_SET) < 0)
        rc = fail(FAILED, "%s: cannot be read: %s", path, strerror(errno));
done:
    return rc;
}

int npy_read_header(const char *path, npy_header *out)
{
    int descriptor, rc = open_and_parse(path, &descriptor, out);
    if (descriptor >= 0) close(descriptor);
    return rc;
}

/* ---- order --------------------------------------------------------------------------------------------------------- */

/* The Fortran-ordered array at `from` into C order: counts through the indices, the last one fastest. */
static void to_c_order(const npy_header *h, const char *from, char *to)
{
    size_t size = number_size(h->type), index[NPY_RANK_MAX] = {0}, stride[NPY_RANK_MAX], offset = 0;
    for (int d = 0; d < h->rank; d++) stride[d] = d ? stride[d - 1] * h->shape[d - 1] : 1;
    for (size_t i = 0; i < h->count; i++) {
        memcpy(to + i * size, from + offset * size, size);
        for (int d = h->rank - 1; d >= 0; d--) {
            offset += stride[d];
            if (++index[d] < h->shape[d]) break;
            offset -= stride[d] * h->shape[d];
            index[d] = 0;
        }
    }
}

static int reorder(const npy_header *h, void **values)
{
    char *ordered;
    if (!h->fortran || h->rank < 2 || !h->count) return OK;
    ordered = memory_new(h->count, number_size(h->type));
    if (!ordered) return FAILED;
    to_c_order(h, *values, ordered);
    free(*values);
    *values = ordered;
    return OK;
}

int npy_read(const char *path, size_t limit, npy_header *out, void **values)
{
    void *memory = NULL;
    size_t bytes, got;
    int descriptor, rc;
    TRY(open_and_parse(path, &descriptor, out));
    bytes = out->count * number_size(out->type);
    if (bytes > limit) {
        rc = fail(FAILED, "%s: %zu bytes of elements, wanted at most %zu", path, bytes, limit);
        goto done;
    }
    TRY_NEW(memory = memory_new(bytes, 1));
    TRY(read_at_most(descriptor, path, memory, bytes, &got));
    if (got < bytes) {
        rc = fail(FAILED, "%s: ends at byte %zu, wanted %zu", path, out->start + got, out->start + bytes);
        goto done;
    }
    if (out->swapped) number_swap(out->type, memory, out->count);
    TRY(reorder(out, &memory));
    *values = memory;
    memory = NULL;
done:
    free(memory);
    if (descriptor >= 0) close(descriptor);
    return rc;
}

/* ---- writing ------------------------------------------------------------------------------------------------------- */

enum { TEXT_MAX = 512 }; /* 8 dimensions need 250 */

static size_t header_write(enum number_type type, int rank, const size_t *shape, char text[TEXT_MAX])
{
    bool real = !number_is_integer(type);
    size_t size = number_size(type), used;
    char order = size == 1 ? '|' : machine_is_big_endian() ? '>' : '<';
    used = (size_t)snprintf(text, TEXT_MAX, "{'descr': '%c%c%zu', 'fortran_order': False, 'shape': (", order,
                            real ? 'f' : number_name(type)[0], size);
    for (int i = 0; i < rank; i++)
        used += (size_t)snprintf(text + used, TEXT_MAX - used, i ? " %zu," : "%zu,", shape[i]);
    used += (size_t)snprintf(text + used, TEXT_MAX - used, "), }");
    while ((10 + used + 1) % 64) text[used++] = ' '; /* the elements start at a multiple of 64 */
    text[used++] = '\n';
    return used;
}

int npy_write(const char *path, enum number_type type, int rank, const size_t *shape, const void *values)
{
    char text[TEXT_MAX];
    size_t count = 1, length = header_write(type, rank, shape, text);
    const unsigned char lengths[4] = {1, 0, (unsigned char)(length & 255), (unsigned char)(length >> 8)};
    for (int i = 0; i < rank; i++) count *= shape[i];
    FILE *file = fopen(path, "wb");
    if (!file) return fail(FAILED, "%s: cannot be made: %s", path, strerror(errno));
    bool put = fwrite(magic, sizeof magic, 1, file) == 1 && fwrite(lengths, sizeof lengths, 1, file) == 1 &&
               fwrite(text, length, 1, file) == 1 && fwrite(values, number_size(type), count, file) == count;
    if (fclose(file) == 0 && put) return OK;
    int rc = fail(FAILED, "%s: cannot be written: %s", path, strerror(errno));
    unlink(path);
    return rc;
}

int npy_save(const char *path, enum number_type type, int rank, const size_t *shape, const void *values)
{
    int rc = OK;
    char *temporary = file_temporary(path);
    TRY_NEW(temporary);
    TRY(npy_write(temporary, type, rank, shape, values));
    TRY(file_commit(temporary, path));
done:
    free(temporary);
    return rc;
}
