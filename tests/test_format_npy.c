/* .npy: every type, order and version; cut at every byte, flipped at every byte of the header. */
#include "format/npy.h"

#include "tests/format_test.h"

/* A file of version `major` with this dictionary and payload. */
static size_t compose(char *out, int major, const char *dictionary, const void *payload, size_t bytes)
{
    size_t prefix = major == 1 ? 10 : 12, length = strlen(dictionary);
    memcpy(out, "\x93NUMPY", 6);
    memset(out + 6, 0, prefix - 6);
    out[6] = (char)major;
    out[8] = (char)(length & 255);
    out[9] = (char)(length >> 8);
    memcpy(out + prefix, dictionary, length);
    memcpy(out + prefix + length, payload, bytes);
    return prefix + length + bytes;
}

static void read_composed(int major, const char *dictionary, const void *payload, size_t bytes, npy_header *h,
                          void **values)
{
    char file[4096];
    put_file(in_scratch("a.npy"), file, compose(file, major, dictionary, payload, bytes));
    assert_ok(npy_read(in_scratch("a.npy"), 1 << 20, h, values));
}

static void expect_refusal(const char *dictionary, size_t bytes, const char *message)
{
    char file[4096], payload[256] = {0};
    npy_header h;
    void *values;
    put_file(in_scratch("a.npy"), file, compose(file, 1, dictionary, payload, bytes));
    assert_refused(npy_read(in_scratch("a.npy"), 1 << 20, &h, &values), message);
    assert_message("a.npy");
}

static void types_and_byte_orders(void **state)
{
    (void)state;
    static const struct {
        const char *code;
        unsigned char bytes[16]; /* 2 and -1 (or 255 and its kin), little-endian */
        size_t size;
        double first, second;
    } cases[] = {
        {"|b1", {1, 0}, 1, 1, 0},
        {"|u1", {2, 255}, 1, 2, 255},
        {"|i1", {2, 255}, 1, 2, -1},
        {"<u2", {2, 0, 255, 255}, 2, 2, 65535},
        {"<i2", {2, 0, 255, 255}, 2, 2, -1},
        {"<u4", {2, 0, 0, 0, 255, 255, 255, 255}, 4, 2, 4294967295.0},
        {"<i4", {2, 0, 0, 0, 255, 255, 255, 255}, 4, 2, -1},
        {"<i8", {2, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255}, 8, 2, -1},
        {"<u8", {2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0}, 8, 2, 4294967296.0},
        {"<f2", {0, 0x40, 0, 0xbc}, 2, 2, -1},
        {"<f4", {0, 0, 0, 0x40, 0, 0, 0x80, 0xbf}, 4, 2, -1},
        {"<f8", {0, 0, 0, 0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0, 0, 0xf0, 0xbf}, 8, 2, -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int swapped = 0; swapped < 2; swapped++) {
            char dictionary[128];
            unsigned char payload[16];
            npy_header h;
            void *values;
            size_t size = cases[i].size;
            for (size_t k = 0; k < 2 * size; k++)
                payload[k] = cases[i].bytes[swapped ? k / size * size + size - 1 - k % size : k];
            char order = swapped && size > 1 ? '>' : cases[i].code[0];
            snprintf(dictionary, sizeof dictionary, "{'descr': '%c%s', 'fortran_order': False, 'shape': (2,), }\n",
                     order, cases[i].code + 1);
            read_composed(1, dictionary, payload, 2 * size, &h, &values);
            assert_true(number_get(h.type, values, 0) == cases[i].first);
            assert_true(number_get(h.type, values, 1) == cases[i].second);
            free(values);
        }
}

static void half_precision(void **state)
{
    (void)state;
    const uint16_t bits[] = {0x0001, 0x03ff, 0x0400, 0x7bff, 0x8000, 0x7c00, 0xfc00, 0x7e00};
    assert_true(number_get(NUMBER_F16, bits, 0) == 0x1p-24);
    assert_true(number_get(NUMBER_F16, bits, 1) == 1023 * 0x1p-24);
    assert_true(number_get(NUMBER_F16, bits, 2) == 0x1p-14);
    assert_true(number_get(NUMBER_F16, bits, 3) == 65504);
    assert_true(number_get(NUMBER_F16, bits, 4) == 0);
    assert_true(number_get(NUMBER_F16, bits, 5) > 1e300);
    assert_true(number_get(NUMBER_F16, bits, 6) < -1e300);
    double nan = number_get(NUMBER_F16, bits, 7);
    assert_true(nan != nan);
}

static void versions_and_spellings(void **state)
{
    (void)state;
    static const char *const spellings[] = {
        "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3), }          \n",
        "{\"shape\":(2,3),\"descr\":\"|u1\",\"fortran_order\":False}",
        "{'shape': (2L, 3L), 'fortran_order': False, 'descr': '|u1'}\n",
        " { 'descr' : '|u1' , 'fortran_order' : False , 'shape' : ( 2 , 3 , ) } \n",
    };
    for (int major = 1; major <= 3; major++)
        for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++) {
            npy_header h;
            void *values;
            read_composed(major, spellings[i], "abcdef", 6, &h, &values);
            assert_int_equal(h.rank, 2);
            assert_int_equal(h.shape[0], 2);
            assert_int_equal(h.shape[1], 3);
            assert_memory_equal(values, "abcdef", 6);
            free(values);
        }
}

