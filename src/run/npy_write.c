#include "run/npy_write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"

enum { HEADER = 128, BYTES_MAX = 1 << 30 }; /* the header is padded so that the values start at a multiple of 64 */

/* The magic, the length of the dictionary, and the dictionary padded with spaces to a line's end (numpy's format 1.0).
 */
static void write_header(unsigned char *out, int rows, int columns)
{
    char text[HEADER];
    int used =
        snprintf(text, sizeof text, "{'descr': '<i8', 'fortran_order': False, 'shape': (%d, %d), }", rows, columns);
    memcpy(out, "\x93NUMPY\x01\x00", 8);
    out[8] = HEADER - 10;
    out[9] = 0;
    memset(out + 10, ' ', HEADER - 10);
    memcpy(out + 10, text, (size_t)used);
    out[HEADER - 1] = '\n';
}

int npy_write_int64(const char *path, const int64_t *values, int rows, int columns)
{
    size_t count = (size_t)rows * (size_t)columns;
    unsigned char *bytes = memory_new(HEADER + 8 * count, 1);
    if (!bytes) return FAILED;
    write_header(bytes, rows, columns);
    for (size_t i = 0; i < count; i++)
        for (int k = 0; k < 8; k++) bytes[HEADER + 8 * i + (size_t)k] = (unsigned char)((uint64_t)values[i] >> (8 * k));
    int rc = file_write(path, bytes, HEADER + 8 * count);
    free(bytes);
    return rc;
}

int npy_read_int64(const char *path, int64_t *values, int rows, int columns)
{
    int rc = OK;
    char *bytes = NULL;
    unsigned char wanted[HEADER];
    size_t length, count = (size_t)rows * (size_t)columns;
    TRY(file_read(path, BYTES_MAX, &bytes, &length));
    write_header(wanted, rows, columns);
    if (length != HEADER + 8 * count || memcmp(bytes, wanted, HEADER) != 0) {
        rc = fail(FAILED, "%s is not a table of %d x %d int64 as furrow writes it", path, rows, columns);
        goto done;
    }
    for (size_t i = 0; i < count; i++) {
        uint64_t value = 0;
        for (int k = 7; k >= 0; k--) value = value << 8 | (unsigned char)bytes[HEADER + 8 * i + (size_t)k];
        values[i] = (int64_t)value;
    }
done:
    free(bytes);
    return rc;
}
