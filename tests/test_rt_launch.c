/* Launches: arguments, limits checked before the driver sees them, late errors, the debug modes. */
#include "rt_test.h"

static const cost nothing = {0, 0};

static kernel *get(const char *name)
{
    kernel *k = NULL;
    assert_ok(kernel_get(test_device, "test", "", name, &k));
    return k;
}

static buffer *ones(int count)
{
    buffer *b = NULL;
    assert_ok(buffer_new(test_device, (size_t)count * 4, &b));
    assert_ok(buffer_fill(b, 0, 0x3f800000, (size_t)count * 4));
    return b;
}

static float first(buffer *b)
{
    float x = 0;
    assert_ok(buffer_read(b, 0, &x, sizeof x));
    return x;
}

/* ---- arguments -------------------------------------------------------------------------------------------------- */

static void groups_share_local_memory(void **state)
{
    (void)state;
    size_t items = device_about(test_device)->work_group_limit < 32 ? 1 : 32;
    buffer *x = ones((int)(4 * items)), *y = ones(4);
    assert_ok(LAUNCH(get("group_sum"), 4, 1, 1, items, nothing, arg_buffer(x), arg_buffer(y), arg_local(4 * items)));
    assert_true(first(y) == (float)items);
    buffer_free(x);
    buffer_free(y);
}

static void arguments_are_checked(void **state)
{
    (void)state;
    kernel *k = get("scale");
    buffer *x = ones(4);
    argument wide = arg_int(4);
    wide.size = 8;
    assert_refused(LAUNCH(k, 1, 1, 1, 1, nothing, arg_buffer(x), arg_float(2)), FAILED,
                   "kernel scale takes 3 arguments, was given 2");
    assert_refused(LAUNCH(k, 1, 1, 1, 1, nothing, arg_buffer(x), arg_float(2), arg_int(4), arg_int(4)), FAILED,
                   "takes 3 arguments, was given 4");
    assert_refused(LAUNCH(k, 1, 1, 1, 1, nothing, arg_buffer(x), arg_float(2), wide), FAILED,
                   "kernel scale: argument 2 cannot be a value of 8 bytes");
    assert_refused(LAUNCH(k, 1, 1, 1, 1, nothing, arg_float(2), arg_float(2), arg_int(4)), FAILED,
                   "kernel scale: argument 0 cannot be a value of 4 bytes");
    assert_true(first(x) == 1);
    assert_ok(LAUNCH(k, 1, 1, 1, 1, nothing, arg_buffer(x), arg_float(2), arg_uint(4)));
    assert_true(first(x) == 2);
    buffer_free(x);
}

static void a_null_buffer_is_a_null_pointer(void **state)
{
    (void)state;
    buffer *x = ones(1), *y = ones(1);
    int32_t value = -1;
    assert_ok(LAUNCH(get("is_null"), 1, 1, 1, 1, nothing, arg_buffer(NULL), arg_buffer(y)));
    assert_ok(buffer_read(y, 0, &value, sizeof value));
    assert_int_equal(value, 1);
    assert_ok(LAUNCH(get("is_null"), 1, 1, 1, 1, nothing, arg_buffer(x), arg_buffer(y)));
    assert_ok(buffer_read(y, 0, &value, sizeof value));
    assert_int_equal(value, 0);
    buffer_free(x);
    buffer_free(y);
}

static void another_devices_buffer_is_refused(void **state)
{
    (void)state;
    device *other = NULL;
    buffer *theirs = NULL, *ours = ones(4);
    assert_ok(device_open(NULL, &other));
    assert_ok(buffer_new(other, 16, &theirs));
    assert_refused(LAUNCH(get("scale"), 1, 1, 1, 1, nothing, arg_buffer(theirs), arg_float(2), arg_int(4)), FAILED,
                   "argument 0 is a buffer of another device");
    assert_refused(buffer_copy(theirs, 0, ours, 0, 16), FAILED, "another device");
    buffer_free(theirs);
    buffer_free(ours);
    device_close(other);
}

static void a_launch_of_nothing_is_no_launch(void **state)
{
    (void)state;
    kernel *k = get("scale");
    buffer *x = ones(4);
    const argument arguments[] = {arg_buffer(x), arg_float(2), arg_int(4)};
    for (int i = 0; i < 3; i++) {
        size_t groups[3] = {1, 1, 1}, items[3] = {1, 1, 1};
        groups[i] = 0;
        assert_ok(launch(k, groups, items, (cost){100, 100}, arguments, 3));
        groups[i] = 1;
        items[i] = 0;
        assert_ok(launch(k, groups, items, (cost){100, 100}, arguments, 3));
    }
    assert_true(first(x) == 1);
    assert_int_equal(device_flops(test_device), 0);
    buffer_free(x);
}

