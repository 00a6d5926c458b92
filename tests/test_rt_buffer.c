/* Buffers: ranges, views with canaries around them, writes that do not wait, limits. */
#include "rt_test.h"

static void *filled(size_t bytes, unsigned seed)
{
    unsigned char *p = memory_new(bytes, 1);
    for (size_t i = 0; i < bytes; i++) p[i] = (unsigned char)((i * 2654435761u + seed) >> 7);
    return p;
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 4, 1000, 65536, 65537, 3000000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        buffer *b = NULL;
        unsigned char *in = filled(sizes[i], (unsigned)i), *out = memory_new(sizes[i], 1);
        assert_ok(buffer_new(test_device, sizes[i], &b));
        assert_int_equal(buffer_size(b), sizes[i]);
        assert_ok(buffer_write(b, 0, in, sizes[i]));
        assert_ok(buffer_read(b, 0, out, sizes[i]));
        assert_memory_equal(in, out, sizes[i]);
        buffer_free(b);
        free(in);
        free(out);
    }
}

/* Keeps the queue busy for some milliseconds, so that what is queued next has not run when the call returns. */
static buffer *keep_busy(void)
{
    enum { WORDS = 1 << 20 };
    buffer *b = NULL;
    kernel *scale = NULL;
    assert_ok(buffer_new(test_device, WORDS * 4, &b));
    assert_ok(buffer_fill(b, 0, 0, WORDS * 4));
    assert_ok(kernel_get(test_device, "test", "", "scale", &scale));
    for (int i = 0; i < 10; i++)
        assert_ok(LAUNCH(scale, 1, 1, 1, 1, ((cost){0}), arg_buffer(b), arg_float(1), arg_int(WORDS)));
    return b;
}

/* More writes than the ring has slots, with the source overwritten at once. */
static void small_writes_free_their_source_and_keep_order(void **state)
{
    (void)state;
    enum { WRITES = 100, WORDS = 16 * 1024 };
    buffer *b = NULL, *busy = keep_busy();
    int32_t *words = memory_new(WORDS, sizeof *words);
    assert_ok(buffer_new(test_device, WORDS * sizeof *words, &b));
    for (int32_t i = 0; i < WRITES; i++) {
        for (int32_t j = 0; j < WORDS; j++) words[j] = i * WORDS + j;
        assert_ok(buffer_write(b, 0, words, WORDS * sizeof *words));
        memset(words, 0xff, WORDS * sizeof *words);
    }
    for (int32_t i = 0; i < WRITES; i++) assert_ok(buffer_write(b, (size_t)i * 4, &i, sizeof i));
    assert_no_finish();
    assert_ok(buffer_read(b, 0, words, WORDS * sizeof *words));
    for (int32_t j = 0; j < WORDS; j++) assert_int_equal(words[j], j < WRITES ? j : (WRITES - 1) * WORDS + j);
    buffer_free(b);
    buffer_free(busy);
    free(words);
}

static void empty_buffers_are_buffers(void **state)
{
    (void)state;
    buffer *b = NULL, *view = NULL;
    ticket *t = NULL;
    assert_ok(buffer_new(test_device, 0, &b));
    assert_int_equal(buffer_size(b), 0);
    assert_ok(buffer_view(b, 0, 0, &view));
    assert_ok(buffer_write(b, 0, "", 0));
    assert_ok(buffer_read(b, 0, NULL, 0));
    assert_ok(buffer_fill(b, 0, 0, 0));
    assert_ok(buffer_copy(b, 0, view, 0, 0));
    assert_ok(buffer_write_later(b, 0, NULL, 0, &t));
    assert_ok(ticket_wait(t));
    assert_ok(ticket_wait(NULL));
    assert_refused(buffer_write(b, 0, "x", 1), FAILED, "writing 1 bytes at byte 0 of a buffer of 0 bytes");
    buffer_free(view);
    buffer_free(b);
    buffer_free(NULL);
}

static void ranges_are_checked(void **state)
{
    (void)state;
    buffer *b = NULL, *view = NULL;
    char byte[16] = {0};
    size_t align = device_about(test_device)->base_alignment;
    assert_ok(buffer_new(test_device, 4 * align, &b));
    assert_ok(buffer_view(b, align, align, &view));
    assert_refused(buffer_write(view, align - 4, byte, 8), FAILED, "writing 8 bytes at byte");
    assert_refused(buffer_read(view, align + 1, byte, 1), FAILED, "reading 1 bytes at byte");
    assert_refused(buffer_read(view, SIZE_MAX, byte, 2), FAILED, "reading");
    assert_refused(buffer_fill(view, 0, 0, align + 4), FAILED, "filling");
    assert_refused(buffer_fill(view, 2, 0, 4), FAILED, "wanted multiples of 4");
    assert_refused(buffer_fill(view, 0, 0, 3), FAILED, "wanted multiples of 4");
    assert_refused(buffer_copy(view, 4, b, 0, align), FAILED, "copying from");
    assert_refused(buffer_copy(b, 0, view, 4, align), FAILED, "copying to");
    buffer_free(b);
    buffer_free(view);
}

