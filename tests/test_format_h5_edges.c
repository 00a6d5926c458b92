/* The HDF5 wrapper at the edges of what it takes: paths, kinds, types, texts and chunks that the library itself allows. */
#define H5_USE_110_API
#include <hdf5.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "format/h5.h"

#include "tests/tensors_test.h"

static char path[200];

static int setup(void **state)
{
    if (scratch_make(state)) return -1;
    strcpy(path, in_scratch("edge.h5"));
    return 0;
}

/* A file with one data set of that type and shape, and whatever `properties` says of it; it has values if it can. */
static void put_set(const char *name, hid_t type, int rank, const hsize_t *shape, hid_t properties)
{
    static const char values[1 << 16];
    hid_t id = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), space = H5Screate_simple(rank, shape, NULL);
    hid_t set = H5Dcreate2(id, name, type, space, H5P_DEFAULT, properties, H5P_DEFAULT);
    assert_true(set >= 0);
    if (H5Sget_simple_extent_npoints(space) * (hssize_t)H5Tget_size(type) <= (hssize_t)sizeof values)
        H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values);
    H5Dclose(set);
    H5Sclose(space);
    H5Fclose(id);
}

static h5 *opened_file(void)
{
    h5 *file = NULL;
    assert_ok(h5_open(path, &file));
    return file;
}

static void expect(const char *object, const char *message) /* NULL: fine */
{
    h5 *file = opened_file();
    h5_about about;
    const int rc = h5_about_of(file, object, &about);
    if (message)
        assert_refused(rc, message);
    else
        assert_ok(rc);
    assert_ok(h5_close(file));
}

/* ---- files and paths ---------------------------------------------------------------------------------------------- */

static void files_that_are_none(void **state)
{
    (void)state;
    h5 *file;
    assert_refused(h5_open(in_scratch("none.h5"), &file), "none.h5: cannot open");
    assert_refused(h5_open(scratch, &file), "is not a file");
    assert_int_equal(h5_create(in_scratch("no folder/a.h5"), &file), FAILED);
    assert_message("no folder/a.h5");
    assert_int_equal(h5_extend(in_scratch("none.h5"), &file), FAILED);
    put_text(path, "no HDF5");
    assert_int_equal(h5_open(path, &file), FAILED);
    assert_ok(h5_close(NULL));
}

static void paths_and_kinds(void **state)
{
    (void)state;
    static char deep[6000];
    const size_t shape[] = {2};
    const int32_t values[2] = {1, 2};
    h5 *file;
    char **names, *text;
    size_t count, width;
    bool there;
    int64_t whole;
    double reals[2];
    int32_t read[2];
    memset(deep, 'a', sizeof deep - 1);
    deep[0] = '/';
    assert_ok(h5_create(path, &file));
    assert_ok(h5_write(file, "/group/set", NUMBER_I32, 1, shape, values));
    assert_ok(h5_write_text(file, "/texts", 2, 3, "abcdef"));
    assert_ok(h5_set_text(file, "/group/set", "name", "x"));
    assert_ok(h5_set_reals(file, "/group", "pair", 2, (const double[]){1, 2}));
    assert_ok(h5_set_reals(file, "/group", "none", 0, NULL));
    assert_int_equal(h5_set_int(file, "/missing", "a", 1), FAILED);
    assert_int_equal(h5_new_group(file, "/group/set"), FAILED);
    assert_ok(h5_close(file));
    file = opened_file();
    assert_refused(h5_exists(file, deep, &there), "a path of 5999 bytes is too long");
    assert_refused(h5_exists(file, "group", &there), "wanted a path that starts with /");
    assert_ok(h5_exists(file, "/", &there));
    assert_true(there);
    assert_ok(h5_exists(file, "/group/set/below", &there));
    assert_false(there);
    assert_refused(h5_list(file, "/group/set", &names, &count), "is a data set, wanted a group");
    assert_ok(h5_list(file, "/nothing", &names, &count));
    assert_int_equal(count, 0);
    h5_names_free(names, count);
    assert_refused(h5_read(file, "/group", NUMBER_I32, 2, read), "is a group, wanted a data set");
    assert_refused(h5_read(file, "/nothing", NUMBER_I32, 2, read), "is missing");
    assert_refused(h5_read(file, "/group/set", NUMBER_I32, 1, read), "has 2 elements, wanted 1");
    assert_refused(h5_read(file, "/texts", NUMBER_I32, 2, read), "holds text, wanted numbers");
    assert_refused(h5_read_text(file, "/group/set", 9, &text, &width, &count), "wanted at most 9 texts");
    assert_refused(h5_read_text(file, "/texts", 1, &text, &width, &count), "wanted at most 1 texts");
    assert_refused(h5_get_text(file, "/missing", "name", &text), "is missing");
    assert_refused(h5_get_text(file, "/group", "name", &text), "/group: attribute name: is missing");
    assert_refused(h5_get_text(file, "/group", "pair", &text), "wanted one text");
    assert_refused(h5_get_int(file, "/group/set", "name", &whole), "/group/set: attribute name");
    assert_refused(h5_get_int(file, "/group", "pair", &whole), "/group: attribute pair");
    assert_refused(h5_get_reals(file, "/group", "pair", 3, reals), "/group: attribute pair");
    assert_ok(h5_has_attribute(file, "/missing", "a", &there));
    assert_false(there);
    assert_ok(h5_close(file));
}

