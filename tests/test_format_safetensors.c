/* safetensors: written and read back, cut and flipped at every byte, and headers that lie. */
#include "format/safetensors.h"

#include "base/file.h"
#include "tests/torch_fixtures.h"

static tensor_file *opened(const char *path)
{
    tensor_file *f = NULL;
    assert_ok(tensor_file_open(path, &f));
    return f;
}

static int read_all(const char *path)
{
    tensor_file *f = NULL;
    int rc = tensor_file_open(path, &f);
    for (size_t i = 0; !rc && i < tensor_file_count(f, TENSOR_WEIGHTS); i++) {
        const tensor_entry *e = tensor_file_at(f, TENSOR_WEIGHTS, i);
        void *values = malloc(tensor_bytes(e) + 1);
        rc = tensor_file_read(f, e, e->type, values);
        free(values);
    }
    tensor_file_close(f);
    return rc;
}

/* A file with this header, and `data` bytes behind it. */
static const char *put_header(const char *header, size_t data)
{
    char bytes[1024] = {0};
    const size_t length = strlen(header);
    const char *path = in_scratch("x.safetensors");
    assert_true(8 + length + data <= sizeof bytes);
    bytes[0] = (char)length;
    bytes[1] = (char)(length >> 8);
    memcpy(bytes + 8, header, length);
    put_file(path, bytes, 8 + length + data);
    return path;
}

static const char *write_views(void)
{
    size_t length;
    unsigned char *bytes = zip_build(views_parts, VIEWS_PARTS, false, &length);
    put_file(in_scratch("views.pt"), bytes, length);
    free(bytes);
    tensor_file *f = opened(in_scratch("views.pt"));
    assert_ok(safetensors_write(in_scratch("views.safetensors"), f));
    tensor_file_close(f);
    return in_scratch("views.safetensors");
}

/* Every type keeps its bits. */
static void comes_back(void **state)
{
    (void)state;
    tensor_file *to = opened(write_views()), *from = opened(in_scratch("views.pt"));
    assert_string_equal(tensor_file_format(to), "safetensors");
    assert_int_equal(tensor_file_count(to, TENSOR_WEIGHTS), 12);
    for (size_t i = 0; i < 12; i++) {
        char a[128], b[128];
        const tensor_entry *e = tensor_file_at(from, TENSOR_WEIGHTS, i), *back;
        assert_non_null(back = tensor_file_find(to, TENSOR_WEIGHTS, e->name));
        assert_string_equal(tensor_type_name(back), tensor_type_name(e));
        assert_int_equal(back->rank, e->rank);
        assert_memory_equal(back->shape, e->shape, sizeof e->shape);
        assert_ok(tensor_file_read(from, e, e->type, a));
        assert_ok(tensor_file_read(to, back, e->type, b));
        assert_memory_equal(a, b, tensor_bytes(e));
        float single[16];
        assert_ok(tensor_file_read(to, back, NUMBER_F32, single));
        for (size_t k = 0; k < e->count; k++) assert_true(single[k] == (float)number_get(e->type, a, k));
    }
    assert_string_equal(tensor_file_at(to, TENSOR_WEIGHTS, 0)->name, "double"); /* the largest elements first */
    tensor_file_close(to);
    tensor_file_close(from);
}

#define F32 "\"dtype\": \"F32\", "