static void views_must_be_aligned_and_inside(void **state)
{
    (void)state;
    buffer *b = NULL, *view = NULL;
    size_t align = device_about(test_device)->base_alignment;
    assert_ok(buffer_new(test_device, 4 * align, &b));
    if (align > 1) assert_refused(buffer_view(b, align / 2, 4, &view), FAILED, "wants a multiple of");
    assert_null(view);
    assert_refused(buffer_view(b, 3 * align, align + 1, &view), FAILED, "does not lie in a buffer");
    assert_refused(buffer_view(b, 8 * align, 0, &view), FAILED, "does not lie in a buffer");
    buffer_free(b);
}

/* Kernels, fills, copies and writes on a view, and on a view of it, leave the bytes around it alone. */
static void views_stay_within_their_bounds(void **state)
{
    (void)state;
    buffer *b = NULL, *middle = NULL, *inner = NULL;
    kernel *scale = NULL;
    size_t align = device_about(test_device)->base_alignment, words = align / 4;
    float *all = memory_new(5 * words, sizeof *all);
    for (size_t i = 0; i < 5 * words; i++) all[i] = 1;
    assert_ok(buffer_new(test_device, 5 * align, &b));
    assert_ok(buffer_view(b, align, 3 * align, &middle));
    assert_ok(buffer_view(middle, align, align - 4, &inner));
    assert_ok(kernel_get(test_device, "test", "", "scale", &scale));
    buffer_free(b); /* lives on in its views */

    assert_ok(buffer_write(middle, 0, all, 3 * align));
    assert_ok(LAUNCH(scale, 1, 1, 1, 8, ((cost){0}), arg_buffer(middle), arg_float(2), arg_int((int)(3 * words))));
    assert_ok(LAUNCH(scale, 1, 1, 1, 8, ((cost){0}), arg_buffer(inner), arg_float(5), arg_int((int)words - 1)));
    assert_ok(buffer_read(middle, 0, all, 3 * align));
    for (size_t i = 0; i < 3 * words; i++) assert_true(all[i] == (i >= words && i < 2 * words - 1 ? 10.0f : 2.0f));

    assert_ok(buffer_fill(inner, 4, 0x40400000, align - 12)); /* 3.0f */
    assert_ok(buffer_copy(middle, 0, inner, 0, 4));
    assert_ok(buffer_read(middle, 0, all, 3 * align));
    for (size_t i = 0; i < 3 * words; i++) {
        bool fill = i > words && i < 2 * words - 2;
        assert_true(all[i] == (fill ? 3.0f : i == 2 * words - 2 ? 10.0f : 2.0f));
    }
    buffer_free(middle);
    buffer_free(inner);
    free(all);
}

static void memory_limits_are_named(void **state)
{
    (void)state;
    buffer *b = NULL, *a = NULL;
    size_t limit = (size_t)device_about(test_device)->allocation_limit;
    assert_refused(buffer_new(test_device, limit + 1, &b), FAILED, "too large");
    assert_null(b);
    lie.global_memory = 1 << 20;
    reopen();
    assert_ok(buffer_new(test_device, 1 << 19, &a));
    assert_refused(buffer_new(test_device, (1 << 19) + 1, &b), FAILED, "524288 of its 1048576 bytes are in use");
    buffer_free(a);
    assert_ok(buffer_new(test_device, 1 << 20, &b));
    buffer_free(b);
}

static void uploads_may_come_later(void **state)
{
    (void)state;
    enum { BYTES = 1 << 20 };
    buffer *b = NULL;
    ticket *tickets[3] = {NULL};
    unsigned char *in = filled(3 * BYTES, 9), *out = memory_new(3 * BYTES, 1);
    assert_ok(buffer_new(test_device, 3 * BYTES, &b));
    for (size_t i = 0; i < 3; i++) assert_ok(buffer_write_later(b, i * BYTES, in + i * BYTES, BYTES, &tickets[i]));
    for (size_t i = 0; i < 3; i++) assert_ok(ticket_wait(tickets[i]));
    assert_ok(buffer_read(b, 0, out, 3 * BYTES));
    assert_memory_equal(in, out, 3 * BYTES);
    assert_refused(buffer_write_later(b, 1, in, 3 * BYTES, &tickets[0]), FAILED, "writing");
    assert_null(tickets[0]);
    buffer_free(b);
    free(in);
    free(out);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, test_start_open, test_end)
    const struct CMUnitTest tests[] = {
        TEST(what_is_written_is_read),          TEST(small_writes_free_their_source_and_keep_order),
        TEST(empty_buffers_are_buffers),        TEST(ranges_are_checked),
        TEST(views_must_be_aligned_and_inside), TEST(views_stay_within_their_bounds),
        TEST(memory_limits_are_named),          TEST(uploads_may_come_later),
    };
    return cmocka_run_group_tests_name("rt buffer", tests, group_open, group_close);
}
