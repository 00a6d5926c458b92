#include "network/self_test.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "op/checks.h"

enum { RESULT_MAX = 400 };

/* The first cases of each list, chosen so that every kernel runs: kernels are compiled for each case's sizes, and the
 * whole lists, which the tests run, would take a CPU's driver minutes. */
static const struct family {
    const char *name;
    unsigned group;
    const op_check *(*checks)(int *count);
    int cases;
} families[] = {
    {"linear", SELF_TEST_COMMON, linear_checks, 1},
    {"linear_norm", SELF_TEST_COMMON, linear_norm_checks, 2},
    {"attention", SELF_TEST_COMMON, attention_checks, 2},
    {"dropout", SELF_TEST_COMMON, dropout_checks, 1},
    {"focal_loss", SELF_TEST_COMMON, focal_loss_checks, 1},
    {"batch_norm", SELF_TEST_PARCELS, batch_norm_checks, 1},
    {"layer_norm", SELF_TEST_PARCELS, layer_norm_checks, 1},
    {"sequence_norm", SELF_TEST_PARCELS, sequence_norm_checks, 1},
    {"sequence_mean", SELF_TEST_PARCELS, sequence_mean_checks, 1},
    {"sequence_windows", SELF_TEST_PARCELS, sequence_windows_checks, 2},
    {"gru", SELF_TEST_PARCELS, gru_checks, 1},
    {"concat", SELF_TEST_PARCELS, concat_checks, 1},
    {"set_pool", SELF_TEST_PARCELS, set_pool_checks, 1},
    {"pixel_set_encoder", SELF_TEST_PARCELS, pixel_set_encoder_checks, 1},
    {"series_norm", SELF_TEST_IMAGES, series_norm_checks, 1},
    {"pixel_sequences", SELF_TEST_IMAGES, pixel_sequences_checks, 1},
    {"add_positions", SELF_TEST_IMAGES, add_positions_checks, 1},
    {"temporal_aggregate", SELF_TEST_IMAGES, temporal_aggregate_checks, 2},
    {"image_norm", SELF_TEST_IMAGES, image_norm_checks, 2},
    {"conv2d", SELF_TEST_IMAGES, conv2d_checks, 2},
    {"conv_transpose2d", SELF_TEST_IMAGES, conv_transpose2d_checks, 1},
    {"image_phases", SELF_TEST_IMAGES, image_phases_checks, 2},
    {"image_maximum", SELF_TEST_IMAGES, image_maximum_checks, 1},
    {"series_steps", SELF_TEST_IMAGES, series_steps_checks, 1},
    {"conv_lstm", SELF_TEST_IMAGES, conv_lstm_checks, 1},
    {"conv_gru", SELF_TEST_IMAGES, conv_gru_checks, 1},
    {"conv3d", SELF_TEST_IMAGES, conv3d_checks, 2},
    {"series_pad", SELF_TEST_IMAGES, series_pad_checks, 1},
    {"max_pool3d", SELF_TEST_IMAGES, max_pool3d_checks, 1},
    {"date_means", SELF_TEST_IMAGES, date_means_checks, 1},
    {"image_sum", SELF_TEST_IMAGES, image_sum_checks, 4},
    {"crop_values", SELF_TEST_IMAGES, crop_values_checks, 2},
    {"mask_cnn", SELF_TEST_IMAGES, mask_cnn_checks, 1},
    {"gate", SELF_TEST_IMAGES, gate_checks, 1},
    {"activation", SELF_TEST_IMAGES, activation_checks, 2},
    {"centre_features", SELF_TEST_IMAGES, centre_features_checks, 1},
    {"panoptic_loss", SELF_TEST_IMAGES, panoptic_loss_checks, 4},
};
enum { FAMILIES = sizeof families / sizeof *families };

/* Each group is tested, and remembered, by itself: who works on parcels need not wait for convolutions. */
static const struct group {
    unsigned bit;
    const char *name;
} groups[] = {{SELF_TEST_COMMON, "common"}, {SELF_TEST_PARCELS, "parcels"}, {SELF_TEST_IMAGES, "images"}};
enum { GROUPS = sizeof groups / sizeof *groups, KEY_MAX = 48 };