static void headers(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        size_t data;
        const char *message; /* NULL: fine */
    } cases[] = {
        {"{}", 0, NULL},
        {"{\"__metadata__\": {\"a\": \"b\"}, \"w\": {" F32 "\"shape\": [], \"data_offsets\": [0, 4]}}  ", 4, NULL},
        {"{\"w\": {" F32 "\"shape\": [2, 0], \"data_offsets\": [0, 0]}}", 0, NULL},
        {"{\"w\": {" F32 "\"shape\": [2], \"data_offsets\": [0, 4]}}", 4, "w: has 4 bytes, its type and shape want 8"},
        {"{\"w\": {" F32 "\"shape\": [1], \"data_offsets\": [0, 4]}}", 3, "w: lies from byte 0 to 4 of 3"},
        {"{\"w\": {" F32 "\"shape\": [1], \"data_offsets\": [4, 0]}}", 4, "w: lies from byte 4 to 0"},
        {"{\"w\": {" F32 "\"shape\": [1], \"data_offsets\": [0, 4]}}", 5, "1 bytes follow the last tensor"},
        {"{\"w\": {" F32 "\"shape\": [1], \"data_offsets\": [1, 5]}}", 5, "a hole"},
        {"{\"v\": {" F32 "\"shape\": [1], \"data_offsets\": [0, 4]}, \"w\": {" F32
         "\"shape\": [1], \"data_offsets\": [2, 6]}}",
         6, "two overlap"},
        {"{\"v\": {" F32 "\"shape\": [1], \"data_offsets\": [0, 4]}, \"w\": {" F32
         "\"shape\": [1], \"data_offsets\": [0, 4]}}",
         4, "two overlap"},
        {"{\"w\": {" F32 "\"shape\": [1], \"data_offsets\": [0, 4]}, \"w\": {" F32
         "\"shape\": [1], \"data_offsets\": [4, 8]}}",
         8, "stands twice"},
        {"{\"w\": {\"dtype\": \"F8_E4M3\", \"shape\": [1], \"data_offsets\": [0, 1]}}", 1, "its dtype is F8_E4M3"},
        {"{\"w\": {\"dtype\": 3, \"shape\": [1], \"data_offsets\": [0, 1]}}", 1, "missing or no text"},
        {"{\"w\": {" F32 "\"shape\": 1, \"data_offsets\": [0, 4]}}", 4, "wanted a shape"},
        {"{\"w\": {" F32 "\"shape\": [-1], \"data_offsets\": [0, 4]}}", 4, "what is no size"},
        {"{\"w\": {" F32 "\"shape\": [1.5], \"data_offsets\": [0, 4]}}", 4, "what is no size"},
        {"{\"w\": {" F32 "\"shape\": [1e300], \"data_offsets\": [0, 4]}}", 4, "what is no size"},
        {"{\"w\": {" F32 "\"shape\": [4294967296, 4294967296], \"data_offsets\": [0, 0]}}", 0, "shape is too large"},
        {"{\"w\": {" F32 "\"shape\": [1,1,1,1,1,1,1,1,1], \"data_offsets\": [0, 4]}}", 4, "more than 8 dimensions"},
        {"{\"w\": {" F32 "\"shape\": [1], \"data_offsets\": [0, 4, 8]}}", 4, "wanted data_offsets"},
        {"{\"w\": {" F32 "\"shape\": [1], \"data_offsets\": [0, \"4\"]}}", 4, "wanted data_offsets"},
        {"{\"w\": {" F32 "\"shape\": [1], \"data_offsets\": [0, 4], \"x\": 1}}", 4, "alone"},
        {"{\"w\": 3}", 0, "wanted an object with dtype"},
        {"{\"a/b\": {" F32 "\"shape\": [1], \"data_offsets\": [0, 4]}}", 4, "a tensor's name of 3 bytes (\"a/b\")"},
        {"{\"..\": {" F32 "\"shape\": [1], \"data_offsets\": [0, 4]}}", 4, "a tensor's name of 2 bytes"},
        {"{\"\": {" F32 "\"shape\": [1], \"data_offsets\": [0, 4]}}", 4, "a tensor's name of 0 bytes"},
        {"{\"__metadata__\": {\"a\": 1}}", 0, "wanted an object of texts"},
        {"{\"__metadata__\": []}", 0, "wanted an object of texts"},
        {"{\"w\": {" F32 "\"shape\": [1], \"data_offsets\": [\"0\", 4]}}", 4, "wanted data_offsets"},
        {"{\"w\": {" F32 "\"shape\": [1], \"data_offsets\": [4]}}", 4, "wanted data_offsets"},
        {"{\"w\": {" F32 "\"shape\": [1], \"data_offsets\": 4}}", 4, "wanted data_offsets"},
        {"{\"__metadata__\": {\"a\": 1, \"b\": \"c\"}}", 0, "wanted an object of texts"},
        {"{\"v\": {" F32 "\"shape\": [1], \"data_offsets\": [4, 8]}, \"w\": {" F32
         "\"shape\": [1], \"data_offsets\": [0, 4]}, \"x\": {" F32 "\"shape\": [0], \"data_offsets\": [4, 4]}}",
         8, NULL},
        {"{\"v\": {" F32 "\"shape\": [1], \"data_offsets\": [4, 8]}, \"w\": {" F32
         "\"shape\": [1], \"data_offsets\": [8, 12]}, \"x\": {" F32 "\"shape\": [1], \"data_offsets\": [8, 12]}}",
         12, "a hole"},
        {"{\"w\": ", 0, "not valid JSON"},
        {"{} x", 0, "not valid JSON"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *path = put_header(cases[i].header, cases[i].data);
        if (cases[i].message)
            assert_refused(read_all(path), cases[i].message);
        else
            assert_ok(read_all(path));
    }
    put_file(in_scratch("x"), "\xff\xff\xff\x0f\0\0\0\0{}", 10);
    assert_refused(read_all(in_scratch("x")), "a header of 268435455 bytes, wanted at most 100000000");
    put_file(in_scratch("x"), "\x03\0\0\0\0\0\0\0{}", 10);
    assert_refused(read_all(in_scratch("x")), "no more than the file has");
    put_file(in_scratch("x"), "\x03\0\0\0\0\0\0\0{}\0", 11);
    assert_refused(read_all(in_scratch("x")), "a zero byte");
}

