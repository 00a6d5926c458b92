/* A file that is read at given places, never whole. One thread at a time. What fails gives FAILED. */
#ifndef FURROW_BASE_READER_H
#define FURROW_BASE_READER_H

#include <stddef.h>
#include <stdint.h>

typedef struct reader reader;

int reader_open(const char *path, reader **out); /* a regular file */
void reader_close(reader *r);                    /* NULL is fine */

const char *reader_path(const reader *r);
uint64_t reader_bytes(const reader *r); /* of the file, as it was when opened */

/* Exactly `length` bytes from byte `place` on; a file that ends before is a failure. */
int reader_read(reader *r, uint64_t place, size_t length, void *out);

#endif
