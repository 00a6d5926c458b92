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

/* Deflated data that a builder does not make, of "hello". */
static void deflated_data(void **state)
{
    (void)state;
#define HELLO "\x05\0\xfa\xffhello" /* a block that is stored */
    static const struct {
        const char *bytes;
        size_t length;
        const char *message; /* NULL: fine */
    } cases[] = {
        {"\1" HELLO, 10, NULL},
        {"\1" HELLO "x", 11, "do not end where the directory says"},
        {"\0" HELLO, 10, "do not end where the directory says"},
        {"\0" HELLO "\1\0\0\xff\xff", 15, NULL},
        {"\0" HELLO "\1\1\0\xfe\xffx", 16, "inflates to more bytes"},
        {"\0" HELLO "\7", 11, "its deflated data are damaged"},
        {"\7", 1, "its deflated data are damaged"},
        {"\1\x05\0\xfa\xffhel", 8, "inflates to fewer bytes"},
        {"\1\x04\0\xfb\xffhell", 9, "inflates to fewer bytes"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const zip_part p = {.name = "x",
                            .content = cases[i].bytes,
                            .size = cases[i].length,
                            .method = 8,
                            .declared = 5,
                            .checksum = 0x3610a686};
        const int rc = read_all(put_archive(&p, 1, false));
        if (cases[i].message)
            assert_refused(rc, cases[i].message);
        else
            assert_ok(rc);
    }
}

/* Members of more than a piece: stored, and deflated to more than zlib's input buffer. */
static void large_members(void **state)
{
    (void)state;
    enum { LARGE = 2400000, NOISE = 300000 };
    unsigned char *content = malloc(LARGE);
    uint32_t random = 1;
    for (size_t i = 0; i < LARGE; i++) content[i] = (unsigned char)((random = random * 1664525 + 1013904223) >> 24);
    const zip_part stored = {.name = "x", .content = content, .size = LARGE};
    const zip_part noise = {.name = "x", .content = content, .size = NOISE, .deflated = true};
    const zip_part fewer = {.name = "x", .content = content, .size = NOISE, .deflated = true, .declared = 2 << 20};
    assert_ok(read_all(put_archive(&stored, 1, false)));
    assert_ok(read_all(put_archive(&noise, 1, false)));
    assert_refused(read_all(put_archive(&fewer, 1, false)), "inflates to fewer bytes");
    free(content);
}

static void names(void **state)
{
    (void)state;
    static char name[6000];
    size_t length, at;
    memset(name, 'n', 4096);
    zip_part p = {.name = name, .content = "", .size = 0};
    assert_ok(read_all(put_archive(&p, 1, false)));
    memset(name, 'n', 4097);
    assert_refused(read_all(put_archive(&p, 1, false)), "a zip member's name of 4097 bytes");
    p.name = "";
    assert_refused(read_all(put_archive(&p, 1, false)), "a zip member's name of 0 bytes");
    p.name = "abc";
    unsigned char *b = zip_build(&p, 1, false, &length);
    for (at = 0; at + 3 <= length; at++)
        if (!memcmp(b + at, "abc", 3)) b[at + 1] = 0;
    put_file(in_scratch("test.zip"), b, length);
    free(b);
    assert_refused(read_all(in_scratch("test.zip")), "a zip member's name of 3 bytes");
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

    /* The zip64 end record's numbers, where the old one leaves them to it. */
    for (int field = 0; field < 2; field++) {
        b = zip_build(plain, PARTS, true, &length);
        at = find(b, length, "PK\5\6");
        memset(b + at + 8, 0xff, 4);             /* members */
        if (field) memset(b + at + 12, 0xff, 4); /* bytes of the directory */
        at = find(b, length, "PK\6\6");
        if (!field) b[at + 27] = b[at + 35] = 1; /* 2^24 members */
        if (field) b[at + 44] = 1;               /* 2^32 bytes */
        expect(b, length, field ? "test.zip: " : "a zip directory of 16777219 members");
    }

    /* Two members of 40 GiB each, as their zip64 fields say. */
    const zip_part wide[] = {{.name = "a", .content = "", .wide = true}, {.name = "b", .content = "", .wide = true}};
    b = zip_build(wide, 2, false, &length);
    at = find(b, length, "PK\1\2");
    for (int i = 0; i < 2; i++, at += 46 + 1 + 20) b[at + 47 + 4 + 4] = b[at + 47 + 12 + 4] = 10;
    expect(b, length, "makes more than 64 GiB in all");

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
        cmocka_unit_test(members),       cmocka_unit_test(lies),      cmocka_unit_test(deflated_data),
        cmocka_unit_test(large_members), cmocka_unit_test(names),     cmocka_unit_test(places),
        cmocka_unit_test(every_byte),    cmocka_unit_test(published),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
