/* Packing that is killed at any moment and run again gives the bytes of a run that was never disturbed, and until then
 * there is no file that looks whole. */
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "base/file.h"

#include "tests/pack_test.h"

enum { PARCELS = 40 };

static char *whole; /* the undisturbed pack */
static size_t whole_length;

static int pack_small_steps(pack_result *result)
{
    const pack_options options = {.sync_bytes = 1000};
    return pack_pixelset(in_scratch("in"), in_scratch("out.h5"), &options, result);
}

static void is_the_same(void)
{
    char *bytes;
    size_t length;
    assert_ok(file_read(in_scratch("out.h5"), 1 << 24, &bytes, &length));
    assert_int_equal(length, whole_length);
    assert_memory_equal(bytes, whole, length);
    free(bytes);
    assert_false(file_exists(in_scratch("out.h5.partial")));
    assert_false(file_exists(in_scratch("out.h5.unfinished")));
}

static void clear(void)
{
    unlink(in_scratch("out.h5"));
    unlink(in_scratch("out.h5.partial"));
    unlink(in_scratch("out.h5.unfinished"));
}

static int setup(void **state)
{
    char id[20];
    if (scratch_make(state)) return -1;
    put_folder();
    for (int i = 0; i < PARCELS; i++) {
        snprintf(id, sizeof id, "%d", 20 + i);
        put_parcel(id, i, 3, 2, (size_t)(i * 7 % 90));
    }
    put_text(in_scratch("in/META/geomfeat.json"), "{\"1\": [1, 10], \"2\": [2, 20]}");
    if (pack_small_steps(NULL)) return -1;
    if (file_read(in_scratch("out.h5"), 1 << 24, &whole, &whole_length)) return -1;
    clear();
    return 0;
}

static int teardown(void **state)
{
    free(whole);
    return scratch_remove(state);
}

/* ---- killed at a point of its progress ---------------------------------------------------------------------------- */

static const char *fatal_task;
static size_t fatal_step;

static void die(void *user, const char *task, size_t done, size_t total, const char *metric)
{
    (void)user, (void)total, (void)metric;
    if (!strcmp(task, fatal_task) && done == fatal_step) raise(SIGKILL);
}

/* In a process of its own that is killed there. */
static void pack_until(const char *task, size_t step)
{
    int status;
    pid_t child = fork();
    if (!child) {
        const log_listener listener = {.progress = die};
        fatal_task = task;
        fatal_step = step;
        log_listen(&listener);
        _exit(pack_small_steps(NULL));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_false(file_exists(in_scratch("out.h5")));
}

static void killed_while_gathering(void **state)
{
    pack_result result;
    (void)state;
    for (size_t step = 1; step <= PARCELS + 4; step += 5) {
        pack_until("pixels", step);
        assert_ok(pack_small_steps(&result));
        assert_true(result.resumed <= step);
        if (step > 20) assert_true(result.resumed > 10); /* it did go on */
        is_the_same();
        clear();
    }
}

static void killed_while_writing(void **state)
{
    pack_result result;
    (void)state;
    for (size_t step = 1; step <= PARCELS + 4; step += 9) {
        pack_until("pack", step);
        assert_true(file_exists(in_scratch("out.h5.partial")));
        pixelset_pack *p;
        assert_int_equal(pixelset_pack_open(in_scratch("out.h5.unfinished"), &p), FAILED);
        assert_ok(pack_small_steps(&result));
        assert_int_equal(result.resumed, PARCELS + 4);
        is_the_same();
        clear();
    }
}

static void killed_again_and_again(void **state)
{
    (void)state;
    for (size_t step = 4; step < PARCELS; step += 12) pack_until("pixels", step);
    pack_until("pixels", PARCELS + 4);
    pack_until("pack", 3);
    assert_ok(pack_small_steps(NULL));
    is_the_same();
    clear();
}

/* At times rather than at steps: inside writes and syncs too. */
static void killed_at_any_time(void **state)
{
    (void)state;
    for (long delay = 200; delay < 60000; delay += delay / 4 + 100) {
        const struct timespec wait = {.tv_nsec = delay * 1000};
        int status;
        pid_t child = fork();
        if (!child) {
            log_listen(NULL);
            _exit(pack_small_steps(NULL));
        }
        nanosleep(&wait, NULL);
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, &status, 0), child);
        if (file_exists(in_scratch("out.h5"))) { /* whole, if it is there at all */
            pixelset_pack *p;
            assert_ok(pixelset_pack_open(in_scratch("out.h5"), &p));
            pixelset_pack_close(p);
        }
        assert_ok(pack_small_steps(NULL));
        is_the_same();
        clear();
    }
}

