/* Zip archives: read right, cut and flipped at every byte, and the lies that an archive can tell. */
#include "format/zip.h"

#include "tests/zip_test.h"

static char zeros[300000];
#define DIGITS "0123456789012345678901234567890123456789"

static const zip_part plain[] = {
    {.name = "a/data.pkl", .content = "hello", .size = 5},
    {.name = "a/data/0", .content = DIGITS, .size = 40, .deflated = true},
    {.name = "a/empty", .content = "", .size = 0},
};
static const zip_part other[] = {
    {.name = "b", .content = DIGITS, .size = 40, .descriptor = true, .wide = true},
    {.name = "a", .content = DIGITS, .size = 30, .descriptor = true, .deflated = true},
    {.name = "c", .content = "x", .size = 1, .wide = true},
};
enum { PARTS = 3 };

static const char *put_archive(const zip_part *parts, size_t count, bool wide)
{
    size_t length;
    const char *path = in_scratch("test.zip");
    unsigned char *bytes = zip_build(parts, count, wide, &length);
    put_file(path, bytes, length);
    free(bytes);
    return path;
}

/* Opens, and reads every member in pieces. */
static int read_all(const char *path)
{
    int rc = OK;
    reader *r = NULL;
    zip *z = NULL;
    TRY(reader_open(path, &r));
    TRY(zip_open(r, &z));
    for (size_t i = 0; i < zip_count(z); i++) {
        TRY(zip_check(z, zip_at(z, i)));
        char *whole = malloc((size_t)zip_at(z, i)->size + 1);
        rc = zip_read(z, zip_at(z, i), whole);
        free(whole);
        if (rc) goto done;
    }
done:
    zip_close(z);
    reader_close(r);
    return rc;
}

static void holds(const zip_part *parts, size_t count, bool wide)
{
    reader *r = NULL;
    zip *z = NULL;
    assert_ok(reader_open(put_archive(parts, count, wide), &r));
    assert_ok(zip_open(r, &z));
    assert_int_equal(zip_count(z), count);
    for (size_t i = 0; i < count; i++) {
        char whole[64] = {0};
        const zip_member *m = zip_find(z, parts[i].name);
        assert_non_null(m);
        assert_int_equal(m->size, parts[i].size);
        assert_int_equal(m->deflated, parts[i].deflated);
        assert_ok(zip_read(z, m, whole));
        assert_memory_equal(whole, parts[i].content, parts[i].size);
        zip_stream *s = NULL;
        assert_ok(zip_stream_open(z, m, &s));
        memset(whole, 0, sizeof whole);
        for (size_t at = 0; at < m->size; at++) assert_ok(zip_stream_read(s, 1, whole + at));
        assert_memory_equal(whole, parts[i].content, parts[i].size);
        assert_refused(zip_stream_read(s, 1, whole), "is shorter than what is wanted");
        zip_stream_close(s);
        if (i) assert_true(strcmp(zip_at(z, i - 1)->name, zip_at(z, i)->name) < 0);
    }
    assert_null(zip_find(z, "a/dat"));
    zip_close(z);
    reader_close(r);
}

static void members(void **state)
{
    (void)state;
    holds(plain, PARTS, false);
    holds(plain, PARTS, true);
    holds(other, PARTS, false);
    holds(other, PARTS, true);
    holds(plain, 0, false);
}