/* Names that HDF5 could not have, and the prefix of nn.DataParallel where it can be taken away. */
static void names(void **state)
{
    (void)state;
    static char longest[1002];
    memset(longest, 'n', 1001);
    const struct {
        const char *name, *kept; /* NULL: refused */
    } cases[] = {{".", NULL},
                 {"..", NULL},
                 {"...", "..."},
                 {".w", ".w"},
                 {"a\x7f", NULL},
                 {"a\\n", NULL},
                 {longest + 1, longest + 1},
                 {longest, NULL},
                 {"module.w", "w"},
                 {"module.", "module."},
                 {"module..", "module.."}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char header[1200];
        tensor_file *f;
        snprintf(header, sizeof header, "{\"%s\": {" F32 "\"shape\": [0], \"data_offsets\": [0, 0]}}", cases[i].name);
        char *bytes = calloc(1, sizeof header + 8);
        bytes[0] = (char)strlen(header);
        bytes[1] = (char)(strlen(header) >> 8);
        memcpy(bytes + 8, header, strlen(header));
        put_file(in_scratch("x"), bytes, 8 + strlen(header));
        free(bytes);
        if (!cases[i].kept) {
            assert_refused(tensor_file_open(in_scratch("x"), &f), "a tensor's name of ");
            continue;
        }
        f = opened(in_scratch("x"));
        assert_string_equal(tensor_file_at(f, TENSOR_WEIGHTS, 0)->name, cases[i].kept);
        tensor_file_close(f);
    }
}

static void many_values(void **state)
{
    (void)state;
    enum { LENGTH = 3 << 20 };
    char *bytes = malloc(LENGTH + 8);
    memset(bytes, ',', LENGTH + 8);
    memcpy(bytes, "\0\0\x30\0\0\0\0\0{", 9);
    put_file(in_scratch("x"), bytes, LENGTH + 8);
    free(bytes);
    assert_refused(read_all(in_scratch("x")), "wanted at most 1000000");
}

static void every_byte(void **state)
{
    (void)state;
    char *whole;
    size_t length;
    const char *path = in_scratch("damaged");
    assert_ok(file_read(write_views(), 1 << 20, &whole, &length));
    for (size_t cut = 0; cut < length; cut++) {
        put_file(path, whole, cut);
        assert_refused(read_all(path), "damaged");
    }
    for (size_t at = 0; at < length; at++)
        for (int bit = 0; bit < 8; bit++) {
            whole[at] = (char)(whole[at] ^ 1 << bit);
            put_file(path, whole, length);
            if (read_all(path)) assert_message("damaged");
            whole[at] = (char)(whole[at] ^ 1 << bit);
        }
    free(whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_back),  cmocka_unit_test(headers),    cmocka_unit_test(names),
        cmocka_unit_test(many_values), cmocka_unit_test(every_byte),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