/* ---- types and shapes --------------------------------------------------------------------------------------------- */

static void types(void **state)
{
    (void)state;
    const hsize_t four = 4;
    static const struct {
        size_t exponent, fraction, bias, sign, at; /* of a real of 16 bits: sizes, and where the fraction starts */
        const char *message;
    } reals[] = {{5, 10, 15, 15, 0, NULL},
                 {8, 7, 127, 15, 0, NULL},
                 {5, 10, 16, 15, 0, "type other than"},
                 {4, 10, 15, 15, 0, "type other than"},
                 {5, 9, 15, 15, 1, "type other than"},
                 {8, 7, 126, 15, 0, "type other than"},
                 {6, 9, 31, 15, 0, "type other than"}};
    for (size_t i = 0; i < sizeof reals / sizeof *reals; i++) {
        hid_t type = H5Tcopy(H5T_IEEE_F32LE);
        assert_true(H5Tset_fields(type, reals[i].sign, reals[i].at + reals[i].fraction, reals[i].exponent, reals[i].at,
                                  reals[i].fraction) >= 0);
        assert_true(H5Tset_size(type, 2) >= 0 && H5Tset_ebias(type, reals[i].bias) >= 0);
        put_set("/real", type, 1, &four, H5P_DEFAULT);
        H5Tclose(type);
        expect("/real", reals[i].message);
    }
    static const int sizes[] = {3, 16};
    for (int i = 0; i < 2; i++) {
        hid_t type = H5Tcopy(H5T_STD_I64LE);
        assert_true(H5Tset_size(type, (size_t)sizes[i]) >= 0);
        put_set("/integer", type, 1, &four, H5P_DEFAULT);
        H5Tclose(type);
        expect("/integer", "type other than");
    }
    hid_t compound = H5Tcreate(H5T_COMPOUND, 8), wide = H5Tcopy(H5T_STD_I32LE), named;
    int32_t zero = 0;
    H5Tinsert(compound, "a", 0, H5T_NATIVE_DOUBLE);
    put_set("/compound", compound, 1, &four, H5P_DEFAULT);
    expect("/compound", "type other than");
    H5Tset_precision(wide, 17);
    named = H5Tenum_create(wide);
    H5Tenum_insert(named, "a", &zero);
    put_set("/enumeration", named, 1, &four, H5P_DEFAULT);
    expect("/enumeration", "type other than");
    put_set("/big", H5T_STD_I32BE, 1, &four, H5P_DEFAULT);
    expect("/big", NULL);
    H5Tclose(named);
    H5Tclose(wide);
    H5Tclose(compound);
}

static void shapes_and_chunks(void **state)
{
    (void)state;
    const hsize_t ones[9] = {1, 1, 1, 1, 1, 1, 1, 1, 1}, some = 100, large = 1 << 20;
    put_set("/nine", H5T_NATIVE_INT, 9, ones, H5P_DEFAULT);
    expect("/nine", "has 9 dimensions, wanted at most 8");
    hid_t properties = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(properties, 1, &some);
    H5Pset_deflate(properties, 1);
    H5Pset_deflate(properties, 1);
    put_set("/twice", H5T_NATIVE_INT, 1, &some, properties);
    expect("/twice", "is deflated more than once");
    H5Pclose(properties);
    properties = H5Pcreate(H5P_DATASET_CREATE); /* one chunk that is much larger than the data in it */
    H5Pset_chunk(properties, 1, &large);
    H5Pset_deflate(properties, 9);
    const hsize_t most = H5S_UNLIMITED, three = 3;
    hid_t id = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), space = H5Screate_simple(1, &three, &most);
    H5Dclose(H5Dcreate2(id, "/room", H5T_NATIVE_INT, space, H5P_DEFAULT, properties, H5P_DEFAULT));
    hid_t null = H5Screate(H5S_NULL);
    H5Dclose(H5Dcreate2(id, "/null", H5T_NATIVE_INT, null, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    H5Sclose(null);
    H5Sclose(space);
    H5Fclose(id);
    H5Pclose(properties);
    expect("/room", "data is missing");
    expect("/null", "has no shape");
}

static void long_texts(void **state)
{
    (void)state;
    const hsize_t one = 1;
    h5 *file;
    char *text;
    size_t width, count;
    hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, (1 << 16) + 1);
    put_set("/text", type, 1, &one, H5P_DEFAULT);
    H5Tclose(type);
    file = opened_file();
    assert_int_equal(h5_read_text(file, "/text", 9, &text, &width, &count), FAILED);
    assert_ok(h5_close(file));
}

