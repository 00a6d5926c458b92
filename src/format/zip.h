/* Zip archives, as PyTorch writes them: members that are stored or deflated, zip64 included.
 * Source: PKWARE's APPNOTE.TXT, sections 4.3 and 4.5.3.
 *
 * Nothing is believed. The archive must end with its end record, without a comment; the directory must fill the space
 * before that exactly. Refused with file, member and byte: encrypted members, other methods, names that stand twice,
 * members that overlap or reach into the directory, local headers and data descriptors that disagree with the
 * directory, a checksum (CRC-32) that does not hold, and what inflates to more than 200 times its size (1 MiB is always
 * allowed) or to more than 64 GiB in all. What fails gives FAILED. */
#ifndef FURROW_FORMAT_ZIP_H
#define FURROW_FORMAT_ZIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/reader.h"

typedef struct zip zip;

typedef struct zip_member {
    const char *name;
    uint64_t size;   /* bytes of its content */
    uint64_t packed; /* bytes that it takes in the file */
    bool deflated;
    uint32_t checksum;
    uint64_t place; /* byte of the file at which its packed bytes start */
} zip_member;

/* `r` is borrowed: it must outlive the archive. */
int zip_open(reader *r, zip **out);
void zip_close(zip *z); /* NULL is fine */

size_t zip_count(const zip *z);
const zip_member *zip_at(const zip *z, size_t i);           /* sorted by name (bytes) */
const zip_member *zip_find(const zip *z, const char *name); /* NULL: none */

/* The content bit by bit, in constant memory; the last bytes come only if the checksum holds. */
typedef struct zip_stream zip_stream;
int zip_stream_open(zip *z, const zip_member *m, zip_stream **out);
int zip_stream_read(zip_stream *s, size_t length, void *out); /* exactly; more than there is is a failure */
void zip_stream_close(zip_stream *s);                         /* NULL is fine */

int zip_read(zip *z, const zip_member *m, void *out); /* m->size bytes */
int zip_check(zip *z, const zip_member *m);           /* reads all of it, for its checksum */

#endif
