/* What the two files of the zip reader share: the directory (zip.c) and the members' content (zip_stream.c). */
#ifndef FURROW_FORMAT_ZIP_INTERNAL_H
#define FURROW_FORMAT_ZIP_INTERNAL_H

#include "format/zip.h"

typedef struct zip_entry {
    zip_member about; /* first: a member is its entry */
    uint64_t header;  /* where its local header starts */
    uint64_t end;     /* behind its data, and its data descriptor */
    unsigned flags, method;
} zip_entry;

struct zip {
    reader *file;
    zip_entry *entry; /* sorted by name */
    size_t count;
    uint64_t directory; /* where it starts: what lies before is the members' */
    char *names;        /* all of them, each ended by 0 */
};

#endif
