/* Devices: the list, selection and its refusals, the environment. */
#include "rt_test.h"

static void list_is_complete(void **state)
{
    (void)state;
    device_info *list = NULL;
    int count = 0;
    assert_ok(device_list(&list, &count));
    assert_true(count >= 1);
    for (int i = 0; i < count; i++) {
        assert_int_equal(list[i].index, i);
        assert_true(list[i].name[0] && list[i].driver[0] && list[i].platform[0]);
        assert_true(list[i].compute_units >= 1 && list[i].vector_width >= 1 && list[i].base_alignment >= 1);
        assert_true(list[i].work_group_limit >= 1);
        assert_true(list[i].allocation_limit > 0 && list[i].allocation_limit <= list[i].global_memory);
        if (i) assert_true(strcmp(list[i - 1].platform, list[i].platform) <= 0);
    }
    free(list);
}

static void opened_by_index_name_and_kind(void **state)
{
    (void)state;
    static const char *const kinds[] = {
        [DEVICE_CPU] = "CPU", [DEVICE_GPU] = "Gpu", [DEVICE_ACCELERATOR] = "accelerator"};
    device_info *list = NULL;
    int count = 0;
    char text[16];
    assert_ok(device_list(&list, &count));
    for (int i = 0; i < count; i++) {
        if (!list[i].available || !list[i].compiler || list[i].kind == DEVICE_OTHER) continue;
        snprintf(text, sizeof text, "%d", i);
        assert_ok(device_open(text, &test_device));
        assert_string_equal(device_about(test_device)->name, list[i].name);
        device_close(test_device);

        snprintf(text, sizeof text, "%.10s", list[i].name); /* a part, other case */
        for (char *c = text; *c; c++)
            if (*c >= 'a' && *c <= 'z') *c = (char)(*c - 'a' + 'A');
        assert_ok(device_open(text, &test_device));
        device_close(test_device);

        assert_ok(device_open(kinds[list[i].kind], &test_device));
        assert_int_equal(device_about(test_device)->kind, list[i].kind);
        device_close(test_device);
    }
    test_device = NULL;
    free(list);
}

static void environment_selects(void **state)
{
    (void)state;
    const char *before = getenv("FURROW_DEVICE");
    char *saved = text_copy(before ? before : "");
    setenv("FURROW_DEVICE", "no such device", 1);
    assert_refused(device_open(NULL, &test_device), NO_DEVICE, "no such device");
    assert_refused(device_open("auto", &test_device), NO_DEVICE, "no such device");
    assert_ok(device_open("0", &test_device));
    if (before)
        setenv("FURROW_DEVICE", saved, 1);
    else
        unsetenv("FURROW_DEVICE");
    free(saved);
}

static void unknown_devices_are_refused_with_what_there_is(void **state)
{
    (void)state;
    device_info *list = NULL;
    int count = 0;
    assert_ok(device_list(&list, &count));
    assert_refused(device_open("4711", &test_device), NO_DEVICE, "4711");
    assert_null(test_device);
    assert_non_null(strstr(error_message(), list[0].name));
    assert_non_null(strstr(error_message(), list[count - 1].name));
    assert_refused(device_open("abacus", &test_device), NO_DEVICE, "abacus");
    lie.type = CL_DEVICE_TYPE_GPU;
    assert_refused(device_open("cpu", &test_device), NO_DEVICE, "no usable device of this type");
    lie.type = CL_DEVICE_TYPE_CUSTOM;
    assert_refused(device_open("0", &test_device), NO_DEVICE, "not available");
    free(list);
}

static void no_platform_says_what_to_install(void **state)
{
    (void)state;
    device_info *list = NULL;
    int count = -1;
    lie.no_platforms = true;
    assert_ok(device_list(&list, &count));
    assert_int_equal(count, 0);
    free(list);
    assert_refused(device_open(NULL, &test_device), NO_DEVICE, "pocl-opencl-icd");
}

static void tiles_follow_the_limits(void **state)
{
    (void)state;
    lie.type = CL_DEVICE_TYPE_GPU; /* with local memory of its own */
    assert_ok(device_open("0", &test_device));
    assert_int_equal(device_tiles(test_device), TILE_GPU);
    device_close(test_device);
    lie.type = CL_DEVICE_TYPE_CPU;
    lie.vector_width = 4;
    assert_ok(device_open("0", &test_device));
    assert_int_equal(device_tiles(test_device), TILE_CPU);
    device_close(test_device);
    lie.vector_width = 1; /* its vectors hold work-items */
    assert_ok(device_open("0", &test_device));
    assert_int_equal(device_tiles(test_device), TILE_GPU);
    device_close(test_device);
    lie.vector_width = 4;
    setenv("FURROW_TILE", "gpu", 1);
    assert_ok(device_open("0", &test_device));
    assert_int_equal(device_tiles(test_device), TILE_GPU);
}

static void wrong_words_in_the_environment_are_refused(void **state)
{
    (void)state;
    setenv("FURROW_TILE", "tpu", 1);
    assert_refused(device_open("0", &test_device), USAGE, "FURROW_TILE is \"tpu\"; wanted cpu or gpu");
    unsetenv("FURROW_TILE");
    setenv("FURROW_DEBUG", "sync,profil", 1);
    assert_refused(device_open("0", &test_device), USAGE, "\"profil\"");
    setenv("FURROW_DEBUG", "profile,sync", 1);
    assert_ok(device_open("0", &test_device));
    device_close(test_device);
    unsetenv("FURROW_DEBUG");
    setenv("FURROW_CL_DIR", "/nonexistent", 1);
    assert_refused(device_open("0", &test_device), FAILED, "FURROW_CL_DIR");
    setenv("FURROW_CL_DIR", test_kernels, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, test_start, test_end)
    const struct CMUnitTest tests[] = {
        TEST(list_is_complete),
        TEST(opened_by_index_name_and_kind),
        TEST(environment_selects),
        TEST(unknown_devices_are_refused_with_what_there_is),
        TEST(no_platform_says_what_to_install),
        TEST(tiles_follow_the_limits),
        TEST(wrong_words_in_the_environment_are_refused),
    };
    return cmocka_run_group_tests_name("rt device", tests, group_open, group_close);
}