static void fortran_order(void **state)
{
    (void)state;
    npy_header h;
    void *values;
    read_composed(1, "{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3, 2)}", "aebfcgdhAEBF", 12, &h, &values);
    /* element (i, j, k) lies at i + 2 j + 6 k */
    for (size_t i = 0; i < 2; i++)
        for (size_t j = 0; j < 3; j++)
            for (size_t k = 0; k < 2; k++)
                assert_int_equal(((char *)values)[(i * 3 + j) * 2 + k], "aebfcgdhAEBF"[i + 2 * j + 6 * k]);
    free(values);
}

static void scalars_and_nothing(void **state)
{
    (void)state;
    npy_header h;
    void *values;
    read_composed(1, "{'descr': '|u1', 'fortran_order': False, 'shape': ()}", "x", 1, &h, &values);
    assert_int_equal(h.rank, 0);
    assert_int_equal(h.count, 1);
    free(values);
    read_composed(1, "{'descr': '<f8', 'fortran_order': True, 'shape': (4, 3, 0)}", "", 0, &h, &values);
    assert_int_equal(h.count, 0);
    free(values);
}

static void refusals(void **state)
{
    (void)state;
    expect_refusal("{'descr': '|O', 'fortran_order': False, 'shape': (2,)}", 16, "bool, integer or real type");
    expect_refusal("{'descr': '<c8', 'fortran_order': False, 'shape': (2,)}", 16, "bool, integer or real type");
    expect_refusal("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,)}", 8, "an element type");
    expect_refusal("{'descr': '<f4', 'fortran_order': False, 'shape': (2)}", 8, "shape");
    expect_refusal("{'descr': '<f4', 'fortran_order': False, 'shape': (-2,)}", 8, "a dimension");
    expect_refusal("{'descr': '<f4', 'fortran_order': False}", 8, "descr, fortran_order and shape");
    expect_refusal("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", 8, "each once");
    expect_refusal("{'descr': '<f4', 'fortran_order': 0, 'shape': (2,)}", 8, "True or False");
    expect_refusal("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'more': 1}", 8, "each once");
    expect_refusal("{'descr': '<f4', 'fortran_order': False, 'shape': (2,)} + 1", 8, "nothing after");
    expect_refusal("{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", 9, "too much");
    expect_refusal("{'descr': '<f4', 'fortran_order': False, 'shape': (3,)}", 8, "cut off");
    expect_refusal("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296, 4294967296)}", 8,
                   "too large");
    expect_refusal("{'descr': '<f4', 'fortran_order': False, 'shape': (0, 4294967296, 4294967296)}", 0, "too large");
    expect_refusal("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}", 8, "fits the memory");
    expect_refusal("{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,2)}", 8, "at most 8");
    expect_refusal("{", 0, "a key: descr");
    expect_refusal("x", 0, "wanted {");
    expect_refusal("{'descr' '<f4'}", 0, "a colon");
    expect_refusal("{'descr': '<f4' 'shape': (2,)}", 0, "a comma or }");
    expect_refusal("{'descr': ", 0, "an element type");
    expect_refusal("{'descr': '', 'fortran_order': False, 'shape': (2,)}", 0, "bool, integer or real type");
    expect_refusal("{'descr': 'f4', 'fortran_order': False, 'shape': (2,)}", 0, "bool, integer or real type");
    expect_refusal("{'shape': (", 0, "a dimension");
    expect_refusal("{'shape': (18446744073709551616,)}", 0, "fits the memory");
    expect_refusal("{'shape': (18446744073709551617,)}", 0, "fits the memory");
    expect_refusal("{'descr': '<f8', 'fortran_order': False, 'shape': (1152921504606846975,)}", 0, "cut off");
    expect_refusal("{'descr': '<f8', 'fortran_order': False, 'shape': (2305843009213693952,)}", 0, "too large");
    npy_header h;
    void *values;
    const unsigned char second[] = "\x93NUMPY\x02\0\0\0"; /* 10 bytes, of a header that starts behind 12 */
    assert_refused(npy_parse(second, 10, 10, "short", &h), "byte 10: the .npy header is cut off");
    put_text(in_scratch("a.npy"), "PK\3\4 and so on, for longer than ten bytes");
    assert_refused(npy_read(in_scratch("a.npy"), 100, &h, &values), "not a .npy file");
    assert_refused(npy_read(in_scratch("none.npy"), 100, &h, &values), "none.npy: cannot be opened");
    assert_refused(npy_read(scratch, 100, &h, &values), "is not a file");
    unsigned char long_header[64] = "\x93NUMPY\x02\x00\x11\x27"; /* 10001 */
    put_file(in_scratch("a.npy"), long_header, sizeof long_header);
    assert_refused(npy_read(in_scratch("a.npy"), 100, &h, &values), "header of 10001 bytes, wanted at most 10000");
}

