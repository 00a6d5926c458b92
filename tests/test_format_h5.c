/* The HDF5 wrapper: what is written comes back, numbers are converted, hostile and damaged files are refused.
 * The only test that uses the library itself: to make files that furrow would never write. */
#define H5_USE_110_API
#include <hdf5.h>
#include <signal.h>

#include "base/error.h"
#include "base/file.h"
#include "format/h5.h"

#include "tests/format_test.h"

static char path[200];

static int setup(void **state)
{
    if (scratch_make(state)) return -1;
    strcpy(path, in_scratch("sample.h5"));
    return 0;
}

static void write_sample(void)
{
    h5 *file;
    h5_dataset *rows;
    const size_t shape[2] = {1000, 3}, none = 0;
    const double statistics[2] = {1.5, -2.5};
    int16_t values[3000];
    float scalar = 0.25f;
    for (int i = 0; i < 3000; i++) values[i] = (int16_t)(7 * i - 9000);
    assert_int_equal(h5_create(path, &file), OK);
    assert_int_equal(h5_write(file, "/parcels/values", NUMBER_I16, 2, shape, values), OK);
    assert_int_equal(h5_write(file, "/scalar", NUMBER_F32, 0, NULL, &scalar), OK);
    assert_int_equal(h5_write(file, "/empty", NUMBER_F32, 1, &none, values), OK);
    assert_int_equal(h5_write_text(file, "/parcels/id", 3, 4, "1\0\0\0twenabcd"), OK);
    assert_int_equal(h5_dataset_new(file, "/rows", NUMBER_F32, 2, shape, 64, 4, &rows), OK);
    for (size_t first = 0; first < 1000; first += 100)
        assert_int_equal(h5_dataset_write(rows, first, 100, NUMBER_I16, values + 3 * first), OK);
    h5_dataset_close(rows);
    assert_int_equal(h5_new_group(file, "/features/deep"), OK);
    assert_int_equal(h5_set_int(file, "/", "version", 1), OK);
    assert_int_equal(h5_set_text(file, "/", "name", ""), OK);
    assert_int_equal(h5_set_text(file, "/", "name", "bl\xc3\xa9"), OK); /* in the place of the first */
    assert_int_equal(h5_set_reals(file, "/rows", "mean", 2, statistics), OK);
    char *large = malloc(200001);
    memset(large, 'x', 200000);
    large[200000] = 0;
    assert_int_equal(h5_set_text(file, "/features", "large", large), OK);
    free(large);
    assert_int_equal(h5_close(file), OK);
}

static bool is_there(h5 *file, const char *object)
{
    bool there;
    assert_int_equal(h5_exists(file, object, &there), OK);
    return there;
}

static bool attribute_is_there(h5 *file, const char *object, const char *name)
{
    bool there;
    assert_int_equal(h5_has_attribute(file, object, name, &there), OK);
    return there;
}

