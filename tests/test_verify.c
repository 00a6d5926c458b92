/* verify: reference results of every parcel network pass, and a value that is off is found. Needs the reference
 * results: FURROW_SHARED, or ../shared beside the repository; skipped where they are not. */
#include "op_test.h"

#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "format/h5.h"
#include "furrow.h"

static char *goldens, *folder, *copy;

static int open_all(void **state)
{
    (void)state;
    const char *shared = getenv("FURROW_SHARED"), *root = getenv("TMPDIR");
    goldens = path_join(shared ? shared : "../shared", "goldens");
    folder = text_format("%s/furrow-test-XXXXXX", root ? root : "/tmp");
    if (!mkdtemp(folder)) return -1;
    copy = path_join(folder, "copy.h5");
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    unlink(copy);
    rmdir(folder);
    free(copy);
    free(folder);
    free(goldens);
    return 0;
}

static char *golden(const char *name)
{
    char *path = path_join(goldens, name);
    if (file_exists(path)) return path;
    print_message("skipped: there is no %s (FURROW_SHARED says where)\n", path);
    free(path);
    skip();
    return NULL;
}

static void verified(const char *path, int wanted_code, int *passed, int *failed)
{
    int code = furrow_verify(&path, 1, NULL, NULL, NULL, passed, failed);
    if (code != wanted_code) print_error("%s: %s\n", path, furrow_error_message());
    assert_int_equal(code, wanted_code);
}

static void some_pass(const char *const *names, int least)
{
    for (int i = 0; names[i]; i++) {
        int passed, failed;
        char *path = golden(names[i]);
        verified(path, OK, &passed, &failed);
        assert_true(passed > least && failed == 0);
        free(path);
    }
}

static void all_pass(const char *const *names)
{
    some_pass(names, 40);
}

static void pixel_set_and_tae(void **state)
{
    (void)state;
    all_pass((const char *[]){"psetae.h5", "psetae_order.h5", "psetae_mean.h5", "psetae_4pools.h5", "psetae_noextra.h5",
                              NULL});
}

static void pixel_set_and_ltae(void **state)
{
    (void)state;
    all_pass((const char *[]){"ltae.h5", "ltae_order.h5", "ltae_mean.h5", "ltae_4pools.h5", "ltae_noextra.h5", NULL});
}

static void pixel_set_and_baselines(void **state)
{
    (void)state;
    all_pass((const char *[]){"psegru.h5", "psetempcnn.h5", NULL});
}

static void utae(void **state)
{
    (void)state;
    if (op_test_small()) skip();
    all_pass((const char *[]){"utae.h5", "utae_3stages.h5", "utae_4bands_24px.h5", "utae_att_mean.h5",
                              "utae_batchnorm.h5", "utae_instancenorm.h5", "utae_mean.h5", "utae_nopad.h5",
                              "utae_zeros.h5", NULL});
}

static void recurrences(void **state)
{
    (void)state;
    some_pass((const char *[]){"convlstm.h5", "convgru.h5", "fpn_convlstm.h5", NULL}, 15);
    all_pass((const char *[]){"ulstm.h5", "ublstm.h5", "paps_ulstm.h5", NULL});
}

static void unet3d(void **state)
{
    (void)state;
    if (op_test_small()) skip();
    all_pass((const char *[]){"unet3d.h5", NULL});
    some_pass((const char *[]){"unet3d_padded.h5", NULL}, 0); /* its outputs alone */
}

static void published_sizes(void **state)
{
    (void)state;
    if (op_test_small()) skip();
    all_pass((const char *[]){"full/psetae.h5", "full/ltae.h5", "full/utae.h5", NULL});
}

/* ---- a file with one thing changed -------------------------------------------------------------------------------- */

typedef struct change {
    const char *path; /* of the data set whose first value becomes `value`; NULL: none */
    float value;
    const char *kind, *model; /* NULL: as they were */
} change;

static void copy_attribute(h5 *from, h5 *to, const char *name, const char *instead)
{
    char *text = NULL;
    assert_ok(h5_get_text(from, "/", name, &text));
    assert_ok(h5_set_text(to, "/", name, instead ? instead : text));
    free(text);
}

static void copy_group(h5 *from, h5 *to, const char *group, change c)
{
    char **names;
    size_t count;
    assert_ok(h5_list(from, group, &names, &count));
    for (size_t i = 0; i < count; i++) {
        enum h5_kind kind;
        char *path = text_format("%s/%s", group, names[i]);
        assert_ok(h5_kind_of(from, path, &kind));
        if (kind == H5_DATASET) {
            h5_about about;
            float *values;
            assert_ok(h5_read_new(from, path, NUMBER_F32, 1 << 24, (void **)&values, &about));
            if (c.path && !strcmp(path, c.path)) values[0] = c.value;
            assert_ok(h5_write(to, path, NUMBER_F32, about.rank, about.shape, values));
            free(values);
        }
        free(path);
    }
    h5_names_free(names, count);
}