/* Rows that lie one after the other, and those that do not. */
static void places_of_rows(void **state)
{
    (void)state;
    const size_t shape[2] = {4, 3};
    const int32_t values[12] = {0};
    static const struct {
        const char *name;
        bool plain;
    } cases[] = {{"/placed", true}, {"/summed", false}, {"/scalar", false}, {"/empty", false}, {"/texts", false}};
    const size_t none = 0;
    h5 *file;
    assert_ok(h5_create(path, &file));
    assert_ok(h5_dataset_place(file, "/placed", NUMBER_I32, 2, shape));
    assert_ok(h5_write(file, "/summed", NUMBER_I32, 2, shape, values));
    assert_ok(h5_write(file, "/scalar", NUMBER_I32, 0, NULL, values));
    assert_ok(h5_write(file, "/empty", NUMBER_I32, 1, &none, values));
    assert_ok(h5_write_text(file, "/texts", 2, 3, "abcdef"));
    assert_ok(h5_close(file));
    file = opened_file();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        h5_dataset *d;
        bool plain;
        uint64_t start = 0;
        assert_ok(h5_dataset_open(file, cases[i].name, &d));
        assert_ok(h5_dataset_start(d, &plain, &start));
        assert_int_equal(plain, cases[i].plain);
        assert_int_equal(start > 0, cases[i].plain);
        h5_dataset_close(d);
    }
    assert_ok(h5_close(file));
    const hsize_t sides[2] = {4, 3}, row[2] = {1, 3}, half[2] = {1, 2}, two[2] = {2, 3};
    const hsize_t *const chunks[] = {row, half, two};
    for (int k = 0; k < 4; k++) { /* never written; of half rows; of two; big-endian */
        h5_dataset *d;
        bool plain;
        uint64_t start;
        hid_t properties = H5Pcreate(H5P_DATASET_CREATE);
        H5Pset_chunk(properties, 2, chunks[k % 3]);
        put_set("/rows", k == 3 ? H5T_STD_I32BE : H5T_STD_I32LE, 2, sides, properties);
        H5Pclose(properties);
        file = opened_file();
        assert_ok(h5_dataset_open(file, "/rows", &d));
        assert_ok(h5_dataset_start(d, &plain, &start));
        assert_true(!plain || !k);
        h5_dataset_close(d);
        assert_ok(h5_close(file));
    }
}

/* ---- what is looked at first -------------------------------------------------------------------------------------- */

/* In a process of its own, which then has the limit: does the file open? */
static bool opens_within(int resource, rlim_t most)
{
    int status = 0;
    const pid_t pid = fork();
    assert_true(pid >= 0);
    if (!pid) {
        h5 *file = NULL;
        struct rlimit now;
        const bool limited = !getrlimit(resource, &now) && !setrlimit(resource, &(struct rlimit){most, most});
        const int rc = limited ? h5_open(path, &file) : FAILED;
        h5_close(file);
        _exit(rc);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) && WEXITSTATUS(status) == OK;
}

/* Limits that a process has stay; one that has no descriptors left cannot look. */
static void limits_that_there_are(void **state)
{
    (void)state;
    h5 *file;
    const int next = dup(0);
    close(next);
    assert_ok(h5_create(path, &file));
    assert_ok(h5_new_group(file, "/group"));
    assert_ok(h5_close(file));
    assert_true(opens_within(RLIMIT_CPU, 1000));
    assert_true(opens_within(RLIMIT_CPU, 3));
    assert_false(opens_within(RLIMIT_NOFILE, (rlim_t)next + 1));
    opens_within(RLIMIT_NOFILE, (rlim_t)next + 2); /* enough to ask, not to answer */
    assert_true(opens_within(RLIMIT_NOFILE, (rlim_t)next + 8));
}