static void comes_back(void **state)
{
    (void)state;
    h5 *file;
    h5_about about;
    char *text, **names;
    size_t width, count;
    int64_t number;
    double reals[2];
    float one, row[3];
    void *values;
    h5_dataset *rows;
    write_sample();
    assert_int_equal(h5_open(path, &file), OK);

    assert_int_equal(h5_read_new(file, "/parcels/values", NUMBER_F64, 3000, &values, &about), OK);
    assert_int_equal(about.rank, 2);
    assert_int_equal(about.shape[0], 1000);
    assert_int_equal(about.type, NUMBER_I16);
    for (int i = 0; i < 3000; i++) assert_true(((double *)values)[i] == 7.0 * i - 9000);
    free(values);
    assert_int_equal(h5_read_new(file, "/parcels/values", NUMBER_F64, 2999, &values, &about), FAILED);

    assert_int_equal(h5_read(file, "/scalar", NUMBER_F32, 1, &one), OK);
    assert_true(one == 0.25f);
    assert_int_equal(h5_read(file, "/scalar", NUMBER_F32, 2, row), FAILED);
    assert_non_null(strstr(error_message(), "/scalar: has 1 elements, wanted 2"));
    assert_int_equal(h5_about_of(file, "/empty", &about), OK);
    assert_int_equal(about.count, 0);

    assert_int_equal(h5_dataset_open(file, "/rows", &rows), OK);
    assert_int_equal(h5_dataset_read(rows, 999, 1, NUMBER_F32, row), OK);
    assert_true(row[2] == 7 * 2999 - 9000);
    assert_int_equal(h5_dataset_read(rows, 999, 2, NUMBER_F32, row), FAILED);
    assert_int_equal(h5_dataset_read(rows, SIZE_MAX, 2, NUMBER_F32, row), FAILED);
    h5_dataset_close(rows);

    assert_int_equal(h5_read_text(file, "/parcels/id", 10, &text, &width, &count), OK);
    assert_int_equal(width, 5);
    assert_int_equal(count, 3);
    assert_string_equal(text, "1");
    assert_string_equal(text + width, "twen");
    assert_string_equal(text + 2 * width, "abcd");
    free(text);

    assert_int_equal(h5_get_text(file, "/", "name", &text), OK);
    assert_string_equal(text, "bl\xc3\xa9");
    free(text);
    assert_int_equal(h5_get_text(file, "/features", "large", &text), OK);
    assert_int_equal(strlen(text), 200000);
    free(text);
    assert_int_equal(h5_get_int(file, "/", "version", &number), OK);
    assert_int_equal(number, 1);
    assert_int_equal(h5_get_reals(file, "/rows", "mean", 2, reals), OK);
    assert_true(reals[1] == -2.5);
    assert_int_equal(h5_get_reals(file, "/rows", "mean", 3, reals), FAILED);
    assert_int_equal(h5_get_int(file, "/", "name", &number), FAILED);
    assert_int_equal(h5_get_int(file, "/", "absent", &number), FAILED);
    assert_non_null(strstr(error_message(), "attribute absent: is missing"));
    assert_true(attribute_is_there(file, "/rows", "mean"));
    assert_false(attribute_is_there(file, "/rows", "std"));
    assert_false(attribute_is_there(file, "/nowhere", "std"));

    assert_int_equal(h5_list(file, "/parcels", &names, &count), OK);
    assert_int_equal(count, 2);
    assert_string_equal(names[0], "id");
    assert_string_equal(names[1], "values");
    h5_names_free(names, count);
    assert_true(is_there(file, "/features/deep"));
    assert_false(is_there(file, "/features/shallow"));
    assert_false(is_there(file, "/rows/below"));
    assert_int_equal(h5_about_of(file, "/features", &about), FAILED);
    assert_int_equal(h5_about_of(file, "/absent", &about), FAILED);
    assert_non_null(strstr(error_message(), "/absent: is missing"));
    assert_int_equal(h5_close(file), OK);
}

/* Opens everything by name; whatever happens is a message. Returns whether something was refused. */
static bool refused_anywhere(void)
{
    static const char *const numbers[] = {"/parcels/values", "/scalar", "/empty", "/rows"};
    h5 *file;
    void *values;
    char *text;
    size_t width, count;
    int64_t number;
    double reals[2];
    if (h5_open(path, &file)) return true;
    bool refused = false;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (h5_read_new(file, numbers[i], NUMBER_F64, 1 << 20, &values, NULL))
            refused = true;
        else
            free(values);
    }
    if (h5_read_text(file, "/parcels/id", 100, &text, &width, &count))
        refused = true;
    else
        free(text);
    if (h5_get_text(file, "/", "name", &text))
        refused = true;
    else
        free(text);
    refused |= h5_get_int(file, "/", "version", &number) != OK;
    refused |= h5_get_reals(file, "/rows", "mean", 2, reals) != OK;
    h5_close(file);
    return refused;
}

/* The library checks each chunk's checksum, which is ours, as it reads: of whole and part chunks, odd lengths, sums of
 * nothing and of multiples of 65535. */
