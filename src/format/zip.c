/* Zip archives: the end record, the directory, and whether the local headers say the same. */
#include "format/zip.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "format/zip_internal.h"

enum {
    END_BYTES = 22,
    END_64_BYTES = 56,
    LOCATOR_BYTES = 20,
    ENTRY_BYTES = 46,
    LOCAL_BYTES = 30,
    DESCRIPTOR_BYTES = 24,
    NAME_MAX_BYTES = 4096,
    MEMBERS_MAX = 1 << 20,
    DIRECTORY_MAX = 1 << 28,
    ALWAYS_ALLOWED = 1 << 20,
    RATIO_MAX = 200,
};
static const uint64_t total_max = UINT64_C(1) << 36;

enum { FLAG_ENCRYPTED = 1, FLAG_DESCRIPTOR = 8, FLAG_STRONG = 0x40, FLAG_MASKED = 0x2000 };
enum { METHOD_STORED = 0, METHOD_DEFLATED = 8 };

static uint64_t number(const unsigned char *bytes, int count) /* little-endian */
{
    uint64_t value = 0;
    while (count-- > 0) value = value << 8 | bytes[count];
    return value;
}

static unsigned short_at(const unsigned char *bytes, size_t at)
{
    return (unsigned)number(bytes + at, 2);
}

static uint64_t long_at(const unsigned char *bytes, size_t at)
{
    return number(bytes + at, 4);
}

static bool starts_with(const unsigned char *bytes, const char *signature)
{
    return !memcmp(bytes, signature, 4);
}

static const char *path_of(const zip *z)
{
    return reader_path(z->file);
}

/* "FILE: NAME: what" */
static int refuse(const zip *z, const zip_entry *e, const char *what)
{
    return fail(FAILED, "%s: zip member %.200s: %s", path_of(z), e->about.name, what);
}

/* ---- the end ------------------------------------------------------------------------------------------------------- */

typedef struct ending {
    uint64_t members, directory, bytes; /* where the directory starts, and its size */
    uint64_t after;                     /* where it must end */
} ending;

/* Disks: there is one. */
static int end_64_read(const zip *z, uint64_t locator_place, ending *out)
{
    unsigned char locator[LOCATOR_BYTES], end[END_64_BYTES];
    int rc = reader_read(z->file, locator_place, sizeof locator, locator);
    if (rc) return rc;
    const uint64_t place = number(locator + 8, 8);
    if (long_at(locator, 4) || long_at(locator, 16) != 1)
        return fail(FAILED, "%s: a zip archive on several disks, wanted one file", path_of(z));
    if (place > locator_place || locator_place - place < END_64_BYTES)
        return fail(FAILED, "%s: byte %llu: the zip64 end record would lie at byte %llu, wanted just before",
                    path_of(z), (unsigned long long)locator_place, (unsigned long long)place);
    if ((rc = reader_read(z->file, place, sizeof end, end))) return rc;
    if (!starts_with(end, "PK\6\6") || number(end + 4, 8) != locator_place - place - 12)
        return fail(FAILED, "%s: byte %llu: wanted a zip64 end record that ends at byte %llu", path_of(z),
                    (unsigned long long)place, (unsigned long long)locator_place);
    *out = (ending){number(end + 32, 8), number(end + 48, 8), number(end + 40, 8), place};
    if (long_at(end, 16) || long_at(end, 20) || number(end + 24, 8) != out->members)
        return fail(FAILED, "%s: a zip archive on several disks, wanted one file", path_of(z));
    return OK;
}

/* Without zip64 a field says what it says; with it, it may say "too large for here". */
static bool same_number(uint64_t here, uint64_t limit, uint64_t there)
{
    return here == there || here == limit;
}

