/* Zip archives: the directory, and every member's content, at once and in pieces. */
#include "tests/fuzz/fuzz.h"

#include "format/zip.h"

/* In pieces of odd size, to the end. */
static void read_pieces(zip *z, const zip_member *m)
{
    char piece[97];
    zip_stream *s;
    if (zip_stream_open(z, m, &s)) return;
    for (uint64_t left = m->size; left;) {
        const size_t length = left < sizeof piece ? (size_t)left : sizeof piece;
        if (zip_stream_read(s, length, piece)) break;
        left -= length;
    }
    zip_stream_close(s);
}

static void read_member(zip *z, const zip_member *m)
{
    if (m->size > 1 << 20) return;
    char *content = malloc((size_t)m->size + 1);
    if (content) zip_read(z, m, content);
    free(content);
    read_pieces(z, m);
    zip_find(z, m->name);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    reader *r;
    zip *z;
    if (reader_open(fuzz_file("a.zip", bytes, length), &r)) return 0;
    if (!zip_open(r, &z)) {
        for (size_t i = 0; i < zip_count(z); i++) read_member(z, zip_at(z, i));
        zip_close(z);
    }
    reader_close(r);
    return 0;
}
