/* The self-test of a device: every kernel family against a plain C reference, once per device, driver and kernel text.
 */
#ifndef FURROW_NETWORK_SELF_TEST_H
#define FURROW_NETWORK_SELF_TEST_H

#include "rt/rt.h"

/* What is tested together: kernels that every network needs, and those of networks for parcels, for images. */
enum {
    SELF_TEST_COMMON = 1,
    SELF_TEST_PARCELS = 2,
    SELF_TEST_IMAGES = 4,
    SELF_TEST_ALL = SELF_TEST_COMMON | SELF_TEST_PARCELS | SELF_TEST_IMAGES,
};

/* The device must have passed for the `wanted` kernels: the test runs when its result is not remembered (*ran tells); a
 * device that failed is refused: NO_DEVICE, with the check's name. Where nothing can be compiled, an absent result is
 * warned of. */
int self_test_require(device *d, unsigned wanted, bool *ran);
/* Opens a device (selector as in device_open) for work: one that has passed. */
int self_test_open(const char *selector, unsigned wanted, device **out);

/* Runs all of it, whatever is remembered. */
int self_test_again(device *d);

/* "passed" (all of it), "failed: ...", or "not run yet". Owned by the caller's buffer. */
void self_test_result(device *d, char *text, size_t size);

/* The part for kernels outside the tape (self_test_steps.c). */
int self_test_steps(device *d, unsigned group);

#endif