/* Of large data the first and the last row; of one large row, of many reals and of what lies deep, nothing. */
static void large_and_deep(void **state)
{
    (void)state;
    enum { ROW = 1 << 20, ROWS = 70, DEEP = 100, REALS = 5000 };
    const size_t rows[2] = {ROWS, ROW}, row[2] = {1, (size_t)ROWS * ROW};
    static double reals[REALS];
    char deep[2 * DEEP + 1] = "", *text;
    char *zeros = calloc(ROWS, ROW);
    h5 *file;
    h5_dataset *d;
    bool there;
    for (int i = 0; i < DEEP; i++) strcat(deep, "/a");
    assert_ok(h5_create(path, &file));
    assert_ok(h5_dataset_new(file, "/rows", NUMBER_U8, 2, rows, 1, 1, &d));
    assert_ok(h5_dataset_write(d, 0, ROWS, NUMBER_U8, zeros));
    h5_dataset_close(d);
    assert_ok(h5_dataset_new(file, "/row", NUMBER_U8, 2, row, 1, 1, &d));
    assert_ok(h5_dataset_write(d, 0, 1, NUMBER_U8, zeros));
    h5_dataset_close(d);
    assert_ok(h5_new_group(file, deep));
    assert_ok(h5_set_reals(file, "/rows", "many", REALS, reals));
    assert_ok(h5_close(file));
    free(zeros);
    file = opened_file();
    assert_ok(h5_exists(file, deep, &there));
    assert_true(there);
    assert_ok(h5_get_reals(file, "/rows", "many", REALS, reals));
    assert_ok(h5_close(file));
    static char name[400], group[401];
    memset(name, 'n', sizeof name - 1);
    memset(group, 'g', sizeof group - 1);
    group[0] = '/';
    assert_ok(h5_create(path, &file));
    assert_ok(h5_new_group(file, group));
    assert_ok(h5_close(file));
    file = opened_file();
    assert_refused(h5_get_text(file, group, name, &text), "nnn: is missing"); /* the name alone: both are too long */
    assert_ok(h5_close(file));
}

/* ---- checkpoints ---------------------------------------------------------------------------------------------------- */

/* What makes a file a checkpoint, and what of it is not believed. */
static void checkpoints(void **state)
{
    (void)state;
    static const struct {
        int complete; /* below 0: not said */
        int64_t step;
        const char *type, *message; /* NULL: fine */
    } cases[] = {{1, 3, NULL, NULL},
                 {1, 3, "bool", NULL},
                 {1, 3, "float", NULL},
                 {-1, 3, NULL, "is unfinished"},
                 {0, 3, NULL, "is unfinished"},
                 {1, -1, NULL, "/optimizer/step is -1, wanted 0 or more"},
                 {1, INT64_MAX, NULL, "wanted 0 or more"}};
    const size_t two = 2;
    const uint8_t values[2] = {1, 0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        h5 *file;
        tensor_file *f;
        assert_ok(h5_create(path, &file));
        assert_ok(h5_set_text(file, "/", "furrow_format", "checkpoint"));
        assert_ok(h5_set_int(file, "/", "version", 1));
        assert_ok(h5_write(file, "/weights/w", NUMBER_U8, 1, &two, values));
        if (cases[i].type) assert_ok(h5_set_text(file, "/weights/w", "type", cases[i].type));
        assert_ok(h5_write(file, "/optimizer/step", NUMBER_I64, 0, NULL, &cases[i].step));
        if (cases[i].complete >= 0) assert_ok(h5_set_int(file, "/", "complete", cases[i].complete));
        assert_ok(h5_close(file));
        const int rc = tensor_file_open(path, &f);
        if (cases[i].message) {
            assert_refused(rc, cases[i].message);
            continue;
        }
        assert_ok(rc);
        assert_string_equal(tensor_type_name(tensor_file_at(f, TENSOR_WEIGHTS, 0)), i == 1 ? "bool" : "uint8");
        tensor_file_close(f);
    }
    h5 *file;
    tensor_file *f;
    assert_ok(h5_extend(path, &file));
    assert_ok(h5_write_text(file, "/weights/text", 1, 3, "abc"));
    assert_ok(h5_close(file));
    assert_refused(tensor_file_open(path, &f), "/weights/text: holds text, wanted numbers");
}

/* The library itself loses memory when it meets damaged metadata. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libhdf5";
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_that_are_none),   cmocka_unit_test(paths_and_kinds), cmocka_unit_test(types),
        cmocka_unit_test(shapes_and_chunks),     cmocka_unit_test(long_texts),      cmocka_unit_test(places_of_rows),
        cmocka_unit_test(limits_that_there_are), cmocka_unit_test(large_and_deep),  cmocka_unit_test(checkpoints),
    };
    return cmocka_run_group_tests(tests, setup, scratch_remove);
}