static void damage(void **state)
{
    (void)state;
    char file[512], *damaged;
    npy_header h;
    size_t length = compose(file, 1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n",
                            "123456789012345678901234", 24);
    assert_ok(npy_parse(file, length, length, "whole", &h));
    for (size_t cut = 0; cut < length; cut++) {
        damaged = malloc(cut + 1); /* of its own, so that the sanitizer sees a step too far */
        memcpy(damaged, file, cut);
        assert_int_equal(npy_parse(damaged, cut, cut, "cut", &h), FAILED);
        assert_message("cut: ");
        free(damaged);
    }
    damaged = malloc(length);
    for (size_t at = 0; at < length - 24; at++)
        for (int bit = 0; bit < 8; bit++) {
            memcpy(damaged, file, length);
            damaged[at] = (char)(damaged[at] ^ 1 << bit);
            npy_parse(damaged, length, length, "flipped", &h); /* some spell another array of 24 bytes */
        }
    free(damaged);
}

static void written_comes_back(void **state)
{
    (void)state;
    const int16_t values[6] = {1, -2, 3, -4, 5, -6};
    const size_t shape[3] = {1, 2, 3};
    npy_header h;
    void *back;
    assert_ok(npy_write(in_scratch("w.npy"), NUMBER_I16, 3, shape, values));
    assert_ok(npy_read(in_scratch("w.npy"), 100, &h, &back));
    assert_int_equal(h.rank, 3);
    assert_int_equal(h.start % 64, 0);
    assert_memory_equal(h.shape, shape, sizeof shape);
    assert_memory_equal(back, values, sizeof values);
    free(back);
    assert_int_equal(npy_read(in_scratch("w.npy"), 11, &h, &back), FAILED);
    assert_refused(npy_write(in_scratch("no folder/w.npy"), NUMBER_I16, 3, shape, values), "cannot be made");
    assert_int_equal(npy_save(in_scratch("no folder/w.npy"), NUMBER_I16, 3, shape, values), FAILED);
    if (access("/dev/full", W_OK) || symlink("/dev/full", in_scratch("full.npy"))) return;
    assert_refused(npy_write(in_scratch("full.npy"), NUMBER_I16, 3, shape, values), "full.npy: cannot be written");
    assert_int_equal(access(in_scratch("full.npy"), F_OK), -1); /* the link is gone, with what it led to still there */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_and_byte_orders),
        cmocka_unit_test(half_precision),
        cmocka_unit_test(versions_and_spellings),
        cmocka_unit_test(fortran_order),
        cmocka_unit_test(scalars_and_nothing),
        cmocka_unit_test(refusals),
        cmocka_unit_test(damage),
        cmocka_unit_test(written_comes_back),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
