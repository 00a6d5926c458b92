#include "tests/zip_test.h"

#include <zlib.h>

typedef struct bytes {
    unsigned char at[1 << 22];
    size_t used;
} bytes;

static void put(bytes *b, const void *content, size_t length)
{
    assert_true(length <= sizeof b->at - b->used);
    memcpy(b->at + b->used, content, length);
    b->used += length;
}

static void put_number(bytes *b, uint64_t value, int size)
{
    for (int i = 0; i < size; i++) {
        const unsigned char byte = (unsigned char)(value >> 8 * i);
        put(b, &byte, 1);
    }
}

/* Raw deflate, as zip wants it. */
static size_t deflated(const zip_part *p, unsigned char *out, size_t room)
{
    z_stream z = {.next_in = (unsigned char *)(uintptr_t)p->content,
                  .avail_in = (uInt)p->size,
                  .next_out = out,
                  .avail_out = (uInt)room};
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, -MAX_WBITS, 9, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    const size_t used = z.total_out;
    deflateEnd(&z);
    return used;
}

typedef struct facts {
    uint64_t place, packed, size;
    unsigned flags, method;
    uint32_t checksum;
} facts;

/* What local header and directory have in common, from the version on. */
static void put_common(bytes *b, const zip_part *p, const facts *f, const char *name, bool local)
{
    const bool later = local && p->descriptor;
    put_number(b, 45, 2);
    put_number(b, f->flags, 2);
    put_number(b, f->method, 2);
    put_number(b, 0, 4); /* time and date */
    put_number(b, later ? 0 : f->checksum, 4);
    put_number(b, later ? 0 : p->wide ? 0xffffffff : f->packed, 4);
    put_number(b, later ? 0 : p->wide ? 0xffffffff : f->size, 4);
    put_number(b, strlen(name), 2);
    put_number(b, p->wide ? 20 : 0, 2);
}

static void put_wide(bytes *b, const zip_part *p, const facts *f)
{
    if (!p->wide) return;
    put_number(b, 1, 2);
    put_number(b, 16, 2);
    put_number(b, f->size, 8);
    put_number(b, f->packed, 8);
}

static void put_local(bytes *b, const zip_part *p, facts *f)
{
    static unsigned char packed[1 << 19];
    const char *name = p->local_name ? p->local_name : p->name;
    const uLong checksum = crc32_z(crc32(0, NULL, 0), p->content, p->size);
    *f = (facts){.place = b->used, .size = p->declared ? p->declared : p->size, .packed = p->size};
    f->flags = (p->descriptor ? 8u : 0) | p->flags;
    f->method = p->method ? p->method : p->deflated ? 8 : 0;
    f->checksum = p->checksum ? p->checksum : (uint32_t)checksum;
    if (p->deflated) f->packed = deflated(p, packed, sizeof packed);
    put(b, "PK\3\4", 4);
    put_common(b, p, f, name, true);
    put(b, name, strlen(name));
    put_wide(b, p, f);
    put(b, p->deflated ? packed : p->content, (size_t)f->packed);
    if (!p->descriptor) return;
    put(b, "PK\7\x08", 4);
    put_number(b, f->checksum, 4);
    put_number(b, f->packed, p->wide ? 8 : 4);
    put_number(b, f->size, p->wide ? 8 : 4);
}

static void put_entry(bytes *b, const zip_part *p, const facts *f)
{
    put(b, "PK\1\2", 4);
    put_number(b, 45, 2);
    put_common(b, p, f, p->name, false);
    put_number(b, 0, 2); /* comment, disk, attributes */
    put_number(b, 0, 2);
    put_number(b, 0, 6);
    put_number(b, f->place, 4);
    put(b, p->name, strlen(p->name));
    put_wide(b, p, f);
}

static void put_end_64(bytes *b, size_t count, uint64_t start, uint64_t end)
{
    put(b, "PK\6\6", 4);
    put_number(b, 44, 8);
    put_number(b, 45, 2);
    put_number(b, 45, 2);
    put_number(b, 0, 8); /* disks */
    put_number(b, count, 8);
    put_number(b, count, 8);
    put_number(b, end - start, 8);
    put_number(b, start, 8);
    put(b, "PK\6\7", 4);
    put_number(b, 0, 4);
    put_number(b, end, 8);
    put_number(b, 1, 4);
}

unsigned char *zip_build(const zip_part *parts, size_t count, bool wide, size_t *length)
{
    bytes *b = calloc(1, sizeof *b);
    facts *f = calloc(count + 1, sizeof *f);
    assert_true(b && f);
    for (size_t i = 0; i < count; i++) put_local(b, &parts[i], &f[i]);
    const size_t start = b->used;
    for (size_t i = 0; i < count; i++) put_entry(b, &parts[i], &f[i]);
    const size_t end = b->used;
    if (wide) put_end_64(b, count, start, end);
    put(b, "PK\5\6", 4);
    put_number(b, 0, 4);
    put_number(b, count, 2);
    put_number(b, count, 2);
    put_number(b, end - start, 4);
    put_number(b, wide ? 0xffffffff : start, 4);
    put_number(b, 0, 2);
    *length = b->used;
    free(f);
    unsigned char *exact = malloc(*length);
    memcpy(exact, b->at, *length);
    free(b);
    return exact;
}
