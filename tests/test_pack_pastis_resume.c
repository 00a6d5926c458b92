/* Packing patches that is killed at any moment and run again gives the bytes of a run that was never disturbed, and until
 * then there is no file that looks whole. */
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "base/file.h"
#include "data-tools/instances_pastis.h"
#include "data-tools/pack_pastis.h"
#include "data-tools/synth_pastis.h"
#include "format/patch_pack.h"

#include "tests/pack_test.h"

enum { PATCHES = 24, SIDE = 8 };
static char *whole[2];
static size_t whole_length[2];

static int pack_steps(bool compress, pack_pastis_result *result)
{
    const pack_pastis_options o = {.compress = compress, .sync_bytes = 20000};
    return pack_pastis(in_scratch("in"), in_scratch("out.h5"), &o, result);
}

static void clear_out(void)
{
    unlink(in_scratch("out.h5"));
    unlink(in_scratch("out.h5.partial"));
    unlink(in_scratch("out.h5.unfinished"));
    unlink(in_scratch("out.h5.compressing"));
}

/* Every third patch has a heat map of its own, every fourth zones, every fifth instances. */
static int targets_change(void)
{
    static const char *const kinds[3] = {"HEATMAP", "ZONES", "INSTANCES"};
    static const enum number_type types[3] = {NUMBER_F64, NUMBER_I32, NUMBER_I32};
    const instances_pastis_options all = {0};
    const size_t shape[2] = {SIDE, SIDE};
    if (instances_pastis(in_scratch("in"), &all, NULL)) return -1;
    for (int i = 0; i < PATCHES; i++)
        for (int k = 0; k < 3; k++) {
            double heat[SIDE * SIDE];
            int32_t numbers[SIDE * SIDE] = {0};
            char name[80];
            if (i % (3 + k)) continue;
            snprintf(name, sizeof name, "in/INSTANCE_ANNOTATIONS/%s_%d.npy", kinds[k], 10000 + i);
            for (int at = 0; at < SIDE * SIDE; at++) heat[at] = 1.0 / (1 + (at + i) % SIDE);
            if (k == 2) numbers[i] = 1;
            if (npy_write(in_scratch(name), types[k], 2, shape, k ? (void *)numbers : heat)) return -1;
            snprintf(name, sizeof name, "in/INSTANCE_ANNOTATIONS/ZONES_%d.npy", 10000 + i);
            if (k == 2) unlink(in_scratch(name)); /* of instances that are gone */
        }
    return 0;
}

static int setup(void **state)
{
    synth_pastis_options o = synth_pastis_defaults();
    if (scratch_make(state)) return -1;
    o.patches = PATCHES;
    o.size = SIDE;
    if (synth_pastis(in_scratch("in"), &o) || targets_change()) return -1;
    unlink(in_scratch("in/NORM_S2_patch.json")); /* the moments must survive too */
    for (int c = 0; c < 2; c++) {
        pack_pastis_result r;
        if (pack_steps(c, &r) || r.heat_maps.own < 8 || r.zones.own < 4 || r.instances.own != 5) return -1;
        if (file_read(in_scratch("out.h5"), 1 << 24, &whole[c], &whole_length[c])) return -1;
        clear_out();
    }
    return 0;
}

static void is_the_same(int c)
{
    char *bytes;
    size_t length;
    assert_ok(file_read(in_scratch("out.h5"), 1 << 24, &bytes, &length));
    assert_int_equal(length, whole_length[c]);
    assert_memory_equal(bytes, whole[c], length);
    free(bytes);
    assert_false(file_exists(in_scratch("out.h5.partial")));
    assert_false(file_exists(in_scratch("out.h5.unfinished")));
    assert_false(file_exists(in_scratch("out.h5.compressing")));
    clear_out();
}

static const char *fatal_task;
static size_t fatal_step;
static bool fatal_interrupt;

static void die(void *user, const char *task, size_t done, size_t total, const char *metric)
{
    (void)user, (void)total, (void)metric;
    if (strcmp(task, fatal_task) != 0 || done != fatal_step) return;
    if (fatal_interrupt)
        interrupt_request();
    else
        raise(SIGKILL);
}