static int end_read(const zip *z, ending *out)
{
    unsigned char end[END_BYTES], signature[4];
    const uint64_t bytes = reader_bytes(z->file);
    int rc = OK;
    if (bytes < END_BYTES) return fail(FAILED, "%s: is too short for a zip archive: cut off", path_of(z));
    const uint64_t place = bytes - END_BYTES;
    if ((rc = reader_read(z->file, place, sizeof end, end))) return rc;
    if (!starts_with(end, "PK\5\6") || short_at(end, 20))
        return fail(FAILED,
                    "%s: byte %llu: wanted the end record of a zip archive, without a comment: cut off, or bytes "
                    "follow the archive",
                    path_of(z), (unsigned long long)place);
    if (short_at(end, 4) || short_at(end, 6) || short_at(end, 8) != short_at(end, 10))
        return fail(FAILED, "%s: a zip archive on several disks, wanted one file", path_of(z));
    const ending small = {short_at(end, 10), long_at(end, 16), long_at(end, 12), place};
    *out = small;
    if (place < LOCATOR_BYTES + END_64_BYTES) return OK;
    if ((rc = reader_read(z->file, place - LOCATOR_BYTES, sizeof signature, signature))) return rc;
    if (!starts_with(signature, "PK\6\7")) return OK;
    if ((rc = end_64_read(z, place - LOCATOR_BYTES, out))) return rc;
    if (!same_number(small.members, 0xffff, out->members) || !same_number(small.bytes, 0xffffffff, out->bytes) ||
        !same_number(small.directory, 0xffffffff, out->directory))
        return fail(FAILED, "%s: the two end records of the zip archive disagree", path_of(z));
    return OK;
}

/* ---- the directory ------------------------------------------------------------------------------------------------- */

/* The zip64 extra field has, in this order, those of the fields that are 0xffffffff where they usually stand. */
static int wide_fields(const zip *z, const zip_entry *e, const unsigned char *extra, size_t length,
                       uint64_t *const *fields, int count)
{
    const unsigned char *wide = NULL;
    size_t left = 0;
    for (size_t at = 0; at + 4 <= length;) {
        const size_t size = short_at(extra, at + 2);
        if (size > length - at - 4) return refuse(z, e, "an extra field reaches beyond its place");
        if (short_at(extra, at) == 1 && wide) return refuse(z, e, "two zip64 fields");
        if (short_at(extra, at) == 1) {
            wide = extra + at + 4;
            left = size;
        }
        at += 4 + size;
    }
    for (int i = 0; i < count; i++) {
        if (*fields[i] != 0xffffffff) continue;
        if (left < 8) return refuse(z, e, "a size or place is missing from its zip64 field");
        *fields[i] = number(wide, 8);
        wide += 8;
        left -= 8;
    }
    return OK;
}

static int check_method(const zip *z, const zip_entry *e)
{
    if (e->flags & (FLAG_ENCRYPTED | FLAG_STRONG | FLAG_MASKED)) return refuse(z, e, "is encrypted, which is refused");
    if (e->method != METHOD_STORED && e->method != METHOD_DEFLATED)
        return fail(FAILED, "%s: zip member %.200s: is packed by method %u, wanted stored (0) or deflated (8)",
                    path_of(z), e->about.name, e->method);
    if (e->method == METHOD_STORED && e->about.size != e->about.packed)
        return refuse(z, e, "is stored, but its two sizes differ");
    if (e->about.size > ALWAYS_ALLOWED && e->about.size / RATIO_MAX > e->about.packed)
        return fail(FAILED, "%s: zip member %.200s: would inflate from %llu to %llu bytes, wanted at most %d times",
                    path_of(z), e->about.name, (unsigned long long)e->about.packed, (unsigned long long)e->about.size,
                    RATIO_MAX);
    return OK;
}

/* One entry at bytes[*at]; its name goes to *names. */
static int entry_read(zip *z, const unsigned char *bytes, size_t length, size_t *at, char **names, zip_entry *e)
{
    const unsigned char *b = bytes + *at;
    const unsigned long long place = z->directory + *at;
    if (length - *at < ENTRY_BYTES || !starts_with(b, "PK\1\2"))
        return fail(FAILED, "%s: byte %llu: wanted an entry of the zip directory", path_of(z), place);
    const size_t name = short_at(b, 28), extra = short_at(b, 30), comment = short_at(b, 32);
    if (name + extra + comment > length - *at - ENTRY_BYTES)
        return fail(FAILED, "%s: byte %llu: an entry reaches beyond the zip directory", path_of(z), place);
    if (!name || name > NAME_MAX_BYTES || memchr(b + ENTRY_BYTES, 0, name))
        return fail(FAILED, "%s: byte %llu: a zip member's name of %zu bytes, wanted 1 to %d without zeros", path_of(z),
                    place, name, NAME_MAX_BYTES);
    memcpy(*names, b + ENTRY_BYTES, name);
    *e = (zip_entry){.flags = short_at(b, 8), .method = short_at(b, 10), .header = long_at(b, 42)};
    e->about = (zip_member){.name = *names,
                            .size = long_at(b, 24),
                            .packed = long_at(b, 20),
                            .deflated = e->method == METHOD_DEFLATED,
                            .checksum = (uint32_t)long_at(b, 16)};
    *names += name + 1;
    *at += ENTRY_BYTES + name + extra + comment;
    if (short_at(b, 34)) return refuse(z, e, "lies on another disk");
    uint64_t *const fields[] = {&e->about.size, &e->about.packed, &e->header};
    int rc = wide_fields(z, e, b + ENTRY_BYTES + name, extra, fields, 3);
    return rc ? rc : check_method(z, e);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const zip_entry *)a)->about.name, ((const zip_entry *)b)->about.name);
}