static void checksums_are_the_librarys(void **state)
{
    (void)state;
    static const struct {
        size_t shape[2];
        int byte; /* of all; -1: any */
    } cases[] = {{{1, 1}, -1},      {{1, 0xffff}, 0},   {{1, 0xffff}, 255}, {{2, 1}, 255},     {{3, 8191}, -1},
                 {{5, 8192}, -1},   {{1, 8192}, 255},   {{2, 65535}, -1},   {{700001, 3}, -1}, {{700001, 3}, 255},
                 {{1, 2100000}, 0}, {{1, 2100001}, -1}, {{1, 131070}, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        h5 *file;
        void *back;
        const size_t bytes = cases[i].shape[0] * cases[i].shape[1];
        unsigned char *values = malloc(bytes);
        for (size_t k = 0; k < bytes; k++)
            values[k] = (unsigned char)(cases[i].byte < 0 ? k * k * 2654435761u >> 13 : (unsigned)cases[i].byte);
        assert_ok(h5_create(path, &file));
        assert_ok(h5_write(file, "/values", NUMBER_U8, 2, cases[i].shape, values));
        assert_ok(h5_close(file));
        assert_ok(h5_open(path, &file));
        assert_ok(h5_read_new(file, "/values", NUMBER_U8, bytes, &back, NULL));
        assert_memory_equal(back, values, bytes);
        assert_ok(h5_close(file));
        free(back);
        free(values);
    }
}

static void damaged_files_are_refused(void **state)
{
    (void)state;
    char *bytes;
    size_t length;
    write_sample();
    assert_false(refused_anywhere());
    assert_int_equal(file_read(path, 1 << 24, &bytes, &length), OK);
    for (size_t cut = 0; cut < length; cut += cut < 128 ? 1 : 397) {
        put_file(path, bytes, cut);
        assert_true(refused_anywhere());
        assert_non_null(strstr(error_message(), path));
    }
    for (size_t at = 0; at < length; at += at < 512 ? 1 : 251) {
        bytes[at] = (char)(bytes[at] ^ 0x41);
        put_file(path, bytes, length);
        refused_anywhere(); /* a byte that nobody reads may be flipped */
        bytes[at] = (char)(bytes[at] ^ 0x41);
    }
    free(bytes);
}

static void flipped_data_is_refused(void **state)
{
    (void)state;
    char *bytes;
    size_t length, found = 0;
    int16_t three[3];
    write_sample();
    assert_int_equal(file_read(path, 1 << 24, &bytes, &length), OK);
    for (int i = 0; i < 3; i++) three[i] = (int16_t)(7 * (1500 + i) - 9000);
    while (found + sizeof three < length && memcmp(bytes + found, three, sizeof three)) found++;
    assert_true(found + sizeof three < length);
    bytes[found] = (char)(bytes[found] ^ 1);
    put_file(path, bytes, length);
    assert_true(refused_anywhere());
    assert_non_null(strstr(error_message(), "/parcels/values: cannot be read: damaged"));
    free(bytes);
}

/* Else a pack would lose its dates, and weights would be read as absent, without a word. */
static void a_damaged_name_is_not_an_absent_one(void **state)
{
    (void)state;
    static const char *const names[] = {"scalar", "version"};
    h5 *file;
    char *bytes;
    size_t length;
    bool there;
    write_sample();
    assert_int_equal(file_read(path, 1 << 24, &bytes, &length), OK);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t at = 0, size = strlen(names[i]);
        while (at + size < length && memcmp(bytes + at, names[i], size)) at++;
        assert_true(at + size < length);
        bytes[at] = (char)(bytes[at] ^ 1);
        put_file(path, bytes, length);
        bytes[at] = (char)(bytes[at] ^ 1);
        assert_int_equal(h5_open(path, &file), OK);
        assert_int_equal(h5_exists(file, "/scalar", &there), FAILED);
        assert_non_null(strstr(error_message(), path));
        h5_close(file);
        assert_int_equal(h5_open(path, &file), OK); /* again: the library may forget what it could not read */
        assert_int_equal(h5_has_attribute(file, "/", "version", &there), FAILED);
        h5_close(file);
    }
    free(bytes);
}