/* ---- limits ----------------------------------------------------------------------------------------------------- */

static void large_groups_are_refused(void **state)
{
    (void)state;
    buffer *x = ones(4);
    kernel *k = get("scale");
    size_t limit = device_about(test_device)->work_group_limit, kernel_limit = 0, local = 1;
    assert_ok(kernel_limits(k, &kernel_limit, &local));
    assert_true(kernel_limit >= 1 && kernel_limit <= limit);
    assert_refused(LAUNCH(k, 1, 1, 1, limit + 1, nothing, arg_buffer(x), arg_float(2), arg_int(4)), FAILED,
                   "kernel scale:");
    const argument arguments[] = {arg_buffer(x), arg_float(2), arg_int(4)};
    assert_refused(launch(k, (const size_t[3]){1, 1, 1}, (const size_t[3]){limit, 2, 1}, nothing, arguments, 3), FAILED,
                   "kernel scale: a work-group of");
    assert_refused(launch(k, (const size_t[3]){SIZE_MAX, 1, 1}, (const size_t[3]){2, 1, 1}, nothing, arguments, 3),
                   FAILED, "kernel scale:");
    assert_true(first(x) == 1);
    buffer_free(x);
}

static void devices_with_groups_of_one_work(void **state)
{
    (void)state;
    lie.device_group_limit = lie.every_kernel_limit = 1;
    reopen();
    buffer *x = ones(4);
    assert_int_equal(device_about(test_device)->work_group_limit, 1);
    assert_refused(LAUNCH(get("scale"), 1, 1, 1, 2, nothing, arg_buffer(x), arg_float(2), arg_int(4)), FAILED,
                   "a work-group of 2 x 1 x 1 items is too large");
    assert_ok(LAUNCH(get("scale"), 4, 1, 1, 1, nothing, arg_buffer(x), arg_float(2), arg_int(4)));
    assert_true(first(x) == 2);
    buffer_free(x);
}

/* A kernel's own limit holds; but a driver that limits even the empty kernel does not know what it says. */
static void kernel_limits_hold_where_they_make_sense(void **state)
{
    (void)state;
    size_t limit = 0, local = 0, device_limit = device_about(test_device)->work_group_limit;
    if (device_limit < 4) skip();
    lie.every_kernel_limit = device_limit;
    lie.kernel_group_limit = 2;
    assert_ok(kernel_limits(get("scale"), &limit, &local));
    assert_int_equal(limit, 2);
    buffer *x = ones(4);
    assert_refused(LAUNCH(get("scale"), 1, 1, 1, 4, nothing, arg_buffer(x), arg_float(2), arg_int(4)), FAILED,
                   "which allows 2");
    buffer_free(x);
    reopen();
    lie.every_kernel_limit = 2;
    assert_ok(kernel_limits(get("scale"), &limit, &local));
    assert_int_equal(limit, device_limit);
}

static void local_memory_is_checked(void **state)
{
    (void)state;
    size_t limit = device_about(test_device)->local_memory, group = 0, local = 0;
    buffer *x = ones(4), *y = ones(4);
    assert_refused(LAUNCH(get("group_sum"), 1, 1, 1, 1, nothing, arg_buffer(x), arg_buffer(y), arg_local(limit + 1)),
                   FAILED, "kernel group_sum wants");
    assert_refused(LAUNCH(get("group_sum"), 1, 1, 1, 1, nothing, arg_buffer(x), arg_buffer(y), arg_local(SIZE_MAX)),
                   FAILED, "of local memory");
    assert_ok(kernel_limits(get("declares_local"), &group, &local));
    assert_true(local >= 4096);
    assert_ok(LAUNCH(get("declares_local"), 1, 1, 1, 1, nothing, arg_buffer(x)));
    assert_ok(device_finish(test_device));
    lie.local_memory = 2048;
    buffer_free(x);
    buffer_free(y);
    reopen();
    x = ones(4);
    assert_refused(LAUNCH(get("declares_local"), 1, 1, 1, 1, nothing, arg_buffer(x)), FAILED,
                   "kernel declares_local wants");
    buffer_free(x);
}