static int by_place(const void *a, const void *b)
{
    const uint64_t x = (*(const zip_entry *const *)a)->header, y = (*(const zip_entry *const *)b)->header;
    return (x > y) - (x < y);
}

static int directory_read(zip *z, const ending *end)
{
    int rc = OK;
    unsigned char *bytes = NULL;
    uint64_t total = 0;
    size_t at = 0;
    if (end->directory > end->after || end->bytes != end->after - end->directory) {
        rc =
            fail(FAILED, "%s: the zip directory has %llu bytes from byte %llu, wanted the end at byte %llu", path_of(z),
                 (unsigned long long)end->bytes, (unsigned long long)end->directory, (unsigned long long)end->after);
        goto done;
    }
    if (end->members > MEMBERS_MAX || end->bytes > DIRECTORY_MAX || end->members > end->bytes / ENTRY_BYTES) {
        rc = fail(FAILED, "%s: a zip directory of %llu members in %llu bytes, wanted at most %d in %d", path_of(z),
                  (unsigned long long)end->members, (unsigned long long)end->bytes, MEMBERS_MAX, DIRECTORY_MAX);
        goto done;
    }
    z->directory = end->directory;
    TRY_NEW(bytes = memory_new((size_t)end->bytes, 1));
    TRY(reader_read(z->file, end->directory, (size_t)end->bytes, bytes));
    TRY_NEW(z->entry = memory_new((size_t)end->members, sizeof *z->entry));
    TRY_NEW(z->names = memory_new((size_t)end->bytes, 1)); /* names are shorter than their entries */
    char *names = z->names;
    for (; z->count < end->members; z->count++) {
        zip_entry *e = &z->entry[z->count];
        TRY(entry_read(z, bytes, (size_t)end->bytes, &at, &names, e));
        if (e->about.size > total_max - total) {
            rc = refuse(z, e, "makes more than 64 GiB in all");
            goto done;
        }
        total += e->about.size;
    }
    if (at != end->bytes)
        rc = fail(FAILED, "%s: byte %llu: %llu bytes follow the zip directory's last entry", path_of(z),
                  (unsigned long long)(end->directory + at), (unsigned long long)(end->bytes - at));
done:
    free(bytes);
    return rc;
}

/* ---- local headers ------------------------------------------------------------------------------------------------- */

/* The descriptor's sizes have 4 or 8 bytes. */
static int descriptor_check(zip *z, zip_entry *e)
{
    unsigned char b[DESCRIPTOR_BYTES] = {0};
    const uint64_t left = z->directory - e->end;
    const size_t have = left < sizeof b ? (size_t)left : sizeof b;
    int rc = reader_read(z->file, e->end, have, b);
    if (rc) return rc;
    const zip_member *m = &e->about;
    const bool signed_here = have >= 16 && starts_with(b, "PK\7\x08") && long_at(b, 4) == m->checksum;
    if (signed_here && have == 24 && number(b + 8, 8) == m->packed && number(b + 16, 8) == m->size)
        e->end += 24;
    else if (signed_here && long_at(b, 8) == m->packed && long_at(b, 12) == m->size)
        e->end += 16;
    else
        return refuse(z, e, "its data descriptor is missing or disagrees with the directory");
    return OK;
}

/* The local header b, with name and extra fields behind it, says what the directory says. What a descriptor says behind
 * the data may be 0 here. */
