#include "run/self_test.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "op/checks.h"
#include "run/clock.h"

enum { RESULT_MAX = 400 };

/* The first cases of each list, chosen so that every kernel runs: kernels are compiled for each case's sizes, and the
 * whole lists, which the tests run, would take a CPU's driver a minute. */
static const struct family {
    const char *name;
    const op_check *(*checks)(int *count);
    int cases;
} families[] = {
    {"linear", linear_checks, 1},
    {"linear_norm", linear_norm_checks, 2},
    {"batch_norm", batch_norm_checks, 1},
    {"layer_norm", layer_norm_checks, 1},
    {"sequence_norm", sequence_norm_checks, 1},
    {"sequence_mean", sequence_mean_checks, 1},
    {"attention", attention_checks, 2},
    {"series_norm", series_norm_checks, 1},
    {"pixel_sequences", pixel_sequences_checks, 1},
    {"add_positions", add_positions_checks, 1},
    {"temporal_aggregate", temporal_aggregate_checks, 2},
    {"dropout", dropout_checks, 1},
    {"concat", concat_checks, 1},
    {"focal_loss", focal_loss_checks, 1},
    {"set_pool", set_pool_checks, 1},
    {"image_norm", image_norm_checks, 2},
    {"conv2d", conv2d_checks, 2},
    {"conv_transpose2d", conv_transpose2d_checks, 1},
    {"image_sum", image_sum_checks, 3},
    {"pixel_set_encoder", pixel_set_encoder_checks, 1},
};
enum { FAMILIES = sizeof families / sizeof *families };

/* The two families of kernel forms are different kernels. */
static const char *memo_key(const device *d)
{
    return device_tiles(d) == TILE_GPU ? "self-test gpu" : "self-test cpu";
}

static int run_families(device *d)
{
    int rc = OK;
    for (int i = 0; i < FAMILIES; i++) {
        int count;
        const op_check *checks = families[i].checks(&count);
        for (int k = 0; k < families[i].cases && k < count; k++) {
            if (interrupt_requested()) return fail(INTERRUPTED, "interrupted during the self-test");
            TRY(check_operation(d, &checks[k], false));
        }
        log_progress("self-test", (size_t)i + 1, FAMILIES, families[i].name);
    }
    TRY(self_test_steps(d));
done:
    return rc;
}

static int refuse(device *d, const char *result)
{
    return fail(NO_DEVICE,
                "%s computes wrongly and is not used: self-test %s (choose another with --device; "
                "furrow devices --tune tests again)",
                device_about(d)->name, result);
}

static int test(device *d)
{
    char result[RESULT_MAX] = "passed";
    double start = seconds_now();
    log_note("self-test of %s: its first use with this driver and these kernels", device_about(d)->name);
    bool before = device_rehearse(d, true); /* its programs are not worth keeping */
    int rc = run_families(d);
    device_rehearse(d, before);
    if (rc == INTERRUPTED) return rc;
    if (rc) snprintf(result, sizeof result, "failed: %s", error_message());
    int kept = memo_set(d, memo_key(d), result);
    if (rc) return refuse(d, result);
    log_note("self-test passed in %.1f s", seconds_now() - start);
    return kept;
}

/* The device is opened anew after a test, so that a run's record of kernel forms holds its own alone: a run's files
 * must not depend on whether the test came before it. */
int self_test_open(const char *selector, device **out)
{
    int rc = OK;
    char result[RESULT_MAX];
    device *d = NULL;
    TRY(device_open(selector, &d));
    if (memo_get(d, memo_key(d), result, sizeof result)) {
        TRY(test(d));
        device_close(d);
        d = NULL;
        TRY(device_open(selector, &d));
    } else if (strcmp(result, "passed") != 0) {
        rc = refuse(d, result);
        goto done;
    }
    *out = d;
    d = NULL;
done:
    device_close(d);
    return rc;
}

int self_test_again(device *d)
{
    return test(d);
}

void self_test_result(device *d, char *text, size_t size)
{
    if (memo_get(d, memo_key(d), text, size)) snprintf(text, size, "not run yet");
}