/* ---- errors that come late, and the debug modes ----------------------------------------------------------------- */

static void late_errors_surface_at_the_next_wait(void **state)
{
    (void)state;
    buffer *x = ones(4);
    float value;
    assert_ok(LAUNCH(get("scale"), 1, 1, 1, 1, nothing, arg_buffer(x), arg_float(2), arg_int(4)));
    lie.finish = lie.read = CL_OUT_OF_RESOURCES;
    assert_refused(device_finish(test_device), FAILED, "CL_OUT_OF_RESOURCES");
    assert_non_null(strstr(error_message(), "FURROW_DEBUG=sync"));
    assert_refused(buffer_read(x, 0, &value, 4), FAILED, "a kernel that was queued before it");
    lie.finish = lie.read = CL_SUCCESS;
    buffer_free(x);
}

static void sync_names_the_kernel_that_failed(void **state)
{
    (void)state;
    setenv("FURROW_DEBUG", "sync", 1);
    reopen();
    buffer *x = ones(4);
    finishes = 0;
    assert_ok(LAUNCH(get("scale"), 1, 1, 1, 1, nothing, arg_buffer(x), arg_float(2), arg_int(4)));
    assert_int_equal(finishes, 1);
    lie.finish = CL_OUT_OF_RESOURCES;
    assert_refused(LAUNCH(get("scale"), 1, 1, 1, 1, nothing, arg_buffer(x), arg_float(2), arg_int(4)), FAILED,
                   "kernel scale");
    lie.finish = CL_SUCCESS;
    buffer_free(x);
}

static void nothing_waits_within_a_step(void **state)
{
    (void)state;
    buffer *x = ones(4);
    for (int i = 0; i < 100; i++)
        assert_ok(LAUNCH(get("scale"), 1, 1, 1, 1, nothing, arg_buffer(x), arg_float(1), arg_int(4)));
    assert_no_finish();
    assert_true(first(x) == 1);
    buffer_free(x);
}

static void flops_are_counted(void **state)
{
    (void)state;
    buffer *x = ones(4);
    for (int i = 0; i < 3; i++)
        assert_ok(LAUNCH(get("scale"), 1, 1, 1, 1, ((cost){1e10, 8}), arg_buffer(x), arg_float(1), arg_int(4)));
    assert_true(device_flops(test_device) == 30000000000u);
    buffer_free(x);
}

/* More launches than events are kept pending. */
static void profile_counts_every_launch(void **state)
{
    (void)state;
    setenv("FURROW_DEBUG", "profile", 1);
    reopen();
    buffer *x = ones(4), *y = ones(4);
    kernel *other = NULL;
    for (int i = 0; i < 1500; i++)
        assert_ok(LAUNCH(get("scale"), 1, 1, 1, 1, ((cost){4, 32}), arg_buffer(x), arg_float(1), arg_int(4)));
    assert_ok(kernel_get(test_device, "test", "-DA=1", "is_null", &other));
    for (int i = 0; i < 7; i++) assert_ok(LAUNCH(other, 1, 1, 1, 1, nothing, arg_buffer(x), arg_buffer(y)));
    buffer_free(x);
    buffer_free(y);
    device_close(test_device);
    test_device = NULL;
    assert_non_null(strstr(notes, "profile of "));
    assert_non_null(strstr(notes, "    1500 "));
    assert_non_null(strstr(notes, "  scale"));
    assert_non_null(strstr(notes, "       7 "));
    assert_non_null(strstr(notes, "  is_null -DA=1"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, test_start_open, test_end)
    const struct CMUnitTest tests[] = {
        TEST(groups_share_local_memory),
        TEST(arguments_are_checked),
        TEST(a_null_buffer_is_a_null_pointer),
        TEST(another_devices_buffer_is_refused),
        TEST(a_launch_of_nothing_is_no_launch),
        TEST(large_groups_are_refused),
        TEST(devices_with_groups_of_one_work),
        TEST(kernel_limits_hold_where_they_make_sense),
        TEST(local_memory_is_checked),
        TEST(late_errors_surface_at_the_next_wait),
        TEST(sync_names_the_kernel_that_failed),
        TEST(nothing_waits_within_a_step),
        TEST(flops_are_counted),
        TEST(profile_counts_every_launch),
    };
    return cmocka_run_group_tests_name("rt launch", tests, group_open, group_close);
}