static int header_check(const zip *z, const zip_entry *e, const unsigned char *b)
{
    const zip_member *m = &e->about;
    const bool later = e->flags & FLAG_DESCRIPTOR;
    const size_t length = short_at(b, 26), extra = short_at(b, 28);
    uint64_t checksum = long_at(b, 14), packed = long_at(b, 18), size = long_at(b, 22);
    uint64_t *const wide[] = {&size, &packed};
    int rc = wide_fields(z, e, b + LOCAL_BYTES + length, extra, wide, 2);
    if (rc) return rc;
    bool agrees = length == strlen(m->name) && !memcmp(b + LOCAL_BYTES, m->name, length) &&
                  short_at(b, 6) == e->flags && short_at(b, 8) == e->method;
    agrees = agrees && (checksum == m->checksum || (later && !checksum)) &&
             (packed == m->packed || (later && !packed)) && (size == m->size || (later && !size));
    return agrees ? OK : refuse(z, e, "its local header disagrees with the directory");
}

static int local_check(zip *z, zip_entry *e)
{
    int rc = OK;
    unsigned char b[LOCAL_BYTES], *whole = NULL;
    zip_member *m = &e->about;
    if (e->header > z->directory || z->directory - e->header < LOCAL_BYTES)
        return refuse(z, e, "lies outside of the archive");
    TRY(reader_read(z->file, e->header, sizeof b, b));
    const size_t head = LOCAL_BYTES + short_at(b, 26) + short_at(b, 28);
    if (!starts_with(b, "PK\3\4") || z->directory - e->header < head) {
        rc = refuse(z, e, "has no local header where the directory says");
        goto done;
    }
    TRY_NEW(whole = memory_new(head, 1));
    TRY(reader_read(z->file, e->header, head, whole));
    TRY(header_check(z, e, whole));
    m->place = e->header + head;
    if (m->packed > z->directory - m->place) {
        rc = refuse(z, e, "reaches into the directory: cut off");
        goto done;
    }
    e->end = m->place + m->packed;
    if (e->flags & FLAG_DESCRIPTOR) TRY(descriptor_check(z, e));
done:
    free(whole);
    return rc;
}

static int overlaps_check(const zip *z)
{
    int rc = OK;
    zip_entry **sorted = memory_new(z->count, sizeof *sorted);
    if (!sorted) return FAILED;
    for (size_t i = 0; i < z->count; i++) sorted[i] = &z->entry[i];
    if (z->count) qsort(sorted, z->count, sizeof *sorted, by_place);
    for (size_t i = 1; i < z->count && !rc; i++)
        if (sorted[i]->header < sorted[i - 1]->end) rc = refuse(z, sorted[i], "overlaps with another member");
    free(sorted);
    return rc;
}

/* ---- the archive --------------------------------------------------------------------------------------------------- */

int zip_open(reader *r, zip **out)
{
    int rc = OK;
    ending end = {0};
    zip *z = memory_new(1, sizeof *z);
    if (!z) return FAILED;
    z->file = r;
    TRY(end_read(z, &end));
    TRY(directory_read(z, &end));
    if (z->count) qsort(z->entry, z->count, sizeof *z->entry, by_name);
    for (size_t i = 1; i < z->count; i++)
        if (!by_name(&z->entry[i - 1], &z->entry[i])) {
            rc = refuse(z, &z->entry[i], "is there twice");
            goto done;
        }
    for (size_t i = 0; i < z->count; i++) TRY(local_check(z, &z->entry[i]));
    TRY(overlaps_check(z));
    *out = z;
    z = NULL;
done:
    zip_close(z);
    return rc;
}

void zip_close(zip *z)
{
    if (!z) return;
    free(z->entry);
    free(z->names);
    free(z);
}

size_t zip_count(const zip *z)
{
    return z->count;
}

const zip_member *zip_at(const zip *z, size_t i)
{
    return &z->entry[i].about;
}

const zip_member *zip_find(const zip *z, const char *name)
{
    const zip_entry wanted = {.about = {.name = name}};
    const zip_entry *found = z->count ? bsearch(&wanted, z->entry, z->count, sizeof *z->entry, by_name) : NULL;
    return found ? &found->about : NULL;
}