/* ---- hostile files ------------------------------------------------------------------------------------------------ */

static void expect_refusal(const char *object, const char *reason)
{
    h5 *file;
    h5_about about;
    assert_int_equal(h5_open(path, &file), OK);
    assert_int_equal(h5_about_of(file, object, &about), FAILED);
    assert_message(reason);
    assert_int_equal(h5_close(file), OK);
}

static void links_are_not_followed(void **state)
{
    (void)state;
    h5 *file;
    char **names;
    size_t count;
    hid_t id = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    hid_t group = H5Gcreate2(id, "/g", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_soft("/g", id, "/soft", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_external("/etc/passwd", "/x", group, "external", H5P_DEFAULT, H5P_DEFAULT);
    H5Gclose(group);
    H5Fclose(id);
    expect_refusal("/soft", "soft or external link");
    expect_refusal("/soft/below", "soft or external link");
    expect_refusal("/g/external", "soft or external link");
    assert_int_equal(h5_open(path, &file), OK);
    assert_int_equal(h5_list(file, "/g", &names, &count), FAILED);
    assert_non_null(strstr(error_message(), "\"external\" is a soft or external link"));
    assert_int_equal(h5_close(file), OK);
}

static void make_plain(const char *name, hid_t type, hsize_t size, hid_t properties)
{
    hid_t id = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    hid_t space = H5Screate_simple(1, &size, NULL);
    H5Dclose(H5Dcreate2(id, name, type, space, H5P_DEFAULT, properties, H5P_DEFAULT));
    H5Sclose(space);
    H5Fclose(id);
}

static void hostile_data_sets_are_refused(void **state)
{
    (void)state;
    const hsize_t chunk = 1 << 20;
    hid_t properties = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_external(properties, "/etc/hostname", 0, 8);
    make_plain("/outside", H5T_NATIVE_CHAR, 8, properties);
    H5Pclose(properties);
    expect_refusal("/outside", "in other files");

    make_plain("/huge", H5T_NATIVE_DOUBLE, (hsize_t)1 << 50, H5P_DEFAULT);
    expect_refusal("/huge", "data is missing");

    properties = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(properties, 1, &chunk);
    H5Pset_deflate(properties, 9);
    make_plain("/bomb", H5T_NATIVE_DOUBLE, (hsize_t)1 << 40, properties);
    expect_refusal("/bomb", "data is missing");
    H5Pset_nbit(properties);
    make_plain("/filter", H5T_NATIVE_INT, (hsize_t)1 << 20, properties);
    expect_refusal("/filter", "has filter 5");
    H5Pclose(properties);

    hid_t text = H5Tcopy(H5T_C_S1), list = H5Tvlen_create(H5T_NATIVE_INT);
    H5Tset_size(text, H5T_VARIABLE);
    make_plain("/text", text, 3, H5P_DEFAULT);
    expect_refusal("/text", "variable-length text");
    make_plain("/list", list, 3, H5P_DEFAULT);
    expect_refusal("/list", "type other than");
    H5Tclose(text);
    H5Tclose(list);
}

/* A dimension that is empty must not hide that the others overflow; numbers of odd widths are not taken apart. */
static void strange_shapes_and_types_are_refused(void **state)
{
    (void)state;
    const hsize_t shape[3] = {0, (hsize_t)1 << 40, (hsize_t)1 << 40};
    hid_t id = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), space = H5Screate_simple(3, shape, NULL);
    H5Dclose(H5Dcreate2(id, "/none", H5T_NATIVE_INT, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    H5Sclose(space);
    H5Fclose(id);
    expect_refusal("/none", "its shape is too large");
    hid_t odd = H5Tcopy(H5T_STD_I32LE);
    H5Tset_precision(odd, 17);
    H5Tset_offset(odd, 3);
    make_plain("/odd", odd, 3, H5P_DEFAULT);
    expect_refusal("/odd", "type other than");
    H5Tclose(odd);
    odd = H5Tcopy(H5T_IEEE_F32LE);
    H5Tset_ebias(odd, 3);
    make_plain("/odd", odd, 3, H5P_DEFAULT);
    expect_refusal("/odd", "type other than");
    H5Tclose(odd);
}

static void enumerations_are_integers(void **state)
{
    (void)state;
    h5 *file;
    uint8_t values[3] = {0};
    int8_t truth[3] = {1, 0, 1}, zero = 0, one = 1;
    hsize_t size = 3;
    hid_t id = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    hid_t type = H5Tenum_create(H5T_NATIVE_INT8), space = H5Screate_simple(1, &size, NULL);
    H5Tenum_insert(type, "FALSE", &zero);
    H5Tenum_insert(type, "TRUE", &one);
    hid_t set = H5Dcreate2(id, "/mask", type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, truth);
    H5Dclose(set);
    H5Sclose(space);
    H5Tclose(type);
    H5Fclose(id);
    assert_int_equal(h5_open(path, &file), OK);
    assert_int_equal(h5_read(file, "/mask", NUMBER_U8, 3, values), OK);
    assert_memory_equal(values, truth, 3);
    assert_int_equal(h5_close(file), OK);
}

/* ---- the child that looks first ------------------------------------------------------------------------------------ */

static enum { LIVES, CRASHES, LOOPS } fate;

/* Called by the child alone, when it is confined (h5_guard.c): here it meets its end as it would over a damaged file. */
unsigned alarm(unsigned seconds)
{
    (void)seconds;
    if (fate == CRASHES) raise(SIGSEGV);
    while (fate == LOOPS)
        ;
    return 0;
}

static void what_ends_the_library_is_an_error(void **state)
{
    (void)state;
    h5 *file = NULL;
    write_sample();
    fate = CRASHES;
    assert_int_equal(h5_open(path, &file), FAILED);
    assert_non_null(strstr(error_message(), path));
    assert_message("breaks down over it (signal 11): the file is damaged");
    signal(SIGCHLD, SIG_IGN); /* a program that wants to hear nothing of children */
    assert_int_equal(h5_open(path, &file), FAILED);
    assert_message("breaks down");
    fate = LIVES;
    assert_int_equal(h5_open(path, &file), OK);
    h5_close(file);
    file = NULL;
    signal(SIGCHLD, SIG_DFL);
    fate = LOOPS;
    assert_int_equal(h5_open(path, &file), FAILED);
    assert_message("does not come to an end");
    assert_null(file);
    fate = LIVES;
}

/* Groups that hold themselves: the child must not walk for ever. */
static void circles_are_walked_once(void **state)
{
    (void)state;
    h5 *file;
    bool there;
    hid_t id = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    hid_t group = H5Gcreate2(id, "/g", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    for (char name[] = "a"; *name < 'e'; ++*name) H5Lcreate_hard(group, ".", group, name, H5P_DEFAULT, H5P_DEFAULT);
    H5Gclose(group);
    H5Fclose(id);
    assert_int_equal(h5_open(path, &file), OK);
    assert_int_equal(h5_exists(file, "/g/a/b/c/a", &there), OK);
    assert_true(there);
    assert_int_equal(h5_close(file), OK);
}

/* The library itself loses memory when it meets damaged metadata. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libhdf5";
}

int main(int count, char **arguments)
{
    if (count > 1) cmocka_set_test_filter(arguments[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_back),
        cmocka_unit_test(checksums_are_the_librarys),
        cmocka_unit_test(damaged_files_are_refused),
        cmocka_unit_test(flipped_data_is_refused),
        cmocka_unit_test(a_damaged_name_is_not_an_absent_one),
        cmocka_unit_test(links_are_not_followed),
        cmocka_unit_test(hostile_data_sets_are_refused),
        cmocka_unit_test(strange_shapes_and_types_are_refused),
        cmocka_unit_test(enumerations_are_integers),
        cmocka_unit_test(what_ends_the_library_is_an_error),
        cmocka_unit_test(circles_are_walked_once),
    };
    return cmocka_run_group_tests(tests, setup, scratch_remove);
}