static void make_copy(change c)
{
    static const char *const groups[] = {"/input", "/eval", "/train", "/train/grad", "/train/buffers", "/weights"};
    h5 *from = NULL, *to = NULL;
    char *path = golden("psetae_mean.h5");
    assert_ok(h5_open(path, &from));
    assert_ok(h5_create(copy, &to));
    copy_attribute(from, to, "kind", c.kind);
    copy_attribute(from, to, "model", c.model);
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) copy_group(from, to, groups[i], c);
    assert_ok(h5_close(to));
    assert_ok(h5_close(from));
    free(path);
}

static void one_value_off_is_one_failure(void **state)
{
    (void)state;
    static const change changes[] = {
        {.path = "/eval/output", .value = 100},
        {.path = "/eval/spatial_encoder", .value = 100},
        {.path = "/train/grad/decoder.0.weight", .value = 9},
        {.path = "/train/buffers/decoder.1.running_mean", .value = 9},
        {.path = "/train/losses", .value = 9},
    };
    int passed, failed;
    make_copy((change){0});
    verified(copy, OK, &passed, &failed);
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        make_copy(changes[i]);
        verified(copy, FAILED, &passed, &failed);
        assert_int_equal(failed, 1);
    }
}

static void lying_files_are_refused(void **state)
{
    (void)state;
    static const struct {
        change change;
        const char *part;
    } cases[] = {
        {{.path = "/input/target", .value = 20}, "/input/target[0] is 20"},
        {{.path = "/input/target", .value = -1}, "/input/target[0] is -1"},
        {{.kind = "mosaic"}, "kind \"mosaic\""},
        {{.model = "{\"arch\": \"psetea\"}"}, "did you mean psetae?"},
        {{.model = "{\"arch\": "}, "line 1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int passed, failed;
        make_copy(cases[i].change);
        verified(copy, FAILED, &passed, &failed);
        assert_int_equal(failed, 1);
        if (!strstr(furrow_error_message(), cases[i].part)) print_error("%s\n", furrow_error_message());
        assert_non_null(strstr(furrow_error_message(), cases[i].part));
    }
}

/* ---- checkpoints of others ---------------------------------------------------------------------------------------- */

static void checkpoints(void **state)
{
    (void)state;
    all_pass((const char *[]){"psetae_checkpoint.h5", "ltae_checkpoint.h5", NULL});
}

static void put_beside(const char *name, size_t flipped)
{
    char *from = golden(name), *to = path_join(folder, name), *bytes;
    size_t length;
    assert_ok(file_read(from, 1 << 24, &bytes, &length));
    if (flipped) bytes[length - flipped] = (char)(bytes[length - flipped] ^ 1);
    assert_ok(file_write(to, bytes, length));
    free(bytes);
    free(from);
    free(to);
}

/* The older stream has no checksums: a bit of one moment is one failure. */
static void one_bit_off_is_found(void **state)
{
    (void)state;
    static const char *const names[] = {"ltae.h5", "ltae_zip.pth.tar", "ltae_checkpoint.h5", "ltae_legacy.pth.tar"};
    int passed, failed;
    char *path = path_join(folder, names[2]);
    for (int i = 0; i < 4; i++) put_beside(names[i], i == 3 ? 40000 : 0);
    verified(path, FAILED, &passed, &failed);
    assert_int_equal(failed, 1);
    put_beside(names[3], 0);
    verified(path, OK, &passed, &failed);
    put_beside(names[1], 2000);
    verified(path, FAILED, &passed, &failed);
    for (int i = 0; i < 4; i++) {
        char *made = path_join(folder, names[i]);
        unlink(made);
        free(made);
    }
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pixel_set_and_tae),
        cmocka_unit_test(pixel_set_and_ltae),
        cmocka_unit_test(pixel_set_and_baselines),
        cmocka_unit_test(utae),
        cmocka_unit_test(recurrences),
        cmocka_unit_test(unet3d),
        cmocka_unit_test(published_sizes),
        cmocka_unit_test(one_value_off_is_one_failure),
        cmocka_unit_test(lying_files_are_refused),
        cmocka_unit_test(checkpoints),
        cmocka_unit_test(one_bit_off_is_found),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
