/* The public interface: devices, models without a run, and runs that are watched. */
#include "tests/library_test.h"

#include "base/file.h"

/* ---- models without a run ----------------------------------------------------------------------------------------- */

static void initial_weights_by_seed(void **state)
{
    (void)state;
    float values[2 * 10 * 3] = {0}, p[2][20], features[4] = {0};
    for (int i = 0; i < 60; i++) values[i] = (float)(i % 7) / 7;
    const char model[] = "{\"model\": {\"arch\": \"pseltae\", \"positions\": null}}";
    const furrow_parcel parcel = {values, 2, 3, NULL, features, NULL};
    assert_ok(file_write(in_folder("initial.json"), model, strlen(model)));
    for (int i = 0; i < 2; i++) {
        furrow_model *m = library_load(&(furrow_model_options){.config = in_folder("initial.json"), .seed = 7});
        furrow_model_info about;
        furrow_model_about(m, &about);
        assert_false(about.days);
        assert_int_equal(about.longest, 24);
        assert_ok(furrow_classify_parcels(m, &parcel, 1, p[i]));
        float more[25 * 10] = {0};
        const furrow_parcel longer = {more, 25, 1, NULL, features, NULL};
        assert_code(furrow_classify_parcels(m, &longer, 1, p[1]), FURROW_FAILED, "len_max_seq allows 24");
        assert_ok(furrow_classify_parcels(m, &parcel, 1, p[i]));
        furrow_model_free(m);
    }
    assert_memory_equal(p[0], p[1], sizeof p[0]);
}

static void wrong_models_are_refused(void **state)
{
    (void)state;
    furrow_model *m = (furrow_model *)(uintptr_t)1;
    assert_code(furrow_model_load(device, &(furrow_model_options){0}, &m), FURROW_USAGE, "needs a configuration");
    assert_null(m);
    const furrow_model_options none = {.weights = in_folder("nowhere")};
    assert_code(furrow_model_load(device, &none, &m), FURROW_FAILED, "no weights at");
    const furrow_model_options lost = {.config = in_folder("nowhere.json")};
    assert_code(furrow_model_load(device, &lost, &m), FURROW_FAILED, "nowhere.json");
    const char wrong[] = "{\"model\": {\"arch\": \"psetea\"}}";
    assert_ok(file_write(in_folder("wrong.json"), wrong, strlen(wrong)));
    const furrow_model_options misspelt = {.config = in_folder("wrong.json")};
    assert_code(furrow_model_load(device, &misspelt, &m), FURROW_USAGE, "did you mean psetae?");
    assert_null(m);
}

/* ---- devices, and runs that are watched ---------------------------------------------------------------------------- */

static void devices_are_listed(void **state)
{
    (void)state;
    int count = 0, all = 0;
    furrow_device_info first, same;
    assert_ok(furrow_device_list(NULL, 0, &all));
    assert_true(all > 0);
    furrow_device_about(device, &same);
    assert_ok(furrow_device_list(&first, 1, &count));
    assert_int_equal(count, all);
    assert_int_equal(first.index, 0);
    assert_true(same.index < all && same.usable && same.global_memory > 0 && same.compute_units > 0);
    furrow_device *other = (furrow_device *)(uintptr_t)1;
    assert_code(furrow_device_open("no such device", &other), FURROW_NO_DEVICE, "no such device");
    assert_null(other);
    furrow_device_close(NULL);
    furrow_model_free(NULL);
    furrow_free(NULL);
    assert_string_equal(furrow_version(), FURROW_VERSION);
}

static int calls;

static bool never(void *user, const char *task, size_t done, size_t total, const char *metric)
{
    calls++;
    assert_ptr_equal(user, &calls);
    assert_true(task && metric && (!total || done <= total));
    return false;
}

static void a_watcher_stops_its_run_alone(void **state)
{
    (void)state;
    char *json = (char *)(uintptr_t)1;
    furrow_run_options o = {.config = in_folder("parcels.json"), .progress = never, .user = &calls};
    assert_code(furrow_train(&o, &json), FURROW_INTERRUPTED, "interrupted");
    assert_null(json);
    assert_true(calls > 0);
    calls = 0;
    o.progress = NULL;
    o.fold = 1;
    assert_ok(furrow_train(&o, &json));
    furrow_free(json);
    assert_int_equal(calls, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(initial_weights_by_seed),
        cmocka_unit_test(wrong_models_are_refused),
        cmocka_unit_test(devices_are_listed),
        cmocka_unit_test(a_watcher_stops_its_run_alone),
    };
    return cmocka_run_group_tests(tests, library_parcels, library_end);
}