/* The two families of kernel forms are different kernels. */
static void memo_key(const device *d, const struct group *g, char key[KEY_MAX])
{
    snprintf(key, KEY_MAX, "self-test %s %s", device_tiles(d) == TILE_GPU ? "gpu" : "cpu", g->name);
}

static int run_families(device *d, unsigned group)
{
    int rc = OK, done = 0, all = 0;
    for (int i = 0; i < FAMILIES; i++) all += families[i].group == group;
    for (int i = 0; i < FAMILIES; i++) {
        int count;
        if (families[i].group != group) continue;
        const op_check *checks = families[i].checks(&count);
        for (int k = 0; k < families[i].cases && k < count; k++) {
            if (interrupt_requested()) return fail(INTERRUPTED, "interrupted during the self-test");
            TRY(check_operation(d, &checks[k], false));
        }
        log_progress("self-test", (size_t)++done, (size_t)all, families[i].name);
    }
    TRY(self_test_steps(d, group));
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

static int test_group(device *d, const struct group *g)
{
    char result[RESULT_MAX] = "passed", key[KEY_MAX];
    bool before = device_rehearse(d, true); /* its programs are not worth keeping */
    int rc = run_families(d, g->bit);
    device_rehearse(d, before);
    if (rc == INTERRUPTED) return rc;
    if (rc) snprintf(result, sizeof result, "failed: %s", error_message());
    memo_key(d, g, key);
    int kept = memo_set(d, key, result);
    return rc ? refuse(d, result) : kept;
}

/* The wanted groups whose result is not remembered. A remembered failure refuses. */
static int missing_groups(device *d, unsigned wanted, unsigned *missing)
{
    *missing = 0;
    for (int i = 0; i < GROUPS; i++) {
        char result[RESULT_MAX], key[KEY_MAX];
        if (!(wanted & groups[i].bit)) continue;
        memo_key(d, &groups[i], key);
        if (memo_get(d, key, result, sizeof result))
            *missing |= groups[i].bit;
        else if (strcmp(result, "passed") != 0)
            return refuse(d, result);
    }
    return OK;
}

static int test(device *d, unsigned wanted)
{
    double start = seconds_now();
    log_note("self-test of %s: its first use with this driver and these kernels", device_about(d)->name);
    for (int i = 0; i < GROUPS; i++) {
        int rc = wanted & groups[i].bit ? test_group(d, &groups[i]) : OK;
        if (rc) return rc;
    }
    log_note("self-test passed in %.1f s", seconds_now() - start);
    return OK;
}

int self_test_require(device *d, unsigned wanted, bool *ran)
{
    unsigned missing = 0;
    int rc = missing_groups(d, wanted | SELF_TEST_COMMON, &missing);
    *ran = !rc && missing && device_compiles(d);
    if (!rc && missing && !*ran)
        log_warning("%s has not been tested: the tests' programs are not in FURROW_BINARY_DIR", device_about(d)->name);
    return *ran ? test(d, missing) : rc;
}

/* The device is opened anew after a test, so that a run's record of kernel forms holds its own alone: a run's files
 * must not depend on whether the test came before it. */
int self_test_open(const char *selector, unsigned wanted, device **out)
{
    int rc = OK;
    bool ran = false;
    device *d = NULL;
    TRY(device_open(selector, &d));
    TRY(self_test_require(d, wanted, &ran));
    if (ran) {
        device_close(d);
        d = NULL;
        TRY(device_open(selector, &d));
    }
    *out = d;
    d = NULL;
done:
    device_close(d);
    return rc;
}

int self_test_again(device *d)
{
    return test(d, SELF_TEST_ALL);
}

void self_test_result(device *d, char *text, size_t size)
{
    snprintf(text, size, "passed");
    for (int i = 0; i < GROUPS; i++) {
        char result[RESULT_MAX], key[KEY_MAX];
        memo_key(d, &groups[i], key);
        if (memo_get(d, key, result, sizeof result)) snprintf(result, sizeof result, "not run yet");
        if (strcmp(result, "passed") == 0) continue;
        snprintf(text, size, "%s", result);
        return;
    }
}