/* ---- what lies there is of no use --------------------------------------------------------------------------------- */

static void damaged_progress_starts_anew(void **state)
{
    char *bytes;
    size_t length;
    pack_result result;
    (void)state;
    pack_until("pixels", 30);
    assert_ok(file_read(in_scratch("out.h5.partial"), 1 << 24, &bytes, &length));
    for (int flip = 16; flip < 40; flip += 3) {
        bytes[flip] ^= 1; /* state, count and check of the header */
        put_file(in_scratch("out.h5.partial"), bytes, length);
        bytes[flip] ^= 1;
        assert_ok(pack_small_steps(&result));
        assert_int_equal(result.resumed, 0);
        is_the_same();
        clear();
    }
    put_file(in_scratch("out.h5.partial"), bytes, 4096 + 200); /* shorter than its header says */
    assert_ok(pack_small_steps(&result));
    assert_int_equal(result.resumed, 0);
    is_the_same();
    clear();
    free(bytes);
}

static void a_changed_folder_starts_anew(void **state)
{
    pack_result result;
    pixelset_pack *p;
    uint16_t values[3 * 9 * 2];
    (void)state;
    pack_until("pixels", 30);
    put_parcel("2", 9, 3, 2, 5); /* the same size, other values */
    assert_ok(pack_small_steps(&result));
    assert_int_equal(result.resumed, 0);
    assert_ok(pixelset_pack_open(in_scratch("out.h5"), &p));
    assert_ok(pixelset_pack_read(p, 1, values));
    assert_int_equal(values[0], 9000);
    pixelset_pack_close(p);
    put_parcel("2", 1, 3, 2, 5);
    clear();
}

static void interrupt_now(void *user, const char *task, size_t done, size_t total, const char *metric)
{
    (void)user, (void)total, (void)metric;
    if (!strcmp(task, fatal_task) && done == fatal_step) interrupt_request();
}

static void interrupted(void **state)
{
    static const char *const tasks[] = {"headers", "pixels", "pack"};
    (void)state;
    for (int i = 0; i < 3; i++) {
        int status;
        pid_t child = fork();
        if (!child) {
            const log_listener listener = {.progress = interrupt_now};
            fatal_task = tasks[i];
            fatal_step = 25;
            log_listen(&listener);
            int rc = pack_small_steps(NULL);
            _exit(rc == INTERRUPTED && strstr(error_message(), "interrupted") ? 0 : 1);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        assert_false(file_exists(in_scratch("out.h5")));
        assert_false(file_exists(in_scratch("out.h5.unfinished")));
        pack_result result;
        assert_ok(pack_small_steps(&result));
        assert_int_equal(result.resumed, i == 0 ? 0 : i == 1 ? 25 : PARCELS + 4);
        is_the_same();
        clear();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed_while_gathering),
        cmocka_unit_test(killed_while_writing),
        cmocka_unit_test(killed_again_and_again),
        cmocka_unit_test(killed_at_any_time),
        cmocka_unit_test(damaged_progress_starts_anew),
        cmocka_unit_test(a_changed_folder_starts_anew),
        cmocka_unit_test(interrupted),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