static void lies(void **state)
{
    (void)state;
    static const struct {
        zip_part part;
        const char *message;
    } cases[] = {
        {{.flags = 1}, "test.zip: zip member x: is encrypted"},
        {{.flags = 0x40}, "is encrypted"},
        {{.method = 12}, "is packed by method 12"},
        {{.checksum = 7}, "its CRC-32 is "},
        {{.deflated = true, .checksum = 7}, "its CRC-32 is "},
        {{.declared = 41}, "is stored, but its two sizes differ"},
        {{.deflated = true, .declared = 41}, "inflates to fewer bytes"},
        {{.deflated = true, .declared = 39}, "inflates to more bytes"},
        {{.method = 8}, "deflated data"},
        {{.local_name = "y"}, "its local header disagrees"},
        {{.local_name = "xy"}, "its local header disagrees"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        zip_part p = cases[i].part;
        p.name = "x";
        p.content = DIGITS;
        p.size = 40;
        assert_refused(read_all(put_archive(&p, 1, false)), cases[i].message);
    }
    const zip_part twice[] = {plain[0], plain[1], plain[0]};
    assert_refused(read_all(put_archive(twice, 3, false)), "a/data.pkl: is there twice");
    const zip_part bomb = {.name = "x", .content = zeros, .size = sizeof zeros, .deflated = true, .declared = 2 << 20};
    assert_refused(read_all(put_archive(&bomb, 1, false)), "wanted at most 200 times");
    const zip_part fine = {.name = "x", .content = zeros, .size = sizeof zeros, .deflated = true};
    assert_ok(read_all(put_archive(&fine, 1, false)));
}

static unsigned char *archive(size_t *length)
{
    return zip_build(plain, PARTS, false, length);
}

static void expect(unsigned char *bytes, size_t length, const char *message)
{
    put_file(in_scratch("test.zip"), bytes, length);
    free(bytes);
    assert_refused(read_all(in_scratch("test.zip")), message);
}

static size_t find(const unsigned char *bytes, size_t length, const char *what)
{
    for (size_t at = 0; at + 4 <= length; at++)
        if (!memcmp(bytes + at, what, 4)) return at;
    _fail(__FILE__, __LINE__);
    return 0;
}

/* What no builder makes: places that meet, ends that lie. */
static void places(void **state)
{
    (void)state;
    size_t length, at;
    unsigned char *b = archive(&length);
    at = find(b, length, "PK\1\2");
    b[at + 42] = 0x80; /* where the first member's header would be */
    b[at + 43] = 0xff;
    expect(b, length, "lies outside of the archive");
    b = archive(&length);
    at = find(b, length, "PK\1\2");
    b[at + 42] = 4;
    expect(b, length, "has no local header");
    b = archive(&length);
    at = find(b, length, "PK\5\6");
    b[at + 10]++;
    expect(b, length, "on several disks");
    b = archive(&length);
    at = find(b, length, "PK\5\6");
    b[at + 8]++;
    b[at + 10]++;
    expect(b, length, "a zip directory of 4 members in ");
    b = archive(&length);
    at = find(b, length, "PK\5\6");
    b[at + 8]--;
    b[at + 10]--;
    expect(b, length, "follow the zip directory's last entry");
    b = archive(&length);
    at = find(b, length, "PK\5\6");
    b[at + 20] = 1;
    expect(b, length, "without a comment");
    b = archive(&length);
    at = find(b, length, "PK\5\6");
    b[at + 16]++;
    expect(b, length, "the zip directory has ");

    /* A member inside another: the inner archive's first local header is content of the outer one. */
    size_t inner;
    unsigned char *content = zip_build(plain, 1, false, &inner);
    const zip_part outer[] = {{.name = "o", .content = content, .size = inner},
                              {.name = "a/data.pkl", .content = "hello", .size = 5}};
    b = zip_build(outer, 2, false, &length);
    at = find(b, length, "PK\1\2"); /* the inner archive's own entry, then the outer ones */
    for (int i = 0; i < 2; i++) at += 4 + find(b + at + 4, length - at - 4, "PK\1\2");
    b[at + 42] = 31; /* behind the outer member's header and name */
    b[at + 43] = 0;
    free(content);
    expect(b, length, "overlaps with another member");
}

static void damage(const zip_part *parts, bool wide)
{
    size_t length;
    unsigned char *whole = zip_build(parts, PARTS, wide, &length);
    const char *path = in_scratch("test.zip");
    for (size_t cut = 0; cut < length; cut++) {
        put_file(path, whole, cut);
        assert_refused(read_all(path), "test.zip: ");
    }
    for (size_t at = 0; at < length; at++)
        for (int bit = 0; bit < 8; bit++) {
            whole[at] ^= (unsigned char)(1 << bit);
            put_file(path, whole, length);
            if (read_all(path)) assert_message("test.zip: ");
            whole[at] ^= (unsigned char)(1 << bit);
        }
    free(whole);
}

static void every_byte(void **state)
{
    (void)state;
    damage(plain, false);
    damage(other, true);
}

/* PyTorch's own: padded by extra fields, with data descriptors and zip64 records. */
static void published(void **state)
{
    (void)state;
    const char *path = in_shared("goldens/ltae_zip.pth.tar");
    if (!path) skip();
    assert_ok(read_all(path));
    assert_ok(read_all(in_shared("data/weights/pseltae-2018/Fold_1/model.pth.tar")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members),    cmocka_unit_test(lies),      cmocka_unit_test(places),
        cmocka_unit_test(every_byte), cmocka_unit_test(published),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
