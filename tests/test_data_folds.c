/* The published fold split, and the classes that a part of it lacks. */
#include "data_test.h"

#include "base/file.h"

static void assert_part(const uint32_t *there, int count, const int *wanted, int wanted_count)
{
    assert_int_equal(count, wanted_count);
    for (int i = 0; i < count; i++) assert_int_equal(there[i], wanted[i]);
}

/* np.random.seed(7); shuffle(range(11)); KFold(3): made with numpy 2.4.6 and scikit-learn's rule. */
static void split_small(void **state)
{
    (void)state;
    static const int train[3][8] = {{1, 10, 7}, {8, 5, 0}, {8, 5, 0, 2}};
    static const int validation[3][4] = {{3, 6, 9, 4}, {2, 6, 9, 4}, {1, 10, 7, 3}};
    static const int test[3][4] = {{8, 5, 0, 2}, {1, 10, 7, 3}, {6, 9, 4}};
    static const int counts[3][3] = {{3, 4, 4}, {3, 4, 4}, {4, 4, 3}};
    for (int k = 0; k < 3; k++) {
        fold_split f;
        assert_ok(fold_split_new(11, 3, k + 1, 7, &f));
        assert_part(f.train, f.train_count, train[k], counts[k][0]);
        assert_part(f.validation, f.validation_count, validation[k], counts[k][1]);
        assert_part(f.test, f.test_count, test[k], counts[k][2]);
        fold_split_free(&f);
    }
}

static const char *shared_folder(void)
{
    const char *folder = getenv("FURROW_SHARED");
    return folder ? folder : "../shared";
}

static void assert_list(const uint32_t *there, int count, const cJSON *wanted)
{
    int i = 0;
    const cJSON *item;
    assert_int_equal(count, cJSON_GetArraySize(wanted));
    cJSON_ArrayForEach(item, wanted) {
        assert_int_equal(there[i], item->valueint);
        i++;
    }
}

static int number(const cJSON *object, const char *key)
{
    return cJSON_GetObjectItem(object, key)->valueint;
}

static void split_published(void **state)
{
    (void)state;
    char *path = path_join(shared_folder(), "goldens/kfold_split.json");
    cJSON *all = NULL, *split, *fold;
    assert_non_null(path);
    if (!file_exists(path)) {
        print_message("%s is not there (FURROW_SHARED): skipped\n", path);
        free(path);
        skip();
    }
    assert_ok(json_read(path, 1 << 24, &all));
    cJSON_ArrayForEach(split, all) {
        int k = 0;
        cJSON_ArrayForEach(fold, cJSON_GetObjectItem(split, "folds")) {
            fold_split f;
            uint32_t seed = (uint32_t)number(split, "rdm_seed");
            assert_ok(fold_split_new(number(split, "n"), number(split, "kfold"), ++k, seed, &f));
            assert_list(f.train, f.train_count, cJSON_GetObjectItem(fold, "train"));
            assert_list(f.validation, f.validation_count, cJSON_GetObjectItem(fold, "val"));
            assert_list(f.test, f.test_count, cJSON_GetObjectItem(fold, "test"));
            fold_split_free(&f);
        }
        assert_int_equal(k, number(split, "kfold"));
    }
    cJSON_Delete(all);
    free(path);
}

/* Two folds: test and validation are all there is. */
static void split_in_two(void **state)
{
    (void)state;
    for (int k = 1; k <= 2; k++) {
        fold_split f;
        assert_ok(fold_split_new(5, 2, k, 1, &f));
        assert_int_equal(f.test_count, k == 1 ? 3 : 2);
        assert_int_equal(f.validation_count, k == 1 ? 2 : 3);
        assert_int_equal(f.train_count, 0);
        fold_split_free(&f);
    }
}

static void split_refused(void **state)
{
    (void)state;
    fold_split f;
    assert_int_equal(fold_split_new(10, 1, 1, 1, &f), USAGE);
    assert_string_equal(error_message(), "train.kfold is 1, wanted 2 or more");
    assert_int_equal(fold_split_new(10, 5, 6, 1, &f), USAGE);
    assert_string_equal(error_message(), "fold 6 does not exist, wanted 1 to 5");
    assert_int_equal(fold_split_new(3, 5, 1, 1, &f), FAILED);
    assert_string_equal(error_message(), "3 parcels cannot be cut into 5 folds (train.kfold)");
}

static void missing_classes(void **state)
{
    (void)state;
    static const int32_t sizes[6] = {1, 1, 1, 1, 1, 1}, labels[6] = {0, 1, 2, 0, 1, 2}, day = 0;
    small_pack_write(&(small_pack){.count = 6,
                                   .bands = 1,
                                   .type = NUMBER_U8,
                                   .dates = sizes,
                                   .pixels = sizes,
                                   .days = &day,
                                   .days_shared = true,
                                   .labels = labels});
    pixelset_options o = data_options();
    pixelset *s;
    assert_ok(pixelset_open(&o, true, &s));
    uint32_t all[] = {0, 1, 2}, some[] = {3, 5}, one[] = {4};
    fold_split f = {
        .train = all, .validation = some, .test = one, .train_count = 3, .validation_count = 2, .test_count = 1};
    fold_split_warn(s, &f, "Fold 2");
    assert_string_equal(data_warnings, "Fold 2: the validation set has no parcel of class 1\n"
                                       "Fold 2: the test set has no parcel of class 0, 2\n");
    pixelset_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(split_small),
        cmocka_unit_test(split_published),
        cmocka_unit_test(split_in_two),
        cmocka_unit_test(split_refused),
        cmocka_unit_test_setup_teardown(missing_classes, data_test_setup, data_test_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
