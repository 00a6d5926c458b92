/* Zip archives as tests want them: built member by member, each field for the taking. */
#ifndef FURROW_TESTS_ZIP_TEST_H
#define FURROW_TESTS_ZIP_TEST_H

#include "tests/format_test.h"

typedef struct zip_part {
    const char *name;
    const void *content;
    size_t size;
    bool deflated, descriptor, wide; /* wide: sizes in zip64 fields */
    unsigned flags, method;          /* added to, and instead of (0: not) what follows from the above */
    uint32_t checksum;               /* instead of the content's own; 0: that */
    const char *local_name;          /* NULL: name */
    uint64_t declared;               /* instead of size; 0: that */
} zip_part;

/* The archive's bytes and their number, to be freed. `wide`: a zip64 end record too. */
unsigned char *zip_build(const zip_part *parts, size_t count, bool wide, size_t *length);

#endif