static void pack_until(const char *task, size_t step, bool interrupt, bool compress)
{
    int status;
    pid_t child = fork();
    if (!child) {
        const log_listener listener = {.progress = die};
        fatal_task = task;
        fatal_step = step;
        fatal_interrupt = interrupt;
        log_listen(&listener);
        _exit(pack_steps(compress, NULL));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(interrupt ? WIFEXITED(status) && WEXITSTATUS(status) == INTERRUPTED : WIFSIGNALED(status));
    assert_false(file_exists(in_scratch("out.h5")));
}

static void killed_at_steps(void **state)
{
    pack_pastis_result r;
    (void)state;
    for (size_t step = 1; step <= PATCHES; step += 4) {
        for (int interrupt = 0; interrupt < 2; interrupt++) {
            if (interrupt && step == PATCHES) continue;
            pack_until("patches", step, interrupt, false);
            patch_pack *p;
            assert_int_equal(patch_pack_open(in_scratch("out.h5.unfinished"), &p), FAILED);
            assert_ok(pack_steps(false, &r));
            if (interrupt) assert_int_equal(r.resumed, step);
            if (step > 8) assert_true(r.resumed >= step - 3 && r.resumed <= step);
            is_the_same(0);
        }
    }
    for (size_t step = 3; step < PATCHES; step += 6) pack_until("patches", step, false, false);
    assert_ok(pack_steps(false, NULL));
    is_the_same(0);
    for (int interrupt = 0; interrupt < 2; interrupt++) {
        pack_until("compressing", 5, interrupt, true);
        assert_ok(pack_steps(true, &r));
        assert_int_equal(r.resumed, PATCHES);
        is_the_same(1);
    }
}

static void killed_at_any_time(void **state)
{
    (void)state;
    for (long delay = 200; delay < 40000; delay += delay / 4 + 100) {
        const struct timespec wait = {.tv_nsec = delay * 1000};
        int status;
        pid_t child = fork();
        if (!child) {
            log_listen(NULL);
            _exit(pack_steps(false, NULL));
        }
        nanosleep(&wait, NULL);
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, &status, 0), child);
        if (file_exists(in_scratch("out.h5"))) {
            patch_pack *p;
            assert_ok(patch_pack_open(in_scratch("out.h5"), &p));
            patch_pack_close(p);
        }
        assert_ok(pack_steps(false, NULL));
        is_the_same(0);
    }
}

static void what_lies_there_is_of_no_use(void **state)
{
    char *bytes;
    size_t length;
    pack_pastis_result r;
    (void)state;
    pack_until("patches", 20, false, false);
    assert_ok(file_read(in_scratch("out.h5.partial"), 1 << 24, &bytes, &length));
    unlink(in_scratch("out.h5.unfinished")); /* a journal without its file */
    assert_ok(pack_steps(false, &r));
    assert_int_equal(r.resumed, 0);
    is_the_same(0);
    pack_until("patches", 20, false, false);
    bytes[20] ^= 1; /* the journal's state */
    put_file(in_scratch("out.h5.partial"), bytes, length);
    assert_ok(pack_steps(false, &r));
    assert_int_equal(r.resumed, 0);
    is_the_same(0);
    free(bytes);
    pack_until("patches", 20, false, false);
    assert_ok(file_read(in_scratch("out.h5.unfinished"), 1 << 24, &bytes, &length));
    put_file(in_scratch("out.h5.unfinished"), bytes, length / 2); /* cut off */
    free(bytes);
    assert_ok(pack_steps(false, &r));
    assert_int_equal(r.resumed, 0);
    is_the_same(0);
    pack_until("patches", 20, false, false);
    assert_ok(file_read(in_scratch("in/metadata.geojson"), 1 << 24, &bytes, &length));
    *strstr(bytes, "\"Fold\":\t1") = ' '; /* no JSON any more */
    put_file(in_scratch("in/metadata.geojson"), bytes, length);
    assert_int_equal(pack_steps(false, &r), FAILED);
    free(bytes);
    clear_out();
}

static int teardown(void **state)
{
    free(whole[0]);
    free(whole[1]);
    return scratch_remove(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed_at_steps),
        cmocka_unit_test(killed_at_any_time),
        cmocka_unit_test(what_lies_there_is_of_no_use),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
